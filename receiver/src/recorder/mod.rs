//! The recorder: pictures and sound as they came, in a Matroska file that plays up to wherever it
//! was cut. It neither decodes nor encodes, and asks no clock: every block's time is the caller's.

mod ebml;
mod matroska;

use core::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use matroska::{Clusters, TICK_NANOS, Track};

/// What the video track is said to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VideoTrack {
    /// Width in pixels.
    pub width: u16,
    /// Height in pixels.
    pub height: u16,
    /// Nominal time from frame to frame in nanoseconds; `None` if it varies.
    pub frame_nanos: Option<u64>,
}

/// What the audio track is said to be: 16-bit PCM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AudioTrack {
    /// Frames a second.
    pub rate: u32,
    /// Channels, interleaved.
    pub channels: u8,
}

/// What a recording holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Bytes written.
    pub bytes: u64,
    /// Pictures in it.
    pub pictures: u64,
    /// Audio blocks in it.
    pub audio_blocks: u64,
    /// Blocks left out because they lie before the recording's start.
    pub before_start: u64,
    /// From the start to the end of the last block, in nanoseconds.
    pub nanos: u64,
}

/// An open recording.
#[derive(Debug)]
pub struct Recorder {
    out: BufWriter<File>,
    path: PathBuf,
    /// Where the duration goes at the end, if this is a file that can be sought in.
    duration_at: Option<u64>,
    clusters: Clusters,
    video: Option<VideoTrack>,
    audio: Option<AudioTrack>,
    summary: Summary,
}

impl Recorder {
    /// Starts a recording with at least one track.
    ///
    /// # Errors
    /// [`Error::Write`] if not even the header can be written.
    pub fn start(
        destination: Destination,
        video: Option<VideoTrack>,
        audio: Option<AudioTrack>,
    ) -> Result<Self, Error> {
        let header = matroska::header(video, audio);
        let (file, path, seekable) = destination.take()?;
        let mut recorder = Self {
            out: BufWriter::with_capacity(BUFFER_BYTES, file),
            path,
            duration_at: seekable.then_some(header.duration_at),
            clusters: Clusters::default(),
            video,
            audio,
            summary: Summary { bytes: header.bytes.len() as u64, ..Summary::default() },
        };
        let written = recorder.out.write_all(&header.bytes).and_then(|()| recorder.out.flush());
        written.map_err(|source| recorder.failed(source))?;
        Ok(recorder)
    }

    /// Adds a picture, captured `nanos` after the recording's start. One from before the start is
    /// left out and counted. Pictures and sound may come up to 300 ms out of order.
    ///
    /// # Errors
    /// [`Error::NoTrack`], or [`Error::Write`], after which nothing more can be written.
    pub fn write_video(&mut self, nanos: i64, jpeg: &[u8]) -> Result<(), Error> {
        let track = self.video.ok_or(Error::NoTrack("video"))?;
        let Ok(start) = u64::try_from(nanos) else {
            self.summary.before_start += 1;
            return Ok(());
        };
        let written = self
            .write_head(Track::Video, start, jpeg.len())
            .and_then(|()| self.out.write_all(jpeg));
        written.map_err(|source| self.failed(source))?;
        self.summary.pictures += 1;
        self.note(start, track.frame_nanos.unwrap_or(0), jpeg.len());
        Ok(())
    }

    /// Adds interleaved samples, the first captured `nanos` after the recording's start. As with
    /// pictures, a block that begins before the start is left out.
    ///
    /// # Errors
    /// [`Error::NoTrack`], or [`Error::Write`], after which nothing more can be written.
    pub fn write_audio(&mut self, nanos: i64, samples: &[i16]) -> Result<(), Error> {
        let track = self.audio.ok_or(Error::NoTrack("audio"))?;
        let Ok(start) = u64::try_from(nanos) else {
            self.summary.before_start += 1;
            return Ok(());
        };
        let len = size_of_val(samples);
        let written =
            self.write_head(Track::Audio, start, len).and_then(|()| self.write_samples(samples));
        written.map_err(|source| self.failed(source))?;
        self.summary.audio_blocks += 1;
        let frames = (samples.len() / usize::from(track.channels.max(1))) as u64;
        self.note(start, frames * NANOS_PER_SECOND / u64::from(track.rate.max(1)), len);
        Ok(())
    }

