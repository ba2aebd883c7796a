//! A session's Opus as an Ogg file that does not end (RFC 3533, RFC 7845): what every program plays that plays Opus.

use crate::message::TRAILER_LEN;
use crate::sessions::Viewer;
use bytes::Bytes;
use futures_util::Stream;
use futures_util::stream::unfold;
use std::convert::Infallible;
use streamsocket_wire::opus::{RATE, frames, head};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

/// Sample frames that are not played at the beginning: who joins within a stream has heard too little by then to decode
/// what was sent (RFC 7845 section 4.2).
const SKIP: u16 = 3840;

/// Number of the only stream in a file.
const SERIAL: u32 = 1;

/// The first page of a stream (RFC 3533 section 6).
const FIRST: u8 = 2;

/// Bytes of a packet that a byte of the lacing stands for.
const LACED: usize = 255;

/// Longest packet that fits a page, in bytes: 255 bytes of lacing, of which the last is less than 255.
const PACKET_MAX: usize = LACED * LACED - 1;

/// The comments of a file (RFC 7845 section 5.2): who made it, and none.
const TAGS: &[u8] = b"OpusTags\x14\0\0\0streamsocket-gateway\0\0\0\0";

/// Makes pages, each of one packet: so nothing waits for what comes next.
#[derive(Debug, Default)]
struct Pages {
    sequence: u32,
    /// Sample frames so far.
    granule: u64,
}

impl Pages {
    /// The two pages that a file begins with.
    fn beginning(channels: u8) -> (Self, Bytes) {
        let (mut pages, mut out) = (Self::default(), Vec::new());
        pages.page(FIRST, &head(channels, SKIP, RATE), &mut out);
        pages.page(0, TAGS, &mut out);
        (pages, out.into())
    }

    /// The page of a packet; `None` for what is none.
    fn packet(&mut self, packet: &[u8]) -> Option<Bytes> {
        let frames = frames(packet).filter(|_| packet.len() <= PACKET_MAX)?;
        self.granule += frames as u64;
        let mut out = Vec::new();
        self.page(0, packet, &mut out);
        Some(out.into())
    }

    fn page(&mut self, flags: u8, packet: &[u8], out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(b"OggS\0");
        out.push(flags);
        out.extend_from_slice(&self.granule.to_le_bytes());
        out.extend_from_slice(&SERIAL.to_le_bytes());
        out.extend_from_slice(&self.sequence.to_le_bytes());
        let checksum_at = out.len();
        out.extend_from_slice(&[0; 4]);
        let whole = packet.len() / LACED;
        out.push(u8::try_from(whole + 1).unwrap_or(u8::MAX));
        out.extend(std::iter::repeat_n(u8::MAX, whole));
        out.push(u8::try_from(packet.len() % LACED).unwrap_or_default());
        out.extend_from_slice(packet);
        let checksum = checksum(&out[start..]);
        out[checksum_at..checksum_at + 4].copy_from_slice(&checksum.to_le_bytes());
        self.sequence = self.sequence.wrapping_add(1);
    }
}

/// The checksum of a page (RFC 3533 section 6): a CRC of 32 bits with this polynomial.
fn checksum(page: &[u8]) -> u32 {
    const POLYNOMIAL: u32 = 0x04c1_1db7;
    page.iter().fold(0, |sum, byte| {
        (0..8).fold(sum ^ (u32::from(*byte) << 24), |sum, _| {
            let carried = sum >> 31 == 1;
            (sum << 1) ^ if carried { POLYNOMIAL } else { 0 }
        })
    })
}

/// The body of an answer that goes on until the session ends. What a viewer takes too late is left out.
pub(crate) fn body(
    channels: u8,
    sound: Receiver<Bytes>,
    viewer: Viewer,
) -> impl Stream<Item = Result<Bytes, Infallible>> {
    let (pages, first) = Pages::beginning(channels);
    unfold((Some(first), pages, sound, viewer), async |(first, mut pages, mut sound, viewer)| {
        if let Some(first) = first {
            return Some((Ok(first), (None, pages, sound, viewer)));
        }
        loop {
            match sound.recv().await {
                Ok(message) => {
                    let packet = &message[..message.len().saturating_sub(TRAILER_LEN)];
                    if let Some(page) = pages.packet(packet) {
                        return Some((Ok(page), (None, pages, sound, viewer)));
                    }
                }
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return None,
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 20 ms of silence in stereo, and more behind it.
    fn packet(len: usize) -> Vec<u8> {
        let mut packet = vec![0xFC, 0xFF, 0xFE];
        packet.resize(len, 7);
        packet
    }

    #[test]
    fn a_page_has_the_checksum_that_others_compute() {
        // That of "123456789" by this polynomial, begun with 0 and not turned round.
        assert_eq!(checksum(b"123456789"), 0x89a1_897f);
    }

    #[test]
    fn pages_count_samples_and_themselves() {
        let (mut pages, first) = Pages::beginning(2);
        assert_eq!(&first[..6], b"OggS\0\x02");
        assert_eq!(&first[28..36], b"OpusHead");
        assert_eq!(first.len(), 28 + 19 + 28 + TAGS.len());
        for (number, len) in (2_u32..).zip([3, 254, 255, 300]) {
            let page = pages.packet(&packet(len)).unwrap();
            let lacing = len / 255 + 1;
            assert_eq!(page.len(), 27 + lacing + len);
            assert_eq!(page[6..14], (u64::from(number - 1) * 960).to_le_bytes());
            assert_eq!(page[18..22], number.to_le_bytes());
            assert_eq!(usize::from(page[26]), lacing);
            assert_eq!(usize::from(page[26 + lacing]), len % 255);
            let mut without = page.to_vec();
            without[22..26].fill(0);
            assert_eq!(page[22..26], checksum(&without).to_le_bytes());
        }
        assert!(pages.packet(&[]).is_none() && pages.packet(&packet(PACKET_MAX + 1)).is_none());
        assert!(pages.packet(&packet(PACKET_MAX)).is_some());
    }
}
