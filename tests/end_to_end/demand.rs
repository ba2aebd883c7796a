//! A tier that is made only while somebody asks for it.

use std::fs;
use std::time::Duration;
use streamsocket_tests::board::wait_until;
use streamsocket_tests::clip::clip;
use streamsocket_tests::place::Place;
use streamsocket_tests::program::{Program, ours, receiver, text};
use streamsocket_tests::session::{daemon_at, file};
use streamsocket_tests::turn;

/// Pictures that were sent so far: of the session, and of its tier.
fn sent(place: Place) -> [u64; 2] {
    let status = text(ours("streamsocket").args(["status", "--json", "--name", &place.name()]));
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    let of = |tier: Option<&str>| {
        let own = |it: &&serde_json::Value| it["media"] == "video" && it["tier"].as_str() == tier;
        let track = status["tracks"].as_array().unwrap().iter().find(own).unwrap();
        track["frames_sent"].as_u64().unwrap()
    };
    [of(None), of(Some("low"))]
}

#[test]
fn a_tier_on_demand_is_made_while_somebody_asks_for_it() {
    let _turn = turn();
    let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
    let mut command = daemon_at(place);
    command.args(["--video", &file(&clip("640x480")), "--loop", "--fps", "30", "--audio", "none"]);
    let mut daemon = Program::start(command.args(["--tier", "low=1/2,15,on-demand"]));
    daemon.wait_for("goes to");
    wait_until("pictures of the session", || sent(place)[0] > 30);
    assert_eq!(sent(place)[1], 0, "nobody has asked for it");

    let sdp = folder.path().join("low.sdp");
    let tier = ["sdp", "--name", &place.name(), "--tier", "low"].map(str::to_owned);
    fs::write(&sdp, text(ours("streamsocket").args(tier))).unwrap();
    for _ in 0..2 {
        let before = sent(place)[1];
        let mut viewer = Program::start(receiver().arg(&sdp));
        viewer.wait_for("receiving");
        wait_until("two seconds of it", || sent(place)[1] > before + 30);
        let said = viewer.interrupt().succeeded();
        assert!(said.contains("video  320x240"), "{said}");
        // It says goodbye.
        let mut last = sent(place)[1];
        wait_until("an end of it", || {
            std::thread::park_timeout(Duration::from_millis(300));
            std::mem::replace(&mut last, sent(place)[1]) == sent(place)[1]
        });
    }
    daemon.interrupt().succeeded();
}

#[test]
fn check_says_whom_a_tier_on_demand_is_for() {
    let mut check = ours("streamsocket");
    check.args(["check", "--video", "pattern", "--audio", "none", "--tier", "low=1/2,on-demand"]);
    let said = check.stderr(std::process::Stdio::piped()).output().unwrap();
    let said = String::from_utf8(said.stderr).unwrap();
    assert!(said.contains("--tier low: it is made while") && said.contains("RTSP"), "{said}");
    let mut wrong = ours("streamsocket");
    wrong.args(["check", "--video", "pattern", "--audio", "tone", "--tier", "v=opus,on-demand"]);
    let said = wrong.stderr(std::process::Stdio::piped()).output().unwrap();
    let said = String::from_utf8(said.stderr).unwrap();
    assert!(said.contains("on-demand true: it is for pictures"), "{said}");
}
