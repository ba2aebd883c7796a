//! A camera that is away for some time.

use crate::client::{Origin, TRACKS, camera};
use nix::sys::signal::Signal;
use streamsocket_tests::board::wait_until;
use streamsocket_tests::place::Place;

#[test]
fn what_is_missing_is_a_gap_of_its_length_and_what_is_live_goes_on() {
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
        let gaps: Vec<_> = stored.segments.windows(2).filter(|pair| pair[1].breaks).collect();
        let [[last, next]] = gaps[..] else { panic!("{track}: {}", stored.text) };
        let gap = next.begin - last.end();
        assert!((4.0..20.0).contains(&gap), "{track}: {gap} s: {}", stored.text);
        // As it was live; the first is shorter than viewers are told.
        for live in origin.live(&name, track).segments.iter().skip(1) {
            let Some(stored) = stored.segments.iter().find(|it| it.number == live.number) else {
                continue;
            };
            assert!((stored.begin - live.begin).abs() < 0.05, "{track}: {stored:?}, {live:?}");
        }
        let span: f64 = stored.segments.iter().map(|it| it.duration).sum();
        let whole = stored.segments.last().unwrap().end() - stored.segments[0].begin;
        assert!((whole - span - gap).abs() < 0.1, "{track}: {whole} s with {span} s and {gap} s");
    }
}
