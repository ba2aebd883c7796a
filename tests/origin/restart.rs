//! An origin that is killed and started again, and two that receive the same.

use crate::client::{
    Origin, Playlist, Segment, TRACKS, beside_others, camera, files, length, path,
};
use nix::sys::signal::Signal;
use std::path::Path;
use streamsocket_tests::board::wait_until;
use streamsocket_tests::place::Place;

/// Seconds of a segment, and of a part.
const SEGMENT: f64 = 2.0;
const PART: f64 = 0.2;

/// Seconds that a segment's length may seem to differ by, in its file: a picture and a frame of sound.
const EXACT: f64 = 0.11;

/// Seconds by which the times of a playlist may seem too early: they have three digits, and sums of lengths.
const NAMED: f64 = 0.002;

/// Pictures come ten times a second, and begin where they do.
const PICTURE: f64 = 0.1;

/// Numbers are those of the times of capture.
#[track_caller]
pub(crate) fn assert_named_by_time(playlist: &Playlist) {
    for segment in &playlist.segments {
        #[expect(clippy::cast_sign_loss, clippy::cast_possible_truncation, reason = "after 1970")]
        let number = ((segment.begin + NAMED) / SEGMENT) as u64;
        assert_eq!(number, segment.number, "{segment:?}: {}", playlist.text);
    }
}

/// Everything that is listed is there, and as long as is said; and everything that is there is listed.
#[track_caller]
fn assert_stored_is_true(store: &Path, track: &str, stored: &Playlist) {
    let files = files(store, track);
    let named = |number: u64| {
        let name = format!("{number}.mp4");
        files.iter().find(|it| it.ends_with(&name)).unwrap_or_else(|| panic!("{track}: no {name}"))
    };
    for segment in &stored.segments {
        let length = length(named(segment.number));
        let wrong = (length - segment.duration).abs();
        assert!(wrong < EXACT, "{track} {segment:?}: {length} s in its file");
    }
    // The newest may be being written.
    assert!(files.len() <= stored.segments.len() + 1, "{track}: {} files", files.len());
}

#[test]
fn an_origin_that_is_killed_goes_on_with_the_same_numbers_and_loses_a_part_at_most() {
    let _turn = beside_others();
    let (place, store) = (Place::new(), tempfile::tempdir().unwrap());
    let name = place.name();
    let _camera = camera(place);
    let mut origin = Origin::storing(store.path(), &[&name]);
    origin.wait_for_segments(&name, &TRACKS, 3);
    // Some parts of a segment are there.
    wait_until("the middle of a segment", || {
        TRACKS.iter().all(|track| origin.live(&name, track).hint.is_some_and(|(_, part)| part >= 4))
    });
    let before = TRACKS.map(|track| origin.live(&name, track));
    origin.program.signal(Signal::SIGKILL);
    origin.program.wait();
    drop(origin);
    let origin = Origin::storing(store.path(), &[&name]);
    origin.wait_for_segments(&name, &TRACKS, 3);
    wait_until("segments of now in the store", || {
        TRACKS.iter().all(|track| {
            let live = origin.live(&name, track).numbers();
            origin.stored(&name, track).last() >= live[1]
        })
    });
    for (track, before) in TRACKS.iter().zip(before) {
        let live = origin.live(&name, track);
        assert!(live.numbers()[0] >= before.last(), "{track}: {}", live.text);
        assert_named_by_time(&live);
        let stored = origin.stored(&name, track);
        assert_named_by_time(&stored);
        for segment in &before.segments {
            let there = stored.segments.iter().find(|it| it.number == segment.number);
            let there = there.unwrap_or_else(|| panic!("{track} {segment:?}: {}", stored.text));
            let wrong = (there.duration - segment.duration).abs();
            assert!(wrong < 0.001, "{track}: {segment:?}, {there:?}");
        }
        // What viewers had of the segment that was being written, but its last part.
        let (number, next) = before.hint.unwrap();
        let cut = stored.segments.iter().find(|it| it.number == number).expect("what was cut");
        let least = PART * f64::from(next - 1) - PICTURE;
        assert!(cut.duration >= least, "{track}: {cut:?} of {next} parts");
        let breaks = stored.segments.iter().filter(|it| it.breaks).count();
        assert_eq!(breaks, 1, "{track}: {}", stored.text);
        assert_stored_is_true(store.path(), track, &stored);
        // What was live then is there by the names that it had.
        let first = before.numbers()[0];
        let answer = origin.get(&path(&name, &format!("{track}/{first}.mp4")));
        assert_eq!(answer.status, 200, "{track}/{first}.mp4");
    }
}

#[test]
fn two_origins_give_the_same_names_to_the_same() {
    let _turn = beside_others();
    let place = Place::new();
    let name = place.name();
    let _camera = camera(place);
    let one = Origin::start(&[&name]);
    // It has begun at another moment.
    one.wait_for_segments(&name, &["low"], 1);
    let other = Origin::start(&[&name]);
    [&one, &other].iter().for_each(|it| it.wait_for_segments(&name, &TRACKS, 4));
    for track in TRACKS {
        let alike = || alike(&one.live(&name, track), &other.live(&name, track), track);
        wait_until("segments that are alike", || alike() >= 3);
        let (one, other) = (one.live(&name, track), other.live(&name, track));
        assert_named_by_time(&one);
        assert_named_by_time(&other);
        let init = |it: &Playlist| {
            it.text.lines().find(|it| it.starts_with("#EXT-X-MAP")).map(str::to_owned)
        };
        assert_eq!(init(&one), init(&other), "{track}");
    }
}

/// How many segments of two playlists have the same name, begin at the same time and are as long. Others are of a moment at
/// which one of the two did not have the time to encode a picture.
fn alike(one: &Playlist, other: &Playlist, track: &str) -> usize {
    // A frame of sound begins where samples of another one end.
    let exact = if track == "audio" { 0.025 } else { 0.0015 };
    let is_like = |(one, other): (&Segment, &Segment)| {
        (one.begin - other.begin).abs() < exact && (one.duration - other.duration).abs() < exact
    };
    let both = other.segments.iter().filter_map(|other| {
        Some((one.segments.iter().find(|one| one.number == other.number)?, other))
    });
    both.filter(|pair| is_like(*pair)).count()
}
