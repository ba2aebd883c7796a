use super::*;
use std::time::Duration;
use streamsocket_archive::{Place, Retention};
use streamsocket_cmaf::segmenter::{Sample, Segmenter};
use streamsocket_cmaf::track::Track;
use streamsocket_media::clock::Wall;

const SECOND: i64 = 1_000_000_000;
const BEGIN: i64 = 1_800_000_000;

/// What is made of sound, from so many seconds on, for so many.
fn sound(from: i64, seconds: i64) -> (Vec<Made>, Bytes) {
    let track = Track::Aac { rate: 48_000, channels: 2 };
    let init = track.init();
    let mut segmenter = Segmenter::new(track, Grid::default());
    let mut made = Vec::new();
    let block = 1024 * SECOND / 48_000;
    let duration = Duration::from_nanos(u64::try_from(block).unwrap());
    let begin = (BEGIN + from) * SECOND;
    for at in (0..seconds * SECOND / block).map(|number| Wall(begin + number * block)) {
        let data = Bytes::from_static(b"a block");
        segmenter.push(Sample { data, at, duration, key: true }, &mut made);
    }
    segmenter.flush(&mut made);
    (made, init)
}

fn stored(archive: &Archive) -> Vec<i64> {
    let span = (Wall(0), Wall((BEGIN + 1000) * SECOND));
    let span = archive.span("Door", "audio", span.0, span.1).unwrap();
    span.iter().map(|entry| entry.begin.0 / SECOND - BEGIN).collect()
}

/// Waits until all that was given is done.
fn settle(storage: Storage) {
    let shared = Arc::clone(&storage.shared);
    drop(storage);
    while shared.waiting.load(Ordering::Relaxed) > 0 {
        std::thread::yield_now();
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().build().unwrap()
}

fn event(at: i64, from: i64, to: i64) -> Event {
    let wall = |seconds: i64| Wall((BEGIN + seconds) * SECOND);
    Event { at: wall(at), from: wall(from), to: wall(to), until: None, label: "goal".to_owned() }
}

#[test]
fn all_of_it_is_stored_and_a_mark_says_what_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let place = Place::Local(folder.path().to_owned());
    let archive = Archive::open(place, Retention::default()).unwrap();
    let storage =
        Storage::begin(&archive, "Door", Keep::All, Grid::default(), Arc::default()).unwrap();
    let (made, init) = sound(0, 8);
    made.into_iter().for_each(|made| storage.take("audio", made, &init));
    runtime().block_on(storage.mark(event(8, 2, 8))).unwrap();
    assert_eq!(stored(&archive), [0, 2, 4, 6]);
    assert_eq!(archive.events("Door").unwrap().len(), 1);
    settle(storage);
}

#[test]
fn what_is_not_marked_is_not_stored_and_a_mark_reaches_back_and_on() {
    let folder = tempfile::tempdir().unwrap();
    let place = Place::Local(folder.path().to_owned());
    let archive = Archive::open(place, Retention::default()).unwrap();
    let keep = Keep::Marked(Duration::from_secs(10));
    let storage = Storage::begin(&archive, "Door", keep, Grid::default(), Arc::default()).unwrap();
    let (made, init) = sound(0, 30);
    made.into_iter().for_each(|made| storage.take("audio", made, &init));
    runtime().block_on(storage.mark(event(30, 25, 33))).unwrap();
    assert_eq!(stored(&archive), [24, 26, 28]);
    let (made, init) = sound(30, 8);
    made.into_iter().for_each(|made| storage.take("audio", made, &init));
    runtime().block_on(storage.mark(event(38, 37, 38))).unwrap();
    assert_eq!(stored(&archive), [24, 26, 28, 30, 32, 36]);
    settle(storage);
}

#[test]
fn what_finds_too_much_waiting_is_left_out_by_whole_segments() {
    let folder = tempfile::tempdir().unwrap();
    let place = Place::Local(folder.path().to_owned());
    let archive = Archive::open(place, Retention::default()).unwrap();
    let storage =
        Storage::begin(&archive, "Door", Keep::All, Grid::default(), Arc::default()).unwrap();
    let (made, init) = sound(0, 6);
    let is_of = |made: &Made, number: u64| match made {
        Made::Part(part) => part.number == number,
        Made::Segment(segment) => segment.number == number,
    };
    let first = u64::try_from(BEGIN / 2).unwrap();
    for (place, made) in made.into_iter().enumerate() {
        // While the second segment's third part comes.
        let full = is_of(&made, first + 1) && place == 13;
        if full {
            storage.shared.waiting.fetch_add(WAITING_MAX, Ordering::Relaxed);
        }
        storage.take("audio", made, &init);
        if full {
            storage.shared.waiting.fetch_sub(WAITING_MAX, Ordering::Relaxed);
        }
    }
    runtime().block_on(storage.mark(event(6, 0, 6))).unwrap();
    assert_eq!((storage.left_out(), storage.waiting()), (1, 0));
    let span = archive.span("Door", "audio", Wall(0), Wall((BEGIN + 10) * SECOND)).unwrap();
    let lengths: Vec<_> = span.iter().map(|it| it.duration.as_millis() / 100).collect();
    assert_eq!(lengths.len(), 3, "{lengths:?}");
    assert!(lengths[1] < lengths[0], "as long as it is: {lengths:?}");
}
