//! What is stored is found again.

use crate::segments::{
    FINISH, INIT, all, begin, entry, init, open, parts, record, repaired, second,
};
use bytes::Bytes;
use streamsocket_archive::{Archive, Error, Event, InitId, Place, Retention};
use tempfile::tempdir;

#[test]
fn what_was_stored_is_found_by_number_and_by_time() {
    let folder = tempdir().unwrap();
    let archive = open(&folder);
    let mut recording = archive.record("porch");
    // Two hours, and the last segment of the first reaches up to the second.
    for number in 1798..1803 {
        assert_eq!(record(&mut recording, "high", number), Some(entry(number)));
    }
    let found = all(&archive, "porch", "high");
    assert_eq!(found, (1798..1803).map(entry).collect::<Vec<_>>());
    let span = archive.span("porch", "high", second(3599), second(3602)).unwrap();
    assert_eq!(span, [entry(1799), entry(1800)]);
    assert_eq!(archive.newest("porch", "high").unwrap(), Some(1802));
    assert_eq!(archive.newest("porch", "low").unwrap(), None);
    assert_eq!(archive.sessions().unwrap(), ["porch"]);
    assert_eq!(archive.bytes(), 5 * entry(1).bytes);
    for near in [None, Some(second(3598))] {
        let segment = archive.segment("porch", "high", 1799, near).unwrap().unwrap();
        assert_eq!(segment.entry, entry(1799));
        assert_eq!(segment.bytes().unwrap(), parts(1799).concat());
        let file = folder.path().join("porch/high/1970-01-01/00/1799.mp4");
        assert_eq!(segment.path(), Some(file.as_path()));
        assert_eq!(std::fs::read(file).unwrap(), [init(), parts(1799).concat()].concat());
    }
    assert!(archive.segment("porch", "high", 1799, Some(second(10_800))).unwrap().is_none());
    assert_eq!(archive.init("porch", "high", INIT).unwrap().unwrap(), init());
    assert_eq!(archive.init("porch", "high", InitId(1)).unwrap(), None);
}

#[test]
fn a_segment_is_found_once_it_is_finished() {
    let folder = tempdir().unwrap();
    let archive = open(&folder);
    let mut recording = archive.record("porch");
    recording.begin("high", begin(7, &init()));
    recording.append("high", &parts(7)[0]);
    assert!(archive.segment("porch", "high", 7, None).unwrap().is_none());
    assert!(all(&archive, "porch", "high").is_empty());
    // Without being finished it is as long as its boxes say.
    drop(recording);
    let [found] = all(&archive, "porch", "high")[..] else { panic!() };
    assert_eq!((found.duration.as_millis(), found.frames), (200, 2));
    assert_eq!(archive.counts().cut, 1);
}

#[test]
fn what_is_stored_stays_when_the_clock_is_set_back() {
    let folder = tempdir().unwrap();
    let archive = open(&folder);
    let mut recording = archive.record("porch");
    for number in [1000, 1001] {
        record(&mut recording, "high", number).unwrap();
    }
    let path = archive.segment("porch", "high", 1000, None).unwrap().unwrap();
    let before = path.bytes().unwrap();
    recording.begin("high", begin(1000, b"another"));
    recording.append("high", b"another");
    assert_eq!(recording.finish("high", FINISH), None);
    assert_eq!(path.bytes().unwrap(), before);
    assert_eq!(archive.counts().refused, 1);
    assert!(archive.trouble().unwrap().contains("1000 of high is stored already"));
    // What has room is stored, though older.
    assert_eq!(record(&mut recording, "high", 999), Some(entry(999)));
    assert_eq!(all(&archive, "porch", "high"), [entry(999), entry(1000), entry(1001)]);
    for number in 1002..1040 {
        record(&mut recording, "high", number).unwrap();
    }
    assert_eq!(archive.trouble(), None, "it is over");
}

#[test]
fn a_mark_stores_what_came_before_once() {
    let folder = tempdir().unwrap();
    let archive = open(&folder);
    let mut recording = archive.record("porch");
    for number in [12, 10, 11, 1801, 10] {
        let (is_new, init) = (archive.counts().segments < 4, init());
        let stored = recording.store("high", begin(number, &init), FINISH, &parts(number));
        assert_eq!(stored.unwrap(), is_new);
    }
    assert_eq!(all(&archive, "porch", "high"), [10, 11, 12, 1801].map(entry));
    let hours = archive.hours("porch", "high", second(0), second(9999)).unwrap();
    assert_eq!(hours.iter().map(|it| it.entries).collect::<Vec<_>>(), [3, 1]);
    drop((recording, archive));
    assert_eq!(all(&open(&folder), "porch", "high"), [10, 11, 12, 1801].map(entry));
}

