//! Tells whether somebody is sending a stream to a group: RTP packets in sequence from one source.
//! Stray packets, which anybody may send, do not count.

use std::net::SocketAddr;
use std::time::Duration;
use streamsocket_media::clock::Monotonic;
use streamsocket_wire::rtp::{self, Sequence, Ssrc};

/// Packets in sequence that make a stream: 25 ms of sound, or five pictures.
const PACKETS_MIN: u32 = 5;

/// Shortest time from the first of them to the last, so that a burst is no stream. A camera of 10
/// pictures a second sends five within it.
const SPAN_MIN: Duration = Duration::from_millis(400);

/// Largest step of a sequence number, which allows for lost packets.
const AHEAD_MAX: i16 = 100;

/// Sources tracked at a time; with more, the oldest is forgotten.
const FLOWS_MAX: usize = 16;

/// The sources heard in a group.
#[derive(Debug, Default)]
pub(super) struct Flows {
    known: heapless::Deque<Flow, FLOWS_MAX>,
}

#[derive(Debug)]
struct Flow {
    from: SocketAddr,
    ssrc: Ssrc,
    last: Sequence,
    began: Monotonic,
    packets: u32,
}

impl Flows {
    /// Takes a datagram that arrived from `from`. True if it belongs to a stream.
    pub(super) fn hear(&mut self, datagram: &[u8], from: SocketAddr, now: Monotonic) -> bool {
        let Ok(packet) = rtp::Packet::parse(datagram) else { return false };
        let (ssrc, sequence) = (packet.header().ssrc, packet.header().sequence);
        let known = self.known.iter_mut().find(|flow| flow.from == from && flow.ssrc == ssrc);
        let Some(flow) = known else {
            if self.known.is_full() {
                self.known.pop_front();
            }
            let flow = Flow { from, ssrc, last: sequence, began: now, packets: 1 };
            let _ = self.known.push_back(flow);
            return false;
        };
        let ahead = sequence.distance(flow.last);
        if !(-AHEAD_MAX..=AHEAD_MAX).contains(&ahead) {
            (flow.last, flow.began, flow.packets) = (sequence, now, 1);
        } else if ahead > 0 {
            (flow.last, flow.packets) = (sequence, flow.packets + 1);
        } // Else it was overtaken, or is the same one again.
        flow.packets >= PACKETS_MIN && now.since(flow.began) >= SPAN_MIN
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use streamsocket_wire::rtp::{Header, RtpTime};

    fn packet(ssrc: u32, sequence: u16) -> [u8; 20] {
        let mut bytes = [0; 20];
        let header = Header {
            marker: false,
            payload_type: 26,
            sequence: Sequence(sequence),
            time: RtpTime(0),
            ssrc: Ssrc(ssrc),
            has_extension: false,
        };
        header.emit(&mut bytes).unwrap();
        bytes
    }

    fn sender(number: u16) -> SocketAddr {
        ([192, 0, 2, 1], 40_000 + number).into()
    }

    /// Whether this makes a stream: packets of milliseconds, senders, SSRCs and sequence numbers.
    fn streams(packets: impl IntoIterator<Item = (i64, u16, u32, u16)>) -> bool {
        let mut flows = Flows::default();
        packets.into_iter().fold(false, |any, (ms, from, ssrc, sequence)| {
            let now = Monotonic(ms * 1_000_000);
            any | flows.hear(&packet(ssrc, sequence), sender(from), now)
        })
    }

    #[test]
    fn rtp_that_goes_on_is_a_stream() {
        assert!(streams((0..200).map(|it| (i64::from(it) * 5, 0, 1, it))), "sound");
        assert!(streams((0..10).map(|it| (
            i64::from(it) * 100,
            0,
            1,
            65_530_u16.wrapping_add(it)
        ))));
        assert!(streams((0..30).map(|it| (i64::from(it) * 33, 0, 1, it * 7))), "with losses");
        assert!(streams((0..60).map(|it| (i64::from(it) * 16, 0, 1, it ^ 1))), "reordered");
    }

    #[test]
    fn what_anybody_answers_with_is_none() {
        assert!(!streams([(0, 0, 1, 7)]), "one packet");
        assert!(!streams((0..100).map(|it| (300, 0, 1, it))), "a burst");
        assert!(!streams((0..100).map(|it| (i64::from(it) * 9, 0, 1, 7))), "a repeated one");
        assert!(
            !streams((0..100).map(|it| (i64::from(it) * 9, 0, 1, it * 500))),
            "out of sequence"
        );
        assert!(!streams((0..100).map(|it| (i64::from(it) * 9, it, 1, it))), "of many senders");
        assert!(
            !streams((0..100).map(|it| (i64::from(it) * 9, 0, it.into(), it))),
            "of many sources"
        );
        let mut flows = Flows::default();
        assert!((0..100).all(|ms| !flows.hear(b"hello", sender(0), Monotonic(ms * 9_000_000))));
    }

    #[test]
    fn strangers_do_not_hide_a_stream() {
        let noise = (0..10_u16).map(|it| (i64::from(it) * 50 + 1, 1 + it, 9, 0));
        let stream = (0..20_u16).map(|it| (i64::from(it) * 30, 0, 1, it));
        let mut all: Vec<_> = noise.chain(stream).collect();
        all.sort_unstable();
        assert!(streams(all));
    }
}
