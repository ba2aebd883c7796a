//! A recording as an independent reader of Matroska has it, where there is no ffmpeg.

use crate::clip::split;
use std::collections::hash_map::DefaultHasher;
use std::fs::File;
use std::hash::{Hash, Hasher};
use std::path::Path;
use webm_iterable::WebmIterator;
use webm_iterable::matroska_spec::{MatroskaSpec, SimpleBlock};

/// Numbers of the tracks, as the receiver writes them: the picture's comes first, if there is one.
const VIDEO: u64 = 1;

/// What a recording holds.
#[derive(Debug, Default)]
pub struct Recording {
    /// Pictures: capture time in nanoseconds since the recording's start, and JPEG file.
    pub video: Vec<(u64, Vec<u8>)>,
    /// Blocks of sound: capture time of their first sample, and interleaved samples.
    pub audio: Vec<(u64, Vec<i16>)>,
}

impl Recording {
    /// Reads a file.
    #[track_caller]
    pub fn read(path: &Path) -> Self {
        let mut file = File::open(path).unwrap();
        let (mut recording, mut scale, mut cluster) = (Self::default(), 1, 0);
        // A file that was cut off has an error at its end.
        for tag in WebmIterator::new(&mut file, &[]).map_while(Result::ok) {
            match tag {
                MatroskaSpec::TimestampScale(nanos) => scale = nanos,
                MatroskaSpec::Timestamp(ticks) => cluster = ticks,
                MatroskaSpec::SimpleBlock(block) => {
                    let block = SimpleBlock::try_from(&block).unwrap();
                    let ticks = cluster.checked_add_signed(block.timestamp.into()).unwrap();
                    recording.add(block.track, ticks * scale, block.raw_frame_data());
                }
                _ => {}
            }
        }
        recording
    }

    fn add(&mut self, track: u64, nanos: u64, data: &[u8]) {
        if track == VIDEO {
            self.video.push((nanos, data.to_vec()));
        } else {
            let pairs = data.chunks_exact(2);
            let samples = pairs.map(|pair| i16::from_le_bytes([pair[0], pair[1]]));
            self.audio.push((nanos, samples.collect()));
        }
    }

    /// What [`coded`] says of each picture.
    pub fn coded(&self) -> Vec<u64> {
        self.video.iter().map(|(_, jpeg)| coded(jpeg)).collect()
    }

    /// The first channel of the sound, each sample with its capture time in seconds from the
    /// recording's start.
    pub fn timed_samples(&self, rate: u32, channels: usize) -> impl Iterator<Item = (f64, i16)> {
        self.audio.iter().flat_map(move |(nanos, samples)| {
            let start = *nanos as f64 / 1e9;
            let first = samples.iter().step_by(channels).enumerate();
            first.map(move |(index, sample)| (start + index as f64 / f64::from(rate), *sample))
        })
    }

    /// All sound in one.
    pub fn samples(&self) -> Vec<i16> {
        self.audio.iter().flat_map(|(_, samples)| samples).copied().collect()
    }
}

/// A number that stands for all of a JPEG that makes its pixels: the size, the quantization tables
/// and the coded data. How its headers are arranged does not count.
#[track_caller]
pub fn coded(jpeg: &[u8]) -> u64 {
    const SOF0: u8 = 0xC0;
    const DQT: u8 = 0xDB;
    const SOS: u8 = 0xDA;
    let mut hasher = DefaultHasher::new();
    let mut at = 2;
    while let Some(&[0xFF, marker, high, low]) = jpeg.get(at..at + 4) {
        let end = at + 2 + usize::from(u16::from_be_bytes([high, low]));
        let body = &jpeg[at + 4..end];
        match marker {
            DQT => body.chunks(65).for_each(|table| table[1..].hash(&mut hasher)),
            SOF0 => body[..5].hash(&mut hasher),
            SOS => {
                let eoi = jpeg.windows(2).rposition(|pair| pair == [0xFF, 0xD9]);
                jpeg[end..eoi.expect("no end of image")].hash(&mut hasher);
                return hasher.finish();
            }
            _ => {}
        }
        at = end;
    }
    panic!("no scan in {} bytes", jpeg.len());
}

/// What [`coded`] says of each picture of a clip.
pub fn all_coded(mjpeg: &[u8]) -> Vec<u64> {
    split(mjpeg).into_iter().map(coded).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two quantization tables, a frame header, a scan: not decodable, but in order.
    fn jpeg(tables_apart: bool, last: u8) -> Vec<u8> {
        let table = |id: u8| [&[id][..], &[id + 1; 64]].concat();
        let segment = |marker: u8, body: &[u8]| {
            let len = u16::try_from(body.len() + 2).unwrap().to_be_bytes();
            [&[0xFF, marker], &len[..], body].concat()
        };
        let tables = if tables_apart {
            [segment(0xDB, &table(0)), segment(0xDB, &table(1))].concat()
        } else {
            segment(0xDB, &[table(0), table(1)].concat())
        };
        let frame = segment(0xC0, &[8, 0, 16, 0, 16, 1, 1, 0x11, 0]);
        let scan = segment(0xDA, &[1, 1, 0, 0, 63, 0]);
        [&[0xFF, 0xD8][..], &tables, &frame, &scan, &[1, 2, last], &[0xFF, 0xD9]].concat()
    }

    #[test]
    fn what_makes_the_pixels_counts_and_nothing_else() {
        assert_eq!(coded(&jpeg(true, 3)), coded(&jpeg(false, 3)));
        assert_ne!(coded(&jpeg(true, 3)), coded(&jpeg(true, 4)));
    }
}
