//! What sessions are called, and what they have.

use crate::client::{
    Origin, TRACKS, beside_others, camera, camera_of, folder, named_camera, path, probed, started,
};
use streamsocket_tests::board::wait_until;
use streamsocket_tests::place::Place;

#[test]
fn a_site_that_calls_itself_like_this_machine_gets_nothing() {
    let _turn = beside_others();
    let place = Place::new();
    let source = format!("Door=rtp://{place}");
    let origin = Origin::start(&["--host", "live.example.org", &source]);
    let as_host = |host: &str| origin.ask("GET", "/", &[&format!("Host: {host}")], "");
    let foreign = as_host("rebound.example.org");
    assert_eq!(foreign.status, 403);
    assert!(foreign.text().contains("--host rebound.example.org"), "{}", foreign.text());
    assert_eq!(as_host("live.example.org").status, 200);
    assert_eq!(as_host(&format!("127.0.0.1:{}", origin.port)).status, 200);
    assert!(origin.text("/").contains("<title>"));
    let status = origin.ask("GET", "/status.json", &["Host: rebound.example.org"], "");
    assert_eq!(status.status, 403);
}

#[test]
fn a_name_may_have_spaces_and_any_letters() {
    let _turn = beside_others();
    let place = Place::new();
    let name = format!("Türe & \"Tor\" 100% ñ {}", place.name());
    let _camera = started(
        named_camera(place, &name)
            .args(["--video", "pattern", "--size", "480x360", "--fps", "10", "--audio", "tone"]),
    );
    let store = tempfile::tempdir().unwrap();
    let origin = Origin::storing(store.path(), &[&name]);
    origin.wait_for_segments(&name, &TRACKS, 2);
    wait_until("what is stored", || origin.stored(&name, "low").segments.len() >= 2);
    let status = origin.json("/status.json");
    assert_eq!(status["sessions"][0]["name"], *name);
    // Browsers write more letters as they are.
    let url = format!("/{}", status["sessions"][0]["url"].as_str().unwrap());
    assert_eq!(origin.text(&url), origin.text(&folder(&name)));
    assert_eq!(origin.text(&format!("{url}live.m3u8")), origin.text(&path(&name, "live.m3u8")));
    let read = probed(&origin.url(&format!("{url}live.m3u8")), &["-show_streams"]);
    assert!(read["streams"].as_array().unwrap().len() >= 4, "{read}");
    let metrics = origin.text("/metrics");
    let label = name.replace('"', "\\\"");
    assert!(metrics.contains(&format!("session=\"{label}\"")), "{metrics}");
}

/// What ffprobe finds of each kind.
fn kinds(origin: &Origin, name: &str) -> (usize, usize) {
    let read = probed(&origin.url(&path(name, "live.m3u8")), &["-show_streams"]);
    let streams = read["streams"].as_array().unwrap();
    let count = |kind: &str| streams.iter().filter(|it| it["codec_type"] == kind).count();
    (count("video"), count("audio"))
}

#[test]
fn sound_alone_and_pictures_alone_are_played() {
    let _turn = beside_others();
    let (sound, pictures) = (Place::new(), Place::new());
    let _sound = camera_of(sound, &["--video", "none"]);
    let _pictures = started(
        named_camera(pictures, &pictures.name())
            .args(["--video", "pattern", "--size", "480x360", "--fps", "10", "--audio", "none"]),
    );
    let store = tempfile::tempdir().unwrap();
    let (sound, pictures) = (sound.name(), pictures.name());
    let origin = Origin::storing(store.path(), &[&sound, &pictures]);
    origin.wait_for_segments(&sound, &["audio"], 2);
    origin.wait_for_segments(&pictures, &["high", "medium", "low"], 2);
    assert_eq!(kinds(&origin, &sound), (0, 1));
    assert_eq!(kinds(&origin, &pictures), (3, 0));
    for (name, track) in [(&sound, "audio"), (&pictures, "high")] {
        wait_until("what is stored", || origin.stored(name, track).segments.len() >= 2);
    }
}

#[test]
fn pictures_that_come_after_the_sound_are_listed() {
    let _turn = beside_others();
    let place = Place::new();
    let name = place.name();
    let origin = Origin::start(&[&name]);
    let _camera = camera(place);
    let multivariant = || origin.get(&path(&name, "live.m3u8"));
    // From the first moment on: caches and players keep it.
    wait_until("a playlist", || multivariant().status == 200);
    let playlist = multivariant().text();
    for track in TRACKS {
        assert!(playlist.contains(&format!("{track}/live.m3u8")), "{track}: {playlist}");
    }
}
