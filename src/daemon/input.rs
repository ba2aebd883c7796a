//! An input: a source of pictures with its branches, each of which ends in a track, or a source of
//! sound with its tracks.

use super::audio::{AudioInput, OpenedAudio};
use super::branch::{Branch, OpenedBranch};
use super::encoded::{Encoded, OpenedEncoded};
use super::kept::{KeptTrack, KeptTracks};
use super::registry::Registry;
use super::video::{OpenedVideo, VideoInput};
use super::watched::Watched;
use crate::capture::Error;
use crate::publish::track::{OpenedTrack, Track};
use std::io;
use std::os::fd::RawFd;
use streamsocket_media::AudioFormat;
use streamsocket_media::clock::{Monotonic, WallClock};

/// An input.
pub(super) enum Input {
    Video(Box<VideoInput>),
    Audio(Box<AudioInput>),
}

/// The parts of an input, opened.
pub(super) enum OpenedInput {
    Video(OpenedVideo),
    Audio(OpenedAudio),
}

impl OpenedInput {
    /// The input, whose tracks begin at `now` and continue with the numbers that were kept.
    pub(super) fn begin(self, kept: &KeptTracks, now: Monotonic) -> Input {
        match self {
            Self::Video(opened) => Input::Video(Box::new(opened.begin(kept, now))),
            Self::Audio(opened) => Input::Audio(Box::new(opened.begin(kept, now))),
        }
    }

    /// The tracks of its branches.
    pub(super) fn tracks(&self) -> impl Iterator<Item = &OpenedTrack> {
        let (branches, tracks, encoded): (&[OpenedBranch], &[_], &[OpenedEncoded]) = match self {
            Self::Video(opened) => (&opened.branches, &[], &[]),
            Self::Audio(opened) => (&[], &opened.tracks, &opened.encoded),
        };
        let encoded = encoded.iter().map(|encoded| &encoded.track);
        branches.iter().map(|branch| &branch.track).chain(tracks).chain(encoded)
    }

    /// Watches its source, which is the input `index`.
    pub(super) fn watch(
        &self,
        index: usize,
        watched: &mut Watched,
        registry: &mut Registry,
    ) -> io::Result<()> {
        match self {
            Self::Video(opened) => watched.video(registry, index, &opened.source),
            Self::Audio(opened) => watched.audio(registry, index, &opened.source),
        }
    }
}

impl Input {
    /// The tracks of its branches.
    pub(super) fn tracks(&self) -> impl Iterator<Item = &Track> {
        let (branches, tracks, encoded): (&[Branch], &[_], &[Encoded]) = match self {
            Self::Video(input) => (&input.branches, &[], &[]),
            Self::Audio(input) => (&[], &input.tracks, &input.encoded),
        };
        let encoded = encoded.iter().map(|encoded| &encoded.track);
        branches.iter().map(|branch| &branch.track).chain(tracks).chain(encoded)
    }

    /// The same, to be acted on.
    pub(super) fn tracks_mut(&mut self) -> impl Iterator<Item = &mut Track> {
        let (branches, tracks, encoded): (&mut [Branch], &mut [_], &mut [Encoded]) = match self {
            Self::Video(input) => (&mut input.branches, &mut [], &mut []),
            Self::Audio(input) => (&mut [], &mut input.tracks, &mut input.encoded),
        };
        let encoded = encoded.iter_mut().map(|encoded| &mut encoded.track);
        branches.iter_mut().map(|branch| &mut branch.track).chain(tracks).chain(encoded)
    }

    pub(super) const fn is_sound(&self) -> bool {
        matches!(self, Self::Audio(_))
    }

    /// The session begins at `epoch`.
    pub(super) fn begin(&mut self, epoch: Monotonic) {
        match self {
            Self::Video(input) => input.begin(epoch),
            Self::Audio(input) => input.begin(epoch),
        }
    }

    /// Takes what the source has, and sends what is due.
    pub(super) fn turn(&mut self, now: Monotonic, wall: &WallClock) -> Result<(), Error> {
        match self {
            Self::Video(input) => input.turn(now, wall),
            Self::Audio(input) => input.turn(now, wall),
        }
    }

    /// When to take a [turn](Self::turn) even if nothing is readable.
    pub(super) fn deadline(&self) -> Option<Monotonic> {
        match self {
            Self::Video(input) => input.deadline(),
            Self::Audio(input) => input.deadline(),
        }
    }

    /// The source's descriptor at `index` had an event.
    pub(super) fn handle_event(&mut self, index: usize, now: Monotonic) {
        if let Self::Audio(input) = self {
            input.handle_event(index, now);
        }
    }

    /// A device has come or gone.
    pub(super) const fn rescan(&mut self, now: Monotonic) {
        match self {
            Self::Video(input) => input.rescan(now),
            Self::Audio(input) => input.rescan(now),
        }
    }

    /// Whether the source ends by itself.
    pub(super) fn is_finite(&self) -> bool {
        match self {
            Self::Video(input) => input.source().is_finite(),
            Self::Audio(input) => input.source().is_finite(),
        }
    }

    /// Whether the source has ended and the last packet was sent.
    pub(super) fn is_over(&self) -> bool {
        match self {
            Self::Video(input) => input.is_over(),
            Self::Audio(input) => input.is_over(),
        }
    }

    /// When a lost device is next tried to be opened.
    pub(super) fn next_attempt(&self) -> Option<Monotonic> {
        match self {
            Self::Video(input) => input.source().next_attempt(),
            Self::Audio(input) => input.source().next_attempt(),
        }
    }

    /// Whether the source gives nothing at present.
    pub(super) fn is_away(&self) -> bool {
        match self {
            Self::Video(input) => input.source().is_away(),
            Self::Audio(input) => input.source().is_away(),
        }
    }

    /// Why it gives nothing, if known: one line.
    pub(super) fn why_away(&self) -> Option<String> {
        match self {
            Self::Video(input) => input.source().why_away(),
            Self::Audio(input) => input.source().why_away(),
        }
    }

    /// The source's descriptors.
    pub(super) fn descriptors(&self) -> Vec<RawFd> {
        match self {
            Self::Video(input) => input.source().descriptor().0.into_iter().collect(),
            Self::Audio(input) => input.source().descriptors(),
        }
    }

    /// Format of its sound.
    pub(super) fn sound(&self) -> Option<AudioFormat> {
        match self {
            Self::Video(_) => None,
            Self::Audio(input) => Some(input.source().format()),
        }
    }

    /// Takes over what the source of an earlier input has read.
    pub(super) fn inherit(&mut self, before: &mut Self) {
        if let (Self::Video(input), Self::Video(before)) = (self, before) {
            input.inherit(before);
        }
    }

    /// Watches the source, which is the input `index`, if it has other descriptors than before.
    pub(super) fn watch(
        &self,
        index: usize,
        watched: &mut Watched,
        registry: &mut Registry,
    ) -> io::Result<()> {
        match self {
            Self::Video(input) => watched.video(registry, index, input.source()),
            Self::Audio(input) => watched.audio(registry, index, input.source()),
        }
    }

    /// Why none of its pictures could be sent, if so.
    pub(super) fn useless(&self) -> Option<String> {
        match self {
            Self::Video(input) => input.useless(),
            Self::Audio(_) => None,
        }
    }

    /// What its tracks continue with after a reload.
    pub(super) fn kept(&self, now: Monotonic) -> impl Iterator<Item = KeptTrack> {
        let sound = self.sound();
        self.tracks().map(move |track| KeptTrack {
            id: track.id().clone(),
            numbers: track.kept(now),
            sound,
        })
    }
}
