//! A sender whose clock is set while it sends.

use crate::client::{Origin, TRACKS, beside_others, named_camera, started};
use std::fs;
use std::path::Path;
use streamsocket_tests::board::wait_until;
use streamsocket_tests::machine::not_run;
use streamsocket_tests::place::Place;

/// What changes the time for a program, of Debian's libfaketime: by what a file says.
const FAKETIME: &str = "faketime/libfaketimeMT.so.1";

/// Seconds of a segment.
const SEGMENT: u64 = 2;

#[test]
fn a_clock_that_is_set_never_gives_a_name_twice() {
    let _turn = beside_others();
    let library = Path::new("/usr/lib").join(format!("{}-linux-gnu", std::env::consts::ARCH));
    let library = library.join(FAKETIME);
    if !library.exists() {
        not_run("a_clock_that_is_set_never_gives_a_name_twice", "libfaketime is not installed");
        return;
    }
    let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
    let (name, clock) = (place.name(), folder.path().join("clock"));
    let set = |seconds: i32| {
        let new = folder.path().join("new");
        fs::write(&new, format!("{seconds:+}\n")).unwrap();
        fs::rename(&new, &clock).unwrap();
    };
    set(0);
    let mut daemon = named_camera(place, &name);
    daemon.args(["--video", "pattern", "--size", "480x360", "--fps", "10", "--audio", "tone"]);
    daemon.env("LD_PRELOAD", &library).env("FAKETIME_TIMESTAMP_FILE", &clock);
    daemon.env("FAKETIME_DONT_FAKE_MONOTONIC", "1").env("FAKETIME_CACHE_DURATION", "1");
    let _camera = started(&mut daemon);
    let origin = Origin::storing(&folder.path().join("store"), &[&name]);
    origin.wait_for_segments(&name, &TRACKS, 3);
    assert_eq!(origin.figure("clock_ahead_seconds"), 0.0);
    let newest = || TRACKS.map(|track| origin.live(&name, track).last());
    let before = newest();
    set(-20);
    wait_until("what is ahead of the clock", || origin.figure("clock_ahead_seconds") >= 18.0);
    let reached = |least: [u64; 4]| newest().iter().zip(least).all(|(last, least)| *last >= least);
    wait_until("more of all tracks", || reached(before.map(|it| it + 4)));
    // As few segments as will do.
    let ahead = origin.figure("clock_ahead_seconds");
    assert!((18.0..=26.0).contains(&ahead), "{ahead}");
    let set_back = newest();
    assert!(set_back.iter().zip(before).all(|(last, before)| *last < before + 20), "{set_back:?}");
    set(80);
    // What the clock leaps by is left out. It goes on behind it, so that no track is waited for at the end of what is stored.
    let leap = set_back.map(|it| it + 80 / SEGMENT);
    wait_until("what is later", || reached(leap.map(|it| it + 4)));
    for (track, leap) in TRACKS.iter().zip(leap) {
        wait_until("what is stored", || origin.stored(&name, track).last() >= leap + 2);
        let stored = origin.stored(&name, track);
        let numbers = stored.numbers();
        assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]), "{track}: {}", stored.text);
        // Pictures and sound are each told that it was set.
        let breaks = stored.segments.iter().filter(|it| it.breaks).count();
        assert!((2..=4).contains(&breaks), "{track}: {}", stored.text);
        let leaps = numbers.windows(2).filter(|pair| pair[1] - pair[0] > 80 / SEGMENT).count();
        assert_eq!(leaps, 1, "{track}: {}", stored.text);
    }
}
