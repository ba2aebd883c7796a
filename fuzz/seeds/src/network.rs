//! Packets: pictures, sound, repair and reports, in the order that they are sent in.

use super::Seeds;
use super::files::picture;
use streamsocket_media::clock::{Monotonic, WallClock};
use streamsocket_seeds::{Step, write};
use streamsocket_stream::receive::fate::Runs;
use streamsocket_stream::send::frame_packets::FramePackets;
use streamsocket_stream::send::jpeg::{CaptureTime, JpegPayloader};
use streamsocket_stream::send::l16::{L16Payloader, L16Stream};
use streamsocket_stream::send::repair::{Block, Encoder};
use streamsocket_stream::session::COMPOUND_MAX;
use streamsocket_stream::session::feedback::{About as Told, Feedback};
use streamsocket_stream::session::report::{About, Reporter};
use streamsocket_wire::jpeg::Sampling;
use streamsocket_wire::jpeg_scan::scan;
use streamsocket_wire::ntp::NtpTime;
use streamsocket_wire::rtcp::{Items, ReportBlock, Run, Shared, Writer};
use streamsocket_wire::rtp::{HEADER_LEN, Packet, RtpTime, Sequence, Ssrc};
use streamsocket_wire::shared_clock::SharedClock;

/// The stream of the target `rtcp`.
const STREAM: Ssrc = Ssrc(9);
/// The stream of the target `repair`, and the number of its first block's first packet.
const REPAIRED: Ssrc = Ssrc(0x5353_0001);
const REPAIRED_FIRST: Sequence = Sequence(1001);

pub(super) fn seeds() -> Vec<Seeds> {
    let video =
        [pictures(&picture(Sampling::S422, 0), 400), pictures(&picture(Sampling::S420, 7), 0)]
            .concat();
    let payloads: Vec<_> = video.iter().filter_map(|packet| Packet::parse(packet).ok()).collect();
    let payloads: Vec<_> = payloads.iter().map(|it| (it.payload(), it.header().marker)).collect();
    let mut assembled = Vec::new();
    let mut begins = true;
    for (bytes, marker) in &payloads {
        // The first of a frame is of the next one.
        let kind = u8::from(begins) << 4 | u8::from(*marker);
        write(&Step { kind, pause: 5, bytes }, &mut assembled);
        begins = *marker;
    }
    vec![
        ("rtp", vec![steps(0x04, 30, &video), steps(0x05, 5, &sound())]),
        ("jpeg_payload", vec![assembled]),
        ("repair", repaired()),
        ("rtcp", reports().chunks(1).chain([&reports()[..]]).map(|it| steps(0, 50, it)).collect()),
    ]
}

fn steps(kind: u8, pause: u8, packets: &[Vec<u8>]) -> Vec<u8> {
    let mut out = Vec::new();
    packets.iter().for_each(|bytes| write(&Step { kind, pause, bytes }, &mut out));
    out
}

/// The packets of two frames that hold this picture, its coded data so many bytes longer.
fn pictures(file: &[u8], longer: usize) -> Vec<Vec<u8>> {
    let Ok(frame) = scan(file) else { return Vec::new() };
    let longer = [&file[..frame.data.end], &vec![0x66; longer][..], &[0xFF, 0xD9]].concat();
    let Ok(frame) = scan(&longer) else { return Vec::new() };
    let mut payloader = JpegPayloader::new(STREAM, Sequence(65_534), 400, Some(1));
    let (mut packets, mut all) = (FramePackets::default(), Vec::new());
    for number in [1_u32, 2] {
        let ntp = NtpTime::from_unix_nanos(i64::from(number) * 33_333_333);
        let stamp = CaptureTime { time: RtpTime(number * 3000), ntp };
        if payloader.packetize(&frame, stamp, &mut packets).is_ok() {
            let whole = packets.range(0..packets.len());
            all.extend(whole.map(|it| [it.header, &longer[it.payload.clone()]].concat()));
        }
    }
    all
}

fn sound() -> Vec<Vec<u8>> {
    let stream = L16Stream { ssrc: STREAM, rate: 8_000, channels: 2, ntp64_id: Some(1) };
    let mut payloader = L16Payloader::new(stream, Sequence(65_535), RtpTime(u32::MAX - 50));
    let (wall, mut all) = (WallClock::new(Monotonic(0), 1_700_000_000_000_000_000), Vec::new());
    payloader.push(&[7; 400], Monotonic(0), &wall, |it| all.push([it.header, it.payload].concat()));
    all.remove(3);
    all
}

/// A block as the target makes it, and one whose packets were made here.
fn repaired() -> Vec<Vec<u8>> {
    let block = Step { kind: 2, pause: 0, bytes: &[20, 6, 40, 1, 0b1001_0010, 0, 1] };
    let mut whole = Vec::new();
    write(&Step { kind: 0, pause: 0, bytes: b"before" }, &mut whole);
    write(&block, &mut whole);
    write(&block, &mut whole);
    let mut forged = Vec::new();
    write(&Step { kind: 0, pause: 0, bytes: b"first" }, &mut forged);
    let mut encoder = Encoder::new(Ssrc(1), Sequence(0), REPAIRED);
    let first = REPAIRED_FIRST;
    encoder.begin(Block { first, time: RtpTime(3), packets: 4, repairs: 3, longest: 40 });
    for _ in 0..4 {
        encoder.push(&[0x80; HEADER_LEN], &[1; 28]);
    }
    for packet in (0..encoder.len()).filter_map(|index| encoder.get(index)) {
        write(&Step { kind: 1, pause: 1, bytes: &packet[HEADER_LEN..] }, &mut forged);
    }
    vec![whole, forged]
}

/// A sender's report and its goodbye, a receiver's report and its goodbye.
fn reports() -> Vec<Vec<u8>> {
    let mut out = [[0; COMPOUND_MAX]; 5];
    let instant = (RtpTime(77), NtpTime(88 << 32));
    let (cname, note, clock) = ("a@b", Some("gone"), Some("local"));
    let about = About { cname, note, clock, members: 2, report_size: 100, random: 0 };
    let mut reporter = Reporter::new(STREAM);
    let block = ReportBlock {
        ssrc: STREAM,
        fraction_lost: 3,
        lost: -4,
        highest: 5,
        jitter: 6,
        last_sr: 7,
        delay: 8,
    };
    let runs = [Run { received: true, packets: 90 }, Run { received: false, packets: 10 }];
    let fates = Runs::from_slice(&runs).ok().map(|runs| (Sequence(7), runs));
    let told = Told { cname, block: Some(block), fates };
    let mut feedback = Feedback::new(Ssrc(4), None);
    let clock = SharedClock { clock: 9, ahead: -10 };
    let shared = Some(Shared { of: STREAM, clock });
    let [one, two, three, four, five] = &mut out;
    let mut relay = Writer::new(five);
    let items = Items { cname, shared, ..Items::default() };
    let told_by_relay = relay.description(Ssrc(5), &items).map(|()| relay.finish());
    let lens = [
        reporter.report(Monotonic(0), instant, &about, one),
        reporter.bye(instant, cname, two),
        feedback.report(Monotonic(0), &told, 0, three),
        feedback.bye(cname, four),
        told_by_relay,
    ];
    out.iter().zip(lens).map(|(out, len)| out[..len.unwrap_or(0)].to_vec()).collect()
}
