use super::*;

const MS: i64 = 1_000_000;

fn header(ssrc: u32, sequence: u16, time: u32) -> Header {
    Header {
        marker: false,
        payload_type: 26,
        sequence: Sequence(sequence),
        time: RtpTime(time),
        ssrc: Ssrc(ssrc),
        has_extension: false,
    }
}

fn locked() -> Source {
    let mut source = Source::new(90_000);
    let admission = source.admit(&header(1, 100, 0), Monotonic(0));
    assert_eq!(admission, Admission::NewSource { sequence: 65_636, time: ExtendedTime(0) });
    source
}

#[test]
fn another_ssrc_is_refused_while_the_source_speaks() {
    let mut source = locked();
    assert_eq!(source.admit(&header(2, 5, 0), Monotonic(100 * MS)), Admission::Refused);
    assert_eq!((source.ssrc(), source.refused()), (Some(Ssrc(1)), 1));
}

#[test]
fn another_ssrc_is_a_new_source_after_silence_or_goodbye() {
    let mut source = locked();
    let new = Admission::NewSource { sequence: 65_541, time: ExtendedTime(9) };
    assert_eq!(source.admit(&header(2, 5, 9), Monotonic(600 * MS)), new);
    let at = Monotonic(600 * MS);
    source.bye(Ssrc(1), at);
    assert_eq!(source.leaving(), None);
    source.bye(Ssrc(2), at);
    assert_eq!(source.leaving(), Some(at));
    source.left(at);
    assert_eq!(source.admit(&header(2, 6, 9), Monotonic(601 * MS)), Admission::Refused);
    let again = Admission::NewSource { sequence: 65_541, time: ExtendedTime(9) };
    assert_eq!(source.admit(&header(3, 5, 9), Monotonic(602 * MS)), again);
}

#[test]
fn a_goodbye_may_overtake_packets_and_keeps_nobody_out() {
    let mut source = locked();
    source.bye(Ssrc(1), Monotonic(MS));
    let last = Admission::Admitted { sequence: 65_637, time: ExtendedTime(0) };
    assert_eq!(source.admit(&header(1, 101, 0), Monotonic(2 * MS)), last);
    let new = Admission::NewSource { sequence: 65_541, time: ExtendedTime(9) };
    assert_eq!(source.admit(&header(2, 5, 9), Monotonic(3 * MS)), new);
    assert_eq!((source.leaving(), source.lives(Monotonic(3 * MS))), (None, true));
}

#[test]
fn a_source_that_goes_on_after_goodbye_is_taken_again() {
    let mut source = locked();
    source.bye(Ssrc(1), Monotonic(0));
    source.left(Monotonic(0));
    assert_eq!(source.admit(&header(1, 101, 0), Monotonic(400 * MS)), Admission::Refused);
    let again = Admission::NewSource { sequence: 65_638, time: ExtendedTime(0) };
    assert_eq!(source.admit(&header(1, 102, 0), Monotonic(500 * MS)), again);
}

#[test]
fn a_restart_with_the_same_ssrc_is_believed_at_the_second_packet() {
    let mut source = locked();
    assert_eq!(source.admit(&header(1, 40_000, 7), Monotonic(MS)), Admission::Refused);
    let again = Admission::NewSource { sequence: 40_001 + 65_536, time: ExtendedTime(7) };
    assert_eq!(source.admit(&header(1, 40_001, 7), Monotonic(MS)), again);
}

#[test]
fn sequence_and_time_wrap() {
    let mut source = Source::new(90_000);
    source.admit(&header(1, 65_535, u32::MAX), Monotonic(0));
    let admission = source.admit(&header(1, 0, 2), Monotonic(MS));
    let sequence = 65_535 + 65_536 + 1;
    assert_eq!(
        admission,
        Admission::Admitted { sequence, time: ExtendedTime(i64::from(u32::MAX) + 3) }
    );
}

#[test]
fn a_report_counts_what_is_missing() {
    let mut source = locked();
    for sequence in [101, 102, 104, 103, 107] {
        source.admit(&header(1, sequence, 0), Monotonic(MS));
    }
    source.reported(NtpTime(0x1122_3344_5566_7788), 1, Monotonic(0));
    let block = source.report(Monotonic(500 * MS)).unwrap();
    assert_eq!((block.lost, block.fraction_lost), (2, 64));
    assert_eq!((block.highest, block.last_sr, block.delay), (107, 0x3344_5566, 32_768));
    assert_eq!(source.totals(), (6, 2));
    assert_eq!(source.report(Monotonic(500 * MS)).unwrap().fraction_lost, 0);
    // What was counted is not forgotten with the source.
    source.bye(Ssrc(1), Monotonic(500 * MS));
    source.left(Monotonic(500 * MS));
    assert_eq!(source.totals(), (6, 2));
    source.admit(&header(2, 5, 9), Monotonic(600 * MS));
    assert_eq!(source.totals(), (7, 2));
}

