//! What is recorded, and as what.

use crate::recorder::AudioTrack;
use streamsocket_subscribe::memory::Claim;
use streamsocket_subscribe::presentation_time::Stamp;
use streamsocket_wire::rtp::ExtendedTime;

/// Something to be recorded.
pub(super) struct Media {
    pub(super) stamp: Stamp,
    pub(super) data: Data,
    /// Room for it among what waits.
    pub(super) claim: Option<Claim>,
}

pub(super) enum Data {
    Video {
        jpeg: Vec<u8>,
        size: (u16, u16),
    },
    Audio {
        samples: Vec<i16>,
        /// RTP time of the first.
        time: ExtendedTime,
    },
    /// A packet of Opus.
    Opus {
        packet: Vec<u8>,
        /// RTP time of the first sample that it decodes to.
        time: ExtendedTime,
    },
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
