//! Programs that check and play what is served: hls-parser, mp4box.js, ffmpeg, and Chromium with Shaka Player and hls.js.

use crate::client::{
    Origin, TRACKS, alone, camera_of, complaints, files, folder, length, node, path, probed,
};
use serde_json::Value;
use std::path::Path;
use std::process::Stdio;
use streamsocket_tests::board::wait_until;
use streamsocket_tests::place::Place;
use streamsocket_tests::program::peer;

/// Seconds for which players are watched.
const WATCHED: &str = "5";

fn ffmpeg_reads(url: &str) {
    let read = probed(url, &["-show_streams"]);
    let streams = read["streams"].as_array().unwrap();
    let of = |kind: &str| streams.iter().filter(|it| it["codec_type"] == kind).collect::<Vec<_>>();
    let widths: Vec<_> = of("video").iter().map(|it| it["width"].as_i64().unwrap()).collect();
    assert_eq!(widths, [640, 320, 160]);
    assert!(of("video").iter().all(|it| it["codec_name"] == "h264"));
    let sound = of("audio");
    // ffprobe lists that of each tier.
    assert!(!sound.is_empty());
    for it in sound {
        assert_eq!((&it["codec_name"], &it["profile"]), (&"aac".into(), &"LC".into()));
        assert_eq!((&it["sample_rate"], &it["channels"]), (&"48000".into(), &2.into()));
    }
    let mut ffmpeg = peer("ffmpeg");
    ffmpeg.args(["-nostdin", "-v", "warning", "-xerror", "-i", url, "-t", "4"]);
    ffmpeg.args(["-map", "0:v", "-map", "0:a", "-f", "null", "-"]);
    let answer = ffmpeg.stderr(Stdio::piped()).output().unwrap();
    let said = complaints(&answer.stderr);
    assert!(answer.status.success() && said.is_empty(), "{said:?}");
}

fn stored_files_play_by_themselves(store: &Path) {
    for track in ["low", "audio"] {
        let all = files(store, track);
        // The newest is being written.
        let whole: Vec<_> = all.iter().rev().skip(1).take(2).collect();
        let names: Vec<_> = whole.iter().map(|it| it.to_str().unwrap()).collect();
        for (file, seen) in whole.iter().zip(node("stored.mjs", &names)) {
            assert!((1.9..2.2).contains(&length(file)), "{}", file.display());
            // As many pictures as are in it.
            let frames = seen["frames"].as_u64().unwrap();
            assert!(track == "audio" || (18..=22).contains(&frames), "{track}: {seen}");
        }
    }
}

/// What the validators say of all that is there now. On a machine that is busy a picture is left out now and then, which
/// makes a part longer than is said of it, or leaves one out: once it must be right, and what was not right has left the
/// playlist by the next time.
fn validated(origin: &Origin, name: &str) -> Value {
    let url = origin.url(&folder(name));
    let validate = || node("validate.mjs", &[&url]).remove(0);
    let tried = std::panic::catch_unwind(validate);
    tried.unwrap_or_else(|_| {
        let last = origin.live(name, "high").last();
        let left = || origin.live(name, "high").segments.first().is_some_and(|it| it.number > last);
        wait_until("a playlist of other segments", left);
        validate()
    })
}

#[test]
fn validators_and_players_find_nothing_wrong() {
    let _turn = alone();
    let (place, store) = (Place::new(), tempfile::tempdir().unwrap());
    let name = place.name();
    let _camera = camera_of(place, &["--video", "pattern", "--size", "640x480", "--fps", "10"]);
    let origin = Origin::storing(store.path(), &[&name]);
    origin.wait_for_segments(&name, &TRACKS, 3);
    ffmpeg_reads(&origin.url(&path(&name, "live.m3u8")));
    // What the time line is tried with.
    wait_until("what is stored", || origin.stored(&name, "audio").segments.len() >= 6);
    let url = origin.url(&folder(&name));
    let checked = validated(&origin, &name);
    assert_eq!(checked["tracks"].as_array().unwrap().len(), TRACKS.len(), "{checked}");
    let count = |of: &Value, what: &str| of[what].as_i64().unwrap();
    assert!(count(&checked["live"], "segments") >= 12, "{checked}");
    assert!(count(&checked["live"], "parts") >= 40, "{checked}");
    assert!(count(&checked["stored"], "segments") >= 12, "{checked}");
    stored_files_play_by_themselves(store.path());
    for played in node("players.mjs", &[&url, WATCHED]) {
        assert_eq!(played["width"].as_i64(), Some(640), "{played}");
        assert!(count(&played, "decoded") >= 20, "{played}");
    }
    let shots = tempfile::tempdir().unwrap();
    let seen = node("page.mjs", &[&url, shots.path().to_str().unwrap()]).remove(0);
    assert_eq!(seen["tiers"].as_object().unwrap().len(), 3, "{seen}");
    assert!(shots.path().join("timeline.png").exists());
    assert!(seen["stored"].is_string(), "{seen}");
}

#[test]
fn a_player_that_comes_with_the_first_segment_plays() {
    let _turn = alone();
    let place = Place::new();
    let name = place.name();
    let _camera = camera_of(place, &["--video", "pattern", "--size", "640x480", "--fps", "10"]);
    let origin = Origin::start(&[&name]);
    origin.wait_for_segments(&name, &["high"], 1);
    assert_eq!(origin.live(&name, "high").segments.len(), 1, "it came too late");
    for played in node("players.mjs", &[&origin.url(&folder(&name)), "2"]) {
        assert!(played["decoded"].as_i64() >= Some(5), "{played}");
    }
}
