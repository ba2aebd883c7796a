use super::*;
use crate::send::repair::{Block as Sent, Encoder};
use streamsocket_wire::rtp::{RtpTime, Sequence};

const MEDIA: Ssrc = Ssrc(5);
/// One cycle up, as sources extend them, and about to wrap.
const FIRST: u64 = (1 << 16) + 65_530;

fn low(sequence: u64) -> Sequence {
    Sequence(u16::try_from(sequence & 0xFFFF).unwrap())
}

/// The media packets of a block, of different lengths, and its repair packets.
fn block(first: u64, packets: u16, repairs: u16) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
    let packet = |index: u16| {
        let header = rtp::Header {
            marker: index + 1 == packets,
            payload_type: 26,
            sequence: low(first + u64::from(index)),
            time: RtpTime(3),
            ssrc: MEDIA,
            has_extension: false,
        };
        let mut bytes = vec![0; 12];
        header.emit(&mut bytes).unwrap();
        let len = 40 + usize::from(index % 3);
        bytes.extend((0..len).map(|at| (at * 7 + usize::from(index) * 31).to_le_bytes()[0]));
        bytes
    };
    let media: Vec<_> = (0..packets).map(packet).collect();
    let mut encoder = Encoder::new(Ssrc(9), Sequence(0), MEDIA);
    let time = RtpTime(3);
    assert!(encoder.begin(Sent { first: low(first), time, packets, repairs, longest: 54 }));
    for bytes in &media {
        encoder.push(&bytes[..12], &bytes[12..]);
    }
    let repairs = (0..encoder.len()).map(|index| encoder.get(index).unwrap().to_vec()).collect();
    (media, repairs)
}

/// A repair that has heard the packet before the block.
fn listening() -> Repair {
    let mut repair = Repair::default();
    repair.keep(FIRST - 1, &[]);
    repair
}

fn push(repair: &mut Repair, packet: &[u8], highest: u64) {
    let (header, shard) = Header::parse(&packet[12..]).unwrap();
    repair.push(&header, shard, highest);
}

fn made(repair: &mut Repair) -> Vec<(u64, Vec<u8>)> {
    let mut made = Vec::new();
    repair.poll(MEDIA, &mut |sequence, packet| made.push((sequence, packet.to_vec())));
    made
}

#[test]
fn any_losses_up_to_the_repair_packets_are_made_good() {
    let (media, repairs) = block(FIRST, 20, 6);
    for seed in 0..200_usize {
        let mut repair = listening();
        let mut order: Vec<_> = (0..26).collect();
        order.sort_by_key(|index| (index * 7919 + seed * 104_729) % 1009);
        // Six packets of either kind are lost, the others come in any order.
        let mut seen = Vec::new();
        for (count, index) in order[6..].iter().enumerate() {
            match media.get(*index) {
                Some(packet) => repair.keep(FIRST + *index as u64, packet),
                None => push(&mut repair, &repairs[*index - 20], FIRST + 19),
            }
            let now = made(&mut repair);
            assert!(now.is_empty() || count == 19, "before there was enough");
            seen.extend(now);
        }
        seen.sort();
        let lost = order[..6].iter().filter(|index| **index < 20);
        let mut expected: Vec<_> =
            lost.map(|index| (FIRST + *index as u64, media[*index].clone())).collect();
        expected.sort();
        assert_eq!(seen, expected, "seed {seed}");
        assert_eq!(repair.counts().repaired, expected.len() as u64);
    }
}

#[test]
fn a_complete_block_needs_nothing_and_one_with_too_little_makes_nothing() {
    let (media, repairs) = block(FIRST, 8, 3);
    let mut repair = listening();
    for (index, packet) in media.iter().enumerate().skip(4) {
        repair.keep(FIRST + index as u64, packet);
    }
    for packet in &repairs {
        push(&mut repair, packet, FIRST + 7);
        push(&mut repair, packet, FIRST + 7);
    }
    assert_eq!(made(&mut repair), []);
    repair.keep(FIRST + 3, &media[3]);
    assert_eq!(made(&mut repair).len(), 3);
    let (media, repairs) = block(FIRST + 8, 8, 3);
    for (index, packet) in media.iter().enumerate() {
        repair.keep(FIRST + 8 + index as u64, packet);
    }
    push(&mut repair, &repairs[0], FIRST + 15);
    assert_eq!(made(&mut repair), []);
    assert_eq!(repair.counts().malformed, 0);
}

