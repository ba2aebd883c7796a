//! Keeps the sound card in step with the timeline: says how much faster or slower than it came each packet is to be
//! played, so that it is heard when it is due. The card's clock, the sender's and the microphone's all differ by some
//! 100 ppm; a loop finds the sum.
//!
//! What is written is heard after everything that the card holds already. How much that is comes in as an argument,
//! and so does the time; nothing is played here.

use streamsocket_media::clock::{Delay, Monotonic};

/// Sound this much too early or too late is moved at once: below, it is brought back by playing faster
/// or slower, which is not heard, while moving is.
const JUMP: Delay = Delay::from_millis(20);

/// So many packets in a row, none of them nearer to its time than the one before, are left out at most:
/// what is never in time is played late rather than never.
const SKIPS_MAX: u32 = 100;

/// What is due so much earlier or later than it would follow does not follow.
const BREAK: Delay = Delay::from_millis(2);

/// Sound that is moved is placed to within this.
const PLACE: Delay = Delay::from_micros(500);

/// Cards tell their position in steps of a period: errors are averaged over so much sound.
const SMOOTH: Delay = Delay::from_millis(500);

/// The loop's gains: half of an error is gone in 2 s, and it does not swing.
const PROPORTIONAL_PPB: i64 = 400_000; // for each millisecond
const INTEGRAL_PPB: i64 = 40_000; // for each millisecond and second

/// A larger error comes from where sound was placed, and says nothing of the rate.
const LEARN: Delay = Delay::from_millis(2);

/// Bounds in parts per billion, of a correction and of what the clocks may come to.
const CORRECTION_MAX: i64 = 500_000;
const RATE_MAX: i64 = 1_000_000;

/// How fast the rate may change, in parts per billion a second: a pitch that changes is heard before
/// one that is wrong.
const SLEW_PPB: i64 = 500_000;

/// Nanoseconds of a millisecond, which the gains are for.
const MS: i64 = 1_000_000;
const SECOND: Delay = Delay::from_secs(1);

/// What is to be done with a packet of sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Play it, stretched by so many parts per billion.
    Play {
        /// Parts per billion: above 0, it takes longer.
        stretch: i64,
    },
    /// Leave it out: its time is over.
    Skip,
    /// Play silence first.
    Wait {
        /// How much of it.
        silence: Delay,
    },
}

/// The loop of one sound card.
#[derive(Clone, Copy, Debug, Default)]
pub struct Playout {
    /// The average error: too early is above 0.
    early: Option<Delay>,
    /// What the clocks come to, and what was applied last, in parts per billion.
    rate: i64,
    stretch: i64,
    /// Silence was played to find the right place.
    waited: bool,
    /// Packets that were left out in a row without coming nearer, and how early the last one was.
    skipped: u32,
    last_skipped: Delay,
    /// When what comes next would be due.
    next: Option<Monotonic>,
    /// What never is in time is played so much too early: below 0.
    base: Delay,
    jumps: u64,
}

impl Playout {
    /// Times that sound had to be moved at once.
    #[must_use]
    pub const fn jumps(&self) -> u64 {
        self.jumps
    }

    /// What the clocks differ by: the card against the sender's sound, in parts per billion.
    #[must_use]
    pub const fn rate_ppb(&self) -> i64 {
        self.rate
    }

    /// By how much everything is played too late because it never is in time.
    #[must_use]
    pub fn behind(&self) -> Delay {
        -self.base
    }

    /// What comes next, `span` of it, is due at `due`. If that does not follow what came before,
    /// as when the latency has changed at once, it is placed afresh: the picture has moved, too.
    pub fn follow(&mut self, due: Monotonic, span: Delay) {
        let off = self.next.map_or(Delay::ZERO, |next| due - next);
        if off.abs() > BREAK {
            self.restart();
        }
        self.next = Some(due + span);
    }

    /// A packet as long as `span` that would be heard `early` too early, were it played now. After [`Step::Wait`] it is asked for again.
    pub fn steer(&mut self, early: Delay, span: Delay) -> Step {
        if early >= -PLACE {
            self.base = Delay::ZERO;
        } else if self.base < Delay::ZERO && early - self.base > JUMP {
            // Nearer to its time than it was: it does not wait to be as late again.
            self.base = early;
        }
        let early = early - self.base;
        let Some(before) = self.early.filter(|_| early.abs() <= JUMP) else {
            return self.place(early, span);
        };
        let span = span.clamp(Delay::ZERO, SECOND);
        let average = before + (early - before) * span.nanos() / (SMOOTH + span).nanos();
        self.early = Some(average);
        let correction = average.nanos() * PROPORTIONAL_PPB / MS;
        if average.abs() < LEARN {
            let grown = average.nanos() * INTEGRAL_PPB / MS * span.nanos() / SECOND.nanos();
            self.rate = (self.rate + grown).clamp(-RATE_MAX, RATE_MAX);
        }
        let wanted = self.rate + correction.clamp(-CORRECTION_MAX, CORRECTION_MAX);
        let reach = SLEW_PPB * span.nanos() / SECOND.nanos();
        self.stretch += (wanted - self.stretch).clamp(-reach, reach);
        Step::Play { stretch: self.stretch }
    }

    /// Finds the right place for what comes next: whole packets are left out, and the rest is waited
    /// for.
    fn place(&mut self, early: Delay, span: Delay) -> Step {
        self.jumps += u64::from(self.early.take().is_some());
        // A card that tells its position coarsely is not waited for again and again.
        let near = if self.waited { PLACE * 5 } else { PLACE };
        if early < -near {
            self.waited = false;
            // After a pause of ours packets come nearer quickly.
            let nearer = early - self.last_skipped > span / 2;
            self.last_skipped = early;
            self.skipped = if nearer { 0 } else { self.skipped + 1 };
            if self.skipped < SKIPS_MAX {
                return Step::Skip;
            }
            self.base += early;
            return self.place(Delay::ZERO, span);
        }
        if early > near {
            self.waited = true;
            return Step::Wait { silence: early };
        }
        self.waited = false;
        self.skipped = 0;
        self.early = Some(early);
        self.stretch = self.rate;
        Step::Play { stretch: self.rate }
    }

