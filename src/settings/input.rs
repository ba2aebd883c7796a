//! The inputs of a session: each source with what is said of it alone.

use super::choice::{AudioChoice, RateChoice, VideoChoice};

/// Inputs at most: a session description has as many media ([`MEDIA_MAX`]).
///
/// [`MEDIA_MAX`]: streamsocket_wire::sdp::MEDIA_MAX
pub const INPUTS_MAX: usize = 8;

/// A source and what is said of it.
#[derive(Clone, Debug, PartialEq)]
pub enum InputSettings {
    /// Pictures.
    Video(VideoSettings),
    /// Sound.
    Audio(AudioSettings),
}

impl InputSettings {
    /// This, but sent as `other` is: how its pictures are made and when they are shown.
    pub(super) fn sent_as(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::Video(own), Self::Video(other)) => Self::Video(VideoSettings {
                quality: other.quality,
                requality: other.requality,
                av_offset: other.av_offset,
                ..own.clone()
            }),
            _ => self.clone(),
        }
    }
}

/// A source of pictures.
#[derive(Clone, Debug, PartialEq)]
pub struct VideoSettings {
    /// Which.
    pub choice: VideoChoice,
    /// Picture size in pixels, if asked for.
    pub size: Option<(u16, u16)>,
    /// Frame rate, if asked for.
    pub rate: Option<RateChoice>,
    /// Quality of what is encoded here, 1 to 100.
    pub quality: u8,
    /// Quality that JPEGs are encoded anew with, if they are to be.
    pub requality: Option<u8>,
    /// Camera controls, by name.
    pub controls: Vec<(String, String)>,
    /// By how much its pictures are later than the sound, in milliseconds.
    pub av_offset: i16,
}

/// A source of sound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AudioSettings {
    /// Which.
    pub choice: AudioChoice,
}
