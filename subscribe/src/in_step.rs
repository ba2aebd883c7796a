//! Keeps several sessions in step: what their senders captured at one instant is presented at one instant, as late as the
//! one needs it that needs most. That takes clocks that are known to agree. No clock is read here.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use streamsocket_media::clock::Delay;

/// What all are later than needed, so that what one needs may vary.
const MARGIN: Delay = Delay::from_millis(10);

/// All become earlier only if that is worth a gap in the sound of each.
const EXCESS: Delay = Delay::from_millis(60);

/// Sessions that are kept in step.
#[derive(Debug, Default)]
pub struct InStep(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// How long after its capture each session can be presented; `None` where that is not known.
    needs: Vec<(u64, Option<Delay>)>,
    next: u64,
    /// How long after its capture everything is presented.
    delay: Option<Delay>,
}

impl InStep {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One session more.
    #[must_use]
    pub fn member(self: &Arc<Self>) -> Member {
        let mut state = self.state();
        let number = state.next;
        state.next += 1;
        state.needs.push((number, None));
        Member { all: Arc::clone(self), number }
    }
}

/// A session's part of it. Dropped, the session is none of them any more.
#[derive(Debug)]
pub struct Member {
    all: Arc<InStep>,
    number: u64,
}

impl Member {
    /// Says how long after its capture this session can be presented, or that it is not known. Returns how long after its
    /// capture it is to be presented, once anybody knows.
    pub(crate) fn agree(&self, need: Option<Delay>) -> Option<Delay> {
        let mut state = self.all.state();
        if let Some((_, known)) = state.needs.iter_mut().find(|(it, _)| *it == self.number) {
            *known = need;
        }
        let most = state.needs.iter().filter_map(|(_, need)| *need).max();
        state.delay = most.map(|most| match state.delay {
            Some(delay) if (delay - EXCESS..=delay).contains(&most) => delay,
            _ => most + MARGIN,
        });
        state.delay
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.all.state().needs.retain(|(it, _)| *it != self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(millis: i64) -> Option<Delay> {
        Some(Delay::from_millis(millis))
    }

    #[test]
    fn all_are_as_late_as_the_latest_and_stay_so_while_it_varies() {
        let all = Arc::<InStep>::default();
        let [one, two] = [all.member(), all.member()];
        assert_eq!(one.agree(None), None, "nobody knows");
        assert_eq!(one.agree(ms(30)), ms(40));
        assert_eq!(two.agree(None), ms(40), "what the others do");
        assert_eq!(two.agree(ms(80)), ms(90));
        for varied in [75, 90, 70, 31] {
            assert_eq!((two.agree(ms(varied)), one.agree(ms(20))), (ms(90), ms(90)), "{varied}");
        }
        assert_eq!((two.agree(ms(29)), one.agree(ms(20))), (ms(39), ms(39)), "it is worth it");
        drop(two);
        assert_eq!(one.agree(ms(35)), ms(39));
        assert_eq!(one.agree(None), None, "nobody knows any more");
    }

    #[test]
    fn who_has_left_is_not_waited_for() {
        let all = Arc::<InStep>::default();
        let [one, two] = [all.member(), all.member()];
        assert_eq!((two.agree(ms(500)), one.agree(ms(30))), (ms(510), ms(510)));
        drop(two);
        assert_eq!(one.agree(ms(30)), ms(40));
    }
}
