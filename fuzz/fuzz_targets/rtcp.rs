//! RTCP of the network: every packet and all that is in it, the table of viewers that the sender keeps
//! of it, and when a receiver reports.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::net::SocketAddr;
use streamsocket::publish::viewers::{MediumName, StreamViewers, TrackName, ViewerList, text};
use streamsocket_fuzz::{assert_one_line, lies_in};
use streamsocket_media::clock::Monotonic;
use streamsocket_seeds::{Step, Steps};
use streamsocket_stream::session::COMPOUND_MAX;
use streamsocket_stream::session::feedback::{About, BANDWIDTH_DEFAULT, Feedback};
use streamsocket_stream::session::viewers::{VIEWERS_MAX, Viewers};
use streamsocket_wire::ntp::NtpTime;
use streamsocket_wire::rtcp::{Description, Items, Packet, Writer, packets};
use streamsocket_wire::rtp::Ssrc;

/// The stream that seeds speak of.
const STREAM: Ssrc = Ssrc(9);

/// The least time from report to report, in nanoseconds: half of 5 s, less by the compensation of RFC 3550
/// appendix A.7.
const REPORTS_APART: i64 = 2_000_000_000;

/// A pause of 1, in nanoseconds.
const PAUSE_NANOS: i64 = 100_000_000;

fuzz_target!(|steps: Steps<'_>| {
    let mut now = Monotonic(0);
    let mut viewers = Viewers::new(STREAM, BANDWIDTH_DEFAULT);
    let slow = steps.0.first().is_some_and(|step| step.kind & 0x80 != 0);
    let mut feedback = Feedback::new(Ssrc(1), slow.then_some(0));
    let mut reported = None;
    feedback.start(now, 0);
    for step in &steps.0 {
        now = now.offset(i64::from(step.pause) * PAUSE_NANOS);
        take(step, now, &mut viewers, &mut feedback);
        if feedback.deadline().is_some_and(|deadline| deadline <= now) {
            let mut out = [0; COMPOUND_MAX];
            let random = u32::from_ne_bytes([step.kind; 4]);
            let about = About { cname: "a@b", ..About::default() };
            feedback.report(now, &about, random, &mut out).expect("a report has room");
            let apart = reported.map_or(i64::MAX, |before| now.nanos_since(before));
            assert!(apart >= REPORTS_APART, "{apart}");
            reported = Some(now);
        }
        viewers.forget(now);
        check(&viewers, now);
    }
    viewers.forget(now.offset(301_000_000_000));
    assert!(viewers.is_empty());
});

fn take(step: &Step<'_>, now: Monotonic, viewers: &mut Viewers, feedback: &mut Feedback) {
    if let Ok(packets) = packets(step.bytes) {
        for packet in packets.flatten() {
            if let Packet::GroupSize { members, .. } = packet {
                feedback.group_size(members, now);
            }
            read(&packet, step.bytes);
        }
    }
    let address = SocketAddr::from(([192, 0, 2, step.kind & 3], 5000 + u16::from(step.kind)));
    let ntp = NtpTime::from_unix_nanos(now.0);
    viewers.receive(step.bytes, address, now);
    viewers.ask(ntp, now);
}

/// All that is in a packet; what has a writer is written again, and read as it was.
fn read(packet: &Packet<'_>, datagram: &[u8]) {
    match packet {
        Packet::SenderReport { ssrc, info, blocks } => {
            let blocks: Vec<_> = blocks.clone().collect();
            same(packet, |writer| writer.sender_report(*ssrc, info, &blocks));
        }
        Packet::ReceiverReport { ssrc, blocks } => {
            let blocks: Vec<_> = blocks.clone().collect();
            same(packet, |writer| writer.receiver_report(*ssrc, &blocks));
        }
        Packet::Description(chunks) => {
            assert!(chunks.clone().count() <= 31);
            chunks.clone().for_each(|chunk| described(&chunk, datagram));
        }
        Packet::Bye { sources, reason } => {
            let sources: Vec<_> = sources.clone().collect();
            let reason = reason.map(std::str::from_utf8).transpose();
            if let Ok(reason) = reason {
                same(packet, |writer| writer.bye(&sources, reason));
            }
        }
        Packet::GroupSize { ssrc, members, report_size } => {
            same(packet, |writer| writer.group_size(*ssrc, *members, *report_size));
        }
        Packet::PostRepairLoss { chunks, .. } => {
            let (lost, total) = chunks.lost();
            assert!(lost <= total && total <= u16::MAX.into());
        }
        Packet::Unknown { .. } => {}
    }
}

fn same(
    packet: &Packet<'_>,
    write: impl FnOnce(&mut Writer<'_>) -> Result<(), streamsocket_wire::Error>,
) {
    let mut out = [0; 2048];
    let mut writer = Writer::new(&mut out);
    write(&mut writer).expect("it came in a datagram");
    let len = writer.finish();
    let mut again = packets(&out[..len]).expect("ours is well formed");
    assert_eq!(again.next().as_ref(), Some(&Ok(packet.clone())));
    assert!(again.next().is_none());
}

fn described(chunk: &Description<'_>, datagram: &[u8]) {
    let items = [chunk.cname, chunk.note, chunk.clock];
    assert!(items.iter().flatten().all(|item| item.len() <= 255 && lies_in(item, datagram)));
    let [cname, note, clock] = items.map(|item| item.map(std::str::from_utf8).transpose());
    let (Ok(Some(cname)), Ok(note), Ok(clock)) = (cname, note, clock) else { return };
    // A longer one has no room in its item.
    let clock = clock.filter(|clock| clock.len() <= 200);
    let mut out = [0; 1024];
    let mut writer = Writer::new(&mut out);
    writer
        .description(chunk.ssrc, &Items { cname, note, clock, shared: chunk.shared })
        .expect("it has room");
    let len = writer.finish();
    let mut again = packets(&out[..len]).expect("ours is well formed");
    let Some(Ok(Packet::Description(mut chunks))) = again.next() else { panic!("another packet") };
    let again = chunks.next().expect("there is one");
    assert_eq!((again.cname, again.note), (chunk.cname, chunk.note));
    assert_eq!((again.clock, again.shared), (clock.map(str::as_bytes), chunk.shared));
}

/// The table is bounded, and fit to be shown.
fn check(viewers: &Viewers, now: Monotonic) {
    let count = viewers.iter().count();
    assert!(count <= VIEWERS_MAX && count <= viewers.len() && viewers.is_empty() == (count == 0));
    for viewer in viewers.iter() {
        assert!(viewer.left.is_none_or(|(lost, of)| lost <= of));
        assert!(viewer.round_trip.is_none_or(|trip| (0..=10_000_000_000).contains(&trip)));
        assert!(viewer.block.is_none_or(|block| block.ssrc == STREAM));
    }
    let mut list = ViewerList::default();
    let track = TrackName { media: MediumName::Video, tier: None, ssrc: STREAM.0 };
    StreamViewers { viewers: viewers.iter(), rate: 0, track, list: &mut list }.add(now);
    text(&list.into_list(), viewers.len()).lines().for_each(assert_one_line);
}
