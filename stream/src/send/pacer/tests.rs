use super::*;

const INTERVAL: i64 = 33_333_333;

fn begun(pace: Pace, packets: usize) -> Pacer {
    let mut pacer = Pacer::new(pace, INTERVAL);
    pacer.begin(Monotonic(0), Monotonic(0), load(packets, 0));
    pacer
}

const fn load(media: usize, repairs: usize) -> Load {
    Load { media, repairs, bytes: (media + repairs) * 1400 }
}

/// When the batches of a frame leave, and what of it.
fn batches(pacer: &mut Pacer) -> Vec<(i64, Range<usize>)> {
    let mut batches = Vec::new();
    while let Some(deadline) = pacer.deadline() {
        batches.push((deadline.0, pacer.due(deadline)));
    }
    batches
}

fn ranges(pacer: &mut Pacer) -> Vec<Range<usize>> {
    batches(pacer).into_iter().map(|(_, range)| range).collect()
}

#[test]
fn repair_packets_share_the_time() {
    let mut pacer = begun(Pace::Share(0.5), 0);
    pacer.begin(Monotonic(0), Monotonic(0), load(172, 39));
    // Of the frame itself the last batch has 16.
    assert_eq!(ranges(&mut pacer), [0..39, 39..78, 78..117, 117..156, 156..172, 172..211]);
    pacer.begin(Monotonic(0), Monotonic(0), load(28, 17));
    assert_eq!(ranges(&mut pacer), [0..28, 28..45]);
    pacer.begin(Monotonic(0), Monotonic(0), load(41, 18));
    assert_eq!(ranges(&mut pacer), [0..25, 25..41, 41..59]);
}

/// What the smallest switch buffers hold.
const QUEUE: i64 = 128 * 1024;

/// Bytes that wait in front of a link of 100 Mbit/s, at most, with what Ethernet, IP and UDP add: of so many
/// senders whose batches leave at the same instants, one of them, by its index, that many nanoseconds late.
fn queue(pacer: &mut Pacer, senders: i64, late: (usize, i64)) -> i64 {
    let (mut queue, mut most, mut last) = (0, 0, 0);
    for index in 0.. {
        let Some(deadline) = pacer.deadline() else { break };
        let now = deadline.offset(if index == late.0 { late.1 } else { 0 });
        queue = (queue - (now.0 - last) * 125 / 10_000).max(0);
        queue += senders * i64::try_from(pacer.due(now).len()).unwrap() * (1400 + 42);
        (most, last) = (most.max(queue), now.0);
    }
    most
}

#[test]
fn the_smallest_switch_is_not_overrun() {
    let mut pacer = begun(Pace::Share(0.5), 0);
    let mut most = |(media, repairs), senders, late| {
        pacer.begin(Monotonic(0), Monotonic(0), load(media, repairs));
        queue(&mut pacer, senders, late)
    };
    let alone = most((172, 39), 1, (0, 0));
    assert!((110_000..118_000).contains(&alone), "{alone}");
    for late in (1..6).flat_map(|index| (0..80).map(move |late| (index, late * 100_000))) {
        let alone = most((172, 39), 1, late);
        assert!(alone < QUEUE, "{alone}, late: {late:?}");
    }
    // Pictures of 112 kB of two senders: larger ones have room only if they leave at other instants.
    let two = most((80, 24), 2, (0, 0));
    assert!((110_000..QUEUE).contains(&two), "{two}");
}

#[test]
fn batches_are_bytes_whatever_the_packets() {
    for (len, most) in [(300, 186), (8900, 6), (60_000, 1)] {
        let mut pacer = begun(Pace::Share(0.5), 0);
        let (media, repairs) = (1000, 200);
        pacer.begin(Monotonic(0), Monotonic(0), Load { media, repairs, bytes: 1200 * len });
        let ranges = ranges(&mut pacer);
        let longest = ranges.iter().map(Range::len).max().unwrap();
        assert!((most * 9 / 10..=most).contains(&longest), "{longest} of {len} bytes");
        assert_eq!(ranges.last().unwrap().end, 1200);
    }
}

