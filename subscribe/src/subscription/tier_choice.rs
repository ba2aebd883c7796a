//! Which of a session's tiers is the best that this network, this machine and its window can have. Nothing is received
//! here and no clock is read.

use streamsocket_media::clock::{Delay, Monotonic};

/// Interval at which it is looked how it goes.
const LOOK: Delay = Delay::from_millis(250);

/// Looks that a judgement is made of: one second, so that a worse tier is asked for well within two.
const LOOKS: usize = 4;

/// After a change nothing is judged for so long: what was under way before it says nothing of what comes now.
const SETTLING: Delay = Delay::from_millis(500);

/// Switches hand on a group for two seconds after it was left, to ask who else is in it (RFC 2236 section 8.10): for so
/// long after a change that losses made, more losses are no wonder, and for another second they are among what is judged...
const LEAVING: Delay = Delay::from_millis(3500);

/// ... unless one picture in so many is spoilt.
const MOST_OF: u64 = 2;

/// Of a second's pictures, one in so many may be incomplete, or too late...
const SPOILT_OF: u64 = 10;
const LATE_OF: u64 = 5;

/// ... and so few are an accident: somebody walked past.
const SPOILT_MIN: u64 = 2;
const LATE_MIN: u64 = 3;

/// If less than one packet in so many comes, the worst tier is taken at once: the next one has half the width and height,
/// and would not come whole either.
const HOPELESS_OF: u64 = 8;

/// A better tier is tried after so long without trouble, and after twice as long each time that it could not be had,
/// or not for long.
const TRY: Delay = Delay::from_secs(10);
const TRY_MAX: Delay = Delay::from_secs(300);

/// What has worked for so long after it was tried is trusted as at first.
const SPELL: Delay = Delay::from_secs(60);

/// The window has to have its size for so long: who drags its edge passes many.
const WINDOW: Delay = Delay::from_secs(1);

/// The worst tier is no cure if, after so long, no more than twice as large a part of it comes as came of the session
/// itself: what comes has little to do with how much there is.
const NO_CURE: Delay = Delay::from_secs(6);

/// After that the session itself is received for so long, whatever is lost of it, so that it can be asked for by
/// unicast...
const LEFT_ALONE: Delay = Delay::from_secs(60);

/// ... unless it turns out after so long that much less of it comes by now: the network has become slower meanwhile, and
/// the worst tier is the best there is.
const PROOF: Delay = Delay::from_millis(1500);

/// Counters of what is received now, since it is received.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Pictures that came, or could be repaired.
    pub complete: u64,
    /// That came in part, and could not.
    pub incomplete: u64,
    /// Their packets that came.
    pub packets: u64,
    /// Those that did not, and could not be repaired.
    pub lost: u64,
    /// That could not be decoded and shown in time.
    pub late: u64,
    /// Pictures that have been due since a packet came last, if so long nothing came although the sender is there: of what
    /// is lost whole, nothing tells.
    pub missing: u64,
}

const NOTHING: Seen = Seen { complete: 0, incomplete: 0, packets: 0, lost: 0, late: 0, missing: 0 };

impl Seen {
    const fn since(self, before: Self) -> Self {
        Self {
            complete: self.complete.saturating_sub(before.complete),
            incomplete: self.incomplete.saturating_sub(before.incomplete),
            packets: self.packets.saturating_sub(before.packets),
            lost: self.lost.saturating_sub(before.lost),
            late: self.late.saturating_sub(before.late),
            missing: self.missing.saturating_sub(before.missing),
        }
    }

    const fn and(self, other: Self) -> Self {
        Self {
            complete: self.complete + other.complete,
            incomplete: self.incomplete + other.incomplete,
            packets: self.packets + other.packets,
            lost: self.lost + other.lost,
            late: self.late + other.late,
            missing: self.missing + other.missing,
        }
    }

    /// Pictures that did not come whole. Of some of them nothing came, which only the packets tell.
    pub(super) fn spoilt(self) -> u64 {
        let pictures = (self.complete + self.incomplete).max(1);
        let by_packets = self.lost.saturating_mul(pictures).checked_div(self.packets);
        self.incomplete.max(by_packets.unwrap_or(self.lost)) + self.missing
    }

