//! Pictures through a network that drops, doubles and reorders: what comes out is exactly what went in,
//! all of it where nothing is lost, and where repair packets make up for what is.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use streamsocket_fuzz::{Fate, arrived};
use streamsocket_media::clock::Monotonic;
use streamsocket_stream::receive::jpeg::JpegDepayloader;
use streamsocket_stream::receive::repair::Repair;
use streamsocket_stream::receive::source::{Admission, Source};
use streamsocket_stream::receive::source_packet;
use streamsocket_stream::send::SEAL_RESERVE;
use streamsocket_stream::send::frame_packets::{FramePackets, HEADER_MAX};
use streamsocket_stream::send::jpeg::{CaptureTime, JpegPayloader};
use streamsocket_stream::send::repair::{Block, Encoder, Share};
use streamsocket_wire::jpeg::{Parameters, SIZE_MAX, Sampling};
use streamsocket_wire::jpeg_scan;
use streamsocket_wire::ntp::NtpTime;
use streamsocket_wire::repair::Header;
use streamsocket_wire::rtp::{self, ExtendedTime, RtpTime, Sequence, Ssrc};

const MEDIA: Ssrc = Ssrc(5);
const REPAIR_TYPE: u8 = 98;
/// Frames of a run at most, and bytes of a frame: some 1000 packets.
const FRAMES_MAX: usize = 8;
const FRAME_MAX: u16 = 20_000;
/// Beyond this packets have no repair: they would not fit an Ethernet frame either.
const REPAIRED_MAX: usize = 1472;

#[derive(Arbitrary, Debug)]
struct Input {
    packet_size: u16,
    width: u16,
    height: u16,
    is_420: bool,
    restart_interval: u16,
    tables: (u8, u8),
    first: u16,
    share: u8,
    frames: Vec<(u16, u8)>,
    network: Vec<Fate>,
}

struct Sent {
    coded: Vec<u8>,
    stamp: CaptureTime,
    packets: usize,
    repairs: usize,
}

/// A packet on its way, and the frame that it is of.
struct Packet {
    bytes: Vec<u8>,
    frame: usize,
    is_repair: bool,
}

/// Coded data without markers.
fn coded(len: u16, seed: u8) -> Vec<u8> {
    (0..=250_u8)
        .cycle()
        .take(usize::from(len.min(FRAME_MAX)) + 1)
        .map(|it| (it ^ seed).min(0xFE))
        .collect()
}

fn send(input: &Input, tables: [[u8; 64]; 2]) -> (Vec<Sent>, Vec<Packet>) {
    let first = Sequence(input.first);
    let longest_wanted =
        usize::from(input.packet_size).saturating_sub(SEAL_RESERVE).max(HEADER_MAX + 1);
    let mut payloader = JpegPayloader::new(MEDIA, first, input.packet_size.into(), Some(1));
    let mut encoder = Encoder::new(Ssrc(6), Sequence(0), MEDIA);
    let share: Share = (input.share % 101).to_string().parse().expect("a share");
    let (mut sent, mut packets, mut cut) = (Vec::new(), Vec::new(), FramePackets::default());
    for (index, (len, seed)) in input.frames.iter().take(FRAMES_MAX).enumerate() {
        let coded = coded(*len, *seed);
        let picture = Parameters {
            width: input.width.max(1),
            height: input.height.max(1),
            sampling: if input.is_420 { Sampling::S420 } else { Sampling::S422 },
            restart_interval: input.restart_interval,
            tables,
        };
        let frame = jpeg_scan::Scanned { picture, ended: true, data: 0..coded.len() };
        let number = index as u32 + 1;
        let stamp = CaptureTime {
            time: RtpTime(number.wrapping_mul(3000)),
            ntp: NtpTime(u64::from(number) << 32 | u64::from(*seed)),
        };
        let sequence = payloader.sequence();
        payloader.packetize(&frame, stamp, &mut cut).expect("it is short enough");
        let repairs = share.of_frame(cut.len());
        let longest = cut.get(0).map_or(0, |packet| packet.len());
        let count = u16::try_from(cut.len()).expect("a few packets");
        encoder.clear();
        encoder.begin(Block {
            first: sequence,
            time: stamp.time,
            packets: count,
            repairs,
            longest,
        });
        for packet in cut.range(0..cut.len()) {
            assert!(packet.len() <= longest_wanted);
            let payload = &coded[packet.payload.clone()];
            encoder.push(packet.header, payload);
            let bytes = [packet.header, payload].concat();
            packets.push(Packet { bytes, frame: index, is_repair: false });
        }
        let made = (0..encoder.len()).filter_map(|index| encoder.get(index));
        packets.extend(made.map(|it| Packet { bytes: it.to_vec(), frame: index, is_repair: true }));
        sent.push(Sent { coded, stamp, packets: cut.len(), repairs: repairs.into() });
    }
    (sent, packets)
}

struct Receiver {
    source: Source,
    repair: Repair,
    depayloader: JpegDepayloader,
    /// How often the source seemed to be a new one: two packets that come much too late are taken for its
    /// restart (RFC 3550 appendix A.1).
    begun: u32,
    /// The frames that came out.
    seen: Vec<Seen>,
}

/// A frame that came out, of which source.
struct Seen {
    begun: u32,
    time: i64,
    ntp: Option<NtpTime>,
    file: Vec<u8>,
}