#[test]
fn repair_packets_give_way_only_where_every_frame_is_late() {
    let mut pacer = begun(Pace::Share(0.5), 0);
    let mut frame = |late: bool| {
        pacer.begin(Monotonic(0), Monotonic(0), load(40, 20));
        if !late {
            while let Some(deadline) = pacer.deadline() {
                pacer.due(deadline);
            }
        }
        pacer.flush()
    };
    for _ in 0..8 {
        assert_eq!(frame(true), 0..60);
    }
    assert_eq!((frame(true), frame(true)), (0..40, 0..40));
    assert_eq!((frame(false), frame(true)), (60..60, 0..60));
}

#[test]
fn a_frame_is_spread_over_its_share_of_the_interval() {
    let mut pacer = begun(Pace::Share(0.5), 170);
    let batches = batches(&mut pacer);
    assert!(batches.iter().all(|(_, range)| (1..=40).contains(&range.len())));
    assert_eq!(batches.len(), 5);
    let last = batches[4].0;
    assert!(last < INTERVAL / 2 && last > INTERVAL * 4 / 10, "{batches:?}");
}

#[test]
fn nothing_is_due_before_its_time() {
    let mut pacer = begun(Pace::Share(0.5), 80);
    assert_eq!(pacer.due(Monotonic(0)), 0..32);
    let next = pacer.deadline().unwrap();
    assert!(pacer.due(next.offset(-1)).is_empty());
    assert_eq!(pacer.due(next), 32..64);
}

#[test]
fn a_late_timer_makes_the_rest_later_instead_of_a_burst() {
    let mut pacer = begun(Pace::Share(0.5), 172);
    let gap = 39 * pacer.each;
    assert_eq!(pacer.due(Monotonic(0)), 0..39);
    let late = Monotonic(3 * gap);
    assert_eq!(pacer.due(late), 39..78);
    assert!(pacer.due(late).is_empty());
    let next = late.offset(gap / 2);
    assert_eq!(pacer.deadline(), Some(next));
    assert_eq!(pacer.due(next), 78..117);
    assert_eq!(pacer.flush(), 117..172);
    // A little late is made up for.
    pacer.begin(Monotonic(0), Monotonic(0), load(172, 0));
    let gap = 39 * pacer.each;
    assert_eq!(pacer.due(Monotonic(gap / 2)), 0..39);
    assert_eq!(pacer.deadline(), Some(Monotonic(gap)));
    // Nearly as late as the next one is due: it is not made up for as a whole.
    assert_eq!(pacer.due(Monotonic(2 * gap - 1)), 39..78);
    assert_eq!(pacer.deadline(), Some(Monotonic(2 * gap - 1 + gap / 2)));
}

#[test]
fn off_sends_everything_at_once() {
    let mut pacer = begun(Pace::Off, 170);
    assert_eq!(pacer.due(Monotonic(0)), 0..170);
}

#[test]
fn a_rate_is_kept() {
    // 170 packets of 1400 bytes at 100 Mbit/s take 19.04 ms.
    let mut pacer = begun(Pace::Rate(100_000_000), 170);
    let batches = batches(&mut pacer);
    assert!(batches.iter().all(|(_, range)| range.len() <= 16));
    let (last, range) = batches.last().unwrap();
    let sent = i64::try_from(range.end).unwrap() * 1400 * 80;
    assert!((0..2_000_000).contains(&(sent - last)), "{batches:?}");
}

#[test]
fn the_interval_follows_the_camera() {
    let mut pacer = Pacer::new(Pace::Share(0.5), INTERVAL);
    for frame in 0..100 {
        pacer.begin(Monotonic(0), Monotonic(frame * 66_666_666), load(1, 0));
    }
    assert!((pacer.interval.nanos - 66_666_666).abs() < 1000);
}

#[test]
fn paces_are_written_as_people_write_them() {
    assert_eq!("off".parse(), Ok(Pace::Off));
    assert_eq!("50%".parse(), Ok(Pace::Share(0.5)));
    assert_eq!("40M".parse(), Ok(Pace::Rate(40_000_000)));
    assert_eq!("250k".parse(), Ok(Pace::Rate(250_000)));
    for wrong in ["", "0%", "95%", "fast", "10", "-1%", "M", "99999999999G", "½"] {
        assert_eq!(wrong.parse::<Pace>(), Err(ParsePaceError), "{wrong}");
    }
}
