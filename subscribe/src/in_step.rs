//! Keeps several sessions in step: what their senders captured at one instant is presented at one instant, as late as the
//! one needs it that needs most. That takes a clock by which all of them are known: this machine's wall clock, where the
//! senders' are known to agree with it, or that of a relay, which says how theirs stand against it. Only what is known by one
//! and the same clock is compared. No clock is read here.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use streamsocket_media::clock::{Delay, Monotonic};

/// What all are later than needed, so that what one needs may vary.
const MARGIN: Delay = Delay::from_millis(10);

/// All become earlier only if that is worth a gap in the sound of each.
const EXCESS: Delay = Delay::from_millis(60);

/// Nobody waits for one of which nothing has come for so long.
const SILENT: Delay = Delay::from_secs(2);

/// One that is behind or ahead of most by more than this is presented by itself: nobody waits longer for it, be its way long or
/// its clock wrong. It is waited for again when it is within less.
const BEYOND: Delay = Delay::from_millis(500);
const WITHIN: Delay = Delay::from_millis(400);

/// A relay's clock does not move by so much within a second: what is said of one sender's has changed.
const MOVED: Delay = Delay::from_millis(5);

/// Sessions that are kept in step.
#[derive(Debug, Default)]
pub struct InStep {
    state: Mutex<State>,
    /// How often what all go by has changed.
    changes: AtomicU64,
}

/// The clock by which sessions are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reference {
    /// This machine's wall clock.
    Wall,
    /// The relay's that has this number.
    Relay(u64),
}

/// What a session says of itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Said {
    /// From capture until an undelayed packet is here, if the sender's wall clock is known to agree with this machine's.
    pub(crate) by_wall: Option<Delay>,
    /// The same by the clock of a relay, of this number, that is taken to read the same as this machine's. Wrong as that is,
    /// it is so by as much for all of them.
    pub(crate) by_relay: Option<(u64, Delay)>,
    /// How long after that it can be presented.
    pub(crate) latency: Delay,
    /// Little is known of it yet: nobody waits for it.
    pub(crate) settling: bool,
    /// When its last packet came.
    pub(crate) heard: Monotonic,
}

impl Said {
    /// From capture until an undelayed packet is here, by that clock.
    fn under_way(&self, by: Reference) -> Option<Delay> {
        match by {
            Reference::Wall => self.by_wall,
            Reference::Relay(clock) => {
                self.by_relay.filter(|(it, _)| *it == clock).map(|(_, under_way)| under_way)
            }
        }
    }

    /// The clocks by which it is known.
    fn references(&self) -> impl Iterator<Item = Reference> {
        let relay = self.by_relay.map(|(clock, _)| Reference::Relay(clock));
        self.by_wall.map(|_| Reference::Wall).into_iter().chain(relay)
    }
}

#[derive(Debug, Default)]
struct State {
    sessions: Vec<Session>,
    next: u64,
    /// The clock by which they are compared.
    by: Option<Reference>,
    /// Of a relay's clock: the session by which it is known, and how long its packets are under way by it. Clocks drift apart,
    /// and all go along with this one.
    pilot: Option<(u64, Delay)>,
    /// How long after its capture everything is presented, beyond what the pilot's packets are under way.
    delay: Option<Delay>,
}

#[derive(Debug)]
struct Session {
    number: u64,
    said: Option<Said>,
    /// It is too far from the others.
    out: bool,
}

impl Session {
    /// What it says, if others wait for it.
    fn counts(&self, now: Monotonic) -> Option<&Said> {
        self.said.as_ref().filter(|said| !said.settling && now - said.heard < SILENT)
    }
}

impl InStep {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One session more.
    #[must_use]
    pub fn member(self: &Arc<Self>) -> Member {
        let mut state = self.state();
        let number = state.next;
        state.next += 1;
        state.sessions.push(Session { number, said: None, out: false });
        Member { all: Arc::clone(self), number, seen: AtomicU64::new(0) }
    }
}

impl State {
    /// The clock by which most are known: that so far, if no other one is known by more.
    fn choose(&self, now: Monotonic) -> Option<Reference> {
        let known = || self.sessions.iter().filter_map(|it| it.counts(now));
        let count = |by: Reference| known().filter(|said| said.under_way(by).is_some()).count();
        let best = known().flat_map(Said::references).max_by_key(|by| count(*by))?;
        Some(self.by.filter(|by| count(*by) == count(best)).unwrap_or(best))
    }