    /// The card has run dry or begun anew: the next packet is placed afresh, at the rate known.
    pub const fn restart(&mut self) {
        self.early = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACKET: Delay = Delay::from_millis(5);

    fn ms(millis: i64) -> Delay {
        Delay::from_millis(millis)
    }

    /// Plays for so many seconds on a card that is off by `ppm`, and whose position is told in steps
    /// of `step` nanoseconds; returns the errors of the second half.
    fn play(playout: &mut Playout, ppm: i64, seconds: i64, start: i64, step: i64) -> Vec<i64> {
        let (mut errors, mut early) = (Vec::new(), start * 1000);
        for packet in 0..seconds * 200 {
            let told = early / 1000 + packet * 7_919 % step.max(1) - step / 2;
            let stretch = match playout.steer(Delay::from_nanos(told), PACKET) {
                Step::Play { stretch } => stretch,
                Step::Skip => 0,
                Step::Wait { silence } => {
                    early -= silence.nanos() * 1000;
                    0
                }
            };
            // In picoseconds: a card that is fast plays what it gets too early.
            early += PACKET.nanos() * (ppm * 1000 - stretch) / 1_000_000;
            if packet > seconds * 100 {
                errors.push(early / 1000);
            }
        }
        errors
    }

    #[test]
    fn every_card_is_brought_into_step() {
        for ppm in [-300, -100, 0, 200, 400] {
            let mut playout = Playout::default();
            let errors = play(&mut playout, ppm, 120, 3 * MS, MS);
            let worst = errors.iter().map(|error| error.abs()).max().unwrap();
            assert!(worst < MS / 2, "{ppm} ppm: off by {worst} ns");
            let rate = playout.rate_ppb() / 1000;
            assert!((rate - ppm).abs() < 20, "{rate} ppm of {ppm}");
        }
    }

    #[test]
    fn a_small_error_is_brought_back_and_a_large_one_is_jumped() {
        let mut playout = Playout::default();
        play(&mut playout, 0, 10, 0, 1);
        assert!(matches!(playout.steer(ms(15), PACKET), Step::Play { .. }));
        assert_eq!(playout.steer(ms(30), PACKET), Step::Wait { silence: ms(30) });
        assert_eq!(playout.steer(ms(-30), PACKET), Step::Skip);
        assert_eq!(playout.jumps(), 1);
        // Of a packet that was skipped the rest is waited for.
        assert_eq!(playout.steer(ms(-15), PACKET), Step::Skip);
        assert_eq!(playout.steer(ms(2), PACKET), Step::Wait { silence: ms(2) });
        assert!(matches!(playout.steer(Delay::ZERO, PACKET), Step::Play { .. }));
    }

    #[test]
    fn what_does_not_follow_is_placed_afresh() {
        let mut playout = Playout::default();
        playout.follow(Monotonic(0), PACKET);
        playout.steer(Delay::ZERO, PACKET);
        playout.follow(Monotonic(0) + PACKET, PACKET);
        assert!(matches!(playout.steer(ms(12), PACKET), Step::Play { .. }));
        playout.follow(Monotonic(0) + PACKET * 2 + ms(12), PACKET);
        assert_eq!(playout.steer(ms(12), PACKET), Step::Wait { silence: ms(12) });
    }

    #[test]
    fn what_never_is_in_time_is_played_late() {
        let mut playout = Playout::default();
        let skipped = (0..1000).take_while(|_| playout.steer(ms(-30), PACKET) == Step::Skip);
        assert!(skipped.count() <= 101);
        for _ in 0..1000 {
            assert!(matches!(playout.steer(ms(-30), PACKET), Step::Play { .. }));
        }
        assert_eq!(playout.behind(), ms(30));
        playout.restart();
        assert!(matches!(playout.steer(ms(-30), PACKET), Step::Play { .. }));
        // As soon as it is in time, it is at its time.
        assert_eq!(playout.steer(ms(40), PACKET), Step::Wait { silence: ms(40) });
        assert_eq!(playout.behind(), Delay::ZERO);
    }

    #[test]
    fn what_comes_nearer_to_its_time_stays_there() {
        let mut playout = Playout::default();
        while playout.steer(ms(-190), PACKET) == Step::Skip {}
        assert_eq!(playout.behind(), ms(190));
        assert!(matches!(playout.steer(ms(-3), PACKET), Step::Play { .. }));
        assert_eq!(playout.behind(), ms(3));
    }

    #[test]
    fn what_waited_while_we_were_stopped_is_left_out() {
        let mut playout = Playout::default();
        for packet in 0..1000 {
            assert_eq!(playout.steer(ms(-5000 + packet * 5), PACKET), Step::Skip);
        }
        assert_eq!(playout.behind(), Delay::ZERO);
    }

    #[test]
    fn the_rate_changes_slowly_and_within_bounds() {
        let mut playout = Playout::default();
        playout.steer(Delay::ZERO, PACKET);
        let mut last = 0;
        for _ in 0..4000 {
            let Step::Play { stretch } = playout.steer(ms(19), PACKET) else { unreachable!() };
            assert!((stretch - last).abs() <= SLEW_PPB / 200, "{last} to {stretch}");
            assert!(stretch <= CORRECTION_MAX + RATE_MAX);
            last = stretch;
        }
    }
}
