//! IP cameras that the relay asks for what they have.

use crate::ours::pictures;
use crate::players::is_recorded_exactly;
use crate::pusher::{self, Pusher};
use crate::relaying::{Relay, group_in, of, to_port};
use nix::sys::signal::Signal;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use streamsocket_rtsp::users::User;
use streamsocket_tests::board::wait_until;
use streamsocket_tests::clip::{clip, voice};
use streamsocket_tests::place::Place;
use streamsocket_tests::program::{Program, ours, output, serving_daemon};
use streamsocket_tests::rtsp_camera::rtsp_camera;
use streamsocket_tests::wire::Tap;

/// A relay that pulls these cameras, each by its name and its address.
fn pulling(cameras: &[(&str, &str)]) -> Relay {
    let camera = |(name, url): &(&str, &str)| format!("{{ name = {name:?}, url = {url:?} }}");
    let cameras: Vec<_> = cameras.iter().map(camera).collect();
    Relay::with(&[], &format!("pull = [{}]\n", cameras.join(", ")))
}

/// Our daemon as a camera that wants a password.
fn camera(place: Place, users: &Path) -> Command {
    fs::write(users, format!("{}\n", User::new("me", "correct horse").unwrap())).unwrap();
    fs::set_permissions(users, Permissions::from_mode(0o600)).unwrap();
    let mut command = serving_daemon(place.port);
    command.args(["--to", &place.to_string(), "--name", &place.name(), "--no-announce", "--loop"]);
    command.arg("--video").arg(format!("file:{}", clip("640x480").display()));
    command.arg("--audio").arg(format!("file:{}", voice().display())).arg("--users").arg(users);
    command
}

#[test]
fn a_camera_is_recorded_as_it_is_and_goes_on_when_it_returns() {
    let _turn = streamsocket_tests::turn();
    let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
    let users = folder.path().join("users");
    let url = format!("rtsp://me:correct%20horse@127.0.0.1:{}/", place.port);
    let mut relay = pulling(&[("Door", &url)]);
    relay.program.wait_for("cannot be reached: Connection refused; trying again");
    let mut one = Program::start(&mut camera(place, &users));
    one.wait_for("goes to");
    is_recorded_exactly(&mut relay, "Door", &pictures());
    one.signal(Signal::SIGKILL);
    relay.program.wait_for("Door' has ended: its camera ");
    drop(one);
    let _again = Program::start(&mut camera(place, &users));
    let tap = Tap::on(of(relay.wait_for_group("Door")));
    wait_until("packets", || !to_port(&tap.so_far(), 0).is_empty());
    let path = relay.folder.path().join("relay.toml");
    let check = output(ours("streamsocket-relay").arg("check").arg("--config").arg(path));
    let known = relay.program.said() + &String::from_utf8(check).unwrap();
    assert!(known.contains(&format!("Door is pulled from rtsp://127.0.0.1:{}/", place.port)));
    assert!(!known.contains("horse"), "{known}");
}

#[test]
fn gstreamer_s_server_is_a_camera_of_which_what_fits_is_taken() {
    let _turn = streamsocket_tests::turn();
    let place = Place::new();
    let pictures =
        "videotestsrc is-live=true ! video/x-raw,format=I420,width=320,height=240,framerate=20/1";
    let sound = "audiotestsrc is-live=true ! audio/x-raw,rate=8000,channels=1";
    let url = format!("rtsp://127.0.0.1:{}/cam", place.port);
    let [jpeg, raw] = ["jpegenc ! rtpjpegpay", "rtpvrawpay"];
    for (coded, spoken, taken, left) in [
        (jpeg, "mulawenc ! rtppcmupay", "(JPEG, PCMU)", None),
        (raw, "alawenc ! rtppcmapay", "(PCMA)", Some("it has RAW, and JPEG")),
    ] {
        let pipeline =
            format!("{pictures} ! {coded} name=pay0 {sound} ! audioconvert ! {spoken} name=pay1");
        let mut server = Program::start(&mut rtsp_camera(place.port, &pipeline));
        server.wait_for("ready");
        let mut relay = Relay::pulling(&[("Hall", &url)]);
        let line = relay.program.wait_for("Hall'");
        assert!(line.contains(taken), "{line}");
        let tap = Tap::on(of(group_in(&line)));
        let mut got = Vec::new();
        wait_until("packets", || {
            got.extend(tap.so_far());
            to_port(&got, 0).len() > 20
        });
        let said = relay.program.said();
        assert_eq!(said.contains("not handed on"), left.is_some(), "{said}");
        assert!(left.is_none_or(|left| said.contains(left) && said.contains("ffmpeg")), "{said}");
        relay.program.interrupt().succeeded();
    }
    let pipeline = format!("{pictures} ! {raw} name=pay0");
    let mut server = Program::start(&mut rtsp_camera(place.beside().port, &pipeline));
    server.wait_for("ready");
    let url = format!("rtsp://127.0.0.1:{}/cam", place.beside().port);
    let mut relay = pulling(&[("Hall", &url)]);
    let line = relay.program.wait_for("is not handed on: it has RAW");
    assert!(line.contains("ffmpeg: -c:v mjpeg"), "{line}");
}

#[test]
fn nobody_publishes_under_the_name_of_a_camera() {
    let _turn = streamsocket_tests::turn();
    let relay = pulling(&[("Door", "rtsp://127.0.0.1:9/")]);
    let mut door = Pusher::connect(&relay, "Door");
    assert_eq!(door.announce(&pusher::pictures()), 409);
    assert_eq!(Pusher::connect(&relay, "Hall").announce(&pusher::pictures()), 200);
}
