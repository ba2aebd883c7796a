//! A day, with gaps and a clock that is set, in virtual time: the index and what is kept are exact.

use crate::segments::{INIT, all, open_with, second};
use core::time::Duration;
use std::collections::BTreeMap;
use streamsocket_archive::{
    Archive, Begin, Entry, Event, Finish, Hour, Recording, Retention, Summary,
};
use streamsocket_media::clock::Wall;
use tempfile::{TempDir, tempdir, tempdir_in};

/// Midnight of 2026-03-01.
const MIDNIGHT: i64 = 1_772_323_200;

/// Seconds of a segment.
const LENGTH: i64 = 2;

const TRACKS: [&str; 4] = ["audio", "high", "low", "medium"];

/// A few bytes instead of boxes: nothing looks into a segment that is finished in order.
const INIT_BYTES: &[u8] = b"init";

/// What is to be in the index, by track.
type Model = BTreeMap<&'static str, Vec<Entry>>;

/// Whether nothing came at a second of the day: an hour and a half at night, and a few seconds each hour.
const fn is_gap(at: i64) -> bool {
    let of_hour = at % 3600;
    (at >= 10_000 && at < 15_400) || (of_hour >= 1200 && of_hour < 1208)
}

/// Stores what comes at a second on each track. Returns whether it was new.
fn tick(recording: &mut Recording, model: &mut Model, at: i64) -> bool {
    let number = ((MIDNIGHT + at) / LENGTH) as u64;
    let mut is_new = true;
    for (k, track) in TRACKS.into_iter().enumerate() {
        let begin = second(MIDNIGHT + at);
        recording.begin(track, Begin { number, begin, init: INIT_BYTES, init_id: INIT });
        let payload = [0; 4];
        for chunk in payload.chunks(1 + k) {
            recording.append(track, chunk);
        }
        let finish = Finish {
            duration: Duration::from_secs(LENGTH as u64),
            frames: 60,
            lost: u32::from(number % 100 == 0),
            repaired: u32::from(number % 50 == 0),
        };
        let stored = recording.finish(track, finish);
        is_new &= stored.is_some();
        if let Some(entry) = stored {
            let Finish { duration, frames, lost, repaired } = finish;
            let (bytes, init_len) = (8, 4);
            let expected = Entry {
                number,
                begin,
                duration,
                bytes,
                init_len,
                frames,
                lost,
                repaired,
                init: INIT,
            };
            assert_eq!(entry, expected);
            model.entry(track).or_default().push(entry);
        }
    }
    is_new
}

/// What the model has of an hour.
fn hours(entries: &[Entry]) -> Vec<Summary> {
    let mut hours = BTreeMap::<Hour, Vec<Entry>>::new();
    for entry in entries {
        hours.entry(Hour::of(entry.begin)).or_default().push(*entry);
    }
    hours.iter().map(|(hour, entries)| Summary::of(*hour, entries)).collect()
}

/// What the archive has is what the model has.
fn compare(archive: &Archive, model: &mut Model) {
    let mut bytes = 0;
    for track in TRACKS {
        let expected = model.entry(track).or_default();
        expected.sort_by_key(|it| it.number);
        assert_eq!(all(archive, "porch", track), *expected, "{track}");
        let found = archive.hours("porch", track, Wall(i64::MIN), Wall(i64::MAX)).unwrap();
        assert_eq!(found, hours(expected), "{track}");
        bytes += expected.iter().map(|it| it.bytes).sum::<u64>();
    }
    assert_eq!(archive.bytes(), bytes);
}

fn table(archive: &Archive, title: &str) {
    println!("{title}\nhour           segments  stored s    bytes  lost  gaps");
    for it in archive.hours("porch", "high", Wall(i64::MIN), Wall(i64::MAX)).unwrap() {
        let (hour, stored) = (it.hour.to_string(), it.stored.as_secs());
        println!(
            "{hour}  {:8}  {stored:8}  {:7}  {:4}  {:4}",
            it.entries, it.bytes, it.lost, it.gaps
        );
    }
}

/// A folder that is in memory where there is one: a day has 170 000 segments, each of which waits for the disk.
fn in_memory() -> TempDir {
    tempdir_in("/dev/shm").unwrap_or_else(|_| tempdir().unwrap())
}

