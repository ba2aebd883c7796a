//! The numbers that a stream begins or continues with.

use super::error::Error;
use streamsocket_net::machine;
use streamsocket_wire::rtp::{RtpTime, Sequence, Ssrc};

/// SSRC, sequence number and RTP time of a stream's next packet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Beginning {
    pub(super) ssrc: Ssrc,
    pub(super) sequence: Sequence,
    pub(super) time: RtpTime,
}

impl Beginning {
    /// Random numbers (RFC 3550 section 5.1), except for an SSRC that is kept.
    pub(super) fn new(kept: Option<Ssrc>) -> Result<Self, Error> {
        let random = || {
            machine::random()
                .map_err(|error| Error(format!("the kernel has no random numbers: {error}")))
        };
        let [high, low, ..] = random()?.to_ne_bytes();
        let sequence = Sequence(u16::from_ne_bytes([high, low]));
        let ssrc = kept.map_or_else(|| random().map(Ssrc), Ok)?;
        Ok(Self { ssrc, sequence, time: RtpTime(random()?) })
    }
}
