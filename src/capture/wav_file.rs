//! A RIFF/WAVE file (Multimedia Programming Interface and Data Specifications 1.0, 1991; Microsoft's
//! WAVE_FORMAT_EXTENSIBLE) with 16-bit PCM, one or two channels, played in real time. Others (RF64, more
//! bits or channels, compressed) are for ffmpeg, but not big-endian ones (RIFX): it plays them as noise.
//!
//! Written by hand because the crates refuse what recorders leave behind when they write to a pipe
//! or are killed: data chunks of size 0 or 0xFFFFFFFF. Reads may block shortly, as those of any
//! regular file.

use super::error::Error;
use super::frame::AudioPoll;
use super::sample_schedule::{SampleSchedule, chunk_frames};
use std::fmt::Display;
use std::fs::File;
use std::io::{self, BufReader, ErrorKind, Read, Seek, SeekFrom};
use std::os::fd::RawFd;
use std::path::{Path, PathBuf};
use streamsocket_media::AudioFormat;
use streamsocket_media::clock::Monotonic;

/// Bytes of a sample.
const SAMPLE_LEN: usize = 2;
/// Rates that sound comes in, in hertz.
const RATES: std::ops::RangeInclusive<u32> = 4_000..=384_000;
/// The format code of PCM, also the first two bytes of the extensible format's GUID.
const PCM: u16 = 1;
const EXTENSIBLE: u16 = 0xFFFE;

/// Which byte of a number comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    /// The lowest: RIFF.
    Little,
    /// The highest: RIFX.
    Big,
}

impl Order {
    const fn u16(self, bytes: [u8; 2]) -> u16 {
        match self {
            Self::Little => u16::from_le_bytes(bytes),
            Self::Big => u16::from_be_bytes(bytes),
        }
    }

    const fn u32(self, bytes: [u8; 4]) -> u32 {
        match self {
            Self::Little => u32::from_le_bytes(bytes),
            Self::Big => u32::from_be_bytes(bytes),
        }
    }
}

/// A file that is played.
#[derive(Debug)]
pub struct WavFile {
    path: PathBuf,
    input: BufReader<File>,
    format: AudioFormat,
    schedule: SampleSchedule,
    looped: bool,
    order: Order,
    /// Where the samples are.
    start: u64,
    /// Sample frames in the file, and how many of them were played in this round.
    length: u64,
    played: u64,
    chunk: Box<[u8]>,
}

impl WavFile {
    /// Opens a file whose first sample is captured at `epoch`; `looped` begins again at the end,
    /// without a gap. `None` if it holds anything but 16-bit PCM with one or two channels.
    ///
    /// # Errors
    /// The file cannot be read, is cut off within its headers, or holds no samples.
    pub fn open(path: &Path, epoch: Monotonic, looped: bool) -> Result<Option<Self>, Error> {
        let fail = |error: io::Error| failure(path, error);
        if !path.metadata().map_err(fail)?.is_file() {
            return Err(failure(path, "is not a regular file"));
        }
        let mut input = BufReader::new(File::open(path).map_err(fail)?);
        let file_len = input.get_ref().metadata().map_err(fail)?.len();
        let Some((order, format, start, promised)) = parse(&mut input, path)? else {
            return Ok(None);
        };
        let frame_len = u64::from(format.channels) * SAMPLE_LEN as u64;
        let available = file_len.saturating_sub(start);
        if promised.is_some_and(|promised| promised > available) {
            log::warn!("{} is cut off: it plays up to the cut", path.display());
        }
        let length = promised.unwrap_or(available).min(available) / frame_len;
        if length == 0 {
            return Err(failure(path, "holds no samples"));
        }
        let frame_len = usize::from(format.channels) * SAMPLE_LEN;
        Ok(Some(Self {
            path: path.to_owned(),
            input,
            format,
            schedule: SampleSchedule::new(epoch, format),
            looped,
            order,
            start,
            length,
            played: 0,
            chunk: vec![0; chunk_frames(format.rate) * frame_len].into_boxed_slice(),
        }))
    }

    /// What it delivers.
    #[must_use]
    pub const fn format(&self) -> AudioFormat {
        self.format
    }

    /// Sets the capture time of the first sample, before the first poll.
    pub const fn begin(&mut self, epoch: Monotonic) {
        self.schedule = SampleSchedule::new(epoch, self.format);
    }

    /// When to poll again.
    #[must_use]
    pub fn deadline(&self) -> Option<Monotonic> {
        let frames = self.next_frames(usize::MAX);
        (frames > 0).then(|| self.schedule.due(frames))
    }

    /// Nothing to watch: the deadline is all.
    #[must_use]
    pub const fn descriptor(&self) -> Option<RawFd> {
        None
    }

    /// Writes the next chunk of interleaved samples to `out` once its end has come; as much of it
    /// as `out` has room for.
    ///
    /// # Errors
    /// The file can no longer be read.
    pub fn poll(&mut self, now: Monotonic, out: &mut [i16]) -> Result<AudioPoll, Error> {
        let channels = usize::from(self.format.channels);
        let room = out.len() / channels;
        let frames = self.next_frames(room);
        if frames == 0 && room > 0 {
            return Ok(AudioPoll::End);
        }
        if frames == 0 || now < self.schedule.due(frames) {
            return Ok(AudioPoll::Idle);
        }
        let capture = self.schedule.capture();
        let mut done = 0;
        while done < frames {
            let left = usize::try_from(self.length - self.played).unwrap_or(usize::MAX);
            let run = left.min(frames - done);
            let out = &mut out[done * channels..(done + run) * channels];
            self.read(out)?;
            done += run;
            self.played += u64::try_from(run).unwrap_or(u64::MAX);
            if self.looped && self.played == self.length {
                self.input
                    .seek(SeekFrom::Start(self.start))
                    .map_err(|error| failure(&self.path, error))?;
                self.played = 0;
            }
        }
        self.schedule.advance(frames);
        Ok(AudioPoll::Samples { frames, capture })
    }

