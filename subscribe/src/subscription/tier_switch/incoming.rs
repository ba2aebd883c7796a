//! A tier that is joined beside the one that is received.

use crate::subscription::tier_choice::{Seen, Why};
use crate::subscription::track::ReceivedTrack;
use streamsocket_media::clock::{Delay, Monotonic, Wall};

/// If nothing whole comes of a worse tier for so long, where too much of the one so far is lost, that one is left first: the
/// network carries no more than one of them.
const ROOM: Delay = Delay::from_millis(300);

/// A tier that is joined beside the one that is received.
pub(super) struct Incoming {
    pub(super) to: usize,
    pub(super) why: Option<Why>,
    pub(super) track: ReceivedTrack,
    pub(super) began: Monotonic,
    /// When the first frame of it was complete, and when that was captured.
    pub(super) first: Option<(Monotonic, Option<Wall>)>,
    /// Its frames are handed on if they were captured later.
    pub(super) after: Option<Wall>,
    /// The one before was left to make room.
    pub(super) alone: bool,
}

impl Incoming {
    /// Whether nothing whole comes of it, since the network carries no more beside the one that is to be left: something
    /// comes of it, or of the other one nothing, which is `silent`.
    pub(super) fn is_crowded(&self, waited: Delay, silent: bool) -> bool {
        let comes = self.track.session.source().ssrc().is_some();
        let waits = self.why == Some(Why::Lost) && self.first.is_none();
        waits && waited >= ROOM && (comes || silent)
    }
}

/// What messages call the tier of this name; the session itself has none.
pub(super) fn named(name: Option<&str>) -> String {
    name.map_or("the session itself".to_owned(), |name| format!("the tier '{name}'"))
}

/// Says why the tier of this name, or the session itself, is joined: the user has `forced` it, or something else.
pub(super) fn say(why: Why, forced: bool, name: Option<&str>) {
    let what = named(name);
    match why {
        _ if forced => log::info!("changing to {what}"),
        Why::Lost => {
            log::warn!("more is lost on the way than repair can mend: changing to {what}");
        }
        Why::Slow => {
            log::warn!("this machine is too slow for these pictures: changing to {what}");
        }
        Why::NoCure => log::warn!("as much is lost of the smallest tier: changing to {what}"),
        Why::Window => log::info!("the window shows no more of it: changing to {what}"),
        Why::Better => log::debug!("trying {what}"),
    }
}

/// What has come of a track, and what has not.
pub(super) fn seen(track: &ReceivedTrack) -> Seen {
    let (complete, incomplete) = track.frames();
    let (packets, lost) = track.session.source().totals();
    let lost = u64::try_from(lost).unwrap_or(0);
    let lost = lost.saturating_sub(track.session.repair().repaired);
    Seen { complete, incomplete, packets, lost, ..Seen::default() }
}
