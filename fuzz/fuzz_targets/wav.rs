//! Sound files: what is played is a part of the file, all of what its headers promise and it has.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::path::Path;
use streamsocket::capture::AudioPoll;
use streamsocket::capture::sample_schedule::chunk_frames;
use streamsocket::capture::wav_file::WavFile;
use streamsocket_fuzz::{assert_one_line, with_file};
use streamsocket_media::clock::Monotonic;

/// Samples of the buffer that is played into: a chunk is no longer.
const CHUNK_MAX: usize = 2 * 384_000 / 200;

fuzz_target!(|input: (u8, &[u8])| {
    let (room, file) = input;
    with_file(file, |path| {
        let mut source = match WavFile::open(path, Monotonic(0), false) {
            Ok(Some(source)) => source,
            // For ffmpeg.
            Ok(None) => return,
            Err(error) => {
                let message = error.to_string();
                return assert_one_line(&message.replace(&path.display().to_string(), "file"));
            }
        };
        let format = source.format();
        let channels = usize::from(format.channels);
        assert!((1..=2).contains(&channels) && (4_000..=384_000).contains(&format.rate));
        let big_endian = file.starts_with(b"RIFX");
        let room = if room == 0 { CHUNK_MAX } else { usize::from(room).max(channels) };
        let mut out = vec![0; room];
        let (mut played, mut last) = (Vec::new(), -1);
        while let Some(due) = source.deadline() {
            match source.poll(due, &mut out).expect("the file can be read") {
                AudioPoll::Samples { frames, capture } => {
                    assert!(frames > 0 && capture.0 > last);
                    last = capture.0;
                    let bytes = if big_endian { i16::to_be_bytes } else { i16::to_le_bytes };
                    played.extend(out[..frames * channels].iter().flat_map(|it| bytes(*it)));
                }
                other => panic!("{other:?} when a chunk is due"),
            }
            assert!(played.len() <= file.len());
        }
        assert!(!played.is_empty() && played.len() % (2 * channels) == 0);
        assert!(file.windows(played.len()).any(|window| window == played));
        assert_eq!(source.poll(Monotonic(i64::MAX), &mut out).ok(), Some(AudioPoll::End));
        plays_on(path);
    });
});

/// Begun again at its end, it has no end.
fn plays_on(path: &Path) {
    let opened = WavFile::open(path, Monotonic(0), true).expect("it was opened before");
    let mut source = opened.expect("it is of the same kind");
    let mut out = vec![0; CHUNK_MAX];
    let mut played = 0;
    for _ in 0..8 {
        let due = source.deadline().expect("a loop has no end");
        let polled = source.poll(due, &mut out).expect("the file can be read");
        let AudioPoll::Samples { frames, .. } = polled else { panic!("{polled:?}") };
        played += frames;
    }
    assert_eq!(played, 8 * chunk_frames(source.format().rate));
}
