use super::*;
use crate::send::frame_packets::FramePackets;
use crate::send::jpeg::{CaptureTime, JpegPayloader};
use streamsocket_wire::jpeg::{Main, Sampling};
use streamsocket_wire::jpeg_header::HEADER_MAX;
use streamsocket_wire::jpeg_scan;
use streamsocket_wire::rtp::{self, RtpTime, Sequence, Ssrc};

const MS: i64 = 1_000_000;
const LUMA: [u8; 64] = [5; 64];
const CHROMA: [u8; 64] = [9; 64];

/// Coded data that never looks like a marker.
fn coded(len: usize, seed: u8) -> Vec<u8> {
    (0..=250_u8).cycle().take(len).map(|byte| (byte ^ seed & 0x7F).min(0xFE)).collect()
}

fn packets_of(data: &[u8], time: u32, first: u16) -> Vec<Vec<u8>> {
    let (sampling, tables) = (Sampling::S422, [LUMA, CHROMA]);
    let picture = Parameters { width: 640, height: 480, sampling, restart_interval: 0, tables };
    let frame = jpeg_scan::Scanned { picture, ended: true, data: 0..data.len() };
    let stamp = CaptureTime { time: RtpTime(time), ntp: NtpTime(u64::from(time)) };
    let mut packets = FramePackets::default();
    JpegPayloader::new(Ssrc(1), Sequence(first), 1400, Some(1))
        .packetize(&frame, stamp, &mut packets)
        .unwrap();
    let join = |packet: crate::send::frame_packets::FramePacket<'_>| {
        [packet.header, &data[packet.payload.clone()]].concat()
    };
    packets.range(0..packets.len()).map(join).collect()
}

fn push(depayloader: &mut JpegDepayloader, packet: &[u8], arrival: Monotonic) {
    let parsed = rtp::Packet::parse(packet).unwrap();
    let header = parsed.header();
    depayloader.push(&SourcePacket {
        sequence: header.sequence.0.into(),
        time: header.time.into(),
        marker: header.marker,
        ntp: parsed.extension().and_then(|extension| extension.ntp64(1)),
        payload: parsed.payload(),
        arrival,
    });
}

/// The coded data of the next frame, checked against its own headers.
fn next(depayloader: &mut JpegDepayloader, now: Monotonic) -> Option<(i64, Vec<u8>)> {
    let mut jpeg = Vec::new();
    let frame = depayloader.poll(now, &|_| None, &mut jpeg)?;
    let file = &jpeg[frame.start..];
    let scanned = jpeg_scan::scan(file).unwrap();
    let Parameters { width, height, tables, .. } = scanned.picture;
    assert_eq!((width, height, tables), (640, 480, [LUMA, CHROMA]));
    Some((frame.time.0, file[scanned.data].to_vec()))
}

#[test]
fn a_frame_is_put_together_in_any_order() {
    let data = coded(10_000, 0);
    let packets = packets_of(&data, 1, 0);
    for seed in 0..50_usize {
        let mut order: Vec<_> = (0..packets.len()).collect();
        order.sort_by_key(|index| (index * 7919 + seed * 104_729) % 31);
        let mut depayloader = JpegDepayloader::new(None);
        for (step, index) in order.iter().enumerate() {
            assert!(next(&mut depayloader, Monotonic(0)).is_none(), "after {step} packets");
            push(&mut depayloader, &packets[*index], Monotonic(0));
        }
        assert_eq!(next(&mut depayloader, Monotonic(0)), Some((1, data.clone())));
    }
}

/// Appends what the next frame has grown by; returns how much that is.
fn grow(depayloader: &mut JpegDepayloader, file: &mut Vec<u8>) -> usize {
    let Some(growth) = depayloader.growth() else { return 0 };
    assert_eq!((growth.offset, growth.time.0), (file.len(), 1));
    file.extend_from_slice(growth.bytes);
    growth.bytes.len()
}

