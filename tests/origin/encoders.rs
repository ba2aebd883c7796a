//! Encoders that are not there, or end.

use crate::client::{Origin, TRACKS, beside_others, camera, free_port, path, probed};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs;
use streamsocket_tests::board::wait_until;
use streamsocket_tests::place::Place;

#[test]
fn without_ffmpeg_pictures_are_live_and_one_line_says_what_to_install() {
    let _turn = beside_others();
    let (place, nowhere) = (Place::new(), tempfile::tempdir().unwrap());
    let name = place.name();
    let _camera = camera(place);
    let port = free_port();
    let mut command = Origin::command(port);
    let mut origin = Origin::by(command.arg(&name).env("PATH", nowhere.path()), port);
    origin.program.wait_for("ffmpeg is needed for");
    origin.wait_for_segments(&name, &["high", "medium", "low"], 3);
    // It is tried again and again.
    wait_until("another try", || origin.figure("encoder_failures_total") >= 3.0);
    let said = origin.program.said();
    let of_it: Vec<_> = said.lines().filter(|line| line.contains("ffmpeg")).collect();
    let [line] = of_it[..] else { panic!("{said}") };
    assert!(line.contains("apt install ffmpeg"), "{line}");
    // Players are not sent to sound that never comes.
    let playlist = origin.text(&path(&name, "live.m3u8"));
    assert!(!playlist.contains("AUDIO"), "{playlist}");
    let read = probed(&origin.url(&path(&name, "live.m3u8")), &["-show_streams"]);
    assert_eq!(read["streams"].as_array().unwrap().len(), 3, "{read}");
    assert_eq!(origin.json(&path(&name, "status.json"))["sound"], false);
}

/// The children of a process whose command line has this in it.
fn children(of: u32, text: &str) -> Vec<u32> {
    let is_child = |id: &u32| {
        let read =
            |file: &str| fs::read_to_string(format!("/proc/{id}/{file}")).unwrap_or_default();
        let stat = read("stat");
        let parent = stat.rsplit(')').next().and_then(|it| it.split_whitespace().nth(1));
        parent == Some(&of.to_string()) && read("cmdline").contains(text)
    };
    let names =
        fs::read_dir("/proc").unwrap().filter_map(|it| it.ok()?.file_name().into_string().ok());
    names.filter_map(|name| name.parse().ok()).filter(is_child).collect()
}

#[test]
fn an_encoder_that_is_killed_comes_back() {
    let _turn = beside_others();
    let place = Place::new();
    let name = place.name();
    let _camera = camera(place);
    let mut origin = Origin::start(&["--encoder", "x264", &name]);
    origin.wait_for_segments(&name, &TRACKS, 2);
    assert_eq!(origin.figure("encoder_failures_total"), 0.0);
    let id = origin.program.id();
    let read = probed(&origin.url(&path(&name, "live.m3u8")), &["-show_streams"]);
    assert!(read["streams"].as_array().unwrap().len() >= 4, "{read}");
    for (track, codec) in [("low", "libx264"), ("audio", "aac")] {
        let failed = origin.figure("encoder_failures_total");
        let before = children(id, codec);
        assert!(!before.is_empty(), "{codec}");
        let child = *before.last().unwrap();
        kill(Pid::from_raw(child.try_into().unwrap()), Signal::SIGKILL).unwrap();
        wait_until("a failure", || origin.figure("encoder_failures_total") > failed);
        wait_until("another encoder", || {
            let now = children(id, codec);
            now.len() == before.len() && !now.contains(&child)
        });
        let tracks = if codec == "aac" { vec![track] } else { TRACKS[..3].to_vec() };
        for track in tracks {
            let at = origin.live(&name, track).last();
            wait_until("newer segments", || origin.live(&name, track).last() >= at + 3);
            let breaks = origin.live(&name, track).segments.iter().filter(|it| it.breaks).count();
            assert!(breaks <= 1, "{track}: {}", origin.live(&name, track).text);
        }
    }
    let said = origin.program.said();
    assert_eq!(said.lines().filter(|line| line.contains("ended")).count(), 2, "{said}");
}
