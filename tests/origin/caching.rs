//! What is live, as players and caches ask for it.

use crate::client::{Origin, TRACKS, beside_others, camera, path};
use streamsocket_tests::board::{monotonic, wait_until};
use streamsocket_tests::place::Place;

const FOREVER: &str = "max-age=31536000, immutable";

#[test]
fn what_cannot_change_is_kept_and_what_is_not_there_never() {
    let _turn = beside_others();
    let place = Place::new();
    let name = place.name();
    let origin = Origin::start(&[&name]);
    let nothing_yet = |file: &str, status: u16| {
        let answer = origin.get(&path(&name, file));
        assert_eq!(answer.status, status, "{file}: {}", answer.text());
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{file}: {}", answer.head);
    };
    nothing_yet("live.m3u8", 404);
    let _camera = camera(place);
    wait_until("a session", || origin.get(&path(&name, "status.json")).status == 200);
    origin.wait_for_segments(&name, &TRACKS, 2);
    for track in TRACKS {
        let playlist = origin.live(&name, track);
        let (number, index) = *playlist.parts.last().unwrap();
        let last = playlist.last();
        let init = playlist.text.split("#EXT-X-MAP:URI=\"").nth(1).unwrap().split('"').next();
        let (segment, part) = (format!("{last}.mp4"), format!("{number}.{index}.mp4"));
        for file in [init.unwrap(), &segment, &part] {
            let answer = origin.get(&path(&name, &format!("{track}/{file}")));
            assert_eq!(answer.status, 200, "{track}/{file}");
            assert_eq!(answer.header("cache-control"), Some(FOREVER), "{track}/{file}");
        }
        let ahead = [last + 1000, last - 1000];
        for number in ahead {
            nothing_yet(&format!("{track}/{number}.mp4"), 404);
            nothing_yet(&format!("{track}/{number}.0.mp4"), 404);
        }
        nothing_yet(&format!("{track}/init-0000000000000000.mp4"), 404);
        nothing_yet(&format!("{track}/vod.m3u8?from=0"), 404);
        // As a number is written, and not otherwise.
        nothing_yet(&format!("{track}/0{last}.mp4"), 404);
    }
    nothing_yet("nothing/live.m3u8", 404);
    nothing_yet("live.m3u9", 404);
}

#[test]
fn a_session_of_which_nothing_has_come_yet_is_not_kept_either() {
    let _turn = beside_others();
    let place = Place::new();
    // Nobody sends there.
    let origin = Origin::start(&[&format!("Door=rtp://{place}")]);
    wait_until("a session", || origin.get("/Door/status.json").status == 200);
    let answer = origin.get("/Door/live.m3u8");
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert!(answer.text().contains("try again"), "{}", answer.text());
}

#[test]
fn who_asks_for_what_comes_next_gets_it_when_it_is_there() {
    let _turn = beside_others();
    let place = Place::new();
    let name = place.name();
    let (_camera, origin) = (camera(place), Origin::start(&[&name]));
    origin.wait_for_segments(&name, &TRACKS, 1);
    for track in TRACKS {
        let live = |query: &str| origin.get(&path(&name, &format!("{track}/live.m3u8{query}")));
        // Each part in turn over more than a segment, and none of them too early.
        let (mut number, mut index) = origin.live(&name, track).hint.unwrap();
        for _ in 0..12 {
            let answer = live(&format!("?_HLS_msn={number}&_HLS_part={index}"));
            assert_eq!(answer.status, 200, "{track} {number}.{index}: {}", answer.text());
            let playlist = crate::client::Playlist::read(&answer.text());
            let there = playlist.parts.contains(&(number, index)) || playlist.last() >= number;
            assert!(there, "{track} {number}.{index}: {}", answer.text());
            let hint = playlist.hint.unwrap();
            assert!(hint > (number, index), "{track}: {hint:?} behind {number}.{index}");
            (number, index) = hint;
        }
        // What is hinted at is asked for by its name.
        let (number, index) = origin.live(&name, track).hint.unwrap();
        let answer = origin.get(&path(&name, &format!("{track}/{number}.{index}.mp4")));
        assert_eq!(answer.status, 200, "{track} {number}.{index}: {}", answer.text());
        assert_eq!(answer.body.get(4..8), Some(&b"moof"[..]), "{track} {number}.{index}");
        // A whole segment.
        let next = origin.live(&name, track).last() + 1;
        let answer = live(&format!("?_HLS_msn={next}"));
        assert!(crate::client::Playlist::read(&answer.text()).last() >= next, "{}", answer.text());
        // What is too far ahead, or no question, is not waited for.
        let begun = monotonic();
        for (query, said) in [
            (format!("?_HLS_msn={}", next + 100), "too far"),
            ("?_HLS_part=1".to_owned(), "_HLS_msn"),
            ("?_HLS_msn=x".to_owned(), "a number"),
        ] {
            let answer = live(&query);
            assert_eq!(answer.status, 400, "{query}: {}", answer.text());
            assert!(answer.text().contains(said), "{query}: {}", answer.text());
            assert_eq!(answer.header("cache-control"), Some("no-store"), "{query}");
        }
        assert!(monotonic() - begun < 30_000_000_000, "they are answered at once");
        // Who knows the older segments.
        let whole = live("").text();
        assert!(whole.contains("CAN-SKIP-UNTIL="), "{whole}");
    }
}

#[test]
fn who_waits_for_what_never_comes_is_told_so() {
    let _turn = beside_others();
    let place = Place::new();
    let name = place.name();
    let (camera, origin) = (camera(place), Origin::start(&[&name]));
    origin.wait_for_segments(&name, &["low"], 1);
    drop(camera);
    // The last one comes once more: what is over is closed.
    wait_until("silence", || origin.figure("live") == 0.0);
    let next = origin.live(&name, "low").hint.unwrap();
    let answer =
        origin.get(&path(&name, &format!("low/live.m3u8?_HLS_msn={}&_HLS_part=9", next.0 + 1)));
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}
