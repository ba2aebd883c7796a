//! What holds whatever samples come.

use super::*;
use proptest::prelude::*;

/// Samples with these intervals in microseconds, a key picture at least where a segment begins.
fn samples(intervals: &[(i64, bool)]) -> Vec<Sample> {
    let (mut at, mut number) = (BEGIN + 123_456_789, 0);
    let mut samples = Vec::new();
    for (count, (interval, key)) in (0_u32..).zip(intervals) {
        at += interval * 1000;
        let here = Grid::default().number(Wall(at));
        let key = *key || here != number;
        number = here;
        let data = Bytes::copy_from_slice(&count.to_be_bytes());
        samples.push(Sample { data, at: Wall(at), duration: Duration::from_micros(33_333), key });
    }
    samples
}

fn cut(track: &Track, samples: &[Sample]) -> (Vec<Made>, LeftOut) {
    let mut segmenter = Segmenter::new(track.clone(), Grid::default());
    let mut made = Vec::new();
    for sample in samples {
        segmenter.push(sample.clone(), &mut made);
    }
    segmenter.flush(&mut made);
    (made, segmenter.left_out())
}

fn only_parts(made: &[Made]) -> Vec<&Part> {
    let mut parts = Vec::new();
    for made in made {
        if let Made::Part(part) = made {
            parts.push(part);
        }
    }
    parts
}

fn interval() -> impl Strategy<Value = i64> {
    prop_oneof![
        20 => 32_000_i64..35_000,
        2 => 60_000_i64..400_000,
        1 => 900_000_i64..5_000_000,
    ]
}

/// The same, and some that go backwards or nowhere, or too far.
fn any_interval() -> impl Strategy<Value = i64> {
    prop_oneof![
        20 => interval(),
        1 => -500_000_i64..20,
        1 => 29_000_000_i64..40_000_000,
    ]
}

fn tracks() -> impl Strategy<Value = Track> {
    prop_oneof![Just(pictures()), Just(Track::Aac { rate: 44_100, channels: 1 })]
}

proptest! {
    #[test]
    fn parts_tile_the_time(
        track in tracks(),
        intervals in proptest::collection::vec((any_interval(), any::<bool>()), 1..200),
    ) {
        let samples = samples(&intervals);
        let (made, left_out) = cut(&track, &samples);
        let (grid, scale) = (Grid::default(), u64::from(track.timescale()));
        let mut before: Option<(u64, u32, u64, Wall)> = None;
        let mut taken = 0;
        for part in only_parts(&made) {
            let read = fragment(&part.bytes);
            taken += read.samples.len() as u64;
            let count = u32::from_be_bytes(read.samples[0].2[..].try_into().unwrap());
            let first = &samples[count as usize];
            prop_assert_eq!(grid.part(first.at), (part.number, part.index));
            prop_assert!((part.begin - first.at).abs().nanos() <= SECOND / i64::from(track.timescale()));
            let order = part.number * 10 + u64::from(part.index);
            prop_assert_eq!(u64::from(read.sequence), order & 0xffff_ffff);
            prop_assert!(read.samples.iter().all(|sample| sample.0 > 0));
            let end = part.begin + streamsocket_media::clock::Delay::from_nanos(i64::try_from(part.duration.as_nanos()).unwrap());
            prop_assert_eq!(tick(end, track.timescale()), read.end());
            if let Some((number, index, ended, at)) = before {
                prop_assert!((number, index) < (part.number, part.index));
                prop_assert!(ended <= read.decode && at <= part.begin);
                // Neither a hole nor a drift where no gap is.
                let gap = read.decode - ended;
                prop_assert!(gap == 0 || gap + scale / 30 > scale, "{} ticks are missing", gap);
            }
            before = Some((part.number, part.index, read.end(), end));
        }
        let LeftOut { before_key, backwards, ahead, unfit } = left_out;
        prop_assert_eq!(taken + before_key + backwards + ahead + unfit, samples.len() as u64);
    }

    #[test]
    fn segments_are_the_sums_of_their_parts(
        intervals in proptest::collection::vec((interval(), any::<bool>()), 1..200),
    ) {
        let (made, _) = cut(&pictures(), &samples(&intervals));
        let mut parts: Vec<&Part> = Vec::new();
        for made in &made {
            match made {
                Made::Part(part) => parts.push(part),
                Made::Segment(segment) => {
                    let (first, last) = (parts[0], parts[parts.len() - 1]);
                    prop_assert!(parts.iter().all(|part| part.number == segment.number));
                    prop_assert!(first.independent);
                    prop_assert_eq!(first.begin, segment.begin);
                    prop_assert_eq!(
                        (last.begin - first.begin).duration() + last.duration,
                        segment.duration
                    );
                    let bytes: usize = parts.iter().map(|part| part.bytes.len()).sum();
                    let samples: u32 = parts.iter().map(|part| part.samples).sum();
                    prop_assert_eq!((bytes as u64, samples), (segment.bytes, segment.samples));
                    prop_assert_eq!(parts.len(), segment.parts as usize);
                    parts.clear();
                }
            }
        }
        prop_assert!(parts.is_empty());
    }

    #[test]
    fn whoever_cuts_them_makes_the_same(
        track in tracks(),
        intervals in proptest::collection::vec((interval(), any::<bool>()), 2..300),
        late in 0_usize..200,
    ) {
        let samples = samples(&intervals);
        let late = &samples[late.min(samples.len() - 1)..];
        let from = Grid::default().number(late[0].at);
        let (one, other) = (cut(&track, &samples).0, cut(&track, late).0);
        let behind = |part: &&Part| part.number > from;
        let (one, other) = (only_parts(&one), only_parts(&other));
        prop_assert!(one.iter().filter(|part| behind(part)).eq(other.iter().filter(|part| behind(part))));
    }
}
