//! Players that ask over RTSP, and cameras that are asked.

mod cameras;
mod changes;
mod players;
mod receivers;
mod strangers;
mod users;

use streamsocket_tests::clip::{clip, voice};
use streamsocket_tests::place::Place;
use streamsocket_tests::program::{Program, serving_daemon};
use streamsocket_tests::session::file;

/// The port of the RTSP server of a daemon at a place: nothing else is sent there.
fn port(place: Place) -> u16 {
    place.port + 8
}

/// What a daemon at a place serves.
fn url(place: Place) -> String {
    format!("rtsp://127.0.0.1:{}/", port(place))
}

/// A daemon that sends a clip and a voice, round and round, and serves them.
fn daemon(place: Place, options: &[&str]) -> Program {
    let mut command = serving_daemon(port(place));
    command.args(["--video", &file(&clip("640x480")), "--audio", &file(&voice()), "--loop"]);
    command.args(["--to", &place.to_string(), "--name", &place.name(), "--no-announce"]);
    let mut daemon = Program::start(command.args(options));
    daemon.wait_for("goes to");
    daemon
}
