//! Configuration files: what is accepted can be acted on, what is not is said in one line.
#![no_main]

use libfuzzer_sys::fuzz_target;
use streamsocket::options::StreamOptions;
use streamsocket::settings::{
    AudioChoice, DESTINATIONS_MAX, RateChoice, Settings, VideoChoice, load,
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
    assert!(settings.video != VideoChoice::None || settings.audio != AudioChoice::None);
    assert!(settings.ttl > 0 && (300..=1472).contains(&settings.packet_size));
    assert!((-1000..=1000).contains(&settings.av_offset));
    assert!(settings.size.is_none_or(|(width, height)| width >= 16 && height >= 16));
    if let Some(RateChoice::Rate(rate)) = settings.rate {
        let frames = f64::from(rate.numerator) / f64::from(rate.denominator);
        assert!((0.0999..=1000.1).contains(&frames), "{rate:?}");
        assert!(rate.frame_nanos(1) >= 1_000_000);
    }
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
    assert!(settings.controls.iter().all(|(name, _)| !name.is_empty()));
    assert!(!settings.video_name().is_empty() && !settings.audio_name().is_empty());
}