#[test]
fn frames_of_thousands_of_packets_are_repaired() {
    let mut repair = listening();
    for round in 0..2 {
        let first = FIRST + round * 4000;
        let (media, repairs) = block(first, 4000, 800);
        for (index, packet) in media.iter().enumerate().filter(|(index, _)| index % 6 != 0) {
            repair.keep(first + index as u64, packet);
        }
        for packet in &repairs {
            push(&mut repair, packet, first + 3999);
        }
        assert_eq!(made(&mut repair).len(), 667, "frame {round}");
    }
}

#[test]
fn what_contradicts_the_stream_makes_nothing() {
    let (media, repairs) = block(FIRST, 8, 4);
    let lossy = || {
        let mut repair = listening();
        for (index, packet) in media.iter().enumerate().skip(1) {
            repair.keep(FIRST + index as u64, packet);
        }
        repair
    };
    // Another number of packets than those before have said.
    let mut repair = lossy();
    push(&mut repair, &repairs[0], FIRST + 7);
    let mut other = repairs[1].clone();
    other[12 + 7] = 9;
    push(&mut repair, &other, FIRST + 7);
    assert_eq!(repair.counts().malformed, 1);
    assert_eq!(made(&mut repair).len(), 1);
    // Far from the stream.
    let mut repair = lossy();
    push(&mut repair, &repairs[0], FIRST + 20_000);
    assert_eq!((made(&mut repair).len(), repair.counts().malformed), (0, 1));
    // Noise instead of parity.
    let mut repair = lossy();
    let mut noise = repairs[0].clone();
    noise[24..].fill(0x5A);
    push(&mut repair, &noise, FIRST + 7);
    assert_eq!((made(&mut repair).len(), repair.counts().malformed), (0, 1));
    // Another stream's packets.
    let mut repair = lossy();
    push(&mut repair, &repairs[0], FIRST + 7);
    repair.poll(Ssrc(6), &mut |_, _| panic!("of another stream"));
    assert_eq!(repair.counts().malformed, 1);
}

#[test]
fn a_new_source_begins_with_nothing() {
    let (media, repairs) = block(FIRST, 8, 4);
    let mut repair = listening();
    for (index, packet) in media.iter().enumerate().skip(1) {
        repair.keep(FIRST + index as u64, packet);
    }
    repair.reset();
    push(&mut repair, &repairs[0], FIRST + 7);
    assert_eq!(made(&mut repair), []);
}

#[test]
fn what_was_sent_before_we_listened_is_not_missed() {
    let (media, repairs) = block(FIRST, 8, 4);
    let mut repair = Repair::default();
    push(&mut repair, &repairs[0], FIRST + 7);
    for (index, packet) in media.iter().enumerate().skip(5) {
        repair.keep(FIRST + index as u64, packet);
    }
    repairs.iter().for_each(|packet| push(&mut repair, packet, FIRST + 7));
    assert_eq!((made(&mut repair), repair.counts().malformed), (Vec::new(), 0));
    // Nor is the block before.
    let (_, before) = block(FIRST - 8, 8, 4);
    before.iter().for_each(|packet| push(&mut repair, packet, FIRST + 7));
    assert_eq!((made(&mut repair), repair.counts().malformed), (Vec::new(), 0));
}

#[test]
fn the_first_packets_of_the_first_block_are_repaired() {
    let (media, repairs) = block(FIRST, 8, 4);
    for lost in 1..=4 {
        let mut repair = Repair::default();
        for (index, packet) in media.iter().enumerate().skip(lost) {
            repair.keep(FIRST + index as u64, packet);
        }
        repairs.iter().for_each(|packet| push(&mut repair, packet, FIRST + 7));
        let made: Vec<_> = made(&mut repair).into_iter().map(|(_, packet)| packet).collect();
        assert_eq!(made, media[..lost], "{lost} lost");
    }
}

#[test]
fn packets_that_come_twice_take_no_more_memory() {
    let (media, _) = block(FIRST, 100, 4);
    let mut repair = Repair::default();
    for _ in 0..20 {
        for (index, packet) in media.iter().enumerate() {
            repair.keep(FIRST + index as u64, packet);
        }
    }
    assert_eq!(repair.kept.len(), KEPT_FIRST);
}