#[test]
fn what_has_grown_are_the_next_bytes_of_the_file() {
    let data = coded(100_000, 0);
    let packets = packets_of(&data, 1, 0);
    for seed in 0..50_usize {
        let mut order: Vec<_> = (0..packets.len()).collect();
        // Up to so many change places, all at once in the last rounds.
        let window = 1 + seed * seed / 20;
        order.sort_by_key(|index| index / window * window + (index * 7919 + seed) % window);
        let (mut depayloader, mut file) = (JpegDepayloader::new(None), Vec::new());
        let mut spare = Vec::new();
        for index in order {
            assert!(depayloader.poll(Monotonic(0), &|_| None, &mut spare).is_none());
            let grown = grow(&mut depayloader, &mut file);
            assert!(grown == 0 || grown >= GROWTH_MIN, "{grown} bytes");
            push(&mut depayloader, &packets[index], Monotonic(0));
        }
        let frame = depayloader.poll(Monotonic(0), &|_| None, &mut spare).unwrap();
        assert!(spare[frame.start..].starts_with(&file), "seed {seed}");
        assert!(window > 1 || file.len() + GROWTH_MIN + 1400 > data.len(), "{}", file.len());
        assert!(depayloader.growth().is_none());
    }
}

#[test]
fn nothing_grows_behind_a_hole_or_without_a_header() {
    let packets = packets_of(&coded(100_000, 0), 1, 0);
    for lost in [0, 30] {
        let (mut depayloader, mut file) = (JpegDepayloader::new(None), Vec::new());
        for packet in packets.iter().take(lost).chain(packets.iter().skip(lost + 1)) {
            push(&mut depayloader, packet, Monotonic(0));
            grow(&mut depayloader, &mut file);
        }
        assert!(file.len() <= lost * 1400 + HEADER_MAX, "{}", file.len());
        assert!(lost == 0 || file.len() > lost * 1400 - GROWTH_MIN, "{}", file.len());
        push(&mut depayloader, &packets[lost], Monotonic(0));
        // What had come behind the hole is there now: the frame is complete, and no growth any more.
        assert!(next(&mut depayloader, Monotonic(0)).is_some());
    }
}

#[test]
fn duplicates_change_nothing() {
    let data = coded(5_000, 1);
    let mut depayloader = JpegDepayloader::new(None);
    for packet in packets_of(&data, 1, 0) {
        push(&mut depayloader, &packet, Monotonic(0));
        push(&mut depayloader, &packet, Monotonic(0));
    }
    assert_eq!(next(&mut depayloader, Monotonic(0)), Some((1, data)));
    assert!(depayloader.counts().duplicate >= 3);
}

#[test]
fn a_frame_with_a_hole_is_given_up_when_its_successor_has_waited() {
    let (first, second) = (coded(5_000, 1), coded(5_000, 2));
    let mut depayloader = JpegDepayloader::new(None);
    let mut damaged = packets_of(&first, 1, 0);
    damaged.remove(1);
    for packet in damaged {
        push(&mut depayloader, &packet, Monotonic(0));
    }
    for packet in packets_of(&second, 2, 10) {
        push(&mut depayloader, &packet, Monotonic(30 * MS));
    }
    assert_eq!(next(&mut depayloader, Monotonic(30 * MS)), None);
    let deadline = depayloader.deadline(&|_| None).unwrap();
    assert_eq!(deadline, Monotonic(30 * MS) + REORDER);
    assert_eq!(next(&mut depayloader, deadline), Some((2, second)));
    assert_eq!((depayloader.counts().frames, depayloader.counts().incomplete), (1, 1));
}

