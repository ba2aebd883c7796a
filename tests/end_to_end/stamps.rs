//! Cameras whose driver stamps pictures with what is no time: a recording has them beside their sound
//! all the same.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use streamsocket_tests::odd_camera::OddCamera;
use streamsocket_tests::place::Place;
use streamsocket_tests::program::Program;
use streamsocket_tests::recording::Recording;
use streamsocket_tests::report::track;
use streamsocket_tests::session::{daemon_at, record};
use streamsocket_tests::turn;

/// Lines of statistics, one a second, that a daemon writes before it is stopped.
const SECONDS: usize = 4;

/// A picture's time may be so far from those of its neighbours, in nanoseconds: three pictures.
const APART_MAX: u64 = 100_000_000;

/// Records what a daemon sends of a camera that lies in that way, beside a tone; returns the recording,
/// how many stamps the daemon has refused, and what it said.
fn recorded(camera: &OddCamera, stamps: &str) -> (Recording, u64, String) {
    let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
    let out = folder.path().join("it.mkv");
    let receiver = record(place, "L16/48000/2", &out);
    let mut daemon = daemon_at(place);
    camera.plug(&mut daemon, &[("STAMPS", stamps)]).args(["--audio", "tone", "--stats", "-"]);
    let mut daemon = Program::start(daemon.stdout(Stdio::piped()));
    let mut lines = BufReader::new(daemon.stdout()).lines();
    let line = lines.nth(SECONDS).unwrap().unwrap();
    let stats: serde_json::Value = serde_json::from_str(&line).unwrap();
    let said = daemon.interrupt().succeeded();
    receiver.interrupt().succeeded();
    let refused = track(&stats, "video")["stamps_refused"].as_u64().unwrap_or(0);
    (Recording::read(&out), refused, said)
}

#[test]
fn stamps_that_are_no_time_are_not_believed() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let camera = OddCamera::new(folder.path());
    let mut wrong = Vec::new();
    for lie in
        ["honest", "zero", "constant", "from-start", "wall-clock", "pairs", "old", "ahead", "spike"]
    {
        let (recording, refused, said) = recorded(&camera, lie);
        let times: Vec<_> = recording.video.iter().map(|(nanos, _)| *nanos).collect();
        let apart = times.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or(u64::MAX);
        let span =
            times.last().zip(times.first()).map_or(0, |(last, first)| last - first) / 1_000_000;
        let sound = recording.audio.first().map_or(0, |(nanos, _)| *nanos);
        let begins = times.first().map_or(u64::MAX, |nanos| nanos.abs_diff(sound)) / 1_000_000;
        let (pictures, apart) = (times.len() as u64, apart / 1_000_000);
        let line = format!(
            "{lie}: {pictures} pictures over {span} ms, {apart} ms apart at most, {begins} ms from the \
             sound's beginning, {refused} stamps refused"
        );
        println!("{line}");
        let timed = apart < APART_MAX / 1_000_000
            && span.abs_diff(pictures * 1000 / 30) < 200
            && begins < 1000;
        let refused = match lie {
            "honest" => refused == 0,
            "spike" => refused == 1,
            _ => refused > 20,
        };
        let told = said.lines().filter(|line| line.contains("warning")).count();
        if !timed || !refused || told > 2 || (told == 0) != (lie == "honest") {
            wrong.push(format!("{line}; said {told} times:\n{said}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
