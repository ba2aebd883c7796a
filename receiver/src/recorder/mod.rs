//! The recorder: pictures and sound as they came, in a Matroska file that plays up to wherever it
//! was cut. It neither decodes nor encodes, and asks no clock: every block's time is the caller's.

mod destination;
mod ebml;
mod error;
mod index;
mod matroska;
mod output;
mod room;
mod tracks;

pub use self::destination::Destination;
pub use self::error::Error;
use self::matroska::{Clusters, TICK_NANOS, TrackNumber};
use self::output::RecordingOutput;
use self::room::Room;
pub use self::tracks::{AudioTrack, Coding, VideoTrack};
use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;
use streamsocket_wire::opus::{RATE, frames};

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
    out: RecordingOutput,
    path: PathBuf,
    /// If this is a file of our making.
    room: Option<Room>,
    clusters: Clusters,
    video: Option<VideoTrack>,
    audio: Option<AudioTrack>,
    summary: Summary,
    /// What it was before the open cluster.
    before: Summary,
    /// Something could not be written, and what is whole was saved.
    ended: bool,
}

impl Recorder {
    /// Starts a recording with at least one track.
    ///
    /// # Errors
    /// [`Error::Write`] if not even the header can be written; no file is left then.
    pub fn start(
        destination: Destination,
        video: Option<VideoTrack>,
        audio: Option<AudioTrack>,
    ) -> Result<Self, Error> {
        let is_file = destination.is_file();
        let (file, path) = destination.take()?;
        let (header, room) = if is_file {
            let track = if video.is_some() { TrackNumber::Video } else { TrackNumber::Audio };
            let header = matroska::file_header(video, audio, room::INDEX_BYTES);
            (header.bytes, Some(Room::new(header.places, track)))
        } else {
            (matroska::stream_header(video, audio), None)
        };
        let summary = Summary { bytes: header.len() as u64, ..Summary::default() };
        let mut recorder = Self {
            out: RecordingOutput::new(file),
            path,
            room,
            clusters: Clusters::default(),
            video,
            audio,
            summary,
            before: summary,
            ended: false,
        };
        let written = recorder.out.write_all(&header).and_then(|()| recorder.out.flush());
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
            .write_head(TrackNumber::Video, start, jpeg.len())
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
        let written = self
            .write_head(TrackNumber::Audio, start, len)
            .and_then(|()| self.write_samples(samples));
        written.map_err(|source| self.failed(source))?;
        self.summary.audio_blocks += 1;
        let frames = (samples.len() / usize::from(track.channels.max(1))) as u64;
        self.note(start, frames * NANOS_PER_SECOND / u64::from(track.rate.max(1)), len);
        Ok(())
    }

    /// Adds a packet of Opus; the first sample that it decodes to was captured `nanos` after the recording's start. As
    /// with pictures, one that begins before the start is left out.
    ///
    /// # Errors
    /// [`Error::NoTrack`], or [`Error::Write`], after which nothing more can be written.
    pub fn write_opus(&mut self, nanos: i64, packet: &[u8]) -> Result<(), Error> {
        let is_opus = self.audio.is_some_and(|track| track.coding == Coding::Opus);
        let frames = frames(packet).filter(|_| is_opus).ok_or(Error::NoTrack("audio"))?;
        let Ok(start) = u64::try_from(nanos) else {
            self.summary.before_start += 1;
            return Ok(());
        };
        let written = self
            .write_head(TrackNumber::Audio, start, packet.len())
            .and_then(|()| self.out.write_all(packet));
        written.map_err(|source| self.failed(source))?;
        self.summary.audio_blocks += 1;
        self.note(start, frames as u64 * NANOS_PER_SECOND / u64::from(RATE), packet.len());
        Ok(())
    }

    /// Bytes recorded so far.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.summary.bytes
    }

    /// Ends the recording: writes what is still buffered and, into a file, its sizes, duration and index. After
    /// an error that was done already; nothing is in it then, if the file had to be removed.
    ///
    /// # Errors
    /// [`Error::Write`]; what the file holds until there plays all the same.
    pub fn finish(mut self) -> Result<Summary, Error> {
        if self.ended {
            return Ok(self.summary);
        }
        let written = self.out.flush().and_then(|()| match &mut self.room {
            Some(room) => room.finish(&self.out, self.summary.bytes, self.summary.nanos),
            None => Ok(()),
        });
        written.map_err(|source| self.failed(source))?;
        Ok(self.summary)
    }

    fn write_head(&mut self, track: TrackNumber, nanos: u64, len: usize) -> io::Result<()> {
        let tick = u64::from(TICK_NANOS);
        let ticks = nanos.saturating_add(tick / 2) / tick;
        let place = self.clusters.place(ticks);
        if let Some(ticks) = place.cluster {
            // So a killed recorder, or a reader at the other end of a pipe, misses 300 ms at most.
            self.out.flush()?;
            if let Some(room) = &mut self.room {
                room.begin_cluster(&self.out, self.summary.bytes, self.summary.nanos)?;
            }
            self.before = self.summary;
            self.summary.bytes += matroska::write_cluster(&mut self.out, ticks)?;
        }
        let head = matroska::write_block_head(&mut self.out, track, place.relative, len)?;
        self.summary.bytes += head;
        if let Some(room) = &mut self.room {
            room.note(track, ticks);
        }
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

    fn failed(&mut self, source: io::Error) -> Error {
        Error::Write { kept: self.save_what_is_whole(), path: self.path.clone(), source }
    }

    /// Makes a file end with its last whole cluster, with all that it would have at a good end: its room was taken
    /// from the disk when that was not full. Without a whole cluster the file is removed. Whether something is
    /// left.
    fn save_what_is_whole(&mut self) -> bool {
        self.ended = true;
        let Some(mut room) = self.room.take() else { return true };
        self.summary = Summary { before_start: self.summary.before_start, ..self.before };
        let Summary { bytes, nanos, .. } = self.summary;
        if self.summary.pictures + self.summary.audio_blocks == 0 {
            self.summary.bytes = 0;
            // One that cannot be removed has nothing in it, at least.
            let _ = fs::remove_file(&self.path);
            return false;
        }
        room.forget_cluster(bytes);
        let saved = self.out.cut(bytes).and_then(|()| room.finish(&self.out, bytes, nanos));
        if let Err(error) = saved {
            log::debug!("{}: {error}", self.path.display());
        }
        true
    }
}

/// One 5 ms packet of 48 kHz stereo has 480 samples.
const SAMPLES_AT_ONCE: usize = 512;
const NANOS_PER_SECOND: u64 = 1_000_000_000;

#[cfg(test)]
mod tests;