impl Receiver {
    fn take(&mut self, bytes: &[u8]) {
        let packet = rtp::Packet::parse(bytes).expect("ours is well formed");
        let header = packet.header();
        if header.payload_type == REPAIR_TYPE {
            let Ok((header, shard)) = Header::parse(packet.payload()) else { return };
            if let Some(highest) = self.source.highest() {
                self.repair.push(&header, shard, highest);
            }
        } else {
            let (sequence, time) = match self.source.admit(&header, Monotonic(0)) {
                Admission::Admitted { sequence, time } => (sequence, time),
                Admission::NewSource { sequence, time } => {
                    self.repair.reset();
                    self.depayloader.reset();
                    self.begun += 1;
                    (sequence, time)
                }
                Admission::Refused => return,
            };
            self.repair.keep(sequence, bytes);
            self.depayloader.push(&fragment(&packet, time));
        }
        let Self { source, repair, depayloader, .. } = self;
        repair.poll(MEDIA, &mut |_, bytes| {
            let packet = rtp::Packet::parse(bytes).expect("what is made is a packet");
            let time = source.extend(packet.header().time).expect("there is a source");
            depayloader.push(&fragment(&packet, time));
        });
        self.poll(Monotonic(0));
    }

    fn poll(&mut self, now: Monotonic) {
        let mut file = Vec::new();
        while let Some(frame) = self.depayloader.poll(now, &|_| None, &mut file) {
            let (begun, time, ntp) = (self.begun, frame.time.0, frame.ntp);
            self.seen.push(Seen { begun, time, ntp, file: file[frame.start..].to_vec() });
        }
    }
}

fn fragment<'a>(packet: &rtp::Packet<'a>, time: ExtendedTime) -> source_packet::SourcePacket<'a> {
    source_packet::SourcePacket {
        sequence: packet.header().sequence.0.into(),
        time,
        marker: packet.header().marker,
        ntp: packet.extension().and_then(|extension| extension.ntp64(1)),
        payload: packet.payload(),
        arrival: Monotonic(0),
    }
}

/// What came out went in, in this order.
fn check_frames(input: &Input, tables: [[u8; 64]; 2], sent: &[Sent], receiver: &Receiver) {
    let (width, height) = (input.width.max(1), input.height.max(1));
    let described = width > SIZE_MAX || height > SIZE_MAX;
    let size = if described {
        (width, height)
    } else {
        (width.next_multiple_of(8), height.next_multiple_of(8))
    };
    let mut before = (0, 0);
    for Seen { begun, time, ntp, file } in &receiver.seen {
        let frame = sent.iter().find(|sent| i64::from(sent.stamp.time.0) == *time);
        let frame = frame.expect("it was sent");
        assert!((*begun, *time) > before, "{time} after {before:?}");
        assert_eq!(*ntp, Some(frame.stamp.ntp));
        before = (*begun, *time);
        let scanned = jpeg_scan::scan(file).expect("it is a picture");
        assert_eq!((scanned.picture.width, scanned.picture.height), size);
        assert_eq!(
            (scanned.picture.tables, scanned.picture.sampling == Sampling::S420),
            (tables, input.is_420)
        );
        assert_eq!(scanned.picture.restart_interval, input.restart_interval);
        assert_eq!(&file[scanned.data], &frame.coded[..]);
    }
}

/// Frames that have to come out: all whose packets came, in order, or could be made.
fn check_promise(input: &Input, sent: &[Sent], arrived: &[&Packet], receiver: &Receiver) {
    let in_order = input.network.iter().all(|fate| !matches!(fate, Fate::Later(_)));
    let first = arrived.iter().find(|packet| !packet.is_repair);
    let (true, Some(first)) = (in_order, first) else { return };
    let repaired = usize::from(input.packet_size) <= REPAIRED_MAX;
    for (index, frame) in sent.iter().enumerate() {
        let mut came: Vec<_> = arrived.iter().filter(|packet| packet.frame == index).collect();
        // Those that came twice lie side by side.
        came.dedup_by(|one, other| one.bytes == other.bytes);
        let media = came.iter().filter(|packet| !packet.is_repair).count();
        let made = came.len() - media;
        assert!(made <= frame.repairs);
        // What was sent before we heard anything is not missed.
        let promised = repaired && index > first.frame && came.len() >= frame.packets;
        if media == frame.packets || promised {
            let time = i64::from(frame.stamp.time.0);
            assert!(receiver.seen.iter().any(|seen| seen.time == time), "frame {index} is missing");
        }
    }
}

fuzz_target!(|input: Input| {
    let tables = [[input.tables.0; 64], [input.tables.1; 64]];
    let (sent, packets) = send(&input, tables);
    let arrived = arrived(&packets, &input.network);
    let mut receiver = Receiver {
        source: Source::new(90_000),
        repair: Repair::default(),
        depayloader: JpegDepayloader::new(Some((input.width.max(1), input.height.max(1)))),
        begun: 0,
        seen: Vec::new(),
    };
    arrived.iter().for_each(|packet| receiver.take(&packet.bytes));
    receiver.poll(Monotonic(i64::MAX));
    check_frames(&input, tables, &sent, &receiver);
    check_promise(&input, &sent, &arrived, &receiver);
});
