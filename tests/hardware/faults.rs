//! Cameras that misbehave: whatever they do, a picture arrives whole or not at all, and the daemon
//! says what became of it.

use crate::{Session, clips, v4l2};
use std::fs;
use streamsocket_tests::board::Webcam;
use streamsocket_tests::place::Place;
use streamsocket_tests::recording::all_coded;
use streamsocket_tests::session::daemon_at;

/// Streams while a webcam is told something, then asserts that all that arrived is exact.
#[track_caller]
fn misbehaving(command: &str, expected: Option<&str>) {
    let clips = clips(&["640x480"]);
    let webcam = Webcam::plug("faulty", &[&clips[0], "--rates", "10"]);
    let mut daemon = daemon_at(Place::new());
    daemon.args(["--audio", "none", "--video", &v4l2(&webcam.camera())]);
    let session = Session::start(&mut daemon);
    session.go_on(1);
    for _ in 0..3 {
        webcam.say(command);
        session.go_on(1);
    }
    let received = session.end();
    let places = received.assert_exact("640x480");
    println!("{command}: {} pictures, all exact\n{}", places.len(), received.said);
    assert!(places.len() >= 10, "{}", received.said);
    if let Some(expected) = expected {
        assert!(received.said.contains(expected), "no '{expected}' in {}", received.said);
    }
}

#[test]
fn a_frame_with_the_error_bit_is_not_sent() {
    misbehaving("error", Some("3 frames not sent: dropped by the driver"));
}

#[test]
fn a_frame_with_the_error_bit_that_the_driver_hands_out_is_not_sent() {
    let nodrop = "/sys/module/uvcvideo/parameters/nodrop";
    fs::write(nodrop, "1").unwrap();
    let caught = std::panic::catch_unwind(|| {
        misbehaving("error", Some("3 frames not sent: flagged broken by the driver"));
    });
    fs::write(nodrop, "0").unwrap();
    if let Err(panic) = caught {
        std::panic::resume_unwind(panic);
    }
}

#[test]
fn a_truncated_frame_spoils_no_other() {
    let clips = clips(&["640x480"]);
    let webcam = Webcam::plug("truncated", &[&clips[0], "--rates", "10"]);
    let mut daemon = daemon_at(Place::new());
    daemon.args(["--audio", "none", "--video", &v4l2(&webcam.camera())]);
    let session = Session::start(&mut daemon);
    session.go_on(1);
    webcam.say("truncate");
    session.go_on(2);
    let received = session.end();
    // Half a picture is shown as half a picture: a missing end alone is no reason to drop it.
    let source = all_coded(&fs::read(&clips[0]).unwrap());
    let coded = received.recording.coded();
    let others = coded.iter().filter(|frame| !source.contains(frame)).count();
    assert!(others <= 1 && coded.len() >= 10, "{others} of {}: {}", coded.len(), received.said);
}

#[test]
fn of_two_pictures_in_one_frame_none_is_garbled() {
    misbehaving("double", None);
}

#[test]
fn a_slow_frame_arrives_whole() {
    misbehaving("slow 60", None);
}

#[test]
fn a_frozen_camera_is_opened_again() {
    let clips = clips(&["640x480"]);
    let webcam = Webcam::plug("frozen", &[&clips[0]]);
    let mut daemon = daemon_at(Place::new());
    daemon.args(["--audio", "none", "--video", &v4l2(&webcam.camera())]);
    let mut session = Session::start(&mut daemon);
    webcam.say("freeze");
    session.daemon.wait_for("has frozen: no picture for 2.0 s");
    session.receiver.wait_for("has frozen");
    webcam.say("thaw");
    session.daemon.wait_for("gives pictures again");
    session.receiver.wait_for("receiving ");
    session.end().assert_exact("640x480");
}
