//! What goes into a segmenter, and what comes out.

use bytes::Bytes;
use core::time::Duration;
use std::sync::Arc;
use streamsocket_media::clock::Wall;

/// A coded picture, or a frame of sound.
#[derive(Clone, Debug)]
pub struct Sample {
    /// H.264: NAL units, each after its length in 4 bytes; AAC: a raw frame.
    pub data: Bytes,
    /// When it was captured: the beginning of it, if it is sound.
    pub at: Wall,
    /// How long it lasts if nothing comes after it; otherwise it lasts until what does.
    pub duration: Duration,
    /// Whether a player can begin at it; every frame of sound is such.
    pub key: bool,
}

/// What is made of samples.
#[derive(Clone, Debug)]
pub enum Made {
    /// A part, as soon as the first sample behind it has come.
    Part(Part),
    /// What all parts of a segment are together, after the last of them.
    Segment(Segment),
}

/// A part of a segment: one fragment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The segment that it is of.
    pub number: u64,
    /// Which of its parts it is, by the time of its first sample.
    pub index: u32,
    /// When its first sample was captured, as `tfdt` says it.
    pub begin: Wall,
    /// Until what comes next.
    pub duration: Duration,
    /// Whether a player can begin at one of its samples.
    pub independent: bool,
    /// How many there are.
    pub samples: u32,
    /// The `moof` and the `mdat`.
    pub bytes: Bytes,
    /// [`crate::track::Track::id`] of the init segment that goes before it.
    pub track: Arc<str>,
}

/// A segment, whose parts have come before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Which.
    pub number: u64,
    /// When its first sample was captured.
    pub begin: Wall,
    /// Until the end of its last.
    pub duration: Duration,
    /// How many samples it has.
    pub samples: u32,
    /// How many parts.
    pub parts: u32,
    /// Size of its parts together.
    pub bytes: u64,
    /// [`crate::track::Track::id`] of the init segment that goes before it.
    pub track: Arc<str>,
}

/// Samples that are in no segment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// A player could not have begun at them, and no segment was begun.
    pub before_key: u64,
    /// Not later than what came before, or of what was closed.
    pub backwards: u64,
    /// Too far ahead.
    pub ahead: u64,
    /// Empty, too large, or too many for a part.
    pub unfit: u64,
}
