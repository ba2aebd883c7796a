//! What SRTP reads of packets: the parts that are not encrypted.

/// Bytes of an RTP header without sources and extension.
const HEADER_MIN: usize = 12;

/// Bytes of an RTCP packet that are not encrypted (RFC 3711 section 3.4).
pub const RTCP_HEADER_LEN: usize = 8;

/// What the header of an RTP packet says, sealed or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Bytes in front of the payload: with sources and extension.
    pub len: usize,
    /// Sequence number.
    pub sequence: u16,
    /// Synchronization source.
    pub ssrc: u32,
}

impl Head {
    /// Reads the header; `None` if these bytes do not begin with one (RFC 3550 section 5.1).
    #[must_use]
    pub fn parse(packet: &[u8]) -> Option<Self> {
        let first: &[u8; HEADER_MIN] = packet.first_chunk()?;
        if first[0] >> 6 != 2 {
            return None;
        }
        let mut len = HEADER_MIN + 4 * usize::from(first[0] & 0xF);
        if first[0] & 0x10 != 0 {
            let [_, _, high, low] = packet.get(len..)?.first_chunk::<4>()?;
            len += 4 + 4 * usize::from(u16::from_be_bytes([*high, *low]));
        }
        let sequence = u16::from_be_bytes([first[2], first[3]]);
        let ssrc = u32::from_be_bytes([first[8], first[9], first[10], first[11]]);
        (len <= packet.len()).then_some(Self { len, sequence, ssrc })
    }
}

/// The source of a compound packet of RTCP, sealed or not; `None` if it is none (RFC 3550 section 6.4).
#[must_use]
pub fn rtcp_source(packet: &[u8]) -> Option<u32> {
    let [first, _, _, _, ssrc @ ..] = packet.first_chunk::<RTCP_HEADER_LEN>()?;
    (first >> 6 == 2).then(|| u32::from_be_bytes(*ssrc))
}
