//! Whether a session is had from its group or by unicast: by unicast where nothing comes from the group, or too little
//! for repair to mend; and from the group again when that works.

use streamsocket_media::clock::{Delay, Monotonic};

/// How long nothing comes from a group before the session is asked for by unicast: senders report once a second.
const SILENT: Delay = Delay::from_secs(2);

/// Interval at which losses are looked at.
const LOOK: Delay = Delay::from_secs(1);

/// Looks in a row at which too much was lost before the session is asked for by unicast: a microwave oven is on for
/// longer, but somebody who walks past is not.
const LOOKS: u32 = 10;

/// Of a thousand packets, those that may be lost for good: at 30 pictures a second of 60 packets each, more would spoil
/// every second picture.
const LOST_PER_MILLE: u64 = 10;

/// After an attempt that failed the next one follows so much later, and twice as much after each further one, up to
/// the last.
const ASK_AGAIN: Delay = Delay::from_secs(5);
const ASK_AGAIN_MAX: Delay = Delay::from_secs(60);

/// After so long by unicast the group is tried again, and after twice as long each time that it is no better, or fails
/// soon after it was taken again.
const TRY_AGAIN: Delay = Delay::from_secs(60);
const TRY_AGAIN_MAX: Delay = Delay::from_secs(900);

/// A group that has worked for so long is trusted as at first: what it failed of before is over.
const GOOD_SPELL: Delay = Delay::from_secs(600);

/// How long a group is tried.
pub(super) const TRIAL: Delay = Delay::from_secs(10);

/// Why a session is asked for by unicast.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// Nothing comes from the group.
    Silent,
    /// Too much is lost on the way.
    Lossy,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// Ask for the session.
    Ask(Why),
    /// Try whether the group works by now, beside what comes.
    Try,
    /// Say [how that went](Choice::tried).
    Judge,
}

/// Counters of all packets so far, over all streams.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// That came, or could be repaired.
    pub(super) came: u64,
    /// That did not.
    pub(super) lost: u64,
}

impl Seen {
    /// Of a stream of which so many packets came and did not, some of which could be repaired.
    pub(super) fn repaired(came: u64, lost: i64, repaired: u64) -> Self {
        let lost = u64::try_from(lost).unwrap_or(0).saturating_sub(repaired);
        Self { came: came + repaired, lost }
    }

    /// Of both.
    pub(super) const fn and(self, other: Self) -> Self {
        Self { came: self.came + other.came, lost: self.lost + other.lost }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Group { bad: u32 },
    Asking,
    Alone,
    Trying,
}

/// The choice, and what speaks for it.
#[derive(Debug)]
pub(super) struct Choice {
    state: State,
    since: Monotonic,
    /// When to look next.
    next: Monotonic,
    /// Not before then is the session asked for again.
    not_before: Monotonic,
    asking: Delay,
    trying: Delay,
    /// Since when the group has been listened to and has not failed.
    good: Monotonic,
    /// The group was left before, and has not failed since it was taken again.
    returned: bool,
    seen: Seen,
}

impl Choice {
    /// From the group at first, which was joined `now`.
    pub(super) const fn new(now: Monotonic) -> Self {
        Self {
            state: State::Group { bad: 0 },
            since: now,
            next: now,
            not_before: now,
            asking: ASK_AGAIN,
            trying: TRY_AGAIN,
            good: now,
            returned: false,
            seen: Seen { came: 0, lost: 0 },
        }
    }

    /// When to [look](Self::look) again.
    pub(super) const fn deadline(&self) -> Monotonic {
        self.next
    }

    /// What is to be done, if anything. `lived` is when the last packet or report came.
    pub(super) fn look(
        &mut self,
        now: Monotonic,
        lived: Option<Monotonic>,
        seen: Seen,
    ) -> Option<Order> {
        if now < self.next {
            return None;
        }
        self.next = now + LOOK;
        let lossy = self.is_lossy(seen);
        match self.state {
            State::Group { bad } => {
                let bad = if lossy { bad + 1 } else { 0 };
                self.state = State::Group { bad };
                let quiet = now - lived.map_or(self.since, |lived| lived.max(self.since)) >= SILENT;
                let why =
                    if quiet { Some(Why::Silent) } else { (bad >= LOOKS).then_some(Why::Lossy) };
                let why = why?;
                self.group_fails(now);
                if now < self.not_before {
                    return None;
                }
                self.state = State::Asking;
                Some(Order::Ask(why))
            }
            State::Asking => None,
            State::Alone if now - self.since >= self.trying => {
                (self.state, self.next) = (State::Trying, now + TRIAL);
                Some(Order::Try)
            }
            State::Alone => None,
            State::Trying => Some(Order::Judge),
        }
    }

