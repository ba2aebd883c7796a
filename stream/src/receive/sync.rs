//! Where picture and sound meet: from each stream's RTP time to the sender's wall clock, read off time
//! extensions and sender reports, with the steps of that clock taken out.
//!
//! A sender whose wall clock is set (a Pi boots days off) stamps everything that follows with the new
//! time. RTP time goes on evenly, so that the step shows; taken out of both streams it moves neither.

use super::ticks;
use streamsocket_media::clock::{Delay, Monotonic, Wall};
use streamsocket_wire::ntp::NtpTime;
use streamsocket_wire::rtp::ExtendedTime;
use streamsocket_wire::sdp::Medium;

/// A difference between RTP time and wall clock that is new and beyond this is a step: below
/// 100 ms senders slew.
const STEP: Delay = Delay::from_millis(90);

/// Both streams of a session see the same step to within this.
const SAME: Delay = Delay::from_millis(20);

/// When one stream has seen a step and the other goes on as before for so long, it was no step of the
/// clock, but of that stream alone.
const CONFIRM: Delay = Delay::from_millis(500);

/// Steps that a stream may be behind with: who sets a clock more often while one of them is away has
/// other problems.
const STEPS_KEPT: usize = 8;

/// Where what is known of a stream stands.
const fn index(medium: Medium) -> usize {
    match medium {
        Medium::Video => 0,
        Medium::Audio => 1,
    }
}

/// Where what is known of the other stream stands.
const fn other(medium: Medium) -> usize {
    1 - index(medium)
}

/// The steps of the sender's wall clock, as the streams of a session have seen them.
#[derive(Clone, Debug, Default)]
pub struct Steps {
    steps: heapless::Vec<Step, STEPS_KEPT>,
    /// When each stream last named a wall-clock time.
    heard: [Option<Monotonic>; 2],
    /// One more each time that all steps became void.
    generation: u32,
}

#[derive(Clone, Copy, Debug)]
struct Step {
    by: Delay,
    at: Monotonic,
    /// Which streams have taken it out.
    taken: [bool; 2],
}

impl Steps {
    /// A stream has seen a step by about so much; returns what to take out of it, and
    /// whether it is the first to see it.
    fn see(&mut self, medium: Medium, by: Delay, now: Monotonic) -> (Delay, bool) {
        let same = |step: &&mut Step| !step.taken[index(medium)] && (step.by - by).abs() < SAME;
        if let Some(step) = self.steps.iter_mut().find(same) {
            step.taken[index(medium)] = true;
            return (step.by, false);
        }
        if self.steps.is_full() {
            self.steps.remove(0);
        }
        let mut taken = [false; 2];
        taken[index(medium)] = true;
        let pushed = self.steps.push(Step { by, at: now, taken });
        debug_assert!(pushed.is_ok(), "there is room after a removal");
        (by, true)
    }

    /// A stream has named a wall-clock time. Returns what was taken out of it by mistake.
    fn hear(&mut self, medium: Medium, now: Monotonic) -> Delay {
        self.heard[index(medium)] = Some(now);
        let others = self.heard[other(medium)];
        let wrong = |step: &Step| {
            let later = others.is_some_and(|heard| heard - step.at > CONFIRM);
            step.taken[index(medium)] && !step.taken[other(medium)] && later
        };
        let steps = self.steps.iter().filter(|step| wrong(step));
        let mistaken = steps.fold(Delay::ZERO, |sum, step| sum + step.by);
        self.steps.retain(|step| !wrong(step) && step.taken != [true; 2]);
        mistaken
    }

    /// A stream begins anew: no step of the past is its own.
    fn forget(&mut self, medium: Medium) {
        self.heard[index(medium)] = None;
        for step in &mut self.steps {
            step.taken[index(medium)] = true;
        }
    }
}