    /// Sample frames of the next chunk.
    fn next_frames(&self, room: usize) -> usize {
        let chunk = chunk_frames(self.format.rate).min(room);
        if self.looped {
            return chunk;
        }
        usize::try_from(self.length - self.played).map_or(chunk, |left| left.min(chunk))
    }

    /// Reads samples of one chunk at most.
    fn read(&mut self, out: &mut [i16]) -> Result<(), Error> {
        let bytes = &mut self.chunk[..out.len() * SAMPLE_LEN];
        self.input.read_exact(bytes).map_err(|error| failure(&self.path, error))?;
        for (sample, bytes) in out.iter_mut().zip(bytes.chunks_exact(SAMPLE_LEN)) {
            let value = self.order.u16([bytes[0], bytes[1]]);
            *sample = i16::from_ne_bytes(value.to_ne_bytes());
        }
        Ok(())
    }
}

fn failure(path: &Path, problem: impl Display) -> Error {
    Error::new(format!("{}: {problem}", path.display()))
}

/// The bytes' order, the format, where the samples begin, and how many bytes of them there should be: `None` for all
/// up to the end of the file.
type Layout = (Order, AudioFormat, u64, Option<u64>);

/// How the file lies, or `None` if it is of another kind. Leaves the input at the first sample.
fn parse(input: &mut BufReader<File>, path: &Path) -> Result<Option<Layout>, Error> {
    let cut = |error: io::Error| match error.kind() {
        ErrorKind::UnexpectedEof => failure(path, "ends within its headers"),
        _ => failure(path, error),
    };
    let mut riff = [0; 12];
    input.read_exact(&mut riff).map_err(cut)?;
    let order = match (&riff[..4], &riff[8..]) {
        (b"RIFF", b"WAVE") => Order::Little,
        (b"RIFX", b"WAVE") => Order::Big,
        _ => return Ok(None),
    };
    let mut format = None;
    loop {
        let mut header = [0; 8];
        input.read_exact(&mut header).map_err(|error| match error.kind() {
            ErrorKind::UnexpectedEof => failure(path, "has no data chunk"),
            _ => failure(path, error),
        })?;
        let [id @ .., a, b, c, d] = header;
        let length = order.u32([a, b, c, d]);
        match (&id, format) {
            (b"fmt ", _) => {
                let mut fields = [0; 26];
                let known = fields.len().min(usize::try_from(length).unwrap_or(usize::MAX));
                input.read_exact(&mut fields[..known]).map_err(cut)?;
                format = parse_format(order, &fields[..known], path)?;
                if format.is_none() {
                    return other_format(order, path);
                }
                skip(input, u64::from(length).saturating_sub(known as u64), length).map_err(cut)?;
            }
            (b"data", Some(format)) => {
                let start = input.stream_position().map_err(cut)?;
                // Written to a pipe, or by a recorder that could not finish: up to the end.
                let open_ended = length == 0 || length == u32::MAX;
                let promised = (!open_ended).then_some(u64::from(length));
                return Ok(Some((order, format, start, promised)));
            }
            (b"data", None) => return Err(failure(path, "has no fmt chunk before its data")),
            _ => skip(input, u64::from(length), length).map_err(cut)?,
        }
    }
}

/// Passes what is left of a chunk, and the byte that pads an odd one.
fn skip(input: &mut BufReader<File>, left: u64, length: u32) -> io::Result<()> {
    let padded = left + u64::from(length % 2);
    input.seek_relative(i64::try_from(padded).unwrap_or(i64::MAX))
}

/// A file of another kind is for others to play, who take the samples of big-endian ones for noise.
fn other_format(order: Order, path: &Path) -> Result<Option<Layout>, Error> {
    let line = "is big-endian (RIFX) and no 16-bit PCM in one or two channels: convert it with sox";
    if order == Order::Big { Err(failure(path, line)) } else { Ok(None) }
}

/// Reads a fmt chunk, of which only the part up to the extensible format's code is looked at. `None` for
/// anything but 16-bit PCM with one or two channels.
fn parse_format(order: Order, fields: &[u8], path: &Path) -> Result<Option<AudioFormat>, Error> {
    let field = |at: usize| match fields.get(at..at + 2) {
        Some(&[first, second]) => Ok(order.u16([first, second])),
        _ => Err(failure(path, "has a fmt chunk that is too short")),
    };
    let (code, channels, bits) = (field(0)?, field(2)?, field(14)?);
    let rate = match (order, u32::from(field(4)?), u32::from(field(6)?)) {
        (Order::Little, low, high) | (Order::Big, high, low) => high << 16 | low,
    };
    let code = if code == EXTENSIBLE { field(24)? } else { code };
    let channels = match (code, bits, channels) {
        (PCM, 16, 1) => 1,
        (PCM, 16, 2) => 2,
        _ => return Ok(None),
    };
    if !RATES.contains(&rate) {
        return Err(failure(path, format_args!("claims {rate} samples a second")));
    }
    Ok(Some(AudioFormat { rate, channels }))
}

#[cfg(test)]
mod tests;