    /// What came of what was due: packets, or pictures if none of them is counted.
    fn share(self) -> (u64, u64) {
        let due = self.packets.saturating_add(self.lost);
        if due > 0 { (self.packets, due) } else { (self.complete, self.pictures()) }
    }

    /// Whether more than twice as large a part came as of the other one.
    fn comes_twice_as_well_as(self, other: Self) -> bool {
        let ((came, due), (of_it_came, of_it_due)) = (self.share(), other.share());
        let of = |part: u64, whole: u64| u128::from(part) * u128::from(whole);
        of(came, of_it_due) > 2 * of(of_it_came, due)
    }

    /// Whether next to nothing comes.
    const fn is_hopeless(self) -> bool {
        let due = self.packets.saturating_add(self.lost);
        self.packets.saturating_mul(HOPELESS_OF) <= due && (self.missing > 0 || due > 0)
    }

    /// All pictures, spoilt ones too.
    fn pictures(self) -> u64 {
        self.complete + self.spoilt()
    }
}

/// The tiers that there are: the session itself is number 0, and those behind it are worse and worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Situation {
    /// Which one is received.
    pub current: usize,
    /// How many there are.
    pub count: usize,
    /// The best one that makes a difference in a window of this size.
    pub worth: usize,
    /// The session can be had by unicast, too.
    pub unicast: bool,
}

/// Why another tier is to be received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Too many pictures do not arrive whole.
    Lost,
    /// Too many are not decoded and shown in time.
    Slow,
    /// The window shows no more of a better one.
    Window,
    /// All has gone well for a while.
    Better,
    /// As much is lost of the worst one as of the others.
    NoCure,
}

/// Another tier that is to be received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// Its number.
    pub to: usize,
    /// Why.
    pub why: Why,
}

/// The choice, and what speaks for it.
#[derive(Debug)]
pub struct TierChoice {
    /// When to look next.
    next: Monotonic,
    seen: Seen,
    /// What came in each of the last looks, the newest last.
    lately: [Seen; LOOKS],
    /// When another tier was taken last, and whether losses made that necessary.
    changed: Monotonic,
    fled: bool,
    /// Nothing is judged until then.
    settled: Monotonic,
    /// Since when all goes well.
    good: Monotonic,
    /// A better tier is tried after so long.
    wait: Delay,
    /// What came of the session itself when it was left.
    at_home: Seen,
    /// What came of the worst tier when that was left, which was no cure.
    no_cure: Option<Seen>,
    /// When a better tier was taken.
    risen: Option<Monotonic>,
    /// What is worth receiving, and since when it is.
    worth: (usize, Monotonic),
    /// Until then the session itself is received.
    left_alone: Monotonic,
}

impl TierChoice {
    /// For a session that is received from `now` on.
    #[must_use]
    pub const fn new(now: Monotonic) -> Self {
        Self {
            next: now,
            seen: NOTHING,
            lately: [NOTHING; LOOKS],
            changed: now,
            fled: false,
            settled: now,
            good: now,
            wait: TRY,
            at_home: NOTHING,
            no_cure: None,
            risen: None,
            worth: (0, now),
            left_alone: now,
        }
    }

    /// When to [look](Self::look) again.
    #[must_use]
    pub const fn deadline(&self) -> Monotonic {
        self.next
    }