/// RTP time to the sender's wall clock, for one stream.
#[derive(Clone, Copy, Debug)]
pub struct StreamClock {
    medium: Medium,
    rate: u32,
    /// RTP time and wall-clock time of the same instant.
    reference: Option<(ExtendedTime, Wall)>,
    /// The sum of the steps of the sender's clock.
    stepped: Delay,
    generation: u32,
}

impl StreamClock {
    /// The clock of a stream with `rate` RTP ticks a second, not yet set.
    #[must_use]
    pub const fn new(medium: Medium, rate: u32) -> Self {
        Self { medium, rate, reference: None, stepped: Delay::ZERO, generation: 0 }
    }

    /// The sender says that `time` (extended RTP time) was captured at `ntp`. True if its clock seems
    /// to have been set, which only the first stream that sees it says.
    pub fn observe(
        &mut self,
        time: ExtendedTime,
        ntp: NtpTime,
        now: Monotonic,
        steps: &mut Steps,
    ) -> bool {
        if self.generation != steps.generation {
            self.generation = steps.generation;
            self.stepped = Delay::ZERO;
        }
        let wall = Wall::from(ntp);
        let off = self.wall(time).map_or(Delay::ZERO, |expected| wall - expected);
        let mut is_news = false;
        if off.abs() >= STEP {
            let (by, is_first) = steps.see(self.medium, off, now);
            self.stepped += by;
            is_news = is_first;
        }
        self.stepped = self.stepped - steps.hear(self.medium, now);
        self.reference = Some((time, wall));
        is_news
    }

    /// Forgets what it knows: the source has changed. Steps that were taken out of the old one are put
    /// back into the other stream as well, which is of the same sender.
    pub fn reset(&mut self, steps: &mut Steps) {
        if self.stepped != Delay::ZERO {
            steps.generation = steps.generation.wrapping_add(1);
            steps.steps.clear();
        }
        *self = Self { generation: steps.generation, ..Self::new(self.medium, self.rate) };
        steps.forget(self.medium);
    }

    /// The clock of another stream of the same medium and sender, not yet set: the steps of the sender's clock are the
    /// same.
    #[must_use]
    pub const fn of_another_stream(self) -> Self {
        Self { reference: None, ..self }
    }

    /// Capture time of `time` on the sender's wall clock, once known.
    #[must_use]
    pub fn wall(&self, time: ExtendedTime) -> Option<Wall> {
        let (reference, wall) = self.reference?;
        let since = time.0.checked_sub(reference.0)?;
        Some(wall + Delay::from_nanos(ticks::nanos(since, self.rate)?))
    }

    /// The same without the steps of that clock since the first packet: what playout goes by.
    #[must_use]
    pub fn capture(&self, time: ExtendedTime) -> Option<Wall> {
        self.wall(time).map(|wall| wall - self.stepped)
    }