#[test]
fn a_frame_that_is_due_does_not_wait_for_one_with_a_hole() {
    let second = coded(5_000, 2);
    let mut depayloader = JpegDepayloader::new(None);
    push(&mut depayloader, &packets_of(&coded(5_000, 1), 1, 0)[0], Monotonic(0));
    for packet in packets_of(&second, 2, 10) {
        push(&mut depayloader, &packet, Monotonic(0));
    }
    let latest = |time| (time == ExtendedTime(2)).then_some(Monotonic(3));
    let mut jpeg = Vec::new();
    assert_eq!(depayloader.poll(Monotonic(2), &latest, &mut jpeg), None);
    assert_eq!(depayloader.deadline(&latest), Some(Monotonic(3)));
    assert_eq!(
        depayloader.poll(Monotonic(3), &latest, &mut jpeg).map(|frame| frame.time.0),
        Some(2)
    );
}

#[test]
fn a_frame_in_the_middle_of_which_we_joined_is_no_loss() {
    let second = coded(5_000, 2);
    let mut depayloader = JpegDepayloader::new(None);
    for packet in packets_of(&coded(5_000, 1), 1, 0).iter().skip(1) {
        push(&mut depayloader, packet, Monotonic(0));
    }
    for packet in packets_of(&second, 2, 10) {
        push(&mut depayloader, &packet, Monotonic(0));
    }
    assert_eq!(next(&mut depayloader, Monotonic(0) + REORDER), Some((2, second)));
    assert_eq!((depayloader.counts().frames, depayloader.counts().incomplete), (1, 0));
}

#[test]
fn no_frame_gives_way_to_an_older_one() {
    let mut depayloader = JpegDepayloader::new(None);
    let frames: Vec<_> = (1..=5).map(|time| packets_of(&coded(5_000, 1), time, 0)).collect();
    for frame in &frames[1..] {
        push(&mut depayloader, &frame[0], Monotonic(0));
    }
    frames[0].iter().for_each(|packet| push(&mut depayloader, packet, Monotonic(0)));
    frames[1][1..].iter().for_each(|packet| push(&mut depayloader, packet, Monotonic(0)));
    assert_eq!(next(&mut depayloader, Monotonic(0)).map(|(time, _)| time), Some(2));
    let counts = depayloader.counts();
    assert_eq!((counts.late, counts.incomplete), (frames[0].len() as u64, 0));
}

#[test]
fn packets_of_two_frames_may_be_mixed() {
    let (first, second) = (coded(5_000, 1), coded(5_000, 2));
    let mut depayloader = JpegDepayloader::new(None);
    let (a, b) = (packets_of(&first, 1, 0), packets_of(&second, 2, 10));
    for (a, b) in a.iter().zip(&b) {
        push(&mut depayloader, b, Monotonic(0));
        push(&mut depayloader, a, Monotonic(0));
    }
    assert_eq!(next(&mut depayloader, Monotonic(0)), Some((1, first)));
    assert_eq!(next(&mut depayloader, Monotonic(0)), Some((2, second)));
}

#[test]
fn the_last_frame_does_not_wait_for_ever() {
    let mut depayloader = JpegDepayloader::new(None);
    push(&mut depayloader, &packets_of(&coded(5_000, 1), 1, 0)[0], Monotonic(0));
    let deadline = depayloader.deadline(&|_| None).unwrap();
    assert_eq!(next(&mut depayloader, deadline), None);
    assert_eq!((depayloader.counts().incomplete, depayloader.deadline(&|_| None)), (1, None));
}

#[test]
fn a_frame_in_the_middle_of_which_the_sender_stood_still_becomes_complete() {
    let data = coded(5_000, 1);
    let packets = packets_of(&data, 1, 0);
    let mut depayloader = JpegDepayloader::new(None);
    push(&mut depayloader, &packets[0], Monotonic(0));
    let later = Monotonic(1500 * MS);
    assert_eq!(next(&mut depayloader, later), None);
    packets[1..].iter().for_each(|packet| push(&mut depayloader, packet, later));
    assert_eq!(next(&mut depayloader, later), Some((1, data)));
    assert_eq!(depayloader.counts().incomplete, 0);
}

