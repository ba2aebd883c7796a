//! Rooms and protected sessions are received like any other, and a bucket stores what a folder does.

use crate::client::{
    Origin, TRACKS, beside_others, camera_of, free_port, hour_ago, named_camera, path, probed,
    started,
};
use nix::sys::signal::Signal;
use std::path::{Path, PathBuf};
use std::process::Command;
use streamsocket_tests::board::wait_until;
use streamsocket_tests::machine::not_run;
use streamsocket_tests::place::Place;
use streamsocket_tests::program::{Program, ours, output, peer, text};

/// Little enough for an encoder that is not optimized.
const PICTURE: [&str; 6] = ["--video", "pattern", "--size", "480x360", "--fps", "10"];

/// A daemon in a room.
fn publisher(place: Place, room: &str) -> Program {
    camera_of(place, &[&PICTURE[..], &["--room", room]].concat())
}

#[test]
fn all_who_are_in_a_room_are_received_as_they_come_and_go() {
    let _turn = beside_others();
    let (one, other) = (Place::new(), Place::new());
    let room = format!("Lesson {}", one.name());
    let mut origin = Origin::start(&[&format!("room:{room}")]);
    let first = publisher(one, &room);
    origin.wait_for_segments(&one.name(), &TRACKS, 2);
    let second = publisher(other, &room);
    origin.wait_for_segments(&other.name(), &TRACKS, 2);
    second.interrupt().succeeded();
    let is_live = |name: &str| {
        let status = origin.json("/status.json");
        let sessions = status["sessions"].as_array().unwrap();
        sessions.iter().any(|it| it["name"] == name && it["live"] == true)
    };
    wait_until("the end of one", || !is_live(&other.name()));
    let at = origin.live(&one.name(), "low").last();
    wait_until("more of the other", || origin.live(&one.name(), "low").last() >= at + 2);
    assert!(is_live(&one.name()), "{}", origin.text("/status.json"));
    // It has the same place when it returns.
    let before = origin.live(&other.name(), "low").last();
    let _second = publisher(other, &room);
    wait_until("it again", || origin.live(&other.name(), "low").last() > before);
    drop(first);
    let said = origin.program.said();
    assert!(!said.contains("not received"), "{said}");
}

/// A file with a new key.
fn key(folder: &Path) -> PathBuf {
    let file = folder.join("key");
    text(ours("streamsocket").args(["key", "new"]).arg(&file));
    file
}

/// A bucket's server of its own.
struct Bucket {
    _server: Program,
    endpoint: String,
}

impl Bucket {
    /// One with an empty bucket called `cameras`; none where there is no server, which is said.
    fn begin(test: &str) -> Option<Self> {
        let server = Path::new(env!("CARGO_TARGET_TMPDIR")).join("moto-5.2.5/bin/moto_server");
        if !server.exists() {
            not_run(test, "scripts/setup origin fetches moto");
            return None;
        }
        let mut command = peer(server.to_str().unwrap());
        let mut server = Program::start(command.args(["-H", "127.0.0.1", "-p", "0"]));
        let said = server.wait_for("Running on ");
        let (_, endpoint) = said.split_once("Running on ").unwrap();
        let endpoint = endpoint.trim().to_owned();
        output(peer("curl").args(["-sf", "-X", "PUT", &format!("{endpoint}/cameras")]));
        Some(Self { _server: server, endpoint })
    }

    /// The objects in it whose names end so.
    fn objects(&self, end: &str) -> usize {
        let list = output(peer("curl").args(["-sf", &format!("{}/cameras", self.endpoint)]));
        String::from_utf8(list).unwrap().matches(&format!("{end}</Key>")).count()
    }

    /// An origin that stores in it.
    fn origin(&self, spool: &Path, port: u16) -> Command {
        let mut command = Origin::command(port);
        command.args(["--store", "s3://cameras/of/this house", "--s3-endpoint", &self.endpoint]);
        command.args(["--s3-region", "eu-central-1", "--s3-allow-http", "--spool"]).arg(spool);
        command.env("AWS_ACCESS_KEY_ID", "somebody").env("AWS_SECRET_ACCESS_KEY", "something");
        command
    }
}

#[test]
fn a_protected_session_is_stored_in_a_bucket_and_played_from_there() {
    let _turn = beside_others();
    let test = "a_protected_session_is_stored_in_a_bucket_and_played_from_there";
    let Some(bucket) = Bucket::begin(test) else { return };
    let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
    let (name, spool, key) = (place.name(), folder.path().join("spool"), key(folder.path()));
    let mut daemon = named_camera(place, &name);
    daemon.args(PICTURE).args(["--audio", "tone", "--key-file"]).arg(&key);
    let daemon = started(&mut daemon);
    let mut command = bucket.origin(&spool, free_port());
    // Whoever has no key is told, and sees nothing.
    let ended = Program::start(command.arg(&name)).finish();
    assert_eq!(ended.status.code(), Some(1), "{}", ended.said);
    assert!(ended.said.contains("--key-file"), "{}", ended.said);
    let port = free_port();
    let mut command = bucket.origin(&spool, port);
    let origin = Origin::by(command.arg("--key-file").arg(&key).arg(&name), port);
    origin.wait_for_segments(&name, &TRACKS, 3);
    wait_until("segments in the bucket", || bucket.objects(".mp4") >= 4 * 3);
    origin.program.interrupt().succeeded();
    // What was on its way there is brought there.
    let port = free_port();
    let mut command = bucket.origin(&spool, port);
    let origin = Origin::by(command.arg("--key-file").arg(&key).arg(&name), port);
    for track in TRACKS {
        wait_until("what is stored", || origin.stored(&name, track).segments.len() >= 3);
        let stored = origin.stored(&name, track);
        let first = stored.segments[0].number;
        let answer = origin.get(&path(&name, &format!("{track}/{first}.mp4")));
        assert_eq!(answer.status, 200, "{track}/{first}.mp4: {}", answer.text());
    }
    let url = origin.url(&path(&name, &format!("vod.m3u8?from={}", hour_ago())));
    let read = probed(&url, &["-show_streams"]);
    assert!(read["streams"].as_array().unwrap().len() >= 4, "{read}");
    daemon.signal(Signal::SIGTERM);
    origin.program.interrupt().succeeded();
}
