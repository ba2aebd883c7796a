//! Only what somebody marks who knows the password is stored.

use crate::client::{Origin, TRACKS, beside_others, camera, files, path};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use streamsocket_tests::board::wait_until;
use streamsocket_tests::place::Place;

/// `anna:battery staple` in base64.
const BASIC: &str = "Authorization: Basic YW5uYTpiYXR0ZXJ5IHN0YXBsZQ==";

/// `anna:horse`, likewise.
const WRONG: &str = "Authorization: Basic YW5uYTpob3JzZQ==";

#[test]
fn a_mark_stores_what_was_before_it_and_nothing_else_is_stored() {
    let _turn = beside_others();
    let (place, store) = (Place::new(), tempfile::tempdir().unwrap());
    let name = place.name();
    let password = store.path().join("password");
    fs::write(&password, "battery staple\n").unwrap();
    fs::set_permissions(&password, fs::Permissions::from_mode(0o600)).unwrap();
    let _camera = camera(place);
    let marked =
        ["--marked-only", "--pre-roll", "5", "--password-file", password.to_str().unwrap()];
    let folder = store.path().join("store");
    let origin = Origin::storing(&folder, &[&marked[..], &[&name]].concat());
    origin.wait_for_segments(&name, &TRACKS, 6);
    assert!(origin.stored(&name, "low").segments.is_empty(), "nothing is marked");
    let mark =
        |headers: &[&str], body: &str| origin.ask("POST", &path(&name, "mark"), headers, body);
    assert_eq!(mark(&[], "").status, 401);
    assert_eq!(mark(&[WRONG], "").status, 401);
    // Guessing takes its time.
    assert_eq!(mark(&[BASIC], "").status, 429);
    wait_until("another try", || mark(&[BASIC], "goal").status == 400);
    let answer = mark(&[BASIC], "{\"label\": \"goal\"}");
    assert_eq!(answer.status, 201, "{}", answer.text());
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let event: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(event["label"], "goal");
    let seconds = |value: &Value| value.as_f64().unwrap() / 1000.0;
    let (from, to) = (seconds(&event["from"]), seconds(&event["to"]));
    assert!((to - from - 5.0).abs() < 0.01, "{event}");
    let listed = origin.json(&path(&name, "events.json"));
    assert_eq!(listed["events"], Value::from(vec![event.clone()]));
    for track in TRACKS {
        let there =
            || origin.stored(&name, track).segments.last().is_some_and(|it| it.end() >= to - 0.05);
        wait_until("what is marked in the store", there);
        let stored = origin.stored(&name, track);
        assert!(stored.segments[0].begin <= from + 0.05, "{track}: {event}\n{}", stored.text);
        assert!(stored.segments[0].end() >= from, "{track}: {event}\n{}", stored.text);
    }
    // What came later is not.
    let last = origin.stored(&name, "low").last();
    wait_until("later segments", || origin.live(&name, "low").last() >= last + 3);
    assert_eq!(origin.stored(&name, "low").last(), last);
    assert_eq!(files(&folder, "low").len(), origin.stored(&name, "low").segments.len());
}

#[test]
fn without_a_password_nobody_marks() {
    let _turn = beside_others();
    let (place, store) = (Place::new(), tempfile::tempdir().unwrap());
    let origin = Origin::storing(store.path(), &[&format!("Door=rtp://{place}")]);
    let answer = origin.ask("POST", "/Door/mark", &[BASIC], "");
    assert_eq!(answer.status, 403, "{}", answer.text());
    assert!(answer.text().contains("--password-file"), "{}", answer.text());
}