#[test]
fn a_day_is_the_longest_span() {
    let folder = tempdir().unwrap();
    let archive = open(&folder);
    // As many lines as a day has, written at once.
    for hour in 0..25_u64 {
        let path =
            folder.path().join(format!("porch/high/1970-01-{:02}/{:02}", 1 + hour / 24, hour % 24));
        std::fs::create_dir_all(&path).unwrap();
        let lines: String =
            (hour * 1800..(hour + 1) * 1800).map(|it| format!("{}\n", entry(it))).collect();
        std::fs::write(path.join("index"), lines).unwrap();
    }
    let day = archive.span("porch", "high", second(0), second(86_400)).unwrap();
    assert_eq!(day.len(), streamsocket_archive::SPAN_SEGMENTS_MAX);
    let error = archive.span("porch", "high", second(0), second(86_401)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the span has more than 43200 segments: ask for a shorter one, such as a day"
    );
}

#[test]
fn a_time_line_says_what_is_stored_and_missing() {
    let folder = tempdir().unwrap();
    let archive = open(&folder);
    let mut recording = archive.record("porch");
    for number in [0, 1, 3, 4, 6, 1800] {
        record(&mut recording, "high", number).unwrap();
    }
    // Once from the index, once from what was left beside it.
    for _ in 0..2 {
        let hours = archive.hours("porch", "high", second(0), second(7200)).unwrap();
        assert_eq!(hours.len(), 2);
        let first = hours[0];
        assert_eq!((first.begin(), first.entries, first.gaps), (second(0), 5, 2));
        assert_eq!((first.stored.as_secs(), first.lost, first.repaired), (10, 5, 10));
        assert_eq!(first.bytes, 5 * entry(1).bytes);
        recording = archive.record("other");
    }
    drop(recording);
}

#[test]
fn events_are_listed_and_torn_ones_left_out() {
    let folder = tempdir().unwrap();
    let archive = open(&folder);
    let event = |at: i64, label: &str| Event {
        at: second(at),
        from: second(at - 30),
        to: second(at),
        until: (at > 100).then_some(second(1000)),
        label: label.to_owned(),
    };
    archive.mark("a/b", &event(100, "bell\n\"")).unwrap();
    archive.mark("a/b", &event(200, "")).unwrap();
    let path = folder.path().join("a%2Fb/events");
    let mut text = std::fs::read(&path).unwrap();
    text.truncate(text.len() - 3);
    std::fs::write(&path, text).unwrap();
    assert_eq!(archive.events("a/b").unwrap(), [event(100, "bell\n\"")]);
    archive.mark("a/b", &event(300, "gate")).unwrap();
    assert_eq!(archive.events("a/b").unwrap(), [event(100, "bell\n\""), event(300, "gate")]);
    assert!(archive.unmark("a/b", second(100)).unwrap());
    assert!(!archive.unmark("a/b", second(100)).unwrap());
    assert_eq!(archive.events("a/b").unwrap(), [event(300, "gate")]);
    assert!(archive.mark("a/b", &event(400, &"x".repeat(201))).is_err());
}

#[test]
fn events_are_bounded_and_those_that_are_over_go_first() {
    let folder = tempdir().unwrap();
    let archive = open(&folder);
    let event = |at: i64, until| Event {
        at: second(at),
        from: second(at),
        to: second(at + 1),
        until: Some(second(until)),
        label: String::new(),
    };
    let lines = |until: i64| {
        let line = |at| serde_json::to_string(&event(at, until)).unwrap() + "\n";
        (0..1000).map(line).collect::<String>()
    };
    std::fs::create_dir_all(folder.path().join("porch")).unwrap();
    let path = folder.path().join("porch/events");
    std::fs::write(&path, lines(5000)).unwrap();
    let error = archive.mark("porch", &event(2000, 6000)).unwrap_err();
    assert!(error.to_string().starts_with("there are 1000 events already"), "{error}");
    archive.mark("porch", &event(5000, 6000)).unwrap();
    assert_eq!(archive.events("porch").unwrap(), [event(5000, 6000)]);
}

