use super::*;
use crate::grid::Grid;
use bytes::Bytes;
use streamsocket_media::clock::Wall;

const SECOND: i64 = 1_000_000_000;

#[test]
fn a_part_is_made_when_the_next_begins() {
    let track = Track::Aac { rate: 48_000, channels: 2 };
    let mut segmenter = Segmenter::new(track, Grid::default());
    let mut out = Vec::new();
    for frame in 0..200 {
        let at = Wall(1_800_000_000 * SECOND + frame * 21_333_333);
        let data = Bytes::from_static(&[1, 2, 3]);
        let sample = Sample { data, at, duration: Duration::from_nanos(21_333_333), key: true };
        segmenter.push(sample, &mut out);
    }
    assert_eq!(out.iter().filter(|made| matches!(made, Made::Segment(_))).count(), 2);
    assert_eq!(segmenter.left_out(), LeftOut::default());
}
