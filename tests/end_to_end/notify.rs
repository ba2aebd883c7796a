//! What a service manager hears from the daemon, on a real socket.

use nix::sys::signal::Signal;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::process::Command;
use streamsocket_tests::long::is_left_out;
use streamsocket_tests::place::Place;
use streamsocket_tests::program::{PATIENCE, Program};
use streamsocket_tests::session::daemon_at;
use streamsocket_tests::turn;

/// The service manager's end.
struct Manager {
    socket: UnixDatagram,
    heard: Vec<String>,
}

impl Manager {
    fn new(socket: UnixDatagram) -> Self {
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { socket, heard: Vec::new() }
    }

    /// The next message with `text` in it.
    #[track_caller]
    fn hear(&mut self, text: &str) -> String {
        let mut bytes = [0; 4096];
        loop {
            let len = self.socket.recv(&mut bytes).unwrap_or_else(|error| {
                panic!("'{text}' was never said ({error}), but: {:?}", self.heard)
            });
            let message = String::from_utf8(bytes[..len].to_vec()).unwrap();
            self.heard.push(message.clone());
            if message.contains(text) {
                return message;
            }
        }
    }
}

/// A daemon that waits for a camera that there will never be, and streams sound.
fn waiting(place: Place) -> Command {
    let mut daemon = daemon_at(place);
    daemon.args(["--wait", "--video", "v4l2:/dev/no-such-camera", "--audio", "tone"]);
    daemon
}

#[test]
fn it_hears_of_the_begin_the_going_on_and_the_end_though_the_camera_is_missing() {
    if is_left_out(
        "notify::it_hears_of_the_begin_the_going_on_and_the_end_though_the_camera_is_missing",
    ) {
        return;
    }
    if is_left_out(
        "notify::it_hears_of_the_begin_the_going_on_and_the_end_though_the_camera_is_missing",
    ) {
        return;
    }
    let _turn = turn();
    let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
    let path = folder.path().join("notify");
    let mut manager = Manager::new(UnixDatagram::bind(&path).unwrap());
    let mut command = waiting(place);
    // Two pings a second: more often than the loop looks at anything else.
    command.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "1000000");
    let daemon = Program::start(&mut command);
    assert_eq!(manager.hear("READY=1"), "READY=1\n");
    let status = manager.hear("STATUS=");
    assert!(status.contains(&place.name()) && status.contains("no pictures"), "{status}");
    assert_eq!(status.lines().count(), 1, "{status}");
    for _ in 0..4 {
        manager.hear("WATCHDOG=1");
    }
    daemon.signal(Signal::SIGTERM);
    manager.hear("STOPPING=1");
    daemon.succeed();
}

#[test]
fn its_socket_may_have_no_file_and_pings_may_not_be_wanted() {
    let _turn = turn();
    let name = format!("streamsocket-test-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(&name).unwrap();
    let mut manager = Manager::new(UnixDatagram::bind_addr(&address).unwrap());
    let mut command = waiting(Place::new());
    // Those of another process, which this one was started by.
    command.env("WATCHDOG_USEC", "1000000").env("WATCHDOG_PID", "1");
    let daemon = Program::start(command.env("NOTIFY_SOCKET", format!("@{name}")));
    manager.hear("READY=1");
    daemon.signal(Signal::SIGTERM);
    manager.hear("STOPPING=1");
    daemon.succeed();
    assert!(
        manager.heard.iter().all(|message| !message.contains("WATCHDOG")),
        "{manager:?}",
        manager = manager.heard
    );
}
