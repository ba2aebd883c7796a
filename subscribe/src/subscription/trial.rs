//! Listens to a group beside what comes otherwise, to find out how much of it arrives.

use super::choice::Seen;
use crate::plan::StreamPlan;
use streamsocket_net::{Error, Interface, ReceiveSocket, Received};
use streamsocket_wire::rtp::{Packet, Sequence};

/// System calls for packets of one stream in one turn of the loop.
const CALLS_AT_A_TIME: usize = 16;

/// A group that is listened to.
pub(super) struct Trial(Vec<(ReceiveSocket, u8, Extent)>);

/// Which packets of a stream have come.
#[derive(Clone, Copy, Debug, Default)]
struct Extent {
    came: u64,
    /// From the first to the last.
    sent: u64,
    last: Option<Sequence>,
}

impl Extent {
    /// A packet has come. Those that overtake each other count where the later one stands.
    fn take(&mut self, sequence: Sequence) {
        self.came += 1;
        let ahead = self.last.map_or(1, |last| sequence.0.wrapping_sub(last.0));
        if ahead < 1 << 15 {
            self.sent += u64::from(ahead);
            self.last = Some(sequence);
        }
    }
}

impl Trial {
    /// Joins the group of these streams.
    ///
    /// # Errors
    /// It cannot be joined.
    pub(super) fn open(
        streams: &[StreamPlan],
        interface: Option<&Interface>,
        only_from_sources: bool,
    ) -> Result<Self, Error> {
        let open = |stream: &StreamPlan| {
            let sources = stream.asked_of(only_from_sources).iter().copied();
            let socket = ReceiveSocket::open(stream.rtp, interface, sources)?;
            Ok((socket, stream.payload_type, Extent::default()))
        };
        streams.iter().map(open).collect::<Result<_, _>>().map(Self)
    }

    /// Reads what has come.
    pub(super) fn read(&mut self) {
        for (socket, payload_type, extent) in &mut self.0 {
            // An error is as good as nothing.
            let mut each = |received: Received<'_>| {
                let header = Packet::parse(received.data).map(|packet| packet.header());
                let header = header.ok().filter(|header| header.payload_type == *payload_type);
                header.into_iter().for_each(|header| extent.take(header.sequence));
            };
            for _ in 0..CALLS_AT_A_TIME {
                // An error is as good as nothing.
                if socket.receive(&mut each).unwrap_or(0) == 0 {
                    break;
                }
            }
        }
    }

    /// What has come of all streams; nothing if one of them is silent.
    pub(super) fn seen(&self) -> Seen {
        let extents = self.0.iter().map(|(_, _, extent)| extent);
        if extents.clone().any(|extent| extent.came == 0) {
            return Seen::default();
        }
        let sum = |of: fn(&Extent) -> u64| extents.clone().map(of).sum();
        let (came, sent): (u64, u64) = (sum(|it| it.came), sum(|it| it.sent));
        Seen { came, lost: sent.saturating_sub(came) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_between_the_first_and_the_last_is_lost() {
        let mut extent = Extent::default();
        for sequence in [65_534, 65_535, 1, 0, 2, 6] {
            extent.take(Sequence(sequence));
        }
        assert_eq!((extent.came, extent.sent), (6, 9));
    }
}
