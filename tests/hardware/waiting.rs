//! Cameras that are not there yet, or that another program has.

use crate::{Session, clips, v4l2};
use streamsocket_tests::board::Webcam;
use streamsocket_tests::place::Place;
use streamsocket_tests::program::{Program, ours, receiver, text};
use streamsocket_tests::session::daemon_at;

#[test]
fn a_camera_may_come_after_the_start() {
    let clips = clips(&["640x480"]);
    let options = [&clips[0], "--microphone", "mono", "--unplugged"];
    let webcam = Webcam::unplugged("later", &options);
    let place = Place::new();
    let folder = tempfile::tempdir().unwrap();
    let sdp = folder.path().join("it.sdp");
    let mut daemon = daemon_at(place);
    let mut daemon =
        Program::start(daemon.args(["--wait", "--size", "640x480", "--sdp"]).arg(&sdp));
    daemon.wait_for("waiting for it");
    daemon.wait_for("goes to");
    let mut receiver = Program::start(receiver().arg(&sdp));
    receiver.wait_for("waiting for ");
    webcam.say("plug");
    daemon.wait_for("camera: ");
    daemon.wait_for("microphone: ");
    receiver.wait_for("receiving ");
    receiver.interrupt().succeeded();
    let said = daemon.interrupt().succeeded();
    // A mono card in a session that was described as stereo.
    assert!(said.contains("48000 Hz stereo"), "{said}");
}

#[test]
fn a_camera_that_is_taken_is_waited_for_unless_told_otherwise() {
    let clips = clips(&["640x480"]);
    let webcam = Webcam::plug("taken", &[&clips[0], "--rates", "10"]);
    let daemon = || {
        let mut daemon = daemon_at(Place::new());
        daemon.args(["--audio", "none", "--video", &v4l2(&webcam.camera())]);
        daemon
    };
    let taker = Session::start(&mut daemon());
    let refused = Program::start(daemon().arg("--wait=no")).finish();
    assert_eq!(refused.status.code(), Some(1), "{}", refused.said);
    assert!(refused.said.contains("in use by another program"), "{}", refused.said);
    let mut waiting = Program::start(&mut daemon());
    waiting.wait_for("in use by another program");
    waiting.wait_for("goes to");
    taker.end();
    waiting.wait_for("camera: ");
    waiting.interrupt().succeeded();
}

#[test]
fn a_paused_daemon_lends_its_camera_to_another_program() {
    let clips = clips(&["640x480"]);
    let webcam = Webcam::plug("lent", &[&clips[0], "--rates", "10"]);
    let (place, other) = (Place::new(), Place::new());
    let of = |place| {
        let mut daemon = daemon_at(place);
        daemon.args(["--audio", "none", "--wait=no", "--video", &v4l2(&webcam.camera())]);
        daemon
    };
    let tell = |what: &str| {
        text(ours("streamsocket").args([what, "--name", &place.name()]));
    };
    let owner = Session::start(&mut of(place));
    tell("pause");
    let borrower = Session::start(&mut of(other));
    // Until it is given back there is nothing to resume with.
    let refused = ours("streamsocket").args(["resume", "--name", &place.name()]).output().unwrap();
    assert!(String::from_utf8_lossy(&refused.stderr).contains("in use by another program"));
    borrower.end();
    tell("resume");
    owner.go_on(2);
    owner.end();
}

#[test]
fn another_card_is_made_to_fit_the_session() {
    let rate = |rate| ["--no-camera", "--microphone", "mono", "--microphone-rate", rate];
    let first = Webcam::plug("first", &rate("48000"));
    let mut daemon = daemon_at(Place::new());
    // By no name: whatever card there is.
    daemon.args(["--video", "v4l2:/dev/video77", "--wait"]);
    let mut session = Session::start(&mut daemon);
    drop(first);
    session.daemon.wait_for("was unplugged");
    let _second = Webcam::plug("second", &rate("16000"));
    session.daemon.wait_for("is converted to 48000 Hz");
    session.daemon.wait_for("microphone: ");
    session.go_on(2);
    let received = session.end();
    assert!(received.said.contains("lost once"), "{}", received.said);
}