    /// What everything is under way at least by that clock. Of a relay's that is unknown, and as long as for the pilot;
    /// with another pilot nothing moves.
    fn least(&mut self, by: Reference, now: Monotonic) -> Option<Delay> {
        if by == Reference::Wall {
            return Some(Delay::ZERO);
        }
        let known = |it: &Session| Some((it.number, it.counts(now)?.under_way(by)?));
        let steady = |(number, now): (u64, Delay)| {
            self.pilot.is_some_and(|(it, then)| it == number && (now - then).abs() < MOVED)
        };
        let among = || self.sessions.iter().filter(|it| !it.out).filter_map(known);
        let other = |it: &(u64, Delay)| self.pilot.is_none_or(|(pilot, _)| pilot != it.0);
        let next = among().find(|it| steady(*it)).or_else(|| among().find(other));
        let next = next.or_else(|| self.sessions.iter().find_map(known))?;
        if let (Some((before, was)), Some(delay)) = (self.pilot, &mut self.delay) {
            if before != next.0 {
                *delay = *delay + was - next.1;
            }
        }
        self.pilot = Some(next);
        Some(next.1)
    }

    /// The latency of a session, once all have agreed.
    fn latency(&mut self, number: u64, now: Monotonic) -> Option<Delay> {
        let by = self.choose(now);
        if self.by != by {
            (self.by, self.pilot, self.delay) = (by, None, None);
        }
        let by = by?;
        let least = self.least(by, now)?;
        self.agree(by, least, now);
        let own = self.sessions.iter().find(|it| it.number == number && !it.out)?;
        let own = own.said.as_ref()?;
        Some((self.delay? - (own.under_way(by)? - least)).max(own.latency))
    }

    /// Finds out how late all are presented by that clock, and who is too far from the others.
    fn agree(&mut self, by: Reference, least: Delay, now: Monotonic) {
        let need = |said: &Said| Some(said.under_way(by)? - least + said.latency);
        let counting = |it: &Session| it.counts(now).and_then(need);
        let mut needs: Vec<_> = self.sessions.iter().filter_map(counting).collect();
        needs.sort_unstable();
        let middle = needs.len().saturating_sub(1) / 2;
        let Some(median) = needs.get(middle).copied() else {
            self.delay = None;
            return;
        };
        for session in &mut self.sessions {
            let bound = if session.out { WITHIN } else { BEYOND };
            let need = session.said.as_ref().and_then(need);
            session.out = need.is_some_and(|need| (need - median).abs() > bound);
        }
        let most = self.sessions.iter().filter(|it| !it.out).filter_map(counting).max();
        self.delay = most.map(|most| match self.delay {
            Some(delay) if (delay - EXCESS..=delay).contains(&most) => delay,
            _ => most + MARGIN,
        });
    }
}

/// A session's part of it. Dropped, the session is none of them any more.
#[derive(Debug)]
pub struct Member {
    all: Arc<InStep>,
    number: u64,
    /// How often what all go by had changed when it last asked.
    seen: AtomicU64,
}

impl Member {
    /// Whether it should ask anew: another one has changed what all go by. Until it does they are not in step.
    pub(crate) fn has_news(&self) -> bool {
        self.all.changes.load(Ordering::Relaxed) != self.seen.load(Ordering::Relaxed)
    }

    /// Says what is known of this session. Returns the latency with which it is in step with the others, beyond what an
    /// undelayed packet takes; `None` if that cannot be known, or is too much.
    pub(crate) fn agree(&self, said: Said, now: Monotonic) -> Option<Delay> {
        let mut state = self.all.state();
        let state = &mut *state;
        if let Some(own) = state.sessions.iter_mut().find(|it| it.number == self.number) {
            own.said = Some(said);
        }
        let before = state.delay;
        let latency = state.latency(self.number, now);
        if state.delay != before {
            self.all.changes.fetch_add(1, Ordering::Relaxed);
        }
        self.seen.store(self.all.changes.load(Ordering::Relaxed), Ordering::Relaxed);
        latency
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.all.state().sessions.retain(|it| it.number != self.number);
    }
}

#[cfg(test)]
mod tests;
