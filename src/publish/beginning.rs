//! The numbers that a track begins or continues with.

use streamsocket_net::machine;
use streamsocket_wire::rtp::{RtpTime, Sequence, Ssrc};

/// SSRC, sequence number and RTP time of a track's next packet.
#[derive(Clone, Copy, Debug)]
pub struct Beginning {
    /// Synchronization source.
    pub ssrc: Ssrc,
    /// Sequence number.
    pub sequence: Sequence,
    /// RTP time, at the beginning of the track or now.
    pub time: RtpTime,
}

impl Beginning {
    /// Random numbers (RFC 3550 section 5.1), except for an SSRC that is kept.
    ///
    /// # Errors
    /// One line: the kernel has no random numbers.
    pub fn new(kept: Option<Ssrc>) -> Result<Self, String> {
        let random = || {
            machine::random().map_err(|error| format!("the kernel has no random numbers: {error}"))
        };
        let [high, low, ..] = random()?.to_ne_bytes();
        let sequence = Sequence(u16::from_ne_bytes([high, low]));
        let ssrc = kept.map_or_else(|| random().map(Ssrc), Ok)?;
        Ok(Self { ssrc, sequence, time: RtpTime(random()?) })
    }
}
