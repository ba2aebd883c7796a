//! Where nothing whole comes of a worse tier either, or a better one that is tried disturbs the one that is received.

use super::{Change, TierSwitch, Turn, Why, Wish};
use crate::subscription::track::ReceivedTrack;
use streamsocket_media::clock::Monotonic;

impl TierSwitch {
    /// Joins a worse one in its place, if there is one, losses made a change necessary and the user has chosen none meanwhile.
    /// The one that is received still makes room.
    pub(super) fn go_lower(&mut self, track: &mut ReceivedTrack, turn: &Turn<'_>) -> bool {
        let Some(incoming) = &self.incoming else { return false };
        let (to, alone) = (incoming.to, incoming.alone);
        let lost = incoming.why == Some(Why::Lost) && incoming.first.is_none();
        let automatic = matches!(self.tiers.wished(), Wish::Automatic);
        let next = self.unrefused(to + 1, turn.now).filter(|_| lost && automatic);
        let Some(next) = next else { return false };
        self.incoming.take().iter_mut().for_each(|it| it.track.session.bye(turn.cname));
        self.known.get_mut(to).into_iter().for_each(|known| known.refuse(turn.now));
        self.begin(Change { to: next, why: Why::Lost }, track, turn);
        self.incoming.iter_mut().for_each(|incoming| incoming.alone = alone);
        true
    }

    /// A better tier that is tried costs pictures of the one that is received: it does not go beside it.
    pub(super) fn give_up_trial(&mut self, track: &mut ReceivedTrack, turn: &Turn<'_>) {
        if let Some(to) = self.incoming.as_ref().map(|incoming| incoming.to) {
            self.give_up(to, track, turn);
        }
    }

    /// Tells the choice that a tier cannot be had; one that was tried has been in the way of the one that is received.
    pub(super) fn tell_failed(&mut self, now: Monotonic) {
        if self.incoming.as_ref().is_some_and(|incoming| incoming.why == Some(Why::Better)) {
            self.choice.disturbed(now);
        } else {
            self.choice.failed(now);
        }
    }

    /// The best tier from number `from` on that may be joined.
    pub(super) fn unrefused(&self, from: usize, now: Monotonic) -> Option<usize> {
        (from..self.known.len()).find(|at| now >= self.known[*at].refused.0)
    }
}
