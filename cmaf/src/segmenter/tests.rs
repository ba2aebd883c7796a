use super::*;
use crate::walk::{Fragment, fragment};
use bytes::Bytes;
use core::time::Duration;

mod invariants;

const SECOND: i64 = 1_000_000_000;
const BEGIN: i64 = 1_800_000_000 * SECOND;
const FIRST: u64 = 900_000_000;

fn pictures() -> Track {
    Track::H264 { sps: vec![0x67, 0x42, 0xc0, 0x1e], pps: vec![0x68], size: (64, 48) }
}

/// A picture so many milliseconds after the beginning, 25 of which are a second.
fn picture(millis: i64, key: bool) -> Sample {
    let data = Bytes::copy_from_slice(&millis.to_be_bytes());
    let at = Wall(BEGIN + millis * 1_000_000);
    Sample { data, at, duration: Duration::from_millis(40), key }
}

fn pushed(segmenter: &mut Segmenter, samples: &[(i64, bool)]) -> Vec<Made> {
    let mut out = Vec::new();
    for (millis, key) in samples {
        segmenter.push(picture(*millis, *key), &mut out);
    }
    out
}

fn segmenter() -> Segmenter {
    Segmenter::new(pictures(), Grid::default())
}

fn parts(made: &[Made]) -> Vec<(u64, u32, Fragment)> {
    let part = |made: &Made| match made {
        Made::Part(part) => Some((part.number - FIRST, part.index, fragment(&part.bytes))),
        Made::Segment(_) => None,
    };
    made.iter().filter_map(part).collect()
}

fn segments(made: &[Made]) -> Vec<(u64, Duration, u32, u32)> {
    let segment = |made: &Made| match made {
        Made::Segment(s) => Some((s.number - FIRST, s.duration, s.parts, s.samples)),
        Made::Part(_) => None,
    };
    made.iter().filter_map(segment).collect()
}

fn durations(fragment: &Fragment) -> Vec<u32> {
    fragment.samples.iter().map(|sample| sample.0 / 90).collect()
}

#[test]
fn a_part_is_made_when_the_next_begins() {
    let mut segmenter = segmenter();
    assert!(pushed(&mut segmenter, &[(0, true), (40, false), (199, false)]).is_empty());
    let made = pushed(&mut segmenter, &[(230, false)]);
    let [(0, 0, first)] = &parts(&made)[..] else { panic!("{made:?}") };
    assert_eq!(durations(first), [40, 159, 31]);
    let flags: Vec<_> = first.samples.iter().map(|sample| sample.1).collect();
    assert_eq!(flags, [Some(0x0200_0000), Some(0x0101_0000), Some(0x0101_0000)]);
    let Made::Part(part) = &made[0] else { panic!() };
    assert_eq!((part.begin, part.duration), (Wall(BEGIN), Duration::from_millis(230)));
    assert!(part.independent);
    assert_eq!((part.samples, &*part.track), (3, pictures().id().as_str()));
}

#[test]
fn a_segment_ends_with_the_first_sample_of_another() {
    let mut segmenter = segmenter();
    let made = pushed(&mut segmenter, &[(0, true), (1900, false), (2010, true)]);
    assert_eq!(segments(&made), [(0, Duration::from_millis(2010), 2, 2)]);
}

#[test]
fn a_segment_begins_with_a_key_picture_and_parts_keep_their_index() {
    let mut segmenter = segmenter();
    let samples = [(1500, false), (2000, false), (2500, false), (2700, true), (2740, false)];
    let mut made = pushed(&mut segmenter, &samples);
    segmenter.flush(&mut made);
    let [(1, 3, part)] = &parts(&made)[..] else { panic!("{made:?}") };
    assert_eq!(durations(part), [40, 40]);
    assert_eq!(segmenter.left_out(), LeftOut { before_key: 3, ..LeftOut::default() });
}

#[test]
fn what_lasts_longer_than_a_second_is_a_gap() {
    let mut segmenter = segmenter();
    let made = pushed(&mut segmenter, &[(0, true), (1000, false), (1100, false), (2200, true)]);
    let lengths: Vec<_> = parts(&made).iter().map(|(.., part)| durations(part)).collect();
    assert_eq!(lengths, [vec![1000], vec![100, 40]]);
}

