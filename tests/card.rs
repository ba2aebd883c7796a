//! A sound card of the tests' own (`tests/card/pcm_testcard.c`): its clock is as wrong as it is told
//! to be, and it takes down what would be heard and when.

use crate::program::{peer, text};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Bytes of a header in the record: tag, sample frames, nanoseconds.
const HEADER: usize = 16;

/// A card.
#[derive(Debug)]
pub struct Card {
    record: PathBuf,
    configuration: PathBuf,
    ppm: f64,
}

impl Card {
    /// One whose clock is off by so many parts per million. Its files are in `folder`.
    #[track_caller]
    pub fn new(folder: &Path, ppm: i32) -> Self {
        Self::with_delay(folder, ppm, 0)
    }

    /// One whose sound is heard so many milliseconds after it has left the buffer, besides.
    #[track_caller]
    pub fn with_delay(folder: &Path, ppm: i32, behind: u32) -> Self {
        let (plugin, source) = (folder.join("libtestcard.so"), source());
        let mut compiler = peer("cc");
        compiler.args(["-O2", "-Wall", "-shared", "-fPIC", "-DPIC", "-o"]).arg(&plugin);
        text(compiler.arg(source).arg("-lasound"));
        let record = folder.join(format!("heard{ppm}"));
        let configuration = folder.join(format!("card{ppm}.conf"));
        let text = format!(
            "pcm_type.testcard {{ lib \"{}\" }}\npcm.card {{ type testcard ppm {ppm} behind {behind} record \"{}\" }}\n",
            plugin.display(),
            record.display()
        );
        fs::write(&configuration, text).unwrap();
        Self { record, configuration, ppm: f64::from(ppm) }
    }

    /// Makes a receiver play on it.
    pub fn play<'a>(&self, receiver: &'a mut Command) -> &'a mut Command {
        receiver.env("ALSA_CONFIG_PATH", &self.configuration).args(["--speaker", "card"])
    }

    /// The first channel of what was heard, of sound at `rate` with so many channels: each sample with
    /// its time in seconds of CLOCK_MONOTONIC.
    #[track_caller]
    pub fn heard(&self, rate: u32, channels: usize) -> Vec<(f64, i16)> {
        let bytes = fs::read(&self.record).unwrap();
        let period = 1.0 / (f64::from(rate) * (1.0 + self.ppm / 1e6));
        let (mut heard, mut stretch, mut start) = (Vec::new(), Vec::new(), None);
        let mut rest = &bytes[..];
        while let Some((header, body)) = rest.split_first_chunk::<HEADER>() {
            let [tag, ..] = *header;
            let frames = u32::from_ne_bytes(header[4..8].try_into().unwrap());
            let nanos = i64::from_ne_bytes(header[8..].try_into().unwrap());
            let length = if tag == b'D' { 2 * channels * frames as usize } else { 0 };
            let Some((data, behind)) = body.split_at_checked(length) else { break };
            rest = behind;
            match tag {
                b'S' => start = Some(nanos as f64 / 1e9),
                b'P' => take(&mut heard, &mut stretch, start.take(), period),
                _ => stretch.extend(
                    data.chunks_exact(2 * channels).map(|it| i16::from_ne_bytes([it[0], it[1]])),
                ),
            }
        }
        take(&mut heard, &mut stretch, start, period);
        heard
    }
}

/// What a stretch that began at `start` is heard as.
fn take(heard: &mut Vec<(f64, i16)>, stretch: &mut Vec<i16>, start: Option<f64>, period: f64) {
    if let Some(start) = start {
        let samples = stretch.iter().enumerate();
        heard.extend(samples.map(|(index, sample)| (start + index as f64 * period, *sample)));
    }
    stretch.clear();
}

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("card/pcm_testcard.c")
}
