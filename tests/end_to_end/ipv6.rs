//! A network without IPv4. This needs root.

use nix::unistd::Uid;
use std::process::Command;
use streamsocket_tests::board::on;
use streamsocket_tests::program::{Program, ours, peer, text};
use streamsocket_tests::turn;

/// A machine, as a network namespace, that has one interface with IPv6 addresses only.
struct Machine(String);

impl Machine {
    fn new() -> Self {
        let machine = Self(format!("ipv6-{}", std::process::id()));
        text(peer("ip").args(["netns", "add", &machine.0]));
        machine.ip("link set lo up");
        machine.ip("link add eth0 type veth peer name other");
        machine.ip("link set other up");
        machine.ip("link set eth0 up");
        machine.ip("-6 address add fd00:77::1/64 dev eth0 nodad");
        machine
    }

    fn ip(&self, arguments: &str) {
        text(peer("ip").args(["-n", &self.0]).args(arguments.split(' ')));
    }

    fn start(&self, program: &mut Command) -> Program {
        Program::start(&mut on(&self.0, program))
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["netns", "delete", &self.0]).status();
    }
}

#[test]
fn a_network_without_ipv4_has_a_group_and_announcements() {
    if !Uid::effective().is_root() {
        println!("ipv6: not run: network namespaces are made by root");
        return;
    }
    let _turn = turn();
    let machine = Machine::new();
    let mut daemon = ours("streamsocket");
    daemon.args(["--video", "pattern", "--audio", "tone", "--size", "320x240", "--name", "six"]);
    let mut daemon = machine.start(&mut daemon);
    let said = daemon.wait_for("goes to");
    assert!(said.contains("goes to [ff15::") && said.contains("by eth0"), "{said}");
    let mut receiver = ours("streamsocket-receiver");
    receiver.args(["--headless", "six"]);
    let mut receiver = machine.start(&mut receiver);
    receiver.wait_for("receiving six");
    receiver.interrupt().succeeded();
    let mut list = ours("streamsocket-receiver");
    let listed = text(&mut on(&machine.0, list.arg("--list")));
    assert!(listed.contains("six") && listed.contains("ff15::"), "{listed}");
    daemon.interrupt().succeeded();
}
