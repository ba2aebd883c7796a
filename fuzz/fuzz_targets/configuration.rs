//! Configuration files: what is accepted can be acted on, what is not is said in one line.
#![no_main]

use libfuzzer_sys::fuzz_target;
use streamsocket::options::StreamOptions;
use streamsocket::settings::{
    DESTINATIONS_MAX, INPUTS_MAX, RateChoice, Settings, TIERS_MAX, VideoSettings, load,
};
use streamsocket_fuzz::{assert_one_line, with_file};

fuzz_target!(|text: &[u8]| {
    with_file(text, |path| {
        let options = StreamOptions { config: Some(path.to_owned()), ..StreamOptions::default() };
        match load(options.clone()) {
            Ok(settings) => {
                check(&settings);
                assert_eq!(load(options).ok(), Some(settings));
            }
            Err(error) => assert_one_line(&error.to_string()),
        }
    });
});

fn check(settings: &Settings) {
    assert!((1..=INPUTS_MAX).contains(&settings.inputs.len()));
    assert!(settings.tiers.len() <= TIERS_MAX);
    assert!(settings.ttl > 0 && (300..=1472).contains(&settings.packet_size));
    settings.videos().for_each(check_video);
    assert!(settings.audios().all(|audio| !audio.choice.name().is_empty()));
    assert!(settings.to.len() <= DESTINATIONS_MAX);
    for to in &settings.to {
        let port = to.video.rtp.port();
        assert!(port != 0 && port % 2 == 0 && port <= u16::MAX - 7);
        assert!(!to.address().is_unspecified());
    }
    if let Some(name) = &settings.name {
        assert_one_line(name);
        assert!(name.len() <= 64 && !name.contains('/') && !name.starts_with('.'));
    }
}

fn check_video(video: &VideoSettings) {
    assert!((-1000..=1000).contains(&video.av_offset));
    assert!(video.size.is_none_or(|(width, height)| width >= 16 && height >= 16));
    if let Some(RateChoice::Rate(rate)) = video.rate {
        let frames = f64::from(rate.numerator) / f64::from(rate.denominator);
        assert!((0.0999..=1000.1).contains(&frames), "{rate:?}");
        assert!(rate.frame_nanos(1) >= 1_000_000);
    }
    assert!(video.controls.iter().all(|(name, _)| !name.is_empty()));
    assert!(!video.choice.name().is_empty());
}