    fn is_lossy(&mut self, seen: Seen) -> bool {
        let before = std::mem::replace(&mut self.seen, seen);
        let came = seen.came.saturating_sub(before.came);
        let lost = seen.lost.saturating_sub(before.lost);
        lost > 0 && is_too_much(came, lost)
    }

    fn group_fails(&mut self, now: Monotonic) {
        if now - self.good >= GOOD_SPELL {
            self.trying = TRY_AGAIN;
        } else if self.returned {
            self.trying = (self.trying + self.trying).min(TRY_AGAIN_MAX);
        }
        (self.returned, self.good) = (false, now);
    }

    /// The session comes by unicast.
    pub(super) const fn granted(&mut self, now: Monotonic) {
        (self.state, self.since, self.asking) = (State::Alone, now, ASK_AGAIN);
    }

    /// It does not, or does no more: what there is comes from the group.
    pub(super) fn failed(&mut self, now: Monotonic) {
        (self.state, self.since) = (State::Group { bad: 0 }, now);
        (self.good, self.next) = (now, now + LOOK);
        self.not_before = now + self.asking;
        self.asking = (self.asking + self.asking).min(ASK_AGAIN_MAX);
    }

    /// The group works again before anything else was had.
    pub(super) fn recovered(&mut self, now: Monotonic) {
        (self.state, self.since, self.next) = (State::Group { bad: 0 }, now, now + LOOK);
    }

