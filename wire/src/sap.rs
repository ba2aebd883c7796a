//! Session announcements (RFC 2974): how viewers learn of sessions on their network.

use crate::reader::Reader;
use crate::{Error, space};
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Where sessions of the local scope are announced: the highest address of it (section 3).
pub const GROUP_ADMIN: Ipv4Addr = Ipv4Addr::new(239, 255, 255, 255);

/// Where sessions of the global scope are announced; many players listen only here.
pub const GROUP_GLOBAL: Ipv4Addr = Ipv4Addr::new(224, 2, 127, 254);

/// Where sessions of the site-local scope of IPv6 are announced (section 3).
pub const GROUP_SITE: Ipv6Addr = Ipv6Addr::new(0xFF05, 0, 0, 0, 0, 0, 2, 0x7FFE);

/// The port of announcements.
pub const PORT: u16 = 9875;

/// Where PulseAudio and PipeWire announce sound, and listen for it: a group of the link alone that no
/// document names (PulseAudio's `module-rtp-send`, `DEFAULT_SAP_DESTINATION`).
pub const GROUP_SOUND: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 56);

/// The port on which senders of ours hear that somebody looks for sessions, in the groups of announcements. SAP
/// has no such question, and those who listen to its port would take it for a broken announcement.
pub const PORT_ASKED: u16 = 9876;

/// The datagram that asks for announcements at once.
pub const ASKED: &[u8] = b"announce?";

/// The payload type in front of a description; it may be left out when the payload begins with
/// `v=0` (section 6).
const PAYLOAD_TYPE: &[u8] = b"application/sdp\0";

/// Bytes of a payload type at most: those with parameters have 40.
const PAYLOAD_TYPE_MAX: usize = 128;

/// An announcement, or its deletion.
///
/// ```text
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// | V=1 |A|R|T|E|C|   auth len    |         msg id hash           |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// :                originating source (32 or 128 bits)            :
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// :     authentication data, payload type and 0, payload          :
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Announcement<'a> {
    /// The session is over.
    pub deletion: bool,
    /// Tells versions of an announcement apart, together with the origin.
    pub hash: u16,
    /// Who announces.
    pub origin: IpAddr,
    /// The description, or of a deletion at least its origin line. Most are UTF-8, not all.
    pub payload: &'a [u8],
}

impl<'a> Announcement<'a> {
    /// Looks at a datagram as an announcement.
    ///
    /// # Errors
    /// If it is cut off, encrypted, compressed, or no session description.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(bytes);
        let [flags, authentication_words] = reader.array()?;
        if flags >> 5 != 1 {
            return Err(Error::Malformed("not version 1 of SAP"));
        }
        if flags & 0x02 != 0 {
            return Err(Error::Malformed("an encrypted announcement"));
        }
        if flags & 0x01 != 0 {
            return Err(Error::Malformed("a compressed announcement"));
        }
        let hash = reader.u16()?;
        let origin = if flags & 0x10 == 0 {
            IpAddr::V4(Ipv4Addr::from(reader.array::<4>()?))
        } else {
            IpAddr::V6(Ipv6Addr::from(reader.array::<16>()?))
        };
        reader.bytes(usize::from(authentication_words) * 4)?;
        let rest = reader.rest();
        let payload = if is_description(rest) {
            rest
        } else {
            behind_type(rest)
                .ok_or(Error::Malformed("an announcement of something that is not SDP"))?
        };
        Ok(Self { deletion: flags & 0x04 != 0, hash, origin, payload })
    }

    /// Writes the announcement to the begin of `out` and returns its length.
    ///
    /// # Errors
    /// If `out` is too short.
    pub fn emit(&self, out: &mut [u8]) -> Result<usize, Error> {
        let (is_v6, address) = match self.origin {
            IpAddr::V4(address) => (false, address.to_ipv6_mapped().octets()),
            IpAddr::V6(address) => (true, address.octets()),
        };
        let address = if is_v6 { &address[..] } else { &address[12..] };
        let header_len = 4 + address.len();
        let len = header_len + PAYLOAD_TYPE.len() + self.payload.len();
        let out = space(out, len)?;
        out[0] = 1 << 5 | u8::from(is_v6) << 4 | u8::from(self.deletion) << 2;
        out[1] = 0;
        out[2..4].copy_from_slice(&self.hash.to_be_bytes());
        out[4..header_len].copy_from_slice(address);
        let (payload_type, payload) = out[header_len..].split_at_mut(PAYLOAD_TYPE.len());
        payload_type.copy_from_slice(PAYLOAD_TYPE);
        payload.copy_from_slice(self.payload);
        Ok(len)
    }
}