#[test]
fn names_lead_nowhere_else() {
    let folder = tempdir().unwrap();
    let root = folder.path().join("root");
    let archive = Archive::open(Place::Local(root), Retention::default()).unwrap();
    let long = "ü".repeat(150);
    let mut names =
        ["", ".", "..", "a/b", "../../x", "%lock", "events", "日本", &long].map(str::to_owned);
    for name in &names {
        record(&mut archive.record(name), "high", 5).unwrap();
        assert_eq!(all(&archive, name, "high"), [entry(5)]);
    }
    names.sort();
    assert_eq!(archive.sessions().unwrap(), names);
    let around: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|it| it.unwrap().file_name()).collect();
    assert_eq!(around, ["root"]);
    for track in ["", "..", "a/b", "events", "High"] {
        assert!(matches!(archive.newest("x", track), Err(Error::Track(_))), "{track}");
        let mut recording = archive.record("x");
        assert_eq!(record(&mut recording, track, 5), None);
    }
    assert_eq!(archive.counts().failed, 5);
    assert!(!archive.sessions().unwrap().contains(&"x".to_owned()));
}

#[test]
fn one_program_stores_in_a_folder_at_a_time() {
    let folder = tempdir().unwrap();
    let archive = open(&folder);
    let place = || Place::Local(folder.path().to_owned());
    let error = Archive::open(place(), Retention::default()).unwrap_err();
    assert!(matches!(error, Error::InUse(_)), "{error}");
    drop(archive);
    Archive::open(place(), Retention::default()).unwrap();
}

#[test]
fn other_writers_of_boxes_are_read_as_well() {
    use crate::segments::{boxed, full};
    let folder = tempdir().unwrap();
    let path = folder.path().join("porch/audio/1970-01-01/00");
    std::fs::create_dir_all(&path).unwrap();
    let entry = |version: u32| {
        // All of 64 bits; durations from `trex`, from `tfhd`, and of each sample.
        let mdhd = full(b"mdhd", version << 24, &[0, 0, 0, 0, 48_000, 0, 0, 0]);
        let moov = boxed(
            b"moov",
            &[
                &boxed(b"trak", &[&boxed(b"mdia", &[&mdhd])]),
                &boxed(b"mvex", &[&full(b"trex", 0, &[1, 1, 1024, 0, 0])]),
            ],
        );
        let moof = |tfhd: &[u8], trun: &[u8]| {
            boxed(b"moof", &[&boxed(b"traf", &[tfhd, &full(b"tfdt", 0, &[96_000]), trun])])
        };
        let mdat = [&[0, 0, 0, 1][..], b"mdat", &[0, 0, 0, 0, 0, 0, 0, 17], b"x"].concat();
        let file: [&[u8]; 9] = [
            &moov,
            &boxed(b"styp", &[]),
            &moof(&full(b"tfhd", 0, &[1]), &full(b"trun", 0, &[2])),
            &mdat,
            &moof(&full(b"tfhd", 0xb, &[1, 0, 0, 1, 100]), &full(b"trun", 4, &[3, 0])),
            &mdat,
            &moof(&full(b"tfhd", 0, &[1]), &full(b"trun", 0xf05, &[1, 0, 0, 7, 8, 9, 10])),
            &mdat,
            &[0, 0, 0, 0, b'm'],
        ];
        (file.concat(), moov.len() as u32)
    };
    let (file, init_len) = entry(1);
    std::fs::write(path.join("1.mp4"), &file).unwrap();
    let [found] = all(&open(&folder), "porch", "audio")[..] else { panic!() };
    assert_eq!((found.number, found.begin, found.init_len), (1, second(2), init_len));
    assert_eq!((found.bytes, found.frames), (file.len() as u64 - 5, 6));
    let ticks = 2 * 1024 + 3 * 100 + 7_u128;
    assert_eq!(found.duration.as_nanos(), (ticks * 1_000_000_000 + 24_000) / 48_000);
}

#[test]
fn bytes_are_counted_again_at_the_next_start() {
    let folder = tempdir().unwrap();
    let archive = open(&folder);
    let mut recording = archive.record("porch");
    record(&mut recording, "high", 5).unwrap();
    // As if it was killed.
    core::mem::forget(recording);
    let _: Bytes = archive.init("porch", "high", INIT).unwrap().unwrap();
    std::fs::remove_file(folder.path().join("porch/high/1970-01-01/00/index")).unwrap();
    std::fs::remove_file(folder.path().join("%lock")).unwrap();
    let archive = open(&folder);
    assert_eq!(archive.bytes(), entry(5).bytes);
    assert_eq!(all(&archive, "porch", "high"), [repaired(5)]);
}