    /// The group was tried. True if the session is to come from there.
    pub(super) fn tried(&mut self, now: Monotonic, seen: Seen) -> bool {
        let works = seen.came > 0 && !is_too_much(seen.came, seen.lost);
        self.since = now;
        if works {
            (self.state, self.not_before) = (State::Group { bad: 0 }, now);
            (self.good, self.returned) = (now, true);
        } else {
            self.state = State::Alone;
            self.trying = (self.trying + self.trying).min(TRY_AGAIN_MAX);
        }
        works
    }
}

const fn is_too_much(came: u64, lost: u64) -> bool {
    lost * 1000 > (came + lost) * LOST_PER_MILLE
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Monotonic {
        Monotonic(seconds * 1_000_000_000)
    }

    /// What is ordered in these seconds, with the second of each; of 100 packets each second so many are lost.
    fn orders(
        choice: &mut Choice,
        seconds: std::ops::Range<i64>,
        lived: impl Fn(i64) -> Option<i64>,
        lost: u64,
    ) -> Vec<(i64, Order)> {
        let mut orders = Vec::new();
        for second in seconds {
            let total = second.unsigned_abs();
            let seen = Seen { came: total * (100 - lost), lost: total * lost };
            let order = choice.look(at(second), lived(second).map(at), seen);
            orders.extend(order.map(|order| (second, order)));
        }
        orders
    }

    #[test]
    fn a_silent_group_is_left_after_two_seconds_and_asked_for_again_more_and_more_rarely() {
        let mut choice = Choice::new(at(0));
        let mut asked = Vec::new();
        for second in 0..200 {
            if choice.look(at(second), None, Seen::default()) == Some(Order::Ask(Why::Silent)) {
                asked.push(second);
                choice.failed(at(second));
            }
        }
        assert_eq!(asked, [2, 7, 17, 37, 77, 137, 197]);
    }

    #[test]
    fn a_group_that_works_again_is_not_left_and_may_fail_anew() {
        let mut choice = Choice::new(at(0));
        assert_eq!(orders(&mut choice, 0..3, |_| None, 0), [(2, Order::Ask(Why::Silent))]);
        choice.recovered(at(3));
        assert_eq!(orders(&mut choice, 4..60, Some, 0), []);
        assert_eq!(orders(&mut choice, 60..62, |_| Some(59), 0), [(61, Order::Ask(Why::Silent))]);
    }

    #[test]
    fn losses_beyond_repair_have_to_last() {
        let mut choice = Choice::new(at(0));
        let alive = |second| Some(second);
        assert_eq!(orders(&mut choice, 0..60, alive, 1), [], "one in a hundred is bearable");
        // Nine bad seconds and a good one, again and again.
        let (mut choice, mut seen) = (Choice::new(at(0)), Seen::default());
        for second in 0..60 {
            seen.came += 98;
            seen.lost += if second % 10 == 0 { 0 } else { 2 };
            assert_eq!(choice.look(at(second), Some(at(second)), seen), None);
        }
        let mut choice = Choice::new(at(0));
        assert_eq!(orders(&mut choice, 0..30, alive, 2), [(10, Order::Ask(Why::Lossy))]);
    }

    #[test]
    fn the_group_is_tried_again_and_taken_if_it_works() {
        let mut choice = Choice::new(at(0));
        assert_eq!(orders(&mut choice, 0..3, |_| None, 0), [(2, Order::Ask(Why::Silent))]);
        choice.granted(at(3));
        let alive = |second| Some(second);
        let tries = orders(&mut choice, 3..74, alive, 50);
        assert_eq!(tries, [(63, Order::Try), (73, Order::Judge)]);
        assert!(!choice.tried(at(73), Seen { came: 90, lost: 10 }));
        assert_eq!(orders(&mut choice, 74..192, alive, 50), []);
        assert_eq!(orders(&mut choice, 192..194, alive, 50), [(193, Order::Try)]);
        assert!(choice.tried(at(203), Seen { came: 100, lost: 0 }));
        assert_eq!(orders(&mut choice, 204..260, alive, 0), []);
        assert_eq!(
            orders(&mut choice, 260..300, |_| Some(260), 0),
            [(262, Order::Ask(Why::Silent))]
        );
    }

    /// Has the group fail at `second`, unicast granted, and the group tried and taken again; returns when that was.
    fn fail_and_return(choice: &mut Choice, mut second: i64) -> i64 {
        let mut ask = |choice: &mut Choice, wanted: Order| {
            loop {
                let order = choice.look(at(second), Some(at(0)), Seen::default());
                second += 1;
                if order == Some(wanted) {
                    return second - 1;
                }
            }
        };
        let asked = ask(choice, Order::Ask(Why::Silent));
        choice.granted(at(asked));
        let judged = ask(choice, Order::Judge);
        assert!(choice.tried(at(judged), Seen { came: 100, lost: 0 }));
        judged
    }

    #[test]
    fn a_group_that_fails_soon_after_its_return_is_tried_more_and_more_rarely() {
        let mut choice = Choice::new(at(0));
        let (mut second, mut gaps) = (0, Vec::new());
        for _ in 0..6 {
            let returned = fail_and_return(&mut choice, second);
            gaps.push(returned - second);
            second = returned;
        }
        // Two seconds of silence, the time by unicast, and ten of the trial.
        assert_eq!(gaps, [60, 120, 240, 480, 900, 900].map(|gap| gap + 12));
        // It works for ten minutes: it is trusted as at first.
        let mut alive = second;
        while alive < second + 600 {
            assert_eq!(choice.look(at(alive), Some(at(alive)), Seen::default()), None);
            alive += 1;
        }
        let returned = fail_and_return(&mut choice, alive);
        // It is long silent at the first look.
        assert_eq!(returned - alive, 70);
    }

    #[test]
    fn a_failure_during_a_trial_is_followed_by_a_look_at_the_group_at_once() {
        let mut choice = Choice::new(at(0));
        orders(&mut choice, 0..3, |_| None, 0);
        choice.granted(at(3));
        assert_eq!(orders(&mut choice, 3..64, |_| None, 0), [(63, Order::Try)]);
        choice.failed(at(64));
        assert_eq!(orders(&mut choice, 64..80, |_| None, 0), [(69, Order::Ask(Why::Silent))]);
    }
}
