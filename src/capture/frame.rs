//! What sources return when they are polled: pictures or samples, with the time of their capture.

use streamsocket_media::Unit;
use streamsocket_media::clock::Monotonic;

/// Result of polling a video source.
#[derive(Debug)]
pub enum VideoPoll {
    /// A picture; poll again.
    Unit(Unit),
    /// Nothing yet: wait for the descriptor or the deadline.
    Idle,
    /// There will be no more.
    End,
}

/// Result of polling an audio source. Sound comes as samples and not as units: linear PCM is what every codec
/// of sound starts from, and the samples of a period seldom fill a packet or a codec's frame.
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
