//! A RIFF/WAVE file (Multimedia Programming Interface and Data Specifications 1.0, 1991; Microsoft's
//! WAVE_FORMAT_EXTENSIBLE) with 16-bit PCM, one or two channels, played in real time. Others (RF64, RIFX,
//! more bits or channels, compressed) are for ffmpeg.
//!
//! Written by hand because the crates refuse what recorders leave behind when they write to a pipe
//! or are killed: data chunks of size 0 or 0xFFFFFFFF. Reads may block shortly, as those of any
//! regular file.

use super::sample_clock::{SampleClock, chunk_frames};
use super::{AudioFormat, AudioPoll, Error};
use std::fmt::Display;
use std::fs::File;
use std::io::{self, BufReader, ErrorKind, Read, Seek, SeekFrom};
use std::os::fd::RawFd;
use std::path::{Path, PathBuf};
use streamsocket_stream::clock::Monotonic;

/// Bytes of a sample.
const SAMPLE_LEN: usize = 2;
/// Rates that sound comes in, in hertz.
const RATES: std::ops::RangeInclusive<u32> = 4_000..=384_000;
/// The format code of PCM, also the first two bytes of the extensible format's GUID.
const PCM: u16 = 1;
const EXTENSIBLE: u16 = 0xFFFE;

/// A file that is played.
#[derive(Debug)]
pub struct WavFile {
    path: PathBuf,
    input: BufReader<File>,
    format: AudioFormat,
    clock: SampleClock,
    looped: bool,
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
        let Some((format, start, promised)) = parse(&mut input, path)? else { return Ok(None) };
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
            clock: SampleClock::new(epoch, format),
            looped,
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
        self.clock = SampleClock::new(epoch, self.format);
    }

    /// When to poll again.
    #[must_use]
    pub fn deadline(&self) -> Option<Monotonic> {
        let frames = self.next_frames(usize::MAX);
        (frames > 0).then(|| self.clock.due(frames))
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
        if frames == 0 || now < self.clock.due(frames) {
            return Ok(AudioPoll::Idle);
        }
        let capture = self.clock.capture();
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
        self.clock.advance(frames);
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
            *sample = i16::from_le_bytes([bytes[0], bytes[1]]);
        }
        Ok(())
    }
}

fn failure(path: &Path, problem: impl Display) -> Error {
    Error::new(format!("{}: {problem}", path.display()))
}

/// The format, where the samples begin, and how many bytes of them there should be: `None` for all
/// up to the end of the file.
type Layout = (AudioFormat, u64, Option<u64>);

