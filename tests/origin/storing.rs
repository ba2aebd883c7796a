//! Where nothing can be stored.

use crate::client::{Origin, beside_others, camera, free_port, path};
use std::fs;
use std::path::Path;
use std::process::Command;
use streamsocket_tests::board::wait_until;
use streamsocket_tests::machine::not_run;
use streamsocket_tests::place::Place;
use streamsocket_tests::program::{Program, output, peer};

/// A small disk. Taken away when it is dropped.
struct Disk(tempfile::TempDir);

impl Disk {
    /// One of this size, in kilobytes; none without root, which is said.
    fn new(test: &str, size: u32) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mut mount = peer("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={size}k"), "tmpfs"]).arg(folder.path());
        let mounted = mount.output().is_ok_and(|it| it.status.success());
        if !mounted {
            not_run(test, "small disks are mounted by root");
        }
        mounted.then(|| Self(folder))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").args(["-l"]).arg(self.path()).status();
    }
}

#[test]
fn a_full_disk_costs_what_is_live_nothing() {
    let _turn = beside_others();
    let Some(disk) = Disk::new("a_full_disk_costs_what_is_live_nothing", 3000) else { return };
    let ballast = disk.path().join("ballast");
    let place = Place::new();
    let name = place.name();
    let _camera = camera(place);
    let store = disk.path().join("store");
    let mut origin = Origin::storing(&store, &[&name]);
    wait_until("something in the store", || origin.figure("stored_total") >= 8.0);
    assert_eq!(origin.figure("store_failures_total"), 0.0);
    // All that is left.
    let mut dd = peer("dd");
    let _ = dd
        .args(["if=/dev/zero", "bs=4k", "status=none"])
        .arg(format!("of={}", ballast.display()))
        .output();
    let at = origin.live(&name, "low").last();
    wait_until("what cannot be stored", || origin.figure("store_failures_total") >= 4.0);
    wait_until("what is live", || origin.live(&name, "low").last() >= at + 3);
    let said = origin.program.said();
    let of_it = said.lines().filter(|line| line.contains("No space left")).count();
    assert_eq!(of_it, 1, "said once: {said}");
    let stored = origin.figure("stored_total");
    fs::remove_file(&ballast).unwrap();
    wait_until("segments in the store", || origin.figure("stored_total") >= stored + 4.0);
    let now = origin.live(&name, "low").last();
    wait_until("what is new in the store", || origin.stored(&name, "low").last() >= now);
    let playlist = origin.stored(&name, "low");
    assert!(playlist.segments.iter().any(|it| it.breaks), "{}", playlist.text);
    assert_eq!(origin.get(&path(&name, "vod.m3u8?from=0")).status, 200);
    origin.program.interrupt().succeeded();
}

#[test]
fn a_folder_that_cannot_be_written_to_ends_the_program_with_a_line() {
    let _turn = beside_others();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let store = file.join("store");
    let mut command = Origin::command(free_port());
    let ended = Program::start(command.arg("--store").arg(&store).arg("Door")).finish();
    assert_eq!(ended.status.code(), Some(1), "{}", ended.said);
    assert_eq!(ended.said.lines().count(), 1, "{}", ended.said);
    assert!(ended.said.contains("--store: "), "{}", ended.said);
    assert!(ended.said.contains(store.to_str().unwrap()), "{}", ended.said);
}

#[test]
fn a_folder_has_one_origin() {
    let _turn = beside_others();
    let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
    let source = format!("Door=rtp://{place}");
    let _origin = Origin::storing(folder.path(), &[&source]);
    let mut command = Origin::command(free_port());
    let ended = Program::start(command.arg("--store").arg(folder.path()).arg(&source)).finish();
    assert_eq!(ended.status.code(), Some(1), "{}", ended.said);
    assert_eq!(ended.said.lines().count(), 1, "{}", ended.said);
}

#[test]
fn m3u8_reads_what_is_stored() {
    let _turn = beside_others();
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/players/origin/bin/python");
    if !python.exists() {
        not_run("m3u8_reads_what_is_stored", "scripts/setup origin fetches m3u8");
        return;
    }
    let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
    let name = place.name();
    let _camera = camera(place);
    let origin = Origin::storing(folder.path(), &[&name]);
    origin.wait_for_segments(&name, &["low", "audio"], 3);
    wait_until("what is stored", || origin.stored(&name, "low").segments.len() >= 3);
    let script = "import sys, m3u8\n\
                  for url in sys.argv[1:]:\n \
                  main = m3u8.load(url)\n \
                  assert main.is_variant and len(main.playlists) == 3, url\n \
                  assert [it.type for it in main.media] == ['AUDIO'], url\n \
                  for it in [*main.playlists, *main.media]:\n  \
                  track = m3u8.load(it.absolute_uri)\n  \
                  assert len(track.segments) >= 2, it.absolute_uri\n  \
                  assert all(s.current_program_date_time for s in track.segments if s.uri), it.absolute_uri\n  \
                  assert track.segment_map and track.target_duration == 2, it.absolute_uri\n";
    let mut command = peer(python.to_str().unwrap());
    command.args(["-c", script]);
    for file in ["live.m3u8".to_owned(), format!("vod.m3u8?from={}", crate::client::hour_ago())] {
        command.arg(origin.url(&path(&name, &file)));
    }
    output(&mut command);
}
