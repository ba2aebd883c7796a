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
    /// What was sealed with this SSRC before, if it is protected.
    pub sealed: Option<Sealed>,
}

/// What was sealed with an SSRC so far: nothing is sealed twice with the same index (RFC 3711 section 9.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sealed {
    /// How often its sequence number has rolled over.
    pub rollovers: u32,
    /// Reports.
    pub reports: u32,
}

/// Roll-overs, and reports, that are passed over when it is not known what was sealed last: more than there are while a
/// reload opens what it needs.
const BEYOND: u32 = 1024;

impl Sealed {
    /// What can be sealed after this whatever has been sealed meanwhile.
    #[must_use]
    pub const fn beyond(self) -> Self {
        let (rollovers, reports) = (self.rollovers, self.reports);
        Self {
            rollovers: rollovers.saturating_add(BEYOND),
            reports: reports.saturating_add(BEYOND),
        }
    }
}

impl Beginning {
    /// Random numbers (RFC 3550 section 5.1), except for an SSRC that is kept. Sequence numbers begin below 2^15: who
    /// hears an SRTP stream from its beginning misses no roll-over by losing its first packets (RFC 3711 section 3.3.1).
    ///
    /// # Errors
    /// One line: the kernel has no random numbers.
    pub fn new(kept: Option<Ssrc>) -> Result<Self, String> {
        let random = || {
            machine::random().map_err(|error| format!("the kernel has no random numbers: {error}"))
        };
        let [high, low, ..] = random()?.to_ne_bytes();
        let sequence = Sequence(u16::from_ne_bytes([high, low]) & 0x7FFF);
        let ssrc = kept.map_or_else(|| random().map(Ssrc), Ok)?;
        Ok(Self { ssrc, sequence, time: RtpTime(random()?), sealed: None })
    }
}
