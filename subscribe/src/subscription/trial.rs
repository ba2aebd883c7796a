//! Listens to a group beside what comes by unicast, to find out how much of it arrives.

use super::choice::Seen;
use super::track::ReceivedTrack;
use crate::clock::monotonic;
use crate::plan::StreamPlan;
use crate::rtp_session::repair_time::RepairTime;
use streamsocket_media::clock::{Delay, Monotonic};
use streamsocket_net::{Error, Interface, ReceiveSocket, Received};
use streamsocket_stream::receive::repair::Repair;
use streamsocket_stream::receive::source::{Admission, Source};
use streamsocket_wire::repair::Header;
use streamsocket_wire::rtp::{Packet, Ssrc};

/// System calls for packets of one socket in one turn of the loop.
const CALLS_AT_A_TIME: usize = 16;

/// How much later than by unicast the first packet may come, and how much earlier the last: switches need a moment for
/// a join, and some forward everything for a second before they know who wants it.
const EDGE: Delay = Delay::from_secs(2);

/// A group that is listened to.
pub(super) struct Trial {
    since: Monotonic,
    streams: Vec<Stream>,
}

/// One of its streams.
struct Stream {
    rtp: ReceiveSocket,
    repair: Option<ReceiveSocket>,
    heard: Heard,
}

impl Trial {
    /// Joins the group of these streams.
    ///
    /// # Errors
    /// It cannot be joined. What is lost is not repaired if only that cannot be.
    pub(super) fn open(
        streams: &[StreamPlan],
        interface: Option<&Interface>,
        only_from_sources: bool,
        now: Monotonic,
    ) -> Result<Self, Error> {
        let open = |plan: &StreamPlan| {
            let sources = plan.asked_of(only_from_sources);
            let open = |to| ReceiveSocket::open(to, interface, sources.iter().copied());
            let repair = plan.repair.and_then(|(to, _)| open(to).ok());
            let repaired = plan.repair.filter(|_| repair.is_some());
            let heard = Heard::new(plan, repaired.map(|(_, payload_type)| payload_type));
            Ok(Stream { rtp: open(plan.rtp)?, repair, heard })
        };
        let streams = streams.iter().map(open).collect::<Result<_, _>>()?;
        Ok(Self { since: now, streams })
    }

    /// Reads what has come, of the sources that these tracks have.
    pub(super) fn read(&mut self, tracks: &[ReceivedTrack], now: Monotonic) {
        for (Stream { rtp, repair, heard }, track) in self.streams.iter_mut().zip(tracks) {
            let session = &track.session;
            heard.note_unicast(session.source().heard().filter(|heard| *heard >= self.since));
            let Some(ssrc) = session.source().ssrc() else { continue };
            let ours = |received: &Received<'_>| session.knows(received.from.ip());
            // Repair packets first: the media packets sent before them have arrived by then.
            if let Some(repair) = repair {
                drain(repair, &mut |it| {
                    if ours(&it) {
                        heard.take_repair(it.data, ssrc);
                    }
                });
            }
            drain(rtp, &mut |it| {
                if ours(&it) {
                    heard.take(it.data, ssrc, now);
                }
            });
            heard.repair(ssrc, now, monotonic);
        }
    }

    /// What has come of all streams by now; nothing if one of them did not come from the beginning to the end.
    pub(super) fn seen(&self, now: Monotonic) -> Seen {
        let seen = |stream: &Stream| stream.heard.seen(self.since, now);
        let all: Option<Vec<_>> = self.streams.iter().map(seen).collect();
        all.unwrap_or_default().into_iter().fold(Seen::default(), Seen::and)
    }
}