#[test]
fn a_day_is_kept_exactly() {
    let folder = in_memory();
    let day = Retention { age: Some(Duration::from_secs(6 * 3600)), bytes: Some(400_000) };
    let archive = open_with(&folder, day);
    let (mut recording, mut model) = (archive.record("porch"), Model::new());
    let event = Event {
        at: second(MIDNIGHT + 7300),
        from: second(MIDNIGHT + 7200),
        to: second(MIDNIGHT + 7300),
        until: Some(second(MIDNIGHT + 12 * 3600)),
        label: "bell".to_owned(),
    };
    archive.mark("porch", &event).unwrap();
    let (mut refused, mut most) = (0, 0);
    let mut at = 0;
    let mut is_set_back = false;
    while at < 86_400 {
        if !is_gap(at) && !tick(&mut recording, &mut model, at) {
            refused += 1;
        }
        if at % 600 == 0 {
            archive.retain(second(MIDNIGHT + at)).unwrap();
            keep(&mut model, day, &event, MIDNIGHT + at);
            most = most.max(archive.bytes());
            assert_eq!(archive.bytes(), bytes(&model), "at {at}");
        }
        if at % 3600 == 3540 {
            compare(&archive, &mut model);
        }
        at += LENGTH;
        if at == 50_000 && !is_set_back {
            // Ten minutes back: what is stored stays.
            (at, is_set_back) = (at - 600, true);
        }
    }
    compare(&archive, &mut model);
    table(&archive, "after a day, high:");
    let counts = archive.counts();
    println!("{counts:?}, at most {most} bytes");
    assert_eq!((refused, counts.refused), (300, 1200));
    assert_eq!((counts.failed, counts.cut), (0, 0));
    drop((recording, archive));
    let archive = open_with(&folder, day);
    compare(&archive, &mut model);
    assert_eq!(archive.counts().repaired, 0);
    let expected = 4 * (86_400 / 2) - 4 * (5400 + 24 * 8 - 8) / 2;
    assert_eq!(counts.segments, expected as u64, "all that came");
}

fn bytes(model: &Model) -> u64 {
    model.values().flatten().map(|it| it.bytes).sum()
}

/// The retention, done simply: whole hours of all tracks, oldest first, never one that is not over.
fn keep(model: &mut Model, retention: Retention, event: &Event, now: i64) {
    let now = second(now);
    let mut hours: Vec<_> = model.values().flatten().map(|it| Hour::of(it.begin)).collect();
    hours.sort_unstable();
    hours.dedup();
    for hour in hours.into_iter().filter(|it| *it < Hour::of(now)) {
        let age = i64::try_from(retention.age.unwrap().as_nanos()).unwrap();
        let is_old = hour.end().0 + age <= now.0;
        if !is_old && bytes(model) <= retention.bytes.unwrap() {
            continue;
        }
        let is_kept = |it: &Entry| {
            let is_marked =
                event.until.unwrap() > now && it.end() > event.from && it.begin < event.to;
            Hour::of(it.begin) != hour || is_marked
        };
        model.values_mut().for_each(|entries| entries.retain(is_kept));
    }
}

#[test]
fn the_hour_that_runs_is_never_removed_whatever_the_clocks_say() {
    let folder = in_memory();
    let nothing = Retention { age: Some(Duration::ZERO), bytes: Some(0) };
    let archive = open_with(&folder, nothing);
    let (mut recording, mut model) = (archive.record("porch"), Model::new());
    for at in [0, 3600, 3602] {
        tick(&mut recording, &mut model, at);
    }
    // This machine's clock is days ahead of the sender's.
    archive.retain(second(MIDNIGHT + 500_000)).unwrap();
    let numbers = |archive: &Archive| {
        all(archive, "porch", "high")
            .iter()
            .map(|it| it.number as i64 * 2 - MIDNIGHT)
            .collect::<Vec<_>>()
    };
    assert_eq!(numbers(&archive), [3600, 3602]);
    // Or behind.
    archive.retain(second(0)).unwrap();
    assert_eq!(numbers(&archive), [3600, 3602]);
    drop(recording);
    archive.retain(second(MIDNIGHT + 7199)).unwrap();
    assert_eq!(numbers(&archive), [3600, 3602]);
    archive.retain(second(MIDNIGHT + 7200)).unwrap();
    assert!(numbers(&archive).is_empty());
    assert_eq!(archive.bytes(), 0);
    assert_eq!(archive.sessions().unwrap(), ["porch"]);
}
