//! Whether pictures of which nothing comes are lost on the way, or were not sent.

use crate::subscription::track::ReceivedTrack;
use streamsocket_media::clock::{Delay, Monotonic};

/// Nothing is missing before it was silent for so long, and for so many pictures: cameras make pauses when the light
/// changes.
const OVERDUE: Delay = Delay::from_secs(1);
const INTERVALS: i64 = 4;

/// Without a report for so long beyond that, reports are lost as well: they come every 1.23 s at the latest.
const REPORTS: Delay = Delay::from_millis(500);

/// Pictures in 1000 seconds of a tier whose description does not say it.
const RATE: u32 = 10_000;

/// What is known of a tier of which nothing comes.
#[derive(Clone, Copy, Debug)]
struct Silence {
    /// When its last packet came.
    heard: Monotonic,
    /// When its sender reported last, and how many packets it had sent by then behind that one: of each picture at least one.
    reported: Option<(Monotonic, u32)>,
    /// When something came last of the sender's sound.
    sound: Option<Monotonic>,
    /// Pictures in 1000 seconds.
    rate: u32,
}

/// Pictures of `rate` in 1000 seconds that have been due since a packet of `track` came last; none if that is not long
/// ago, or none were sent. Something came last of the sender's `sound` then.
pub(super) fn missing(
    track: &ReceivedTrack,
    rate: Option<u32>,
    sound: Option<Monotonic>,
    now: Monotonic,
) -> u64 {
    let source = track.session.source();
    let (Some(heard), None) = (source.heard(), track.session.note()) else { return 0 };
    let rate = rate.unwrap_or(RATE).max(1);
    Silence { heard, reported: source.unseen(), sound, rate }.missing(now)
}

impl Silence {
    /// Pictures that were due: the sender's reports say that more was sent, or if none of them comes either, its sound goes
    /// on.
    fn missing(self, now: Monotonic) -> u64 {
        let Self { heard, reported, sound, rate } = self;
        let silence = now - heard;
        let overdue = OVERDUE.max(Delay::from_secs(1000 * INTERVALS) / i64::from(rate));
        let were_sent = match reported.filter(|(at, _)| *at > heard) {
            Some((at, unseen)) => u64::from(unseen) >= due(at - heard, rate).max(1),
            None => silence >= overdue + REPORTS && sound.is_some_and(|at| at > heard + overdue),
        };
        if silence < overdue || !were_sent {
            return 0;
        }
        due(silence, rate)
    }
}

/// Pictures of `rate` in 1000 seconds in so long.
fn due(time: Delay, rate: u32) -> u64 {
    let millis = u64::try_from(time.nanos() / 1_000_000).unwrap_or(0);
    millis.saturating_mul(u64::from(rate)) / 1_000_000
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is missing so many milliseconds after the last picture of so many in 1000 seconds, of which a report came then
    /// and said that so many packets were sent, or sound.
    fn of(rate: u32, after: i64, report: Option<(i64, u32)>, sound: Option<i64>) -> u64 {
        let at = |millis: i64| Monotonic((10_000 + millis) * 1_000_000);
        let reported = report.map(|(millis, unseen)| (at(millis), unseen));
        Silence { heard: at(0), reported, sound: sound.map(at), rate }.missing(at(after))
    }

    /// The same of 30 a second.
    fn missing(after: i64, report: Option<(i64, u32)>, sound: Option<i64>) -> u64 {
        of(30_000, after, report, sound)
    }

    #[test]
    fn what_was_sent_and_does_not_come_is_missing_after_a_second() {
        assert_eq!(missing(999, Some((800, 50)), Some(990)), 0);
        assert_eq!(missing(1000, Some((800, 50)), Some(990)), 30);
        assert_eq!(missing(2000, Some((800, 50)), None), 60);
        // One in two seconds.
        let slow = |after| of(500, after, Some((7000, 50)), None);
        assert_eq!((slow(7999), slow(8000)), (0, 4));
    }

    #[test]
    fn a_camera_that_makes_a_pause_misses_nothing() {
        assert_eq!(missing(5000, Some((4800, 0)), Some(4990)), 0);
        // Before the pause the end of a picture was lost.
        assert_eq!(missing(5000, Some((4800, 9)), Some(4990)), 0);
    }

    #[test]
    fn where_no_report_comes_either_the_sound_says_that_the_sender_is_there() {
        assert_eq!(missing(1499, None, Some(1490)), 0);
        assert_eq!(missing(1500, None, Some(1490)), 45);
        // That before the silence says nothing of it.
        assert_eq!(missing(1500, Some((-100, 0)), Some(1490)), 45);
        // The sender has stopped, or is gone.
        assert_eq!(missing(1500, None, Some(20)), 0);
        assert_eq!(missing(60_000, None, None), 0);
    }
}
