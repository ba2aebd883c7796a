//! Samples to AAC-LC, in a child.

use crate::adts::{Adts, parse};
use crate::child::{Ffmpeg, Pipes, prepare, write_all};
use crate::error::Error;
use crate::timeline::{Take, Timeline};
use bytes::Bytes;
use core::fmt;
use std::io::{ErrorKind, Read};
use std::process::{ChildStdin, ChildStdout};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use streamsocket_media::clock::{Delay, Wall, sample_nanos};

/// Sample frames in a frame of AAC-LC.
const FRAME: u64 = 1024;

/// Sample frames that ffmpeg's encoder puts ahead of the first one: its windows overlap by so many.
const PRIMING: u64 = 1024;

/// Chunks of samples that may wait for the child: of 5 ms each, as packets have them, they are more than a second, in
/// which it has started on a slow machine.
const QUEUE: usize = 256;

/// Bytes of the pipe to the child: as small as the system lets it be. What is in it is late.
const PIPE: i32 = 4096;

/// Rates that it takes, of those that AAC has a number for (ISO/IEC 14496-3, table 1.18).
const RATES: [u32; 9] = [48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000];

/// Seconds of sound between two children at least: a sender whose times leap with every packet is not worth one for each.
const ANEW_MIN: u64 = 1;

/// A frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AacFrame {
    /// Its raw data block, without ADTS: 1024 sample frames.
    pub data: Bytes,
    /// When the first of them was captured.
    pub at: Wall,
}

/// What becomes of frames.
type Sink = Arc<dyn Fn(AacFrame) + Send + Sync>;

fn check(rate: u32, channels: u8) -> Result<(), Error> {
    let is_known = RATES.contains(&rate) && matches!(channels, 1 | 2);
    is_known.then_some(()).ok_or(Error::Sound(rate, channels))
}

/// Encodes samples of one rate.
pub struct AacEncoder {
    rate: u32,
    channels: u8,
    sink: Sink,
    run: Run,
    /// Sample frames that came since its child was started.
    came: u64,
    left_out: u64,
    silent: u64,
}

/// A child and what belongs to it. The child is killed when this is dropped; its threads end then.
struct Run {
    child: Arc<Mutex<Ffmpeg>>,
    timeline: Arc<Mutex<Timeline>>,
    chunks: Option<SyncSender<Vec<i16>>>,
    reader: Option<JoinHandle<()>>,
}

impl AacEncoder {
    /// Starts a child for sound of `rate` sample frames a second (8 to 48 kHz) and 1 or 2 channels. `sink` is called
    /// with each frame, in order, on a thread of this encoder.
    ///
    /// # Errors
    /// [`Error::Sound`], and [`Error::Start`] with what to do about it.
    pub fn new(
        rate: u32,
        channels: u8,
        sink: impl Fn(AacFrame) + Send + Sync + 'static,
    ) -> Result<Self, Error> {
        check(rate, channels)?;
        let sink: Sink = Arc::new(sink);
        let run = Run::start(rate, channels, &sink, None)?;
        Ok(Self { rate, channels, sink, run, came: 0, left_out: 0, silent: 0 })
    }