    /// The sum of those steps.
    #[must_use]
    pub const fn stepped(&self) -> Delay {
        self.stepped
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Medium::{Audio, Video};

    const MS: i64 = 1_000_000;

    fn ntp(millis: i64) -> NtpTime {
        NtpTime::from_unix_nanos(millis * MS)
    }

    /// Both streams of a session, in milliseconds.
    struct Pair {
        video: StreamClock,
        audio: StreamClock,
        steps: Steps,
    }

    impl Pair {
        fn new() -> Self {
            Self {
                video: StreamClock::new(Video, 1000),
                audio: StreamClock::new(Audio, 1000),
                steps: Steps::default(),
            }
        }

        /// Playout time, in milliseconds, of what was captured at `time` and is stamped with `wall`.
        fn at(&mut self, medium: Medium, time: i64, wall: i64) -> i64 {
            let clock = match medium {
                Video => &mut self.video,
                Audio => &mut self.audio,
            };
            clock.observe(ExtendedTime(time), ntp(wall), Monotonic(time * MS), &mut self.steps);
            clock.capture(ExtendedTime(time)).unwrap().0 / MS
        }
    }

    #[test]
    fn another_stream_of_the_sender_takes_out_the_same_steps() {
        let mut pair = Pair::new();
        pair.at(Video, 0, 5000);
        pair.at(Audio, 0, 5000);
        // The sender's clock is set by an hour.
        pair.at(Video, 40, 3_605_040);
        pair.at(Audio, 40, 3_605_040);
        let mut other = pair.video.of_another_stream();
        other.observe(ExtendedTime(70_000), ntp(3_605_050), Monotonic(50 * MS), &mut pair.steps);
        assert_eq!(other.capture(ExtendedTime(70_000)).unwrap().0, 5050 * MS);
    }

    #[test]
    fn rtp_time_is_read_off_a_reference() {
        let mut clock = StreamClock::new(Video, 90_000);
        assert_eq!(clock.capture(ExtendedTime(0)), None);
        clock.observe(ExtendedTime(1000), ntp(5000), Monotonic(0), &mut Steps::default());
        assert_eq!(clock.capture(ExtendedTime(1000 + 90_000)), Some(Wall(6_000 * MS)));
        assert_eq!(clock.capture(ExtendedTime(1000 - 45_000)), Some(Wall(4_500 * MS)));
    }

    #[test]
    fn a_step_of_the_clock_moves_neither_stream() {
        let mut pair = Pair::new();
        assert_eq!((pair.at(Video, 0, 500), pair.at(Audio, 1, 501)), (500, 501));
        // By three days; the streams measure it a bit differently and are moved alike.
        let days = 3 * 86_400_000;
        assert_eq!(pair.at(Audio, 100, days + 603), 600);
        assert_eq!(pair.at(Video, 110, days + 610), 607);
        assert_eq!(pair.at(Video, 2_000, days + 2_500), 2_497);
        assert_eq!(pair.at(Audio, 2_001, days + 2_504), 2_501);
        // And back.
        assert_eq!((pair.at(Video, 3_000, 3_500), pair.at(Audio, 3_001, 3_501)), (3_497, 3_498));
        assert!(pair.steps.steps.is_empty());
    }

    #[test]
    fn a_jump_of_one_stream_alone_is_no_step() {
        let mut pair = Pair::new();
        pair.at(Video, 0, 0);
        pair.at(Audio, 1, 1);
        assert_eq!(pair.at(Audio, 100, 300), 100, "it may be one");
        pair.at(Video, 200, 200);
        pair.at(Video, 700, 700);
        assert_eq!(pair.at(Audio, 701, 901), 901, "it was none");
        assert_eq!((pair.audio.stepped(), pair.video.stepped()), (Delay::ZERO, Delay::ZERO));
    }

    #[test]
    fn a_stream_that_was_away_takes_the_step_when_it_is_back() {
        let mut pair = Pair::new();
        pair.at(Video, 0, 0);
        pair.at(Audio, 1, 1);
        for time in 1..20 {
            assert_eq!(pair.at(Audio, time * 1000, time * 1000 + 2_000), time * 1000);
        }
        assert_eq!(pair.at(Video, 21_000, 23_000), 21_000);
        assert_eq!(pair.at(Audio, 21_001, 23_001), 21_001);
    }

    #[test]
    fn a_new_source_has_no_past() {
        let mut pair = Pair::new();
        pair.at(Video, 0, 0);
        pair.at(Audio, 1, 1);
        pair.at(Audio, 100, 2_100);
        pair.video.reset(&mut pair.steps);
        assert_eq!(pair.at(Video, 200, 2_200), 2_200);
    }

    #[test]
    fn a_new_source_of_one_stream_does_not_part_it_from_the_other() {
        let mut pair = Pair::new();
        pair.at(Video, 0, 0);
        pair.at(Audio, 1, 1);
        assert_eq!((pair.at(Audio, 100, 2_100), pair.at(Video, 101, 2_101)), (100, 101));
        pair.video.reset(&mut pair.steps);
        assert_eq!((pair.at(Video, 200, 2_200), pair.at(Audio, 201, 2_201)), (2_200, 2_201));
    }
}
