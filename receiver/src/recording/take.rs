//! One recording: from its first picture on, with the sound that came before it; in another file where the
//! pictures' size changes.

use super::media::{Data, Format, Media};
use super::part::Part;
use super::timebase::Timebase;
use crate::naming::{NAMES_MAX, numbered};
use crate::recorder::{Destination, Error};
use core::fmt;
use std::path::{Path, PathBuf};
use streamsocket_media::clock::{Delay, Monotonic};
use streamsocket_wire::sdp::Medium;

/// Sound waits so long for the first picture. A session that has promised pictures and sends none
/// is recorded from then on without.
const PENDING: Delay = Delay::from_secs(2);

/// Packets of sound that wait at most: of a millisecond each, as the shortest have.
const PENDING_MAX: usize = 2048;

/// Sound from before the first picture is recorded if it is no older than this: more
/// than may wait.
const LEAD: Delay = Delay::from_secs(3);

/// One recording.
pub(super) struct Take {
    /// Of the first file, and which of the files after it is the last.
    path: PathBuf,
    number: u32,
    /// Other files may follow.
    is_file: bool,
    format: Format,
    timebase: Timebase,
    /// Until something comes to be recorded.
    destination: Option<Destination>,
    /// What is being written, and where.
    part: Option<(Part, PathBuf)>,
    /// Sound that came before the first picture.
    pending: Vec<(Monotonic, Media)>,
    /// The newest time of anything that came.
    newest: Option<Monotonic>,
    done: Done,
}

/// What the files before came to.
#[derive(Clone, Copy, Default)]
struct Done {
    bytes: u64,
    silent_nanos: u64,
    left_out: u64,
}

/// Why a recording ends.
pub(super) enum Problem {
    Write(Error),
    /// A stream's pictures have another size, and no other file can follow.
    Size(u16, u16),
    /// The names that are left are taken.
    Names(PathBuf),
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Write(error) => error.fmt(f),
            Self::Size(width, height) => write!(
                f,
                "the pictures are {width}x{height} now, which no reader of a recorded stream follows"
            ),
            Self::Names(path) => write!(
                f,
                "recording ended: there are {NAMES_MAX} files after {}; record to another name",
                path.display()
            ),
        }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self::Write(error)
    }
}

impl Take {
    pub(super) fn new(destination: Destination, format: Format) -> Self {
        Self {
            path: destination.path().to_owned(),
            number: 1,
            is_file: destination.is_file(),
            format,
            timebase: Timebase::default(),
            destination: Some(destination),
            part: None,
            pending: Vec::new(),
            newest: None,
            done: Done::default(),
        }
    }

    /// Where it began.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes recorded so far.
    pub(super) fn bytes(&self) -> u64 {
        self.done.bytes + self.part.as_ref().map_or(0, |(part, _)| part.bytes())
    }

    /// Silence in it so far that stands for missing sound, in nanoseconds.
    pub(super) fn silent_nanos(&self) -> u64 {
        self.done.silent_nanos + self.part.as_ref().map_or(0, |(part, _)| part.silent_nanos())
    }

    /// Times so far that the sender's clock went on somewhere else.
    pub(super) const fn jumps(&self) -> u64 {
        self.timebase.jumps()
    }

    /// Records it, or keeps it until it can be; what is done with is given back.
    pub(super) fn write(&mut self, media: Media) -> (Result<(), Problem>, Option<Media>) {
        let medium = match media.data {
            Data::Video { .. } => Medium::Video,
            Data::Audio { .. } | Data::Opus { .. } => Medium::Audio,
        };
        let at = self.timebase.place(medium, &media.stamp);
        self.newest = self.newest.max(Some(at));
        if self.part.is_none() {
            let size = match media.data {
                Data::Video { size, .. } => Some(size),
                _ if self.format.video.is_none() => None,
                // Pictures that come later still find their track, if the description told their size.
                _ if self.has_waited(at) => self.format.video.and_then(|video| video.size),
                Data::Audio { .. } | Data::Opus { .. } => {
                    // It waits for the first picture, and not for the disk.
                    self.pending.push((at, Media { claim: None, ..media }));
                    return (Ok(()), None);
                }
            };
            if let Err(problem) = self.begin(at, size) {
                return (Err(problem), Some(media));
            }
        }
        (self.add(at, &media), Some(media))
    }

