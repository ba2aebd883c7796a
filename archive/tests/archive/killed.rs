//! A program that was killed: at most the part that it was writing is lost.

use crate::segments::{
    FINISH, INIT, all, begin, entry, init, open, part, parts, record, repaired, second,
};
use core::time::Duration;
use std::fs;
use std::path::{Path, PathBuf};
use streamsocket_archive::{Entry, InitId};
use tempfile::tempdir;

/// The folder of an hour, with the initialisation segment kept beside as it always is.
fn hour(root: &Path) -> PathBuf {
    let hour = root.join("porch/high/1970-01-01/00");
    fs::create_dir_all(&hour).unwrap();
    fs::write(root.join(format!("porch/high/init-{INIT}.mp4")), init()).unwrap();
    hour
}

/// What is to be left of segment 5 of two parts, of which `length` bytes were written.
fn left(length: usize) -> Option<Entry> {
    let part_len = parts(5)[0].len();
    let whole = length.saturating_sub(init().len()) / part_len;
    (whole > 0).then(|| Entry {
        duration: Duration::from_millis(200 * whole as u64),
        bytes: (init().len() + whole * part_len) as u64,
        frames: 2 * whole as u32,
        ..repaired(5)
    })
}

#[test]
fn a_file_cut_anywhere_loses_its_last_part_at_most() {
    let file = [init(), parts(5)[..2].concat()].concat();
    for length in 0..=file.len() {
        let folder = tempdir().unwrap();
        let path = hour(folder.path()).join("5.mp4");
        fs::write(&path, &file[..length]).unwrap();
        let archive = open(&folder);
        let found = all(&archive, "porch", "high");
        assert_eq!(found, Vec::from_iter(left(length)), "{length} bytes");
        let bytes = left(length).map_or(0, |it| it.bytes);
        assert_eq!(archive.bytes(), bytes);
        assert_eq!(path.exists(), bytes > 0);
        if bytes > 0 {
            assert_eq!(fs::read(&path).unwrap(), file[..bytes as usize]);
        }
        let mut recording = archive.record("porch");
        assert_eq!(record(&mut recording, "high", 5).is_some(), bytes == 0);
        assert_eq!(record(&mut recording, "high", 6), Some(entry(6)));
    }
}

#[test]
fn an_index_cut_anywhere_has_all_segments_after_the_next_start() {
    let folder = tempdir().unwrap();
    for number in 5..8 {
        record(&mut open(&folder).record("porch"), "high", number).unwrap();
    }
    let hour = folder.path().join("porch/high/1970-01-01/00");
    let index = fs::read(hour.join("index")).unwrap();
    for length in 0..=index.len() {
        fs::write(hour.join("index"), &index[..length]).unwrap();
        // It was being written to.
        let _ = fs::remove_file(hour.join("summary"));
        let lines = index[..length].iter().filter(|it| **it == b'\n').count() as u64;
        let expected: Vec<_> =
            (5..8).map(|it| if it < 5 + lines { entry(it) } else { repaired(it) }).collect();
        let archive = open(&folder);
        assert_eq!(all(&archive, "porch", "high"), expected, "{length} bytes");
        assert_eq!(archive.counts().repaired, 3 - lines);
        assert_eq!(archive.bytes(), 3 * entry(5).bytes);
    }
}

#[test]
fn what_is_damaged_within_an_index_is_read_from_the_files() {
    let folder = tempdir().unwrap();
    let hour = hour(folder.path());
    let file = |number| [init(), parts(number).concat()].concat();
    for number in [5, 6, 7] {
        fs::write(hour.join(format!("{number}.mp4")), file(number)).unwrap();
    }
    // A line of which the middle is gone, one of a file that is not there, one of a file that is longer.
    let longer = Entry { bytes: 9, init_len: 8, ..entry(7) };
    let index = format!("{}\n5 2\u{0}\n{}\n{}\n{longer}\n", entry(6), entry(8), entry(9));
    fs::write(hour.join("index"), index).unwrap();
    assert_eq!(all(&open(&folder), "porch", "high"), [repaired(5), entry(6), repaired(7)]);
}

#[test]
fn what_is_no_segment_is_left_alone_or_removed() {
    let folder = tempdir().unwrap();
    let hour = hour(folder.path());
    for name in ["notes.txt", "05.mp4", "x.mp4"] {
        fs::write(hour.join(name), "somebody's").unwrap();
    }
    // Sizes that lead nowhere.
    let sizes = [[0, 0, 0, 0], [0, 0, 0, 7], [0, 0, 0, 1], [0xff; 4]];
    for (number, size) in sizes.iter().enumerate() {
        let torn = [&init()[..], size, b"moof", &[0xff; 20]].concat();
        fs::write(hour.join(format!("{number}.mp4")), torn).unwrap();
    }
    let without_moof = [init(), part(0, 10).split_off(60), b"....".into()].concat();
    fs::write(hour.join("9.mp4"), without_moof).unwrap();
    assert_eq!(all(&open(&folder), "porch", "high"), []);
    let mut left: Vec<_> = fs::read_dir(&hour)
        .unwrap()
        .map(|it| it.unwrap().file_name().into_string().unwrap())
        .collect();
    left.sort();
    assert_eq!(left, ["05.mp4", "index", "notes.txt", "summary", "x.mp4"]);
}

#[test]
fn an_init_that_nobody_has_kept_gets_a_name() {
    let folder = tempdir().unwrap();
    let hour = hour(folder.path());
    fs::remove_file(folder.path().join(format!("porch/high/init-{INIT}.mp4"))).unwrap();
    fs::write(hour.join("5.mp4"), [init(), parts(5).concat()].concat()).unwrap();
    let archive = open(&folder);
    let [found] = all(&archive, "porch", "high")[..] else { panic!() };
    assert_ne!(found.init, InitId(0));
    assert_eq!(archive.init("porch", "high", found.init).unwrap().unwrap(), init());
}

#[test]
fn an_hour_that_was_being_removed_is_gone() {
    let folder = tempdir().unwrap();
    let gone = folder.path().join("porch/high/1970-01-01/00.removed");
    fs::create_dir_all(&gone).unwrap();
    fs::write(gone.join("5.mp4"), init()).unwrap();
    let archive = open(&folder);
    assert!(!gone.exists());
    assert!(archive.hours("porch", "high", second(0), second(9)).unwrap().is_empty());
}

#[test]
fn a_recording_that_nobody_ended_is_repaired() {
    let folder = tempdir().unwrap();
    let archive = open(&folder);
    let mut recording = archive.record("porch");
    record(&mut recording, "high", 5).unwrap();
    recording.begin("high", begin(6, &init()));
    let parts = parts(6);
    for part in &parts[..4] {
        recording.append("high", part);
    }
    recording.append("high", &parts[4][..50]);
    // The lock goes with the process; here it is moved out of the way.
    core::mem::forget(recording);
    fs::remove_file(folder.path().join("%lock")).unwrap();
    let archive = open(&folder);
    let [first, second] = all(&archive, "porch", "high")[..] else { panic!() };
    assert_eq!((first, second.duration), (entry(5), FINISH.duration * 4 / 10));
    assert_eq!(second.init, INIT);
}
