//! Who receives: a table of bounded size, fed by the reports of receivers.

use crate::clock::Monotonic;
use core::net::SocketAddr;
use core::time::Duration;
use streamsocket_wire::rtcp::{Packet, ReportBlock, packets};
use streamsocket_wire::rtp::Ssrc;

/// Receivers known at most. More may watch; they are not listed, and a forger fills no more.
pub const VIEWERS_MAX: usize = 1024;

/// A receiver that has not reported for so long is gone: five of the longest ordinary intervals
/// (RFC 3550 section 6.3.5).
const FORGET_AFTER: Duration = Duration::from_secs(40);

/// A receiver of one stream.
#[derive(Clone, Copy, Debug)]
pub struct Viewer {
    /// Its synchronization source.
    pub ssrc: Ssrc,
    /// Where its reports come from.
    pub address: SocketAddr,
    /// When the last one came.
    pub heard: Monotonic,
    /// What it said about the stream, if anything yet.
    pub block: Option<ReportBlock>,
}

/// The receivers of one stream.
#[derive(Debug)]
pub struct Viewers {
    stream: Ssrc,
    known: Vec<Viewer>,
}

impl Viewers {
    /// An empty table for the stream `stream`.
    #[must_use]
    pub const fn new(stream: Ssrc) -> Self {
        Self { stream, known: Vec::new() }
    }

    /// Takes an RTCP packet from `address`. What is malformed is ignored.
    pub fn receive(&mut self, rtcp: &[u8], address: SocketAddr, now: Monotonic) {
        let Ok(packets) = packets(rtcp) else { return };
        for packet in packets.flatten() {
            match packet {
                Packet::ReceiverReport { ssrc, blocks } => {
                    let block = blocks.into_iter().find(|block| block.ssrc == self.stream);
                    self.report(Viewer { ssrc, address, heard: now, block });
                }
                Packet::Bye { sources, .. } => {
                    for ssrc in sources {
                        self.known.retain(|viewer| viewer.ssrc != ssrc);
                    }
                }
                _ => {}
            }
        }
    }

    /// Forgets those that went away without saying so.
    pub fn forget(&mut self, now: Monotonic) {
        self.known.retain(|viewer| now.since(viewer.heard) < FORGET_AFTER);
    }

    /// Receivers known.
    #[must_use]
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// True if none is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// Them.
    pub fn iter(&self) -> impl Iterator<Item = &Viewer> {
        self.known.iter()
    }

    fn report(&mut self, mut viewer: Viewer) {
        if let Some(known) = self.known.iter_mut().find(|known| known.ssrc == viewer.ssrc) {
            viewer.block = viewer.block.or(known.block);
            *known = viewer;
        } else if self.known.len() < VIEWERS_MAX {
            self.known.push(viewer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::feedback::Feedback;
    use super::*;

    const STREAM: Ssrc = Ssrc(9);

    fn address() -> SocketAddr {
        "192.0.2.7:5555".parse().unwrap()
    }

    fn report(viewers: &mut Viewers, ssrc: u32, at: Monotonic) {
        let block = ReportBlock {
            ssrc: STREAM,
            fraction_lost: 3,
            lost: 4,
            highest: 5,
            jitter: 6,
            last_sr: 7,
            delay: 8,
        };
        let mut out = [0; 512];
        let mut feedback = Feedback::new(Ssrc(ssrc), None);
        let len = feedback.report(at, Some(block), "a@b", 0, &mut out).unwrap();
        viewers.receive(&out[..len], address(), at);
    }

    #[test]
    fn a_receiver_is_known_until_it_says_goodbye() {
        let mut viewers = Viewers::new(STREAM);
        report(&mut viewers, 1, Monotonic(0));
        report(&mut viewers, 1, Monotonic(0));
        report(&mut viewers, 2, Monotonic(0));
        assert_eq!(viewers.len(), 2);
        assert_eq!(viewers.iter().next().unwrap().block.unwrap().lost, 4);
        let mut out = [0; 512];
        let len = Feedback::new(Ssrc(1), None).bye("a@b", &mut out).unwrap();
        viewers.receive(&out[..len], address(), Monotonic(0));
        assert_eq!(viewers.iter().map(|viewer| viewer.ssrc).collect::<Vec<_>>(), [Ssrc(2)]);
    }

    #[test]
    fn a_silent_receiver_is_forgotten_and_the_table_is_bounded() {
        let mut viewers = Viewers::new(STREAM);
        for ssrc in 0..2000 {
            report(&mut viewers, ssrc, Monotonic(0));
        }
        assert_eq!(viewers.len(), VIEWERS_MAX);
        viewers.forget(Monotonic(41_000_000_000));
        assert!(viewers.is_empty());
    }

    #[test]
    fn rubbish_is_ignored() {
        let mut viewers = Viewers::new(STREAM);
        for len in 0..64 {
            viewers.receive(&vec![0x81; len], address(), Monotonic(0));
        }
        assert!(viewers.is_empty());
    }
}
