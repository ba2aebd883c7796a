//! A network without IPv4. This needs root.

use std::process::Command;
use streamsocket_tests::board::on;
use streamsocket_tests::machine::Machine;
use streamsocket_tests::program::{Program, ours, text};
use streamsocket_tests::turn;

/// A machine that has one interface with IPv6 addresses only.
fn machine() -> Option<Machine> {
    let machine = Machine::new("ipv6")?;
    machine.plug_in("fd00:77::1/64");
    Some(machine)
}

fn start(machine: &Machine, program: &Command) -> Program {
    Program::start(&mut on(machine.name(), program))
}

#[test]
fn a_network_without_ipv4_has_a_group_and_announcements() {
    let _turn = turn();
    let Some(machine) = machine() else { return };
    let mut daemon = ours("streamsocket");
    daemon.args(["--video", "pattern", "--audio", "tone", "--size", "320x240", "--name", "six"]);
    let mut daemon = start(&machine, &daemon);
    let said = daemon.wait_for("goes to");
    assert!(said.contains("goes to [ff15::") && said.contains("by eth0"), "{said}");
    let mut receiver = ours("streamsocket-receiver");
    receiver.args(["--headless", "six"]);
    let mut receiver = start(&machine, &receiver);
    receiver.wait_for("receiving six");
    receiver.interrupt().succeeded();
    let mut list = ours("streamsocket-receiver");
    let listed = text(&mut on(machine.name(), list.arg("--list")));
    assert!(listed.contains("six") && listed.contains("ff15::"), "{listed}");
    daemon.interrupt().succeeded();
}
