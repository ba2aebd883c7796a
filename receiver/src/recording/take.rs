//! One recording: from its first picture on, with the sound that came before it.

use super::timebase::{Stamp, Stream, Timebase};
use crate::memory::Claim;
use crate::recorder::{AudioTrack, Destination, Recorder, VideoTrack};
use std::path::PathBuf;
use streamsocket_stream::clock::Monotonic;

/// Sound that waits for the first picture, in packets: two seconds. A session that has promised
/// pictures and sends none is recorded from then on without.
const PENDING_MAX: usize = 400;

/// Sound from before the first picture is recorded if it is no older than this, in nanoseconds: more
/// than may wait.
const LEAD_NANOS: i64 = 3_000_000_000;

/// Something to be recorded.
pub(super) struct Media {
    pub(super) stamp: Stamp,
    pub(super) data: Data,
    /// Room for it among what waits.
    pub(super) claim: Option<Claim>,
}

pub(super) enum Data {
    Video { jpeg: Vec<u8>, size: (u16, u16) },
    Audio { samples: Vec<i16> },
}

/// What a session is recorded as.
#[derive(Clone, Copy)]
pub(super) struct Format {
    pub(super) video: Option<VideoPlan>,
    pub(super) audio: Option<AudioTrack>,
}

/// What is known of the pictures before there are any.
#[derive(Clone, Copy)]
pub(super) struct VideoPlan {
    /// Time from frame to frame in nanoseconds, if it is told.
    pub(super) frame_nanos: Option<u64>,
    pub(super) size: Option<(u16, u16)>,
}

/// One recording.
pub(super) struct Take {
    pub(super) path: PathBuf,
    format: Format,
    timebase: Timebase,
    /// Until something comes to be recorded.
    destination: Option<Destination>,
    open: Option<Open>,
    /// Sound that came before the first picture.
    pending: Vec<(Monotonic, Media)>,
}

/// What a recording came to.
pub(super) struct Finished {
    pub(super) pictures: u64,
    pub(super) bytes: u64,
    /// Pictures and packets of sound that are not in it, though they came.
    pub(super) left_out: u64,
}

/// One recording whose file is open.
struct Open {
    recorder: Recorder,
    start: Monotonic,
    size: Option<(u16, u16)>,
    /// Pictures that came after the file had begun without a track for them.
    pictures_refused: u64,
}

impl Take {
    pub(super) fn new(destination: Destination, format: Format) -> Self {
        let path = destination.path().to_owned();
        let (open, pending) = (None, Vec::new());
        let timebase = Timebase::default();
        Self { path, format, timebase, destination: Some(destination), open, pending }
    }

    /// Bytes recorded so far.
    pub(super) fn bytes(&self) -> u64 {
        self.open.as_ref().map_or(0, |open| open.recorder.bytes())
    }

    /// Times so far that the sender's clock went on somewhere else.
    pub(super) const fn jumps(&self) -> u64 {
        self.timebase.jumps()
    }

    /// Records it, or keeps it until it can be; what is done with is given back.
    pub(super) fn write(&mut self, media: Media) -> (Result<(), String>, Option<Media>) {
        let stream = match media.data {
            Data::Video { .. } => Stream::Video,
            Data::Audio { .. } => Stream::Audio,
        };
        let at = self.timebase.place(stream, &media.stamp);
        if self.open.is_none() {
            let size = match media.data {
                Data::Video { size, .. } => Some(size),
                Data::Audio { .. } if self.format.video.is_none() => None,
                // Pictures that come later still find their track, if the description told their size.
                Data::Audio { .. } if self.pending.len() >= PENDING_MAX => {
                    self.format.video.and_then(|video| video.size)
                }
                Data::Audio { .. } => {
                    // It waits for the first picture, and not for the disk.
                    self.pending.push((at, Media { claim: None, ..media }));
                    return (Ok(()), None);
                }
            };
            if let Err(problem) = self.begin(at, size) {
                return (Err(problem), Some(media));
            }
        }
        let written = self.open.as_mut().map_or(Ok(()), |open| open.write(at, &media.data));
        (written, Some(media))
    }

    /// Begins with what was captured at `at`, and all that waits.
    fn begin(&mut self, at: Monotonic, size: Option<(u16, u16)>) -> Result<(), String> {
        let lead = |earlier: &Monotonic| at.nanos_since(*earlier) < LEAD_NANOS;
        let lead = self.pending.iter().map(|(earlier, _)| *earlier).filter(lead);
        let start = lead.min().unwrap_or(at).min(at);
        let video = size.zip(self.format.video).map(|((width, height), plan)| VideoTrack {
            width,
            height,
            frame_nanos: plan.frame_nanos,
        });
        let Some(destination) = self.destination.take() else { return Ok(()) };
        let recorder = Recorder::start(destination, video, self.format.audio);
        let recorder = recorder.map_err(|error| error.to_string())?;
        let mut open = Open { recorder, start, size, pictures_refused: 0 };
        for (earlier, media) in std::mem::take(&mut self.pending) {
            open.write(earlier, &media.data)?;
        }
        self.open = Some(open);
        Ok(())
    }

    /// Ends it. Sound that still waits for a first picture is all there will be. Nothing, if nothing came.
    pub(super) fn finish(mut self) -> Result<Option<Finished>, String> {
        if let (None, Some(first)) = (&self.open, self.pending.first().map(|(at, _)| *at)) {
            self.begin(first, None)?;
        }
        let Some(open) = self.open else { return Ok(None) };
        let summary = open.recorder.finish().map_err(|error| error.to_string())?;
        Ok(Some(Finished {
            pictures: summary.pictures,
            bytes: summary.bytes,
            left_out: summary.before_start + open.pictures_refused,
        }))
    }
}

impl Open {
    fn write(&mut self, at: Monotonic, data: &Data) -> Result<(), String> {
        let nanos = at.nanos_since(self.start);
        let written = match data {
            Data::Video { size, .. } if self.size.is_some_and(|open| open != *size) => {
                let (width, height) = size;
                return Err(format!("the picture's size has changed to {width}x{height}"));
            }
            Data::Video { jpeg, .. } if self.size.is_some() => {
                // The first report of a sender may move its pictures back by a little: the first
                // was placed by its arrival.
                self.recorder.write_video(nanos.max(0), jpeg)
            }
            Data::Audio { samples } => self.recorder.write_audio(nanos, samples),
            Data::Video { .. } => {
                self.pictures_refused += 1;
                if self.pictures_refused == 1 {
                    log::warn!(
                        "recording: pictures came too late to be in the file: begin a new one"
                    );
                }
                Ok(())
            }
        };
        written.map_err(|error| error.to_string())
    }
}