#[test]
fn a_frame_that_was_handed_out_does_not_come_again() {
    let data = coded(500, 1);
    let packets = packets_of(&data, 1, 0);
    let mut depayloader = JpegDepayloader::new(None);
    push(&mut depayloader, &packets[0], Monotonic(0));
    assert!(next(&mut depayloader, Monotonic(0)).is_some());
    push(&mut depayloader, &packets[0], Monotonic(0));
    assert!(next(&mut depayloader, Monotonic(0)).is_none());
    assert_eq!(depayloader.counts().late, 1);
}

fn foreign(q: u8, tables: Option<&[u8]>, time: i64, depayloader: &mut JpegDepayloader) {
    let main = Main { type_specific: 0, offset: 0, kind: 1, q, width: 16, height: 16 };
    let mut payload = vec![0; 8];
    main.emit(&mut payload).unwrap();
    if let Some(tables) = tables {
        payload.extend([0, 0, 0, u8::try_from(tables.len()).unwrap()]);
        payload.extend(tables);
    }
    payload.extend([0x12, 0x34]);
    depayloader.push(&SourcePacket {
        time: ExtendedTime(time),
        marker: true,
        payload: &payload,
        ..SourcePacket::default()
    });
}

#[test]
fn tables_named_by_q_are_computed_or_remembered() {
    let mut depayloader = JpegDepayloader::new(None);
    let mut jpeg = Vec::new();
    foreign(50, None, 1, &mut depayloader);
    let frame = depayloader.poll(Monotonic(0), &|_| None, &mut jpeg).unwrap();
    let tables = tables_for_q(50).unwrap();
    assert_eq!(jpeg_scan::scan(&jpeg[frame.start..]).unwrap().picture.tables, tables);
    foreign(200, Some(&[7; 128]), 2, &mut depayloader);
    foreign(200, Some(&[]), 3, &mut depayloader);
    foreign(201, Some(&[]), 4, &mut depayloader);
    assert!(depayloader.poll(Monotonic(0), &|_| None, &mut jpeg).is_some());
    let frame = depayloader.poll(Monotonic(0), &|_| None, &mut jpeg).unwrap();
    assert_eq!(jpeg_scan::scan(&jpeg[frame.start..]).unwrap().picture.tables[0], [7; 64]);
    assert!(depayloader.poll(Monotonic(0), &|_| None, &mut jpeg).is_none());
    assert_eq!((depayloader.counts().frames, depayloader.counts().unsupported), (3, 1));
}

#[test]
fn fragments_that_contradict_each_other_are_malformed() {
    let data = coded(5_000, 1);
    let packets = packets_of(&data, 1, 0);
    let mut depayloader = JpegDepayloader::new(None);
    push(&mut depayloader, &packets[0], Monotonic(0));
    let mut other = packets[1].clone();
    other[12 + 6] = 10; // another width
    push(&mut depayloader, &other, Monotonic(0));
    assert_eq!(depayloader.counts().malformed, 1);
    for packet in &packets[1..] {
        push(&mut depayloader, packet, Monotonic(0));
    }
    assert_eq!(next(&mut depayloader, Monotonic(0)), Some((1, data)));
}

#[test]
fn a_second_begin_of_a_frame_changes_neither_its_header_nor_the_tables_that_are_kept() {
    let mut depayloader = JpegDepayloader::new(None);
    let mut jpeg = Vec::new();
    foreign(200, Some(&[7; 128]), 1, &mut depayloader);
    foreign(200, Some(&[8; 128]), 1, &mut depayloader);
    foreign(0, None, 1, &mut depayloader);
    foreign(200, Some(&[]), 2, &mut depayloader);
    for _ in 0..2 {
        let frame = depayloader.poll(Monotonic(0), &|_| None, &mut jpeg).unwrap();
        assert_eq!(jpeg_scan::scan(&jpeg[frame.start..]).unwrap().picture.tables, [[7; 64]; 2]);
    }
    assert_eq!((depayloader.counts().duplicate, depayloader.counts().malformed), (1, 1));
}

