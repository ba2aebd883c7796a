//! A disk that is full, and a folder that cannot be written to. The disk is a small one in memory, which only root may
//! mount.

use crate::segments::{INIT, all, begin, entry, init, open, open_with, part, record, second};
use core::time::Duration;
use std::fs;
use std::path::Path;
use std::process::Command;
use streamsocket_archive::{Archive, Begin, Finish, Recording, Retention};
use tempfile::{TempDir, tempdir};

/// A disk of a few blocks, mounted while it is there.
struct Disk(TempDir);

impl Disk {
    /// None, with the reason printed, where it cannot be mounted.
    fn new(size: &str) -> Option<Self> {
        let folder = tempdir().unwrap();
        let options = format!("size={size}");
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &options, "tmpfs"])
            .arg(folder.path())
            .output();
        let mounted = mount.as_ref().is_ok_and(|it| it.status.success());
        if !mounted {
            println!("skipped: no disk can be mounted here: {mount:?}");
        }
        mounted.then_some(Self(folder))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // What is busy is detached.
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

/// A part whose `mdat` has so many bytes.
fn large(number: u64, k: u64, bytes: usize) -> Vec<u8> {
    let small = part(number * 180_000 + k * 18_000, 18_000);
    let moof = &small[..small.len() - 13];
    let size = u32::try_from(8 + bytes).unwrap().to_be_bytes();
    [moof, &size, b"mdat", &vec![7; bytes]].concat()
}

/// A segment of ten parts of 10 kB.
fn record_large(recording: &mut Recording, number: u64) -> bool {
    recording.begin("high", begin(number, &init()));
    for k in 0..10 {
        recording.append("high", &large(number, k, 10_000));
    }
    let finish = Finish { duration: Duration::from_secs(2), ..Finish::default() };
    recording.finish("high", finish).is_some()
}

/// All files that the index names are there, as long as it says, and play by themselves; there are no others.
fn check(archive: &Archive, hour: &Path) {
    let entries = all(archive, "porch", "high");
    for entry in &entries {
        let segment = archive.segment("porch", "high", entry.number, None).unwrap().unwrap();
        assert_eq!(segment.path().unwrap().metadata().unwrap().len(), entry.bytes);
        let parts = (entry.bytes - u64::from(entry.init_len)) / large(0, 0, 10_000).len() as u64;
        assert_eq!(entry.duration, Duration::from_millis(200) * parts as u32);
    }
    let files = fs::read_dir(hour).unwrap().filter(|it| {
        it.as_ref().unwrap().path().extension().is_some_and(|extension| extension == "mp4")
    });
    assert_eq!(files.count(), entries.len());
}

#[test]
fn a_full_disk_cuts_a_segment_and_it_goes_on_when_there_is_room() {
    let Some(disk) = Disk::new("460k") else { return };
    let archive = open(&disk.0);
    let hour = disk.0.path().join("porch/high/1970-01-01/00");
    let mut recording = archive.record("porch");
    let stored = (10..20).filter(|it| record_large(&mut recording, *it)).count();
    let counts = archive.counts();
    assert_eq!((stored, counts.cut), (4, 1), "{counts:?}");
    assert_eq!((counts.segments, counts.failed), (5, 5), "{counts:?}");
    let trouble = archive.trouble().unwrap();
    assert!(
        trouble.contains(".mp4: No space left on device") && trouble.contains("make room"),
        "{trouble}"
    );
    check(&archive, &hour);
    // Somebody makes room.
    for number in [10, 11] {
        fs::remove_file(hour.join(format!("{number}.mp4"))).unwrap();
    }
    assert!(record_large(&mut recording, 20));
    drop((recording, archive));
    fs::remove_file(hour.join("summary")).unwrap();
    let archive = open(&disk.0);
    check(&archive, &hour);
    assert_eq!(archive.newest("porch", "high").unwrap(), Some(20));
}

#[test]
fn a_full_disk_removes_the_oldest_hour_if_the_retention_may() {
    let Some(disk) = Disk::new("460k") else { return };
    let week = Retention { age: Some(Duration::from_secs(7 * 86_400)), bytes: None };
    let archive = open_with(&disk.0, week);
    let mut recording = archive.record("porch");
    for number in [10, 1810, 3610, 3611] {
        assert!(record_large(&mut recording, number));
    }
    for number in 3612..3614 {
        assert!(record_large(&mut recording, number), "{number}");
    }
    let numbers: Vec<_> = all(&archive, "porch", "high").iter().map(|it| it.number).collect();
    assert_eq!(numbers, [3610, 3611, 3612, 3613], "both hours made room");
    assert_eq!(archive.counts().removed, 2);
    assert_eq!(archive.trouble(), None);
    // The hour that runs makes none.
    assert!(!record_large(&mut recording, 3614));
    let counts = archive.counts();
    assert_eq!((counts.cut, counts.removed), (1, 2));
    check(&archive, &disk.0.path().join("porch/high/1970-01-01/02"));
}

#[test]
fn a_mark_that_does_not_fit_leaves_nothing() {
    let Some(disk) = Disk::new("64k") else { return };
    let archive = open(&disk.0);
    let parts: Vec<_> = (0..10).map(|k| large(5, k, 10_000).into()).collect();
    let mut recording = archive.record("porch");
    let error = recording.store("high", begin(5, &init()), Finish::default(), &parts).unwrap_err();
    assert!(error.is_full(), "{error}");
    assert!(all(&archive, "porch", "high").is_empty());
    assert!(!disk.0.path().join("porch/high/1970-01-01/00/5.mp4").exists());
}

#[test]
fn a_folder_that_is_a_file_is_said_and_it_goes_on_once_it_is_none() {
    let folder = tempdir().unwrap();
    let archive = open(&folder);
    fs::write(folder.path().join("porch"), "in the way").unwrap();
    let mut recording = archive.record("porch");
    for number in 5..8 {
        assert_eq!(record(&mut recording, "high", number), None);
    }
    assert_eq!(archive.counts().failed, 3);
    let trouble = archive.trouble().unwrap();
    assert!(trouble.starts_with("cannot make ") && trouble.ends_with("(os error 17)"), "{trouble}");
    fs::remove_file(folder.path().join("porch")).unwrap();
    assert_eq!(record(&mut recording, "high", 8), Some(entry(8)));
    // The folder goes while it is written to.
    recording.begin("high", Begin { begin: second(18), number: 9, init: &init(), init_id: INIT });
    fs::remove_dir_all(folder.path().join("porch")).unwrap();
    assert_eq!(recording.finish("high", Finish::default()), None);
    assert_eq!(record(&mut recording, "high", 10), Some(entry(10)));
}

#[test]
fn a_root_that_cannot_be_is_an_error() {
    let folder = tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    for root in [file.clone(), file.join("below")] {
        let place = streamsocket_archive::Place::Local(root);
        let error = Archive::open(place, Retention::default()).unwrap_err().to_string();
        assert!(error.starts_with("cannot make "), "{error}");
    }
}
