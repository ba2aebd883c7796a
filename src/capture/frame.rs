//! What a source hands out when it is polled: a picture or a run of samples, each with the time of its
//! capture.

use super::buffer::FrameBytes;
use super::raw::RawFormat;
use streamsocket_stream::clock::Monotonic;

/// One picture and the time at which it was captured.
#[derive(Debug)]
pub struct VideoFrame {
    /// The JPEG file as the source gave it, or a raw picture.
    pub bytes: FrameBytes,
    /// How a raw picture lies; a JPEG has `None`.
    pub raw: Option<RawFormat>,
    /// When it was captured.
    pub capture: Monotonic,
}

/// What a video source has to say when it is polled.
#[derive(Debug)]
pub enum VideoPoll {
    /// A frame; poll again.
    Frame(VideoFrame),
    /// Nothing yet: wait for the descriptor or the deadline.
    Idle,
    /// There will be no more.
    End,
}

/// What an audio source has to say when it is polled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AudioPoll {
    /// So many sample frames were written to the caller's buffer; poll again.
    Samples {
        /// Sample frames, `channels` samples each.
        frames: usize,
        /// When the first of them was captured.
        capture: Monotonic,
    },
    /// Nothing yet: wait for the descriptors or the deadline.
    Idle,
    /// There will be no more.
    End,
}
