//! What sources return when they are polled: pictures or samples, with the time of their capture.

use super::buffer::FrameBytes;
use streamsocket_media::RawFormat;
use streamsocket_media::clock::Monotonic;

/// One picture and the time at which it was captured.
#[derive(Debug)]
pub struct VideoFrame {
    /// A JPEG as the source gave it, or a raw picture.
    pub bytes: FrameBytes,
    /// Format of a raw picture; `None` for a JPEG.
    pub raw: Option<RawFormat>,
    /// When it was captured.
    pub capture: Monotonic,
}

/// Result of polling a video source.
#[derive(Debug)]
pub enum VideoPoll {
    /// A frame; poll again.
    Frame(VideoFrame),
    /// Nothing yet: wait for the descriptor or the deadline.
    Idle,
    /// There will be no more.
    End,
}

/// Result of polling an audio source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AudioPoll {
    /// Samples were written to the caller's buffer; poll again.
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
