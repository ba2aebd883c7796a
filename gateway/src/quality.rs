//! Which tier a viewer is sent: the one that was chosen, or the best one that its connection and its browser can take and
//! its window can show. Nothing is sent here and no clock is read.

use std::sync::Arc;
use streamsocket_media::clock::{Delay, Monotonic};
use streamsocket_subscribe::plan::Plan;
use streamsocket_subscribe::subscription::tier_choice::{Change, Seen, Situation, TierChoice, Why};

/// A tier that could not be had is not asked for again for so long.
const REFUSED: Delay = Delay::from_secs(10);

/// Pictures in 1000 seconds that a tier has at least that a small window is given: fewer would be seen there, too.
const MOTION_MIN: u32 = 10_000;

/// What a viewer wants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Wish {
    /// The session itself, whatever becomes of it.
    #[default]
    Full,
    /// What fits.
    Automatic,
    /// The tier of this name.
    Tier(Arc<str>),
}

impl Wish {
    /// By its name in a request.
    pub(crate) fn named(name: &str) -> Self {
        match name {
            "auto" => Self::Automatic,
            "full" => Self::Full,
            tier => Self::Tier(tier.into()),
        }
    }
}

/// A viewer's tier, and what speaks for another one.
#[derive(Debug)]
pub(crate) struct Quality {
    wish: Wish,
    choice: TierChoice,
    /// Since the last change.
    seen: Seen,
    /// Pictures that a page has told of that came too late for it, and how many it were at the last change.
    late: (u64, u64),
    /// Width and height of the picture there, in pixels.
    window: Option<(u16, u16)>,
    /// Until then nothing else is tried that could not be had.
    refused: Option<Monotonic>,
}

impl Quality {
    /// Of a viewer who comes now.
    pub(crate) const fn new(wish: Wish, now: Monotonic) -> Self {
        let seen = Seen { complete: 0, incomplete: 0, packets: 0, lost: 0, late: 0, missing: 0 };
        Self { wish, choice: TierChoice::new(now), seen, late: (0, 0), window: None, refused: None }
    }

    pub(crate) const fn is_automatic(&self) -> bool {
        matches!(self.wish, Wish::Automatic)
    }

    /// Wants this from now on.
    pub(crate) fn wish(&mut self, wish: Wish) {
        (self.wish, self.refused) = (wish, None);
    }

    /// A picture was taken; before it so many were left out, for which the connection had no room.
    pub(crate) const fn took(&mut self, left_out: u64) {
        self.seen.complete += 1;
        self.seen.incomplete = self.seen.incomplete.saturating_add(left_out);
    }

    /// A page has said that so many pictures came too late for it so far, and how large they are there.
    pub(crate) const fn told(&mut self, late: u64, window: Option<(u16, u16)>) {
        (self.late.0, self.window) = (late, window);
    }

    /// The tier that is to be sent instead of that of number `current`, if another is: 0 is the session itself, and behind
    /// it are its tiers.
    pub(crate) fn wants(
        &mut self,
        now: Monotonic,
        current: usize,
        tiers: &[Plan],
    ) -> Option<(usize, Option<Why>)> {
        // No more than it was sent, whatever it says.
        let late = self.late.0.saturating_sub(self.late.1).min(self.seen.complete);
        let count = (tiers.len() + 1).max(current + 1);
        let situation = Situation { current, count, worth: self.worth(tiers), unicast: false };
        let looked = self.choice.look(now, Seen { late, ..self.seen }, situation);
        if self.refused.is_some_and(|until| now < until) {
            return None;
        }
        let wanted = match &self.wish {
            Wish::Automatic => looked.map(|Change { to, why }| (to, Some(why))),
            Wish::Full => Some((0, None)),
            // What is not there may come.
            Wish::Tier(name) => {
                let at = tiers.iter().position(|it| it.tier.as_deref() == Some(name));
                Some((at.map_or(0, |at| at + 1), None))
            }
        };
        wanted.filter(|(to, _)| *to != current && *to < count)
    }

    /// The worst tier that loses nothing in a window of this size.
    fn worth(&self, tiers: &[Plan]) -> usize {
        let Some((width, height)) = self.window else { return 0 };
        let loses_nothing = |plan: &Plan| {
            plan.video.as_ref().is_some_and(|video| {
                let size = video.size.is_some_and(|it| it.0 >= width && it.1 >= height);
                size && video.framerate.is_none_or(|rate| rate >= MOTION_MIN)
            })
        };
        tiers.iter().rposition(loses_nothing).map_or(0, |at| at + 1)
    }

    /// Another tier is sent from now on, a better one or not.
    pub(crate) fn changed(&mut self, now: Monotonic, better: bool) {
        (self.seen, self.late.1, self.refused) = (Seen::default(), self.late.0, None);
        self.choice.changed(now, better && self.is_automatic());
    }