    /// Whether sound has waited for a first picture for long enough.
    fn has_waited(&self, at: Monotonic) -> bool {
        let since = self.pending.first().map_or(at, |(first, _)| *first);
        at - since >= PENDING || self.pending.len() >= PENDING_MAX
    }

    /// Nothing has come for so long.
    pub(super) fn idle(&mut self, silent: Delay) -> Result<(), Problem> {
        if let (Some((part, _)), Some(newest)) = (&mut self.part, self.newest) {
            part.fill_until(newest + silent)?;
        }
        Ok(())
    }

    fn add(&mut self, at: Monotonic, media: &Media) -> Result<(), Problem> {
        let open = self.part.as_ref().map(|(part, _)| part.size());
        if let (Data::Video { size, .. }, Some(open)) = (&media.data, open) {
            match open {
                Some(open) if open == *size => {}
                _ if self.is_file => self.go_on(at, *size)?,
                Some(_) => return Err(Problem::Size(size.0, size.1)),
                None => {}
            }
        }
        let Some((part, _)) = &mut self.part else { return Ok(()) };
        Ok(part.write(at, media)?)
    }

    /// Begins with what was captured at `at`, and all that waits.
    fn begin(&mut self, at: Monotonic, size: Option<(u16, u16)>) -> Result<(), Problem> {
        let lead = |earlier: &Monotonic| at - *earlier < LEAD;
        let lead = self.pending.iter().map(|(earlier, _)| *earlier).filter(lead);
        let start = lead.min().unwrap_or(at).min(at);
        let Some(destination) = self.destination.take() else { return Ok(()) };
        let mut part = Part::begin(destination, self.format, start, size)?;
        for (earlier, media) in std::mem::take(&mut self.pending) {
            part.write(earlier, &media)?;
        }
        self.part = Some((part, self.path.clone()));
        Ok(())
    }

    /// Goes on in the next file, with pictures of that size from `at` on. Sound goes on where it was.
    fn go_on(&mut self, at: Monotonic, size: (u16, u16)) -> Result<(), Problem> {
        let Some((part, path)) = self.part.take() else { return Ok(()) };
        let sound = part.sound_until();
        self.close(part, &path)?;
        let destination = self.next()?;
        let path = destination.path().to_owned();
        let (width, height) = size;
        log::info!("the pictures are {width}x{height}: recording goes on in {}", path.display());
        let lead = |end: &Monotonic| (Delay::ZERO..LEAD).contains(&(at - *end));
        let start = sound.filter(lead).unwrap_or(at);
        self.part = Some((Part::begin(destination, self.format, start, Some(size))?, path));
        Ok(())
    }

    /// The next file whose name is free.
    fn next(&mut self) -> Result<Destination, Problem> {
        while self.number < NAMES_MAX {
            self.number += 1;
            match Destination::create(&numbered(&self.path, self.number)) {
                Err(Error::Exists(_)) => {}
                created => return Ok(created?),
            }
        }
        Err(Problem::Names(self.path.clone()))
    }

    fn close(&mut self, part: Part, path: &Path) -> Result<(), Error> {
        self.done.silent_nanos += part.silent_nanos();
        let (summary, left_out) = part.finish()?;
        self.done.bytes += summary.bytes;
        self.done.left_out += left_out;
        // Otherwise nothing of it was left, which was said.
        if summary.bytes > 0 {
            let (pictures, size) = (summary.pictures, megabytes(summary.bytes));
            log::info!("recorded {pictures} pictures and {size:.1} MB to {}", path.display());
        }
        Ok(())
    }

    /// Ends it. Sound that still waits for a first picture is all there will be. How many pictures and packets of
    /// sound came that are not in it; nothing, if there is no file.
    pub(super) fn finish(mut self) -> Result<Option<u64>, Problem> {
        if let (None, Some(first)) = (&self.part, self.pending.first().map(|(at, _)| *at)) {
            self.begin(first, None)?;
        }
        let Some((part, path)) = self.part.take() else { return Ok(None) };
        self.close(part, &path)?;
        Ok(Some(self.done.left_out))
    }
}

#[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