/// Whether a payload is a description, or the origin line of one, without a type in front.
fn is_description(payload: &[u8]) -> bool {
    payload.starts_with(b"v=0") || payload.starts_with(b"o=")
}

/// What lies behind the type of a description, in whatever letters and with whatever parameters (RFC 2045
/// section 5.1).
fn behind_type(payload: &[u8]) -> Option<&[u8]> {
    let end = payload.iter().take(PAYLOAD_TYPE_MAX).position(|byte| *byte == 0)?;
    let (named, behind) = payload.split_at(end);
    let name = named.split(|byte| *byte == b';').next()?.trim_ascii();
    let known = &PAYLOAD_TYPE[..PAYLOAD_TYPE.len() - 1];
    name.eq_ignore_ascii_case(known).then_some(&behind[1..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_announcement_is_these_bytes() {
        let origin = IpAddr::from([192, 0, 2, 1]);
        let announcement =
            Announcement { deletion: false, hash: 0xABCD, origin, payload: b"v=0\r\n" };
        let mut out = [0; 64];
        let len = announcement.emit(&mut out).unwrap();
        assert_eq!(&out[..len], b"\x20\x00\xAB\xCD\xC0\x00\x02\x01application/sdp\0v=0\r\n");
        assert_eq!(Announcement::parse(&out[..len]), Ok(announcement));
        let deletion = Announcement { deletion: true, ..announcement };
        deletion.emit(&mut out).unwrap();
        assert_eq!(out[0], 0x24);
        assert_eq!(announcement.emit(&mut out[..28]), Err(Error::Space { needed: 29, actual: 28 }));
    }

    #[test]
    fn the_payload_type_may_be_missing_and_others_are_refused() {
        let bytes = b"\x20\x01\0\x01\x7F\0\0\x01AUTHv=0\r\n";
        assert_eq!(Announcement::parse(bytes).unwrap().payload, b"v=0\r\n");
        for (at, value) in [(0, 0x22), (0, 0x21), (0, 0x40), (12, b'x'), (13, 0xFF)] {
            let mut bytes = *bytes;
            bytes[at] = value;
            assert!(matches!(Announcement::parse(&bytes), Err(Error::Malformed(_))), "{at}");
        }
    }

    #[test]
    fn types_in_capitals_other_letters_and_origin_lines_are_taken() {
        for (written, payload) in [
            (&b"Application/SDP\0v=0\r\n"[..], &b"v=0\r\n"[..]),
            (b"application/sdp; charset=iso-8859-1\0v=0\ns=T\xFCr\n", b"v=0\ns=T\xFCr\n"),
            (b"application/sdp\0o=- 1 1 IN IP4 127.0.0.1\r\n", b"o=- 1 1 IN IP4 127.0.0.1\r\n"),
            (b"o=- 1 1 IN IP4 127.0.0.1\r\n", b"o=- 1 1 IN IP4 127.0.0.1\r\n"),
        ] {
            let bytes = [&b"\x20\0\0\x01\x7F\0\0\x01"[..], written].concat();
            assert_eq!(Announcement::parse(&bytes).unwrap().payload, payload);
        }
        let other = b"\x20\0\0\x01\x7F\0\0\x01application/sdpx\0v=0\r\n";
        assert!(Announcement::parse(other).is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = Announcement::parse(&bytes);
        }

        #[test]
        fn announcements_come_back(deletion: bool, hash: u16, v6: [u16; 8], text in "v=0[a-z \r\n]{0,40}") {
            let origin = IpAddr::from(v6);
            let announcement = Announcement { deletion, hash, origin, payload: text.as_bytes() };
            let mut out = [0; 128];
            let len = announcement.emit(&mut out).unwrap();
            prop_assert_eq!(Announcement::parse(&out[..len]), Ok(announcement));
        }
    }
}