    /// Takes samples, the channels' in turn, of which the first was captured at `at`. What does not fit into the queue
    /// is left out and counted. Where samples are missing silence takes their place, for up to 2 s; behind a longer
    /// hole another child begins, and the frames have another time.
    ///
    /// # Errors
    /// [`Error::Ended`] if the child has died: make a new encoder, after a while.
    pub fn push(&mut self, samples: &[i16], at: Wall) -> Result<(), Error> {
        let channels = usize::from(self.channels);
        let mut take = lock(&self.run.timeline).judge(at);
        let count = u64::try_from(samples.len() / channels).unwrap_or(0);
        self.came = self.came.saturating_add(count);
        if take == Take::Anew {
            if self.came < ANEW_MIN * u64::from(self.rate) {
                self.left_out += count;
                return Ok(());
            }
            self.came = 0;
            let former = self.run.let_go();
            self.run = Run::start(self.rate, self.channels, &self.sink, former)?;
            take = Take::After(0);
        }
        let (silence, skipped) = match take {
            Take::After(silence) => (silence, 0),
            Take::Without(skipped) => (0, skipped),
            Take::Anew => (0, 0),
        };
        let whole = samples.len() / channels * channels;
        let heard = samples.get(skipped * channels..whole).unwrap_or_default();
        let frames = heard.len() / channels;
        self.left_out += u64::try_from(whole / channels - frames).unwrap_or(0);
        if frames == 0 {
            return Ok(());
        }
        let mut chunk = vec![0; silence * channels];
        chunk.extend_from_slice(heard);
        let Some(chunks) = &self.run.chunks else { return Ok(()) };
        match chunks.try_send(chunk) {
            Ok(()) => {
                self.silent += u64::try_from(silence).unwrap_or(0);
                let first = at + self.span(skipped);
                lock(&self.run.timeline).advance(silence + frames, silence, first);
                Ok(())
            }
            Err(TrySendError::Full(_)) => {
                self.left_out += u64::try_from(frames).unwrap_or(0);
                Ok(())
            }
            Err(TrySendError::Disconnected(_)) => Err(lock(&self.run.child).ended("has ended")),
        }
    }
    /// No more samples come: waits for the frames of those that have.
    ///
    /// # Errors
    /// [`Error::Ended`] if a thread of this encoder has panicked.
    pub fn finish(mut self) -> Result<(), Error> {
        self.run.chunks = None;
        let read = self.run.reader.take().map_or(Ok(()), JoinHandle::join);
        read.map_err(|_| Error::Ended("the sink of an AAC encoder has panicked".into()))
    }

    /// Sample frames that did not fit into the queue, or had been there already.
    #[must_use]
    pub const fn left_out(&self) -> u64 {
        self.left_out
    }

    /// Sample frames of silence where some were missing.
    #[must_use]
    pub const fn silent(&self) -> u64 {
        self.silent
    }

    fn span(&self, frames: usize) -> Delay {
        let frames = u64::try_from(frames).unwrap_or(0);
        Delay::from_nanos(sample_nanos(frames, self.rate))
    }
}

impl fmt::Debug for AacEncoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AacEncoder({} Hz, {} channels)", self.rate, self.channels)
    }
}

/// A child that has been told that no more comes, and its reader.
type Former = (Arc<Mutex<Ffmpeg>>, Option<JoinHandle<()>>);

impl Run {
    /// `former` has its frames out before those of this one.
    fn start(rate: u32, channels: u8, sink: &Sink, former: Option<Former>) -> Result<Self, Error> {
        let (child, Pipes { input, output }) = start(rate, channels)?;
        let failed = |error: std::io::Error| Error::Start(format!("AAC encoder: {error}"));
        prepare(&input, PIPE).map_err(failed)?;
        let child = Arc::new(Mutex::new(child));
        let timeline = Arc::new(Mutex::new(Timeline::new(rate)));
        let (chunks, wanted) = sync_channel(QUEUE);
        let (hung, times, sink) = (Arc::clone(&child), Arc::clone(&timeline), Arc::clone(sink));
        let header = wav_header(rate, channels);
        let named = |name: &str| thread::Builder::new().name(name.into());
        named("aac in")
            .spawn(move || {
                if feed(input, &header, &wanted).is_err() {
                    // One that takes nothing gives nothing either: its reader is not to wait for it.
                    lock(&hung).end();
                }
            })
            .map_err(failed)?;
        let reader = named("aac out").spawn(move || {
            if let Some((child, Some(reader))) = former {
                let _panicked = reader.join();
                drop(child);
            }
            read(output, &times, &sink);
        });
        let reader = Some(reader.map_err(failed)?);
        Ok(Self { child, timeline, chunks: Some(chunks), reader })
    }

    /// Lets the child come to its end by itself.
    fn let_go(&mut self) -> Option<Former> {
        self.chunks = None;
        Some((Arc::clone(&self.child), self.reader.take()))
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        // What was let go of, or finished, has no reader any more.
        if self.reader.is_some() {
            lock(&self.child).end();
        }
    }
}

