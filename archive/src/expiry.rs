//! Hours that are removed from a bucket, the oldest first.

use streamsocket_media::clock::Wall;

use crate::bucket::Bucket;
use crate::disk::{Disk, SessionHour};
use crate::entry::Entry;
use crate::error::Error;
use crate::events;
use crate::hour::Hour;
use crate::names;
use crate::removal::AHEAD_MAX;

/// Removes what the retention no longer keeps at `now`, once it is known what there is.
pub(crate) fn retain(disk: &Disk, bucket: &Bucket, now: Wall) -> Result<(), Error> {
    let hours: Vec<SessionHour> = {
        let known = bucket.known();
        if !known.is_counted || !bucket.retention.removes() {
            return Ok(());
        }
        let running = Hour::of(now);
        // Those that a wrong clock put into the future go first.
        let is_wrong = |hour: Hour| hour.0.saturating_sub(running.0) > AHEAD_MAX;
        let wrong = known.hours.keys().filter(|(hour, _)| is_wrong(*hour));
        wrong.chain(known.hours.keys().filter(|(hour, _)| *hour < running)).cloned().collect()
    };
    for (hour, folder) in hours {
        let is_old = bucket.retention.age.is_some_and(|age| hour.is_older(age, now));
        let is_much = bucket.retention.bytes.is_some_and(|most| disk.counters.bytes.get() > most);
        if (is_old || is_much) && !is_held(disk, hour, &folder) {
            remove(disk, bucket, hour, &folder, now)?;
        }
    }
    Ok(())
}

fn is_held(disk: &Disk, hour: Hour, folder: &str) -> bool {
    disk.held().keys().any(|(held, session)| *held == hour && names::folder(session) == folder)
}

fn remove(disk: &Disk, bucket: &Bucket, hour: Hour, folder: &str, now: Wall) -> Result<(), Error> {
    let path = disk.tree.root().join(folder).join(names::EVENTS_FILE);
    let mut kept = if path.exists() {
        events::read(&path)?
    } else {
        let events = bucket.get(&format!("{folder}/{}", names::EVENTS_FILE), 0)?;
        events.map_or_else(Vec::new, |it| events::parse(&it))
    };
    kept.retain(|event| event.keeps(now));
    let is_kept = |entry: &Entry| kept.iter().any(|it| entry.is_within(it.from, it.to));
    let (count, bytes) = bucket.thin(folder, hour, is_kept)?;
    disk.counters.removed.add(count);
    disk.counters.bytes.sub(bytes);
    Ok(())
}