#[test]
fn a_report_says_how_much_was_sent_of_which_nothing_came() {
    let mut source = locked();
    let mut unseen = |sequence: Option<u16>, packets: u32| {
        if let Some(sequence) = sequence {
            source.admit(&header(1, sequence, 0), Monotonic(MS));
        }
        source.reported(NtpTime(0), packets, Monotonic(2 * MS));
        source.unseen().unwrap()
    };
    // It had sent 6 before those that came.
    assert_eq!(unseen(Some(101), 8), (Monotonic(2 * MS), 0));
    assert_eq!(unseen(None, 31).1, 23);
    assert_eq!(unseen(None, 50).1, 42);
    // The last one of them comes, and the report had overtaken two.
    assert_eq!(unseen(Some(143), 52).1, 2);
    assert_eq!(unseen(Some(145), 52).1, 0);
    // It counts anew; then its count goes round.
    assert_eq!(unseen(None, 0).1, 0);
    assert_eq!(unseen(None, u32::MAX).1, 0);
    assert_eq!(unseen(None, 9).1, 10);
}

/// A picture a 30th of a second, of three packets; each is at `time(index)` ticks. Returns for each picture
/// how many of its packets were admitted, and how often the source began anew.
fn pictures(count: u32, time: impl Fn(u32) -> u32) -> (Vec<usize>, usize) {
    let mut source = Source::new(90_000);
    let (mut sequence, mut anew) = (0, 0);
    let admitted = (0..count).map(|picture| {
        let packets = (0..3).filter(|_| {
            sequence += 1;
            let arrival = Monotonic(i64::from(picture) * 1_000 * MS / 30);
            match source.admit(&header(1, sequence, time(picture)), arrival) {
                Admission::Admitted { .. } => true,
                Admission::NewSource { .. } => {
                    anew += 1;
                    true
                }
                Admission::Refused => false,
            }
        });
        packets.count()
    });
    let admitted = admitted.collect();
    (admitted, anew)
}

#[test]
fn one_time_that_cannot_be_moves_nothing() {
    for lie in [u32::MAX / 3, u32::MAX / 2 + 7, 5 * 90_000, 90_000_u32.wrapping_neg()] {
        let (admitted, anew) = pictures(60, |picture| {
            if picture == 30 { lie.wrapping_add(picture * 3000) } else { picture * 3000 }
        });
        assert_eq!(anew, 1, "{lie}");
        let lost: Vec<_> = (0..60).filter(|at| admitted[*at] != 3).collect();
        assert_eq!(lost, [30], "{lie}");
    }
}

#[test]
fn a_source_whose_time_goes_on_elsewhere_is_followed_within_two_pictures() {
    for jump in [3_000_000, 90_000_u32.wrapping_neg(), u32::MAX / 2 + 7, 900_000_u32.wrapping_neg()]
    {
        let (admitted, anew) = pictures(60, |picture| {
            (picture * 3000).wrapping_add(if picture >= 30 { jump } else { 0 })
        });
        assert_eq!(anew, 2, "{jump}");
        let lost: Vec<_> = (0..60).filter(|at| admitted[*at] != 3).collect();
        assert_eq!(lost, [30], "{jump}");
    }
}

#[test]
fn who_was_away_or_held_up_goes_on() {
    // A camera that is out for an hour, a minute, and one whose machine stood still for 3 s with its pictures.
    let mut source = locked();
    let admission = source.admit(&header(1, 101, 3600 * 90_000), Monotonic(3_600_000 * MS));
    assert_eq!(
        admission,
        Admission::Admitted { sequence: 65_637, time: ExtendedTime(3600 * 90_000) }
    );
    let mut source = locked();
    let away = Monotonic(60_000 * MS);
    let admission = source.admit(&header(1, 101, 60 * 90_000), away);
    assert_eq!(
        admission,
        Admission::Admitted { sequence: 65_637, time: ExtendedTime(60 * 90_000) }
    );
    let held = away.offset(3_000 * MS);
    for picture in 1..8 {
        let time = 60 * 90_000 + picture * 3000;
        let sequence = 101 + u16::try_from(picture).unwrap();
        let admission = source.admit(&header(1, sequence, time), held);
        assert!(matches!(admission, Admission::Admitted { .. }), "{picture}: {admission:?}");
    }
    // What waited in a network for 3 s comes together, and then what is new.
    let admission = source.admit(&header(1, 109, 63 * 90_000), held.offset(MS));
    assert!(matches!(admission, Admission::Admitted { .. }), "{admission:?}");
}

#[test]
fn packets_that_are_reordered_by_hundreds_belong_to_the_source() {
    let mut source = Source::new(90_000);
    let mut anew = 0;
    // Frames of 250 packets, of which every other one is 20 ms late.
    for block in 0..40_u16 {
        for half in [0, 1] {
            for packet in 0..125 {
                let sequence = block * 250 + packet * 2 + half;
                let time = u32::from(block) * 3000;
                let arrival = Monotonic(i64::from(block) * 33 * MS + i64::from(half) * 20 * MS);
                match source.admit(&header(1, sequence, time), arrival) {
                    Admission::NewSource { .. } => anew += 1,
                    Admission::Admitted { .. } => {}
                    Admission::Refused => panic!("{sequence}"),
                }
            }
        }
    }
    assert_eq!((anew, source.totals()), (1, (10_000, 0)));
}

#[test]
fn what_was_made_of_repair_packets_must_fit() {
    let mut source = locked();
    source.admit(&header(1, 101, 3000), Monotonic(33 * MS));
    let now = Monotonic(40 * MS);
    assert_eq!(source.extend_made(RtpTime(0), now), Some(ExtendedTime(0)));
    assert_eq!(source.extend_made(RtpTime(6000), now), Some(ExtendedTime(6000)));
    assert_eq!(source.extend_made(RtpTime(10 * 90_000), now), None);
    assert_eq!(source.extend_made(RtpTime(u32::MAX - 10 * 90_000), now), None);
}