    /// What was wanted cannot be had.
    pub(crate) fn failed(&mut self, now: Monotonic) {
        self.refused = Some(now + REFUSED);
        self.choice.failed(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEP: Delay = Delay::from_millis(250);

    fn tiers() -> Vec<Plan> {
        let tier = |name, size, rate| {
            let text = format!(
                "v=0\ns=Door, {name}\nc=IN IP4 239.1.1.1\na=x-tier:{name} 1\nm=video 5004 RTP/AVP 26\n\
                 a=framerate:{rate}\na=x-dimensions:{size}\n"
            );
            Plan::from_sdp(&text).unwrap()
        };
        vec![tier("half", "640,360", 30), tier("few", "320,180", 5), tier("low", "320,180", 15)]
    }

    /// A viewer whose connection has room for so many pictures a second of each tier, of 30.
    struct Viewer {
        quality: Quality,
        tiers: Vec<Plan>,
        current: usize,
        now: Monotonic,
        /// When it changed to what, in milliseconds.
        changes: Vec<(i64, usize)>,
    }

    impl Viewer {
        fn new(wish: Wish) -> Self {
            let (now, current) = (Monotonic(0), 0);
            let quality = Quality::new(wish, now);
            Self { quality, tiers: tiers(), current, now, changes: Vec::new() }
        }

        /// Goes on for so many seconds, with so many pictures a second of each tier that it has room for.
        fn goes_on(&mut self, seconds: i64, room: [u64; 4]) {
            for step in 0..seconds * 4 {
                self.now = self.now + STEP;
                // Seven or eight in a quarter of a second.
                let come = if step % 2 == 0 { 7 } else { 8 };
                let taken = (come * room[self.current] / 30).max(1).min(come);
                for at in 0..taken {
                    self.quality.took(if at == 0 { come - taken } else { 0 });
                }
                let wants = self.quality.wants(self.now, self.current, &self.tiers);
                if let Some((to, _)) = wants {
                    self.quality.changed(self.now, to < self.current);
                    self.changes.push((self.now.0 / 1_000_000, to));
                    self.current = to;
                }
            }
        }
    }

    #[test]
    fn a_slow_connection_gets_less_within_two_seconds_and_more_again_later_without_to_and_fro() {
        let mut viewer = Viewer::new(Wish::Automatic);
        viewer.goes_on(60, [30; 4]);
        assert_eq!(viewer.changes, []);
        // Half is all that it takes from now on.
        viewer.goes_on(600, [8, 30, 30, 30]);
        let (first, to) = viewer.changes[0];
        assert!(first <= 62_000 && to == 1, "{:?}", viewer.changes);
        let tried = viewer.changes.iter().filter(|(_, to)| *to == 0).count();
        assert!((2..=6).contains(&tried), "{:?}", viewer.changes);
        assert_eq!(viewer.current, 1);
        viewer.goes_on(600, [30; 4]);
        assert_eq!(viewer.current, 0);
    }

    #[test]
    fn pictures_that_come_too_late_and_a_small_window_speak_for_less() {
        let mut viewer = Viewer::new(Wish::Automatic);
        for late in 0..8 {
            viewer.quality.told(late * 8, None);
            viewer.goes_on(1, [30; 4]);
        }
        assert!(viewer.changes[0].0 <= 3000, "{:?}", viewer.changes);
        let mut viewer = Viewer::new(Wish::Automatic);
        viewer.quality.told(0, Some((320, 180)));
        viewer.goes_on(2, [30; 4]);
        assert_eq!(viewer.current, 3, "the small one with few pictures would be seen to jerk");
        viewer.quality.told(0, Some((1280, 720)));
        viewer.goes_on(60, [30; 4]);
        assert_eq!(viewer.current, 0);
    }

    #[test]
    fn what_a_page_says_falsely_costs_nobody_else_and_does_not_break_it() {
        let mut viewer = Viewer::new(Wish::Automatic);
        for (late, window) in
            [(u64::MAX, (0, 0)), (0, (u16::MAX, u16::MAX)), (u64::MAX / 2, (1, 1))]
        {
            viewer.quality.told(late, Some(window));
            viewer.goes_on(20, [30; 4]);
        }
        assert!(viewer.current <= 3);
    }

    #[test]
    fn what_was_chosen_stays_and_is_taken_when_it_comes() {
        let mut viewer = Viewer::new(Wish::named("low"));
        let announced = std::mem::take(&mut viewer.tiers);
        viewer.goes_on(5, [30; 4]);
        assert_eq!(viewer.changes, []);
        viewer.tiers = announced;
        viewer.goes_on(60, [30, 30, 30, 1]);
        assert_eq!(viewer.changes, [(5250, 3)]);
        viewer.quality.wish(Wish::Full);
        viewer.goes_on(60, [1; 4]);
        assert_eq!(viewer.current, 0);
        assert_eq!(viewer.changes.len(), 2);
    }

    #[test]
    fn what_cannot_be_had_is_not_asked_for_again_at_once() {
        let mut viewer = Viewer::new(Wish::named("half"));
        let mut asked = 0;
        for step in 0..240 {
            let now = Monotonic(0) + Delay::from_millis(250 * step);
            if viewer.quality.wants(now, 0, &viewer.tiers).is_some() {
                asked += 1;
                viewer.quality.failed(now);
            }
        }
        assert_eq!(asked, 6, "in a minute");
    }
}