    /// Which tier is to be received instead, if another is.
    pub fn look(&mut self, now: Monotonic, seen: Seen, situation: Situation) -> Option<Change> {
        if now < self.next {
            return None;
        }
        self.next = now + LOOK;
        if self.worth.0 != situation.worth {
            self.worth = (situation.worth, now);
        }
        let before = std::mem::replace(&mut self.seen, seen);
        let mut since = seen.since(before);
        // What came while this program stood still is read by the next time.
        if before.missing == 0 {
            since.missing = 0;
        }
        if now < self.settled {
            return None;
        }
        self.lately.rotate_left(1);
        self.lately[LOOKS - 1] = since;
        if self.risen.is_some_and(|risen| now - risen >= SPELL) {
            (self.risen, self.wait) = (None, TRY);
        }
        let change = self.judge(now, situation);
        if let Some(change) = change {
            self.fled = change.why == Why::Lost;
            if situation.current == 0 {
                self.at_home = self.lately();
            }
            self.no_cure = (change.why == Why::NoCure).then(|| self.lately());
            self.lately = [NOTHING; LOOKS];
        }
        change
    }

    fn judge(&mut self, now: Monotonic, situation: Situation) -> Option<Change> {
        let Situation { current, count, worth, unicast } = situation;
        let trouble = self.trouble(now);
        if let Some(why) = trouble {
            self.good = now;
            if self.risen.take().is_some() {
                self.wait = (self.wait + self.wait).min(TRY_MAX);
            }
            let worst = current + 1 >= count;
            if current == 0 && self.is_worse_than_no_cure(now) {
                self.left_alone = now;
                return Some(Change { to: count - 1, why });
            }
            if !worst {
                let hopeless = why == Why::Lost && self.lately().is_hopeless();
                let to = if hopeless { count - 1 } else { current + 1 };
                return (now >= self.left_alone).then_some(Change { to, why });
            }
            let in_vain = why == Why::Lost && now - self.changed >= NO_CURE;
            if current > 0 && in_vain && unicast && self.is_no_cure() {
                self.left_alone = now + LEFT_ALONE;
                return Some(Change { to: 0, why: Why::NoCure });
            }
            return None;
        }
        let stays = now - self.worth.1 >= WINDOW;
        if current < worth && stays {
            return Some(Change { to: worth.min(count - 1), why: Why::Window });
        }
        let better = current > worth && now - self.good >= self.wait;
        better.then(|| Change { to: current - 1, why: Why::Better })
    }

    fn lately(&self) -> Seen {
        self.lately.iter().copied().fold(NOTHING, Seen::and)
    }

    fn is_no_cure(&self) -> bool {
        !self.lately().comes_twice_as_well_as(self.at_home)
    }

    /// Whether much less comes of the session itself than came of the worst tier, which was left for it.
    fn is_worse_than_no_cure(&self, now: Monotonic) -> bool {
        let tried = now - self.changed >= SETTLING + PROOF;
        tried && self.no_cure.is_some_and(|before| before.comes_twice_as_well_as(self.lately()))
    }

    /// What is wrong with what came lately.
    fn trouble(&self, now: Monotonic) -> Option<Why> {
        let sum = self.lately();
        let (spoilt, all) = (sum.spoilt(), sum.pictures());
        let leaving = self.fled && now - self.changed < LEAVING;
        let share = if leaving { MOST_OF } else { SPOILT_OF };
        if spoilt >= SPOILT_MIN && spoilt * share >= all {
            return Some(Why::Lost);
        }
        (sum.late >= LATE_MIN && sum.late * LATE_OF >= all).then_some(Why::Slow)
    }

    /// Another tier is received from `now` on, of which nothing is counted yet; a better one, or not.
    pub fn changed(&mut self, now: Monotonic, better: bool) {
        (self.changed, self.good, self.seen) = (now, now, Seen::default());
        self.settled = now + SETTLING;
        self.lately = [NOTHING; LOOKS];
        self.risen = better.then_some(now);
    }

    /// A better tier was tried and cannot be had.
    pub fn failed(&mut self, now: Monotonic) {
        self.good = now;
        self.wait = (self.wait + self.wait).min(TRY_MAX);
    }

    /// The same, and the trial has cost pictures of the one that is received, and goes on doing so until the network has
    /// forgotten it: that says nothing of this one.
    pub fn disturbed(&mut self, now: Monotonic) {
        self.failed(now);
        (self.settled, self.lately) = (now + LEAVING, [NOTHING; LOOKS]);
    }
}

#[cfg(test)]
mod tests;
