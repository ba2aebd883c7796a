//! Hours that are removed, the oldest first.

use std::collections::BTreeMap;

use streamsocket_media::clock::Wall;

use crate::disk::{Disk, SessionHour};
use crate::entry::Entry;
use crate::error::Error;
use crate::events::{self, Event};
use crate::hour::Hour;
use crate::hour_folder::HourFolder;
use crate::tree::{self, EVER};

/// Removes what the retention no longer keeps at `now`.
pub(crate) fn retain(disk: &Disk, now: Wall) -> Result<(), Error> {
    if !disk.retention.removes() {
        return Ok(());
    }
    let (mut kept, mut done) = (BTreeMap::new(), Ok(()));
    for (hour, folders) in candidates(disk, now)? {
        let is_old = disk.retention.age.is_some_and(|age| hour.0.is_older(age, now));
        let is_much = disk.retention.bytes.is_some_and(|most| disk.counters.bytes.get() > most);
        if is_old || is_much {
            let removed = remove(disk, &hour, &folders, now, &mut kept).map(drop);
            // One that cannot be removed keeps no other.
            done = done.and(removed);
        }
    }
    done
}

/// Removes the oldest hour that may be removed at all, since the disk is full. Returns whether there was one.
pub(crate) fn make_room(disk: &Disk, now: Wall) -> Result<bool, Error> {
    if !disk.retention.removes() {
        return Ok(false);
    }
    let mut kept = BTreeMap::new();
    for (hour, folders) in candidates(disk, now)? {
        if remove(disk, &hour, &folders, now, &mut kept)? {
            let (at, session) = hour;
            log::warn!("the disk is full: {at} of {session:?} is removed");
            return Ok(true);
        }
    }
    Ok(false)
}

/// Hours to come by so many hours more are no sender's that is a bit ahead: its clock was wrong.
pub(crate) const AHEAD_MAX: i64 = 24;

/// The hours that may be removed, each with its tracks: those that a wrong clock put into the future, and then those that are
/// over, the oldest first.
fn candidates(disk: &Disk, now: Wall) -> Result<Vec<(SessionHour, Vec<HourFolder>)>, Error> {
    let mut found = BTreeMap::<SessionHour, Vec<_>>::new();
    let running = Hour::of(now);
    for session in disk.tree.sessions()? {
        for track in disk.tree.tracks(&session)? {
            for folder in tree::hours(&disk.tree.track(&session, &track)?, &EVER)? {
                found.entry((folder.hour(), session.clone())).or_default().push(folder);
            }
        }
    }
    let is_over = |hour: Hour| hour < running;
    let is_wrong = |hour: Hour| hour.0.saturating_sub(running.0) > AHEAD_MAX;
    let (wrong, rest): (Vec<_>, Vec<_>) =
        found.into_iter().partition(|((hour, _), _)| is_wrong(*hour));
    let over = rest.into_iter().filter(|((hour, _), _)| is_over(*hour));
    Ok(wrong.into_iter().chain(over).collect())
}

/// Removes an hour but for what events keep, unless it is written to. Returns whether anything was removed.
fn remove(
    disk: &Disk,
    hour: &SessionHour,
    folders: &[HourFolder],
    now: Wall,
    events: &mut BTreeMap<String, Vec<Event>>,
) -> Result<bool, Error> {
    if !events.contains_key(&hour.1) {
        let mut read = events::read(&disk.tree.events(&hour.1))?;
        read.retain(|event| event.keeps(now));
        events.insert(hour.1.clone(), read);
    }
    let events = events.get(&hour.1).map_or(&[][..], Vec::as_slice);
    let held = disk.held();
    if held.contains_key(hour) {
        return Ok(false);
    }
    let mut removed = false;
    for folder in folders {
        removed |= thin(disk, folder, events)?;
    }
    Ok(removed)
}

/// Removes all of an hour's segments that no event keeps.
fn thin(disk: &Disk, folder: &HourFolder, events: &[Event]) -> Result<bool, Error> {
    let all = folder.entries()?;
    let is_kept = |entry: &&Entry| events.iter().any(|it| entry.is_within(it.from, it.to));
    let kept: Vec<_> = all.iter().filter(is_kept).copied().collect();
    if !all.is_empty() && kept.len() == all.len() {
        return Ok(false);
    }
    if kept.is_empty() {
        folder.remove()?;
    } else {
        folder.keep(&kept)?;
    }
    let bytes = |entries: &[Entry]| entries.iter().map(|it| it.bytes).sum::<u64>();
    let removed = bytes(&all) - bytes(&kept);
    disk.counters.bytes.sub(removed);
    disk.counters.spooled.sub(removed);
    disk.counters.removed.add((all.len() - kept.len()) as u64);
    Ok(true)
}