    /// Bytes recorded so far.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.summary.bytes
    }

    /// Ends the recording: writes what is still buffered and, into a file, its duration.
    ///
    /// # Errors
    /// [`Error::Write`]; what the file holds until there plays all the same.
    pub fn finish(mut self) -> Result<Summary, Error> {
        let duration = matroska::duration(self.summary.nanos.div_ceil(u64::from(TICK_NANOS)));
        let written = self.out.flush().and_then(|()| match self.duration_at {
            Some(at) => {
                let file = self.out.get_mut();
                file.seek(SeekFrom::Start(at)).and_then(|_| file.write_all(&duration))
            }
            None => Ok(()),
        });
        written.map_err(|source| self.failed(source))?;
        Ok(self.summary)
    }

    fn write_head(&mut self, track: Track, nanos: u64, len: usize) -> io::Result<()> {
        let tick = u64::from(TICK_NANOS);
        let place = self.clusters.place(nanos.saturating_add(tick / 2) / tick);
        if let Some(ticks) = place.cluster {
            // So a killed recorder, or a reader at the other end of a pipe, misses 300 ms at most.
            self.out.flush()?;
            self.summary.bytes += matroska::write_cluster(&mut self.out, ticks)?;
        }
        let head = matroska::write_block_head(&mut self.out, track, place.relative, len)?;
        self.summary.bytes += head;
        Ok(())
    }

    fn write_samples(&mut self, samples: &[i16]) -> io::Result<()> {
        let mut bytes = [0; SAMPLES_AT_ONCE * size_of::<i16>()];
        for some in samples.chunks(SAMPLES_AT_ONCE) {
            for (pair, sample) in bytes.chunks_exact_mut(2).zip(some) {
                pair.copy_from_slice(&sample.to_le_bytes());
            }
            self.out.write_all(&bytes[..size_of_val(some)])?;
        }
        Ok(())
    }

    fn note(&mut self, start: u64, span: u64, len: usize) {
        self.summary.bytes += len as u64;
        self.summary.nanos = self.summary.nanos.max(start.saturating_add(span));
    }

    fn failed(&self, source: io::Error) -> Error {
        Error::Write { path: self.path.clone(), source }
    }
}

/// Where a recording goes: open, and empty yet. If it stays so, the file goes with it: an empty one
/// would only be taken for a recording.
#[derive(Debug)]
pub struct Destination {
    /// Until the recording begins.
    file: Option<File>,
    path: PathBuf,
    /// Whether it is an ordinary file, of our making.
    seekable: bool,
}

impl Destination {
    /// Opens it: a new file; `-` is standard output; a pipe or a device is written to as it is.
    ///
    /// # Errors
    /// [`Error::Exists`] for a regular file that is there already, or [`Error::Open`].
    pub fn open(path: &Path) -> Result<Self, Error> {
        let failed = |source| Error::Open { path: path.to_owned(), source };
        let open = |file, seekable| Self { file: Some(file), path: path.to_owned(), seekable };
        if path == Path::new("-") {
            // The handle of the standard library would search every picture for line ends.
            let fd = io::stdout().as_fd().try_clone_to_owned().map_err(failed)?;
            return Ok(open(File::from(fd), false));
        }
        match File::create_new(path) {
            Ok(file) => Ok(open(file, true)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let special = path.metadata().is_ok_and(|there| !there.is_file());
                if !special {
                    return Err(Error::Exists(path.to_owned()));
                }
                let file = OpenOptions::new().write(true).open(path).map_err(failed)?;
                Ok(open(file, false))
            }
            Err(error) => Err(failed(error)),
        }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn take(mut self) -> Result<(File, PathBuf, bool), Error> {
        let path = std::mem::take(&mut self.path);
        match self.file.take() {
            Some(file) => Ok((file, path, self.seekable)),
            None => Err(Error::Open { path, source: io::ErrorKind::NotFound.into() }),
        }
    }
}

impl Drop for Destination {
    fn drop(&mut self) {
        if self.seekable && self.file.is_some() {
            // One that cannot be removed is empty, at least.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Why a recording could not be made or went no further.
#[derive(Debug)]
pub enum Error {
    /// There is a file of that name already.
    Exists(PathBuf),
    /// The file could not be created or opened.
    Open {
        /// Where.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The file could not be written to: the disk is full, or the reader of a pipe has gone.
    Write {
        /// Where.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The recording was started without that track.
    NoTrack(&'static str),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exists(path) => {
                write!(f, "{} exists: remove it or record to another name", path.display())
            }
            Self::Open { path, source } => {
                write!(f, "cannot record to {}: {source}", path.display())
            }
            Self::Write { source, .. } if source.kind() == io::ErrorKind::BrokenPipe => {
                f.write_str("recording ended: the program that read it has gone")
            }
            Self::Write { path, source } => {
                write!(f, "recording to {} ended: {source}; it plays up to here", path.display())
            }
            Self::NoTrack(track) => write!(f, "the recording has no {track} track"),
        }
    }
}

impl core::error::Error for Error {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Open { source, .. } | Self::Write { source, .. } => Some(source),
            Self::Exists(_) | Self::NoTrack(_) => None,
        }
    }
}

/// Gathers audio blocks and small pictures; larger pictures are written straight from the caller's
/// memory.
const BUFFER_BYTES: usize = 64 * 1024;
/// One 5 ms packet of 48 kHz stereo has 480 samples.
const SAMPLES_AT_ONCE: usize = 512;
const NANOS_PER_SECOND: u64 = 1_000_000_000;

#[cfg(test)]
mod tests;