/// How the file lies, or `None` if it is of another kind. Leaves the input at the first sample.
fn parse(input: &mut BufReader<File>, path: &Path) -> Result<Option<Layout>, Error> {
    let cut = |error: io::Error| match error.kind() {
        ErrorKind::UnexpectedEof => failure(path, "ends within its headers"),
        _ => failure(path, error),
    };
    let mut riff = [0; 12];
    input.read_exact(&mut riff).map_err(cut)?;
    if &riff[..4] != b"RIFF" || &riff[8..] != b"WAVE" {
        return Ok(None);
    }
    let mut format = None;
    loop {
        let mut header = [0; 8];
        input.read_exact(&mut header).map_err(|error| match error.kind() {
            ErrorKind::UnexpectedEof => failure(path, "has no data chunk"),
            _ => failure(path, error),
        })?;
        let [id @ .., a, b, c, d] = header;
        let length = u32::from_le_bytes([a, b, c, d]);
        match (&id, format) {
            (b"fmt ", _) => {
                let mut fields = [0; 26];
                let known = fields.len().min(usize::try_from(length).unwrap_or(usize::MAX));
                input.read_exact(&mut fields[..known]).map_err(cut)?;
                let Some(known_format) = parse_format(&fields[..known], path)? else {
                    return Ok(None);
                };
                format = Some(known_format);
                skip(input, u64::from(length).saturating_sub(known as u64), length).map_err(cut)?;
            }
            (b"data", Some(format)) => {
                let start = input.stream_position().map_err(cut)?;
                // Written to a pipe, or by a recorder that could not finish: up to the end.
                let open_ended = length == 0 || length == u32::MAX;
                return Ok(Some((format, start, (!open_ended).then_some(u64::from(length)))));
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

/// Reads a fmt chunk, of which only the part up to the extensible format's code is looked at. `None` for
/// anything but 16-bit PCM with one or two channels.
fn parse_format(fields: &[u8], path: &Path) -> Result<Option<AudioFormat>, Error> {
    let field = |at: usize| match fields.get(at..at + 2) {
        Some(&[low, high]) => Ok(u16::from_le_bytes([low, high])),
        _ => Err(failure(path, "has a fmt chunk that is too short")),
    };
    let (code, channels, bits) = (field(0)?, field(2)?, field(14)?);
    let rate = u32::from(field(4)?) | u32::from(field(6)?) << 16;
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
mod tests {
    use super::*;
    use std::fs;

    fn chunk(id: &[u8; 4], length: u32, body: &[u8]) -> Vec<u8> {
        [id, &length.to_le_bytes()[..], body].concat()
    }

    fn fmt(code: u16, channels: u16, rate: u32, bits: u16) -> Vec<u8> {
        let frame = channels * bits / 8;
        let mut body = Vec::new();
        body.extend(code.to_le_bytes());
        body.extend(channels.to_le_bytes());
        body.extend(rate.to_le_bytes());
        body.extend((rate * u32::from(frame)).to_le_bytes());
        body.extend(frame.to_le_bytes());
        body.extend(bits.to_le_bytes());
        body
    }

    fn file(chunks: &[Vec<u8>]) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("voice.wav");
        let body = chunks.concat();
        fs::write(&path, [&b"RIFF\xff\xff\xff\xffWAVE"[..], &body].concat()).unwrap();
        (folder, path)
    }

    fn ramp(samples: i16) -> (Vec<i16>, Vec<u8>) {
        let samples: Vec<i16> = (0..samples).map(|n| n.wrapping_mul(31)).collect();
        let bytes = samples.iter().flat_map(|s| s.to_le_bytes()).collect();
        (samples, bytes)
    }

    /// Plays at the deadlines up to the end or so many samples, checking the capture times.
    fn play(path: &Path, looped: bool, most: usize) -> Vec<i16> {
        let epoch = Monotonic(77);
        let mut source = WavFile::open(path, epoch, looped).unwrap().unwrap();
        let channels = usize::from(source.format().channels);
        let mut out = vec![0; 4096];
        let mut samples = Vec::new();
        while let Some(now) = source.deadline() {
            assert_eq!(source.poll(now.offset(-1), &mut out).unwrap(), AudioPoll::Idle);
            let AudioPoll::Samples { frames, capture } = source.poll(now, &mut out).unwrap() else {
                panic!("due")
            };
            let position = i64::try_from(samples.len() / channels).unwrap();
            let expected = position * 1_000_000_000 / i64::from(source.format().rate);
            assert_eq!(capture.nanos_since(epoch), expected);
            samples.extend(&out[..frames * channels]);
            if samples.len() >= most {
                return samples;
            }
        }
        assert_eq!(source.poll(Monotonic(i64::MAX), &mut out).unwrap(), AudioPoll::End);
        samples
    }

    #[test]
    fn samples_come_out_as_they_went_in() {
        let (samples, bytes) = ramp(1003);
        let length = u32::try_from(bytes.len()).unwrap();
        let odd = chunk(b"LIST", 3, b"abc\0");
        let extensible = {
            let mut body = fmt(EXTENSIBLE, 2, 48_000, 16);
            body.extend([22, 0, 16, 0, 3, 0, 0, 0]);
            body.extend(b"\x01\0\0\0\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71");
            chunk(b"fmt ", 40, &body)
        };
        let mono = chunk(b"fmt ", 16, &fmt(PCM, 1, 16_000, 16));
        let more = chunk(b"id3 ", 4, b"next");
        let (_a, path) =
            file(&[odd.clone(), mono.clone(), odd, chunk(b"data", length, &bytes), more]);
        assert_eq!(play(&path, false, usize::MAX), samples);
        // Even in stereo, the odd sample at the end is half a frame.
        for size in [0, u32::MAX, length + 1000] {
            let (_b, path) = file(&[extensible.clone(), chunk(b"data", size, &bytes)]);
            assert_eq!(play(&path, false, usize::MAX), samples[..1002]);
        }
        let (_c, path) = file(&[mono, chunk(b"data", 2 * 501, &bytes)]);
        assert_eq!(play(&path, false, usize::MAX), samples[..501]);
    }

    #[test]
    fn a_loop_has_no_gap() {
        let (samples, bytes) = ramp(50);
        let format = chunk(b"fmt ", 16, &fmt(PCM, 1, 48_000, 16));
        let (_folder, path) = file(&[format, chunk(b"data", 100, &bytes)]);
        let expected: Vec<i16> = samples.iter().copied().cycle().take(720).collect();
        assert_eq!(play(&path, true, 720), expected);
    }

    #[test]
    fn a_small_buffer_gets_what_fits() {
        let (samples, bytes) = ramp(500);
        let format = chunk(b"fmt ", 16, &fmt(PCM, 2, 48_000, 16));
        let (_folder, path) = file(&[format, chunk(b"data", 0, &bytes)]);
        let mut source = WavFile::open(&path, Monotonic(0), false).unwrap().unwrap();
        let late = Monotonic(1_000_000_000);
        assert_eq!(source.poll(late, &mut [0]).unwrap(), AudioPoll::Idle);
        let mut out = [0; 7];
        let polled = source.poll(late, &mut out).unwrap();
        assert_eq!(polled, AudioPoll::Samples { frames: 3, capture: Monotonic(0) });
        assert_eq!(out[..6], samples[..6]);
    }

    #[test]
    fn what_cannot_be_played_is_said() {
        let said = |chunks: &[Vec<u8>]| {
            let (_folder, path) = file(chunks);
            WavFile::open(&path, Monotonic(0), false).unwrap_err().to_string()
        };
        let with = |code, channels, rate, bits| {
            said(&[
                chunk(b"fmt ", 16, &fmt(code, channels, rate, bits)),
                chunk(b"data", 4, &[0; 4]),
            ])
        };
        assert!(with(EXTENSIBLE, 2, 44_100, 16).contains("too short"));
        assert!(with(PCM, 2, 0, 16).contains("claims 0"));
        let good = chunk(b"fmt ", 16, &fmt(PCM, 2, 48_000, 16));
        assert!(said(&[]).contains("no data chunk"));
        assert!(said(std::slice::from_ref(&good)).contains("no data chunk"));
        assert!(said(&[chunk(b"fmt ", 16, b"\x01\0")]).contains("within its headers"));
        assert!(said(&[chunk(b"data", 4, &[0; 4])]).contains("no fmt chunk"));
        assert!(said(&[good, chunk(b"data", 0, &[])]).contains("no samples"));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.wav");
        assert!(WavFile::open(&path, Monotonic(0), false).is_err());
    }

    #[test]
    fn what_is_of_another_kind_is_left_to_others() {
        let others = |code, channels, bits| {
            let format = chunk(b"fmt ", 16, &fmt(code, channels, 48_000, bits));
            let (_folder, path) = file(&[format, chunk(b"data", 4, &[0; 4])]);
            WavFile::open(&path, Monotonic(0), false).unwrap().is_none()
        };
        assert!(!others(PCM, 2, 16));
        const FLOAT: u16 = 3;
        for (code, channels, bits) in
            [(PCM, 2, 24), (PCM, 1, 8), (PCM, 6, 16), (PCM, 0, 16), (FLOAT, 2, 32), (0x55, 2, 0)]
        {
            assert!(others(code, channels, bits), "{code} {channels} {bits}");
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.wav");
        for kind in [&b"RF64\xff\xff\xff\xffWAVEds64"[..], b"RIFX\0\0\0\x04WAVE", b"no wave at all"]
        {
            fs::write(&path, kind).unwrap();
            assert!(WavFile::open(&path, Monotonic(0), false).unwrap().is_none());
        }
    }
}
