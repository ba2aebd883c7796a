//! A machine whose default route is a tunnel. This needs root.

use nix::unistd::Uid;
use std::process::Command;
use streamsocket_tests::board::on;
use streamsocket_tests::clip::clip;
use streamsocket_tests::program::{Ended, Program, ours, peer, text};
use streamsocket_tests::session::file;
use streamsocket_tests::turn;

/// A machine, as a network namespace, with a tunnel and what else is asked for.
struct Machine(String);

impl Machine {
    /// Without root there is none, and the test says so.
    fn new(test: &str) -> Option<Self> {
        if !Uid::effective().is_root() {
            println!("{test}: not run: network namespaces are made by root");
            return None;
        }
        let machine = Self(format!("{test}-{}", std::process::id()));
        text(peer("ip").args(["netns", "add", &machine.0]));
        machine.ip("link set lo up");
        machine.ip("tuntap add dev tun0 mode tun");
        machine.ip("address add 10.88.0.1 peer 10.88.0.2 dev tun0");
        machine.ip("link set tun0 up");
        Some(machine)
    }

    fn ip(&self, arguments: &str) {
        text(peer("ip").args(["-n", &self.0]).args(arguments.split(' ')));
    }

    fn with_cable(&self) {
        self.ip("link add eth0 type veth peer name other");
        self.ip("address add 10.77.0.1/24 dev eth0");
        self.ip("link set other up");
        self.ip("link set eth0 up");
    }

    /// A file that ends at once, sent from there.
    fn send(&self, options: &[&str]) -> Ended {
        let mut daemon = ours("streamsocket");
        daemon.args(["--video", &file(&clip("640x480")), "--fps", "max", "--audio", "none"]);
        daemon.args(["--name", &self.0]).args(options);
        if !options.contains(&"--to") {
            daemon.args(["--to", "239.255.7.8:29000"]);
        }
        Program::start(&mut on(&self.0, &daemon)).finish()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["netns", "delete", &self.0]).status();
    }
}

#[test]
fn a_camera_is_not_sent_through_a_tunnel_that_nobody_named() {
    let _turn = turn();
    let Some(machine) = Machine::new("tunnel") else { return };
    for routes in [&["default"][..], &["0.0.0.0/1", "128.0.0.0/1"]] {
        for route in routes {
            machine.ip(&format!("route add {route} dev tun0"));
        }
    }
    let refused = machine.send(&[]);
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    assert!(refused.said.contains("error: tun0 is a tunnel"), "{refused:?}");
    let named = machine.send(&["--interface", "tun0"]).succeeded();
    assert!(named.contains("by tun0") && !named.contains("is a tunnel"), "{named}");
    machine.with_cable();
    let said = machine.send(&[]).succeeded();
    assert!(said.contains("tun0 is a tunnel: it is sent by eth0 instead"), "{said}");
    assert!(said.contains("goes to 239.255.7.8:29000 by eth0"), "{said}");
    // A host is sent to on the way that leads to it.
    let host = machine.send(&["--to", "10.88.0.2"]).succeeded();
    assert!(host.contains("goes to 10.88.0.2:5004 by tun0"), "{host}");
}