fn drain(socket: &mut ReceiveSocket, each: &mut dyn FnMut(Received<'_>)) {
    for _ in 0..CALLS_AT_A_TIME {
        // An error is as good as nothing.
        if socket.receive(each).unwrap_or(0) == 0 {
            break;
        }
    }
}

/// What has come of a stream, repaired as a session's would be.
struct Heard {
    payload_type: u8,
    source: Source,
    /// Payload type of repair packets.
    repair: Option<(Repair, u8)>,
    repair_time: RepairTime,
    first: Option<Monotonic>,
    /// When the first packet and the last one came by unicast meanwhile.
    unicast: Option<(Monotonic, Monotonic)>,
}

impl Heard {
    fn new(plan: &StreamPlan, repair: Option<u8>) -> Self {
        Self {
            payload_type: plan.payload_type,
            source: Source::new(plan.clock_rate),
            repair: repair.map(|payload_type| (Repair::default(), payload_type)),
            repair_time: RepairTime::default(),
            first: None,
            unicast: None,
        }
    }

    /// A packet came by unicast at this time, if one did.
    fn note_unicast(&mut self, heard: Option<Monotonic>) {
        let Some(heard) = heard else { return };
        let (first, _) = self.unicast.unwrap_or((heard, heard));
        self.unicast = Some((first, heard));
    }

    /// A datagram came to the group, where this source is wanted.
    fn take(&mut self, datagram: &[u8], ssrc: Ssrc, now: Monotonic) {
        let Ok(packet) = Packet::parse(datagram) else { return };
        let header = packet.header();
        if header.payload_type != self.payload_type || header.ssrc != ssrc {
            return;
        }
        let sequence = match self.source.admit(&header, now) {
            Admission::Admitted { sequence, .. } => sequence,
            Admission::NewSource { sequence, .. } => {
                if let Some((repair, _)) = &mut self.repair {
                    repair.reset();
                }
                sequence
            }
            Admission::Refused => return,
        };
        self.first = self.first.or(Some(now));
        if let Some((repair, _)) = &mut self.repair {
            repair.keep(sequence, datagram);
        }
    }

    /// A datagram came to the group of repair packets.
    fn take_repair(&mut self, datagram: &[u8], ssrc: Ssrc) {
        let Some((repair, payload_type)) = &mut self.repair else { return };
        let packet = Packet::parse(datagram).ok();
        let packet = packet.filter(|packet| packet.header().payload_type == *payload_type);
        let header = packet.and_then(|packet| Header::parse(packet.payload()).ok());
        let header = header.filter(|(header, _)| header.media == ssrc);
        if let Some(((header, shard), highest)) = header.zip(self.source.highest()) {
            repair.push(&header, shard, highest);
        }
    }

    /// Makes lost packets, as far as there is time for it.
    fn repair(&mut self, ssrc: Ssrc, now: Monotonic, clock: impl Fn() -> Monotonic) {
        let Some((repair, _)) = &mut self.repair else { return };
        if repair.is_ready() && self.repair_time.allows(now) {
            let began = clock();
            repair.poll(ssrc, &mut |_, _| {});
            let end = clock();
            self.repair_time.spend(end - began, end);
        }
    }

    /// What has come of it since then; `None` if it did not come from the beginning to the end. Of a stream that is
    /// silent by unicast as well, such as that of a microphone that is out, nothing is expected.
    fn seen(&self, since: Monotonic, now: Monotonic) -> Option<Seen> {
        if self.first.is_none() && self.unicast.is_none() {
            return Some(Seen::default());
        }
        let (begins, ends) = self.unicast.unwrap_or((since, now));
        let (first, last) = self.first.zip(self.source.heard())?;
        if first - begins > EDGE || ends - last > EDGE {
            return None;
        }
        let (came, lost) = self.source.totals();
        let repaired = self.repair.as_ref().map_or(0, |(repair, _)| repair.counts().repaired);
        Some(Seen::repaired(came, lost, repaired))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use streamsocket_stream::send::repair::{Block, Encoder};
    use streamsocket_wire::rtp::{RtpTime, Sequence};

    const SSRC: Ssrc = Ssrc(7);
    const MS: i64 = 1_000_000;

    fn at(millis: i64) -> Monotonic {
        Monotonic(millis * MS)
    }

    fn packet(ssrc: Ssrc, payload_type: u8, sequence: u16) -> [u8; 16] {
        let mut bytes = [0; 16];
        (bytes[0], bytes[1]) = (0x80, payload_type);
        bytes[2..4].copy_from_slice(&sequence.to_be_bytes());
        bytes[4..8].copy_from_slice(&(u32::from(sequence) * 900).to_be_bytes());
        bytes[8..12].copy_from_slice(&ssrc.0.to_be_bytes());
        bytes
    }

    /// What is seen of a stream of 100 packets a second for ten seconds of which those come that do.
    fn seen(comes: impl Fn(u16) -> bool) -> Option<Seen> {
        let plan = crate::plan::Plan::at("239.1.1.1:5004".parse().unwrap(), None);
        let mut heard = Heard::new(&plan.video.unwrap(), None);
        for sequence in 0..1000 {
            let now = at(i64::from(sequence) * 10);
            heard.note_unicast(Some(now));
            if comes(sequence) {
                heard.take(&packet(SSRC, 26, sequence), SSRC, now);
            }
            // Somebody else's.
            heard.take(&packet(Ssrc(8), 26, sequence), SSRC, now);
            heard.take(&packet(SSRC, 97, sequence), SSRC, now);
        }
        heard.seen(at(0), at(10_000))
    }

    #[test]
    fn what_comes_from_the_beginning_to_the_end_is_counted_with_what_is_lost() {
        assert_eq!(seen(|_| true), Some(Seen { came: 1000, lost: 0 }));
        assert_eq!(seen(|it| it % 50 != 10), Some(Seen { came: 980, lost: 20 }));
        assert_eq!(seen(|it| (150..850).contains(&it)), Some(Seen { came: 700, lost: 0 }));
    }

    #[test]
    fn a_group_that_falls_silent_or_comes_late_does_not_come() {
        for range in [0..100, 0..790, 210..1000, 0..0] {
            assert_eq!(seen(|it| range.contains(&it)), None, "{range:?}");
        }
    }

    #[test]
    fn a_stream_is_expected_as_it_comes_by_unicast() {
        let plan = crate::plan::Plan::at("239.1.1.1:5004".parse().unwrap(), None);
        let mut heard = Heard::new(&plan.video.unwrap(), None);
        assert_eq!(heard.seen(at(0), at(10_000)), Some(Seen::default()), "silent everywhere");
        // A picture every four seconds.
        for (sequence, now) in [(0, at(3000)), (1, at(7000))] {
            heard.note_unicast(Some(now));
            heard.take(&packet(SSRC, 26, sequence), SSRC, now);
        }
        assert_eq!(heard.seen(at(0), at(10_000)), Some(Seen { came: 2, lost: 0 }));
    }

    #[test]
    fn what_repair_packets_make_up_for_is_not_lost() {
        let plan = crate::plan::Plan::at("239.1.1.1:5004".parse().unwrap(), None);
        let mut heard = Heard::new(&plan.video.unwrap(), Some(98));
        let mut encoder = Encoder::new(Ssrc(9), Sequence(0), SSRC);
        // Blocks of ten packets, of which one is lost, with two repair packets each.
        for block in 0..100 {
            let (first, now) = (block * 10, at(i64::from(block) * 100));
            let (time, longest) = (RtpTime(u32::from(first) * 900), 16);
            let block = Block { first: Sequence(first), time, packets: 10, repairs: 2, longest };
            assert!(encoder.begin(block));
            heard.note_unicast(Some(now));
            for sequence in first..first + 10 {
                let packet = packet(SSRC, 26, sequence);
                encoder.push(&packet[..12], &packet[12..]);
                if sequence % 10 != 5 {
                    heard.take(&packet, SSRC, now);
                }
            }
            (0..2).for_each(|index| heard.take_repair(encoder.get(index).unwrap(), SSRC));
            heard.repair(SSRC, now, || now);
        }
        assert_eq!(heard.seen(at(0), at(10_000)), Some(Seen { came: 1000, lost: 0 }));
    }
}
