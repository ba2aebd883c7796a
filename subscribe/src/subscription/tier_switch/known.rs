//! The tiers that are known of a session.

use crate::keys::KeyRing;
use crate::plan::{Plan, StreamPlan};
use streamsocket_media::clock::{Delay, Monotonic};

/// A tier of which nothing whole came is not joined again for so long, and for twice as long each further time.
const REFUSED: Delay = Delay::from_secs(10);
const REFUSED_MAX: Delay = Delay::from_secs(300);

/// A tier that is known.
pub(super) struct Known {
    /// Its name; the session itself has none.
    pub(super) name: Option<String>,
    pub(super) stream: StreamPlan,
    /// Nothing came of it: it is not joined before then, and if nothing comes again, for twice as long.
    pub(super) refused: (Monotonic, Delay),
}

impl Known {
    pub(super) const fn new(name: Option<String>, stream: StreamPlan, now: Monotonic) -> Self {
        Self { name, stream, refused: (now, REFUSED) }
    }

    /// Nothing came of it.
    pub(super) fn refuse(&mut self, now: Monotonic) {
        let (until, wait) = &mut self.refused;
        *until = now + *wait;
        *wait = (*wait + *wait).min(REFUSED_MAX);
    }

    /// It came.
    pub(super) const fn accept(&mut self) {
        self.refused.1 = REFUSED;
    }
}

/// The tiers of these plans that can be opened with these keys, each with what was known of it before. They are `repaired` if
/// the session is.
pub(super) fn known(
    announced: &[Plan],
    keys: &KeyRing,
    repaired: bool,
    before: &[Known],
    now: Monotonic,
) -> Vec<Known> {
    let opened = announced.iter().filter_map(|plan| {
        let mut stream = keys.get().open(plan).ok()?.video?;
        stream.repair = stream.repair.filter(|_| repaired);
        let mut known = Known::new(plan.tier.clone(), stream, now);
        let same = |it: &&Known| it.name == known.name && it.stream == known.stream;
        known.refused = before.iter().find(same).map_or(known.refused, |it| it.refused);
        Some(known)
    });
    opened.collect()
}

/// The worst of them that loses nothing where so many columns and rows are `shown`.
pub(super) fn worth(known: &[Known], shown: Option<(u16, u16)>) -> usize {
    let (Some((width, height)), Some(itself)) = (shown, known.first()) else { return 0 };
    let rate = itself.stream.framerate;
    let loses_nothing = |known: &Known| {
        let size = known.stream.size;
        known.stream.framerate == rate && size.is_some_and(|it| it.0 >= width && it.1 >= height)
    };
    known.iter().rposition(loses_nothing).unwrap_or(0)
}