#[test]
fn frames_beyond_2040_pixels_take_their_size_from_the_description() {
    let mut depayloader = JpegDepayloader::new(Some((2592, 1944)));
    let mut payload = vec![0; 8];
    Main { type_specific: 0, offset: 0, kind: 0, q: 90, width: 0, height: 0 }
        .emit(&mut payload)
        .unwrap();
    payload.extend([1, 2, 3]);
    depayloader.push(&SourcePacket {
        time: ExtendedTime(1),
        marker: true,
        payload: &payload,
        ..SourcePacket::default()
    });
    let frame = depayloader.poll(Monotonic(0), &|_| None, &mut Vec::new()).unwrap();
    assert_eq!((frame.width, frame.height), (2592, 1944));
}

#[test]
fn a_frame_may_have_as_many_holes_as_can_be_repaired() {
    // As many packets as a block has, of which every other one is repaired.
    let data = coded(4096 * 1300, 3);
    let packets = packets_of(&data, 7, 0);
    assert!((3900..=4096).contains(&packets.len()), "{}", packets.len());
    let mut depayloader = JpegDepayloader::new(None);
    let (came, repaired): (Vec<_>, Vec<_>) =
        packets.iter().enumerate().partition(|(index, _)| index % 2 == 0);
    for (_, packet) in came.into_iter().chain(repaired) {
        push(&mut depayloader, packet, Monotonic(0));
    }
    assert!(next(&mut depayloader, Monotonic(0)) == Some((7, data)), "{:?}", depayloader.counts());
    assert_eq!(depayloader.counts().duplicate, 0);
}

#[test]
fn one_table_is_taken_for_both_and_of_three_the_first_two() {
    let mut three = [7; 192];
    three[64..128].fill(9);
    for (tables, chroma) in [(&three[..64], 7), (&three[..], 9)] {
        let (mut depayloader, mut jpeg) = (JpegDepayloader::new(None), Vec::new());
        foreign(255, Some(tables), 1, &mut depayloader);
        let frame = depayloader.poll(Monotonic(0), &|_| None, &mut jpeg).unwrap();
        let scanned = jpeg_scan::scan(&jpeg[frame.start..]).unwrap();
        assert_eq!(scanned.picture.tables, [[7; 64], [chroma; 64]]);
    }
}

#[test]
fn what_no_picture_can_be_made_of_is_counted_by_reason() {
    let mut depayloader = JpegDepayloader::new(None);
    let (tables, main) =
        ([7; 128], Main { type_specific: 0, offset: 0, kind: 0, q: 90, width: 16, height: 16 });
    foreign(110, None, 1, &mut depayloader);
    foreign(0, None, 2, &mut depayloader);
    foreign(255, Some(&tables[..96]), 3, &mut depayloader);
    foreign(255, Some(&[]), 4, &mut depayloader);
    for (time, main) in [(5, Main { width: 0, height: 0, ..main }), (6, Main { kind: 7, ..main })] {
        let mut payload = vec![0; 9];
        main.emit(&mut payload).unwrap();
        depayloader.push(&SourcePacket {
            time: ExtendedTime(time),
            marker: true,
            payload: &payload,
            ..SourcePacket::default()
        });
        assert!(depayloader.poll(Monotonic(0), &|_| None, &mut Vec::new()).is_none());
    }
    depayloader.push(&SourcePacket {
        time: ExtendedTime(9),
        marker: true,
        payload: &[0; 8],
        ..SourcePacket::default()
    });
    let counted: Vec<_> = depayloader.refusals().all().collect();
    let expected = [
        (Reason::Malformed, 1),
        (Reason::Kind(7), 1),
        (Reason::Q(0), 2),
        (Reason::Tables(0), 2),
        (Reason::Size, 1),
    ];
    assert_eq!(counted, expected);
}