#[test]
fn silence_closes_what_has_ended() {
    let mut segmenter = segmenter();
    let mut made = pushed(&mut segmenter, &[(0, true), (190, false)]);
    segmenter.idle(Wall(BEGIN + 229_000_000), &mut made);
    assert!(made.is_empty(), "the last picture may last until 230 ms");
    segmenter.idle(Wall(BEGIN + 230_000_000), &mut made);
    assert_eq!(durations(&parts(&made)[0].2), [190, 40]);
    // The next part is a short one, and lasts to the end of it.
    made.extend(pushed(&mut segmenter, &[(220, false), (250, false)]));
    segmenter.idle(Wall(BEGIN + 1_999_000_000), &mut made);
    assert_eq!(durations(&parts(&made)[1].2), [150]);
    assert!(segments(&made).is_empty());
    segmenter.idle(Wall(BEGIN + 2_000_000_000), &mut made);
    assert_eq!(segments(&made), [(0, Duration::from_millis(400), 2, 3)]);
    assert_eq!(segmenter.left_out().backwards, 1);
}

#[test]
fn a_name_that_is_taken_is_not_given_again() {
    let mut segmenter = segmenter();
    let mut made = pushed(&mut segmenter, &[(0, true), (40, false)]);
    segmenter.flush(&mut made);
    made.extend(pushed(&mut segmenter, &[(80, true), (1999, true), (2000, true), (2300, false)]));
    let names: Vec<_> = parts(&made).iter().map(|part| (part.0, part.1)).collect();
    assert_eq!((names, segmenter.left_out().backwards), (vec![(0, 0), (1, 0)], 2));
}

#[test]
fn another_init_segment_begins_another_segment() {
    let mut segmenter = segmenter();
    let mut made = pushed(&mut segmenter, &[(0, true), (40, false)]);
    segmenter.change(pictures(), &mut made);
    assert!(made.is_empty(), "it is the same");
    let other = Track::H264 { sps: vec![0x67, 0x42, 0xc0, 0x1f], pps: vec![], size: (80, 60) };
    segmenter.change(other.clone(), &mut made);
    assert_eq!(segments(&made).len(), 1);
    made.extend(pushed(&mut segmenter, &[(80, true), (2000, true), (2300, false)]));
    let Some(Made::Part(part)) = made.last() else { panic!("{made:?}") };
    assert_eq!((part.number, &*part.track), (FIRST + 1, other.id().as_str()));
}

#[test]
fn odd_samples_are_left_out_and_counted() {
    let mut segmenter = segmenter();
    let mut out = pushed(&mut segmenter, &[(100, true), (100, true), (60, true)]);
    out.extend(pushed(&mut segmenter, &[(31_000, true), (-BEGIN / 1_000_000 - 1, true)]));
    for data in [Bytes::new(), vec![0; SAMPLE_MAX + 1].into()] {
        segmenter.push(Sample { data, ..picture(120, false) }, &mut out);
    }
    assert!(out.is_empty());
    assert_eq!(segmenter.left_out(), LeftOut { before_key: 0, backwards: 3, ahead: 1, unfit: 2 });
    segmenter.idle(Wall(BEGIN + 20 * SECOND), &mut out);
    let made = pushed(&mut segmenter, &[(31_000, true), (31_300, false)]);
    assert_eq!(parts(&made).len(), 1, "time has gone on");
}

#[test]
fn a_part_holds_no_more_than_a_bound() {
    let (mut segmenter, mut out) = (segmenter(), Vec::new());
    for millis in 0..5 {
        let data = vec![0; SAMPLE_MAX].into();
        segmenter.push(Sample { data, ..picture(millis, true) }, &mut out);
    }
    assert_eq!(segmenter.left_out().unfit, 3);
    segmenter.flush(&mut out);
    assert_eq!(durations(&parts(&out)[0].2), [1, 40]);
}

#[test]
fn a_player_can_begin_at_all_sound() {
    let mut segmenter = Segmenter::new(Track::Aac { rate: 48_000, channels: 1 }, Grid::default());
    let made = pushed(&mut segmenter, &[(0, false), (21, false), (220, false)]);
    let Some(Made::Part(part)) = made.first() else { panic!("{made:?}") };
    assert!(part.independent);
    let read = fragment(&part.bytes);
    assert_eq!(read.decode, 1_800_000_000 * 48_000);
    let samples: Vec<_> = read.samples.iter().map(|sample| (sample.0, sample.1)).collect();
    assert_eq!(samples, [(1008, None), (9552, None)]);
}