/// Bits a second of each channel: what is called transparent for AAC-LC. Low rates have less to say; ffmpeg's limit
/// is six bits for each sample.
const CHANNEL_BITS: u32 = 64_000;
/// A single channel has no other one to share with.
const MONO_BITS: u32 = 96_000;
const SAMPLE_BITS: u32 = 3;

fn start(rate: u32, channels: u8) -> Result<(Ffmpeg, Pipes), Error> {
    let bits = if channels == 1 { MONO_BITS } else { CHANNEL_BITS * u32::from(channels) };
    let bits = bits.min(rate * SAMPLE_BITS * u32::from(channels)).to_string();
    // As many bytes at a time as one frame has: it waits for no more.
    let packet = (FRAME * u64::from(SAMPLE_BYTES) * u64::from(channels)).to_string();
    let input = ["-probesize", "32", "-analyzeduration", "0", "-f", "wav"];
    let input =
        input.into_iter().chain(["-ignore_length", "1", "-max_size", &packet, "-i", "pipe:0"]);
    let output = ["-c:a", "aac", "-b:a", &bits, "-flush_packets", "1", "-f", "adts", "pipe:1"];
    Ffmpeg::start("AAC", &input.chain(output).collect::<Vec<_>>())
}

/// A WAV file's header (RIFF, Microsoft's WAVEFORMATEX), of no particular length, for samples in 32-bit floating
/// point. ffmpeg reads headerless samples by tenths of a second, a file by as much as it is told, but of one with
/// integers 64 kB first, to see whether they are S/PDIF: two seconds of telephone quality.
fn wav_header(rate: u32, channels: u8) -> Vec<u8> {
    let frame = u16::from(channels) * SAMPLE_BYTES;
    let length = u32::MAX.to_le_bytes();
    let mut header = Vec::with_capacity(46);
    for part in [&b"RIFF"[..], &length, b"WAVEfmt ", &18_u32.to_le_bytes(), &3_u16.to_le_bytes()] {
        header.extend_from_slice(part);
    }
    header.extend_from_slice(&u16::from(channels).to_le_bytes());
    header.extend_from_slice(&rate.to_le_bytes());
    header.extend_from_slice(&(rate * u32::from(frame)).to_le_bytes());
    header.extend_from_slice(&frame.to_le_bytes());
    header.extend_from_slice(&(SAMPLE_BYTES * 8).to_le_bytes());
    header.extend_from_slice(b"\0\0data");
    header.extend_from_slice(&length);
    header
}

/// Bytes of a sample as the child gets it.
const SAMPLE_BYTES: u16 = 4;

/// Writes what comes to the child until nothing comes any more.
fn feed(mut input: ChildStdin, header: &[u8], wanted: &Receiver<Vec<i16>>) -> std::io::Result<()> {
    write_all(&mut input, header)?;
    let mut bytes = Vec::new();
    while let Ok(samples) = wanted.recv() {
        bytes.clear();
        bytes
            .extend(samples.iter().flat_map(|sample| (f32::from(*sample) / 32768.0).to_le_bytes()));
        write_all(&mut input, &bytes)?;
    }
    Ok(())
}

/// Reads frames until the child has ended, or writes something else.
fn read(mut output: ChildStdout, timeline: &Mutex<Timeline>, sink: &Sink) {
    let (mut bytes, mut buffer) = (Vec::new(), [0; 4096]);
    let mut number = 0_u64;
    loop {
        match output.read(&mut buffer) {
            Ok(0) => return,
            Ok(count) => bytes.extend_from_slice(&buffer[..count]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return log::error!("cannot read from ffmpeg: {error}"),
        }
        let mut taken = 0;
        loop {
            let (data, length) = match parse(&bytes[taken..]) {
                Adts::Part => break,
                Adts::Frame(data, length) => (Bytes::copy_from_slice(data), length),
                Adts::Foreign => return log::error!("ffmpeg writes no ADTS for AAC"),
            };
            let at = lock(timeline).time(number * FRAME, PRIMING);
            if let Some(at) = at {
                sink(AacFrame { data, at });
            }
            number += 1;
            taken += length;
        }
        bytes.drain(..taken);
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing that is locked is half done when a thread panics.
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
