//! A camera that is away for some time.

use crate::client::{Origin, TRACKS, beside_others, camera, files, length};
use crate::restart::assert_named_by_time;
use nix::sys::signal::Signal;
use streamsocket_tests::board::wait_until;
use streamsocket_tests::place::Place;

#[test]
fn what_is_missing_is_a_gap_of_its_length_and_what_is_live_goes_on() {
    let _turn = beside_others();
    let (place, store) = (Place::new(), tempfile::tempdir().unwrap());
    let name = place.name();
    let camera = camera(place);
    let origin = Origin::storing(store.path(), &[&name]);
    origin.wait_for_segments(&name, &TRACKS, 3);
    camera.signal(Signal::SIGSTOP);
    // After five seconds.
    wait_until("silence", || origin.figure("live") == 0.0);
    let before = TRACKS.map(|track| origin.live(&name, track));
    camera.signal(Signal::SIGCONT);
    wait_until("pictures", || origin.figure("live") > 0.0);
    for (track, before) in TRACKS.iter().zip(before) {
        let newer = || origin.live(&name, track).last() > before.last() + 4;
        wait_until("newer segments", newer);
        let stored = || origin.stored(&name, track).last() > before.last() + 3;
        wait_until("newer segments in the store", stored);
        let stored = origin.stored(&name, track);
        let told =
            stored.text.contains("#EXT-X-DISCONTINUITY") || stored.text.contains("#EXT-X-GAP");
        assert!(told, "{track}: {}", stored.text);
        assert_named_by_time(&stored);
        // Within what viewers were told, who are told of whole segments where a gap begins or ends.
        for live in &origin.live(&name, track).segments {
            let Some(stored) = stored.segments.iter().find(|it| it.number == live.number) else {
                continue;
            };
            let is_within = stored.begin > live.begin - 0.05 && stored.end() < live.end() + 0.05;
            assert!(is_within, "{track}: {stored:?}, {live:?}");
        }
        // Sound that has waited comes later; pictures are not there.
        if *track != "audio" {
            let whole = stored.segments.last().unwrap().end() - stored.segments[0].begin;
            let numbers = stored.numbers();
            let files = files(store.path(), track);
            let is_listed = |file: &&std::path::PathBuf| {
                let stem = file.file_stem().unwrap().to_str().unwrap();
                numbers.contains(&stem.parse().unwrap())
            };
            let there: f64 = files.iter().filter(is_listed).map(|file| length(file)).sum();
            assert!(whole - there >= 4.0, "{track}: {there} s of {whole} s: {}", stored.text);
        }
    }
    assert_eq!(origin.figure("clock_ahead_seconds"), 0.0, "nobody has set a clock");
}
