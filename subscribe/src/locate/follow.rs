//! Follows the announcements in a network, session by session.

use super::candidates::{Candidates, Key};
use super::following::{Announced, Change, Following};
use super::listing::{LISTED_MAX, Listing, News};
use super::probe::Probe;
use super::sap_listener::SapListener;
use crate::clock::monotonic;
use crate::plan::{Error, Plan};
use crate::text::printable;
use std::net::IpAddr;
use std::time::Duration;
use streamsocket_media::clock::Monotonic;
use streamsocket_net::Interface;

/// Interval at which it is asked whether to stop, and silent sessions are given up.
const STEP: Duration = Duration::from_millis(500);

/// Passes every announced session of which something comes to `each`, and tells it when one has ended, until `stop`,
/// which is asked twice a second, returns true. If `each` returns false the session is tried again later. Tiers of other
/// sessions are left out.
///
/// # Errors
/// One line, if announcements cannot be listened to.
pub fn follow(
    interface: Option<&Interface>,
    stop: impl FnMut() -> bool,
    each: &mut dyn FnMut(Change) -> bool,
) -> Result<(), Error> {
    follow_those(&|_| true, interface, stop, each)
}

/// The same of the sessions that say that they belong to this room: one that says another one later, or none, has ended.
///
/// # Errors
/// As those of [`follow`].
pub fn follow_room(
    room: &str,
    interface: Option<&Interface>,
    stop: impl FnMut() -> bool,
    each: &mut dyn FnMut(Change) -> bool,
) -> Result<(), Error> {
    let room = printable(room);
    let belongs = |plan: &Plan| plan.room.as_ref() == Some(&room);
    follow_those(&belongs, interface, stop, each)
}

fn follow_those(
    wanted: &dyn Fn(&Plan) -> bool,
    interface: Option<&Interface>,
    mut stop: impl FnMut() -> bool,
    each: &mut dyn FnMut(Change) -> bool,
) -> Result<(), Error> {
    let mut listener = SapListener::open(interface, monotonic())?;
    let (mut candidates, mut listing) = (Candidates::new(), Listing::default());
    let mut following = Following::default();
    while !stop() {
        if listing.is_full() {
            // It was made for a look around, and does not forget; what is there is announced again within seconds.
            listing = Listing::default();
        }
        let (mut announced, mut deleted) = (Vec::new(), Vec::new());
        let heard = listener.listen(
            monotonic(),
            STEP,
            &mut candidates,
            &mut |announcement, announcer| {
                if let Some(News::Gone(name)) = listing.hear(announcement, announcer) {
                    deleted.push((name, announcer));
                }
                if announced.len() < LISTED_MAX {
                    let plan = listing.plan_of(announcement, announcer);
                    announced.extend(plan.map(|plan| (plan, announcer)));
                }
            },
        )?;
        let now = monotonic();
        let mut changes = Vec::new();
        if let Some(plan) = heard {
            let key = candidates.take(|probe| *probe.plan() == plan);
            changes.extend(key.into_iter().flat_map(|key| following.find(key, plan.clone(), now)));
        }
        for (name, announcer) in deleted {
            changes.extend(std::iter::from_fn(|| following.delete(&name, announcer)));
        }
        changes.extend(std::iter::from_fn(|| following.forget(now)));
        while candidates.silent(now).is_some() {}
        for it in announced.into_iter().filter(|(plan, _)| plan.tier.is_none()) {
            if wanted(&it.0) {
                changes.extend(try_it(it, interface, &mut candidates, &mut following, now));
            } else {
                changes.extend(key_of(&it.0, it.1).and_then(|key| following.leave(&key)));
            }
        }
        for change in changes {
            let number = match &change {
                Change::Found(number, _) | Change::Gone(number) => *number,
            };
            if !each(change) {
                following.give_up(number);
            }
        }
    }
    Ok(())
}

fn key_of(plan: &Plan, announcer: IpAddr) -> Option<Key> {
    Some(Key { name: plan.name.clone(), address: plan.address()?, announcer })
}

/// Tries whether anything comes of an announced session that is not known yet. Returns the end of what it was before.
fn try_it(
    (plan, announcer): (Plan, IpAddr),
    interface: Option<&Interface>,
    candidates: &mut Candidates<Probe>,
    following: &mut Following,
    now: Monotonic,
) -> Option<Change> {
    let key = key_of(&plan, announcer)?;
    let announced = following.announce(&key, &plan, now);
    if announced != Announced::Known && candidates.wants(&key, now) {
        candidates.begin(key, Probe::open(plan, interface).ok(), now);
    }
    match announced {
        Announced::Changed(change) => Some(change),
        Announced::Known | Announced::New => None,
    }
}
