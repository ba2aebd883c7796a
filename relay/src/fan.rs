//! The viewers of one medium who are served one by one: they get whole pictures, or none of them.

use streamsocket_net::Datagram;
use streamsocket_station::unicast::{Form, Unicast, UnicastId, UnicastSink};
use streamsocket_wire::sdp::Medium;

/// Where the RTP time stands in a packet (RFC 3550 section 5.1).
const TIME: std::ops::Range<usize> = 4..8;

/// Bytes that the connection of a viewer holds at most: eight pictures of 1080p, or two of 4K. As many viewers as there may
/// be then hold 256 MB, half of what the service may have, even of a publisher whose pictures never end.
const HELD_MAX: usize = 2 << 20;

/// The viewers of one medium.
pub(crate) struct Fan {
    unicast: Unicast,
    medium: Medium,
    /// The RTP time of the last packet, as it stands in it: what has another one begins a picture.
    time: Option<[u8; 4]>,
}

impl Fan {
    pub(crate) fn new(medium: Medium) -> Self {
        Self { unicast: Unicast::holding(HELD_MAX), medium, time: None }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.unicast.iter().next().is_none()
    }

    /// Adds a viewer, who gets nothing yet.
    pub(crate) fn add(&mut self, sink: UnicastSink) {
        self.unicast.add(sink);
    }

    pub(crate) fn remove(&mut self, id: UnicastId) {
        let _ = self.unicast.remove(id);
    }

    /// A viewer gets what begins from now on, or nothing more.
    pub(crate) fn play(&mut self, id: UnicastId, playing: bool) {
        self.unicast.play(id, playing);
    }

    /// Sends packets to those who play.
    pub(crate) fn send<'a>(&mut self, packets: &(impl Iterator<Item = Datagram<'a>> + Clone)) {
        let mut left = packets.clone().peekable();
        let mut begun = 0;
        while let Some(first) = left.next() {
            let time = time_of(&first);
            if self.time.is_none_or(|before| before != time) {
                self.time = Some(time);
                self.unicast.begin(self.medium);
            }
            let mut count = 1;
            while left.next_if(|it| time_of(it) == time).is_some() {
                count += 1;
            }
            self.unicast.send(&packets.clone().skip(begun).take(count), Form::Media);
            begun += count;
        }
    }

    /// Sends a report to those who play.
    pub(crate) fn send_report(&mut self, report: &[u8]) {
        self.unicast.send_rtcp(report, Form::Media);
    }
}

/// The RTP time of a packet that has one.
fn time_of(packet: &Datagram<'_>) -> [u8; 4] {
    packet.header.get(TIME).and_then(|it| it.try_into().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{Ipv4Addr, UdpSocket};
    use streamsocket_net::UnicastSocket;
    use streamsocket_station::unicast::UnicastWay;

    #[test]
    fn who_begins_to_watch_begins_with_a_whole_picture() {
        let here = |_| UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let [near, far] = [0, 1].map(here);
        far.set_nonblocking(true).unwrap();
        let to = [far.local_addr().unwrap(), near.local_addr().unwrap()];
        let pair = UnicastSocket::pair((Ipv4Addr::LOCALHOST, 0).into(), to).unwrap();
        let mut fan = Fan::new(Medium::Video);
        let id = UnicastId(1);
        fan.add(UnicastSink::new(id, UnicastWay::Udp(Box::new(pair)), Form::Media));
        // Pictures of three packets, of which a batch has parts of two.
        let packets: Vec<[u8; 14]> = (0..12_u8)
            .map(|number| {
                let mut packet = [0; 14];
                (packet[7], packet[13]) = (1 + number / 3, number);
                packet
            })
            .collect();
        let batch = |range: std::ops::Range<usize>| {
            packets[range].iter().map(|it| Datagram { header: it, payload: &[] })
        };
        fan.send(&batch(0..2));
        fan.play(id, true);
        fan.send(&batch(2..5));
        fan.send(&batch(5..7));
        fan.send(&batch(7..12));
        let mut buffer = [0; 20];
        let got = std::iter::from_fn(|| far.recv(&mut buffer).ok().map(|_| buffer[13]));
        assert_eq!(got.collect::<Vec<_>>(), (3..12).collect::<Vec<_>>());
        fan.remove(id);
        assert!(fan.is_empty());
    }
}
