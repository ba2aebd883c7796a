//! One file of a recording, or all of a stream: pictures of one size, and sound without a hole.

use super::media::{Data, Format, Media};
use super::silence::SoundLine;
use crate::recorder::{Coding, Destination, Error, Recorder, Summary, VideoTrack};
use streamsocket_media::clock::{Delay, Monotonic};
use streamsocket_wire::opus::frames;
use streamsocket_wire::rtp::ExtendedTime;

/// Samples of a block of silence: 8 kB, as much as 43 ms of 48 kHz stereo.
const SILENCE_SAMPLES: usize = 4096;

static SILENCE: [i16; SILENCE_SAMPLES] = [0; SILENCE_SAMPLES];

/// Silence in Opus: how many sample frames, and the packet, of CELT at full band in which nothing is coded (RFC 6716
/// section 4.3). What decodes to mono and what to stereo differs in a bit of the first byte.
const SILENT_OPUS: [(i64, u8); 4] = [(960, 0xF8), (480, 0xF0), (240, 0xE8), (120, 0xE0)];
const SILENT_OPUS_STEREO: u8 = 4;
const SILENT_OPUS_DATA: [u8; 2] = [0xFF, 0xFE];

/// Where no sound comes silence is written so much later than it would have been captured: what is
/// older when it comes is not believed to be of then, and what comes together is not taken from the queue in order
/// of capture.
const LATE: Delay = Delay::from_secs(12);

const SECOND_NANOS: u64 = 1_000_000_000;

/// A file that is being written.
pub(super) struct Part {
    recorder: Recorder,
    start: Monotonic,
    size: Option<(u16, u16)>,
    sound: Option<SoundLine>,
    channels: usize,
    coding: Coding,
    rate: u64,
    /// Sample frames of silence.
    silent: u64,
    /// Pictures that came after a stream had begun without a track for them.
    refused: u64,
}

impl Part {
    /// Begins one whose time begins at `start`, with pictures of that size.
    pub(super) fn begin(
        destination: Destination,
        format: Format,
        start: Monotonic,
        size: Option<(u16, u16)>,
    ) -> Result<Self, Error> {
        let video = size.zip(format.video).map(|((width, height), plan)| VideoTrack {
            width,
            height,
            frame_nanos: plan.frame_nanos,
        });
        let recorder = Recorder::start(destination, video, format.audio)?;
        Ok(Self {
            recorder,
            start,
            size,
            sound: format.audio.map(|track| SoundLine::new(track, start)),
            channels: format.audio.map_or(1, |track| track.channels.max(1).into()),
            coding: format.audio.map_or(Coding::Pcm, |track| track.coding),
            rate: format.audio.map_or(1, |track| track.rate.max(1).into()),
            silent: 0,
            refused: 0,
        })
    }

    /// The size of its pictures, if it has any.
    pub(super) const fn size(&self) -> Option<(u16, u16)> {
        self.size
    }

    /// Bytes written so far.
    pub(super) const fn bytes(&self) -> u64 {
        self.recorder.bytes()
    }

    /// How far there is sound.
    pub(super) fn sound_until(&self) -> Option<Monotonic> {
        self.sound.map(|sound| sound.end())
    }

    /// Silence in it, in nanoseconds.
    pub(super) const fn silent_nanos(&self) -> u64 {
        self.silent.saturating_mul(SECOND_NANOS) / self.rate
    }

    /// Adds what was captured at `at`. Of pictures, those of its size.
    pub(super) fn write(&mut self, at: Monotonic, media: &Media) -> Result<(), Error> {
        let since_start = at - self.start;
        match &media.data {
            Data::Video { jpeg, size } if self.size == Some(*size) => {
                self.fill_until(at)?;
                // The first report of a sender may move its pictures back by a little: the first
                // was placed by its arrival.
                self.recorder.write_video(since_start.max(Delay::ZERO).nanos(), jpeg)
            }
            Data::Video { .. } => {
                self.refused += 1;
                if self.refused == 1 {
                    log::warn!("recording: pictures came too late to be in what is recorded");
                }
                Ok(())
            }
            Data::Audio { samples, time } => {
                self.fill_before(at, media.stamp.source, *time)?;
                self.recorder.write_audio(since_start.nanos(), samples)?;
                self.written(at, media.stamp.source, *time, samples.len() / self.channels);
                Ok(())
            }
            Data::Opus { packet, time } => {
                self.fill_before(at, media.stamp.source, *time)?;
                self.recorder.write_opus(since_start.nanos(), packet)?;
                self.written(at, media.stamp.source, *time, frames(packet).unwrap_or(0));
                Ok(())
            }
        }
    }

    /// Writes silence for what is missing before sound of that time of that source.
    fn fill_before(&mut self, at: Monotonic, source: u32, time: ExtendedTime) -> Result<(), Error> {
        let line = self.sound.as_mut().filter(|_| at >= self.start);
        let missing = line.map_or(0, |line| line.missing_before(at, source, time));
        self.fill(missing)
    }

    /// So many sample frames were written.
    fn written(&mut self, at: Monotonic, source: u32, time: ExtendedTime, frames: usize) {
        if let Some(line) = self.sound.as_mut().filter(|_| at >= self.start) {
            line.sound(at, source, time, i64::try_from(frames).unwrap_or(0));
        }
    }

    /// It is that late, and sound that has not come by now will not come. A second of it at a time: silence
    /// lies far behind the pictures, and each has clusters of its own.
    pub(super) fn fill_until(&mut self, now: Monotonic) -> Result<(), Error> {
        let until = now - LATE;
        let missing = self.sound.map_or(0, |line| line.missing_until(until));
        if missing.unsigned_abs() < self.rate { Ok(()) } else { self.fill(missing) }
    }

    /// Writes so many sample frames of silence, in blocks; of Opus as many as packets can have.
    fn fill(&mut self, mut frames: i64) -> Result<(), Error> {
        let Some(line) = &mut self.sound else { return Ok(()) };
        let most = i64::try_from(SILENCE_SAMPLES / self.channels).unwrap_or(1);
        let stereo = if self.channels > 1 { SILENT_OPUS_STEREO } else { 0 };
        while frames > 0 {
            let nanos = (line.end() - self.start).nanos();
            let block = match self.coding {
                Coding::Pcm => {
                    let block = frames.min(most);
                    let samples = usize::try_from(block).unwrap_or(0) * self.channels;
                    self.recorder.write_audio(nanos, &SILENCE[..samples])?;
                    block
                }
                Coding::Opus => {
                    let longest = SILENT_OPUS.iter().find(|(block, _)| *block <= frames);
                    let Some((block, first)) = longest else { return Ok(()) };
                    let [second, third] = SILENT_OPUS_DATA;
                    self.recorder.write_opus(nanos, &[first | stereo, second, third])?;
                    *block
                }
            };
            line.silence(block);
            self.silent += block.unsigned_abs();
            frames -= block;
        }
        Ok(())
    }

    /// Ends it: what it holds, and how much came that is not in it.
    pub(super) fn finish(self) -> Result<(Summary, u64), Error> {
        let summary = self.recorder.finish()?;
        Ok((summary, summary.before_start + self.refused))
    }
}
