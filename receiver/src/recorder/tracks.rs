//! The properties of a recording's tracks.

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

/// What sound is recorded as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// 16-bit PCM.
    Pcm,
    /// Opus.
    Opus,
}

/// What the audio track is said to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AudioTrack {
    /// Frames a second.
    pub rate: u32,
    /// Channels, interleaved.
    pub channels: u8,
    /// What it is recorded as.
    pub coding: Coding,
}
