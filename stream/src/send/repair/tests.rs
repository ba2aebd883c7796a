use super::*;

#[test]
fn small_frames_are_given_more() {
    let of = |share: &str, packets| share.parse::<Share>().unwrap().of_frame(packets);
    assert_eq!([1, 8, 28, 84, 180, 4000].map(|n| of("20", n)), [8, 12, 17, 25, 36, 800]);
    assert_eq!([1, 28, 84, 180].map(|n| of("10%", n)), [4, 9, 13, 18]);
    assert_eq!([1, 28, 180].map(|n| of("50", n)), [8, 17, 90]);
    assert_eq!((of("0", 84), of("off", 84), of("20", 4097), of("20", 0)), (0, 0, 0, 0));
    assert_eq!(
        ["0", "5", "10", "20", "60"].map(|share| share.parse::<Share>().unwrap().of_sound(8)),
        [0, 2, 3, 6, 8]
    );
    assert_eq!([0, 5, 20, 60].map(|share| Share(share).of_sound(2)), [0, 1, 2, 2]);
    for wrong in ["", "-1", "101", "x", "20 percent"] {
        assert_eq!(wrong.parse::<Share>(), Err(ParseShareError), "{wrong}");
    }
}

#[test]
fn a_block_is_finished_by_its_last_packet() {
    let mut encoder = Encoder::new(Ssrc(1), Sequence(65_535), Ssrc(2));
    let (first, time) = (Sequence(9), RtpTime(77));
    let block = Block { first, time, packets: 3, repairs: 2, longest: 41 };
    assert!(encoder.begin(block));
    assert!(!encoder.push(&[1; 12], &[2; 29]));
    assert!(!encoder.push(&[1; 12], &[3; 29]));
    assert!(encoder.is_empty());
    assert!(encoder.push(&[1; 12], &[4; 5]));
    assert_eq!(encoder.len(), 2);
    for (index, sequence) in [(0, 65_535), (1, 0)] {
        let packet = rtp::Packet::parse(encoder.get(index).unwrap()).unwrap();
        let header = packet.header();
        assert_eq!((header.sequence, header.time), (Sequence(sequence), time));
        assert_eq!(header.marker, index == 1);
        let (repair, shard) = Header::parse(packet.payload()).unwrap();
        assert_eq!((repair.media, repair.first, repair.packets), (Ssrc(2), first, 3));
        assert_eq!((usize::from(repair.index), shard.len()), (index, 44));
    }
    assert_eq!(encoder.get(2), None);
}

#[test]
fn a_packet_longer_than_was_said_leaves_its_block_without() {
    let mut encoder = Encoder::new(Ssrc(1), Sequence(0), Ssrc(2));
    let (first, time) = (Sequence(9), RtpTime(77));
    assert!(encoder.begin(Block { first, time, packets: 1, repairs: 1, longest: 20 }));
    assert!(!encoder.push(&[1; 12], &[2; 29]));
    assert!(encoder.is_empty());
    assert!(!encoder.begin(Block { first, time, packets: 0, repairs: 1, longest: 20 }));
}

#[test]
fn repair_packets_of_few_long_packets_leave_one_by_one_behind_them() {
    let encoder = Encoder::new(Ssrc(1), Sequence(0), Ssrc(2));
    let mut repair = SoundRepair::new(Share::default(), encoder).with_blocks_of(2);
    let mut counts = Vec::new();
    for sequence in 0..6 {
        let (sequence, time) = (Sequence(sequence), RtpTime(960 * u32::from(sequence)));
        let mut count = 0;
        let packet = AudioPacket { header: &[1; 28], payload: &[2; 160], sequence, time };
        repair.push(&packet, |_| count += 1);
        counts.push(count);
    }
    assert_eq!(counts, [0, 1, 1, 1, 1, 1]);
}
