//! Machines whose network is not there yet, or has no way out: a LAN without a router, a direct cable.
//! This needs root.

use std::process::{Command, Stdio};
use streamsocket_tests::board::{on, wait_until};
use streamsocket_tests::clip::clip;
use streamsocket_tests::machine::Machine;
use streamsocket_tests::program::{Program, ours};
use streamsocket_tests::session::file;
use streamsocket_tests::turn;

fn send(machine: &Machine, options: &[&str]) -> Command {
    let mut daemon = ours("streamsocket");
    daemon.args(["--video", &file(&clip("640x480")), "--audio", "none", "--name", machine.name()]);
    daemon.args(options);
    on(machine.name(), &daemon)
}

#[test]
fn a_lan_without_a_router_is_sent_to() {
    let _turn = turn();
    let Some(machine) = Machine::new("direct") else { return };
    let refused = Program::start(&mut send(&machine, &["--fps", "max"])).finish();
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    machine.plug_in("10.77.0.1/24");
    let said = Program::start(&mut send(&machine, &["--fps", "max"])).succeed();
    assert!(said.contains(" by eth0"), "{said}");
    let folder = tempfile::tempdir().unwrap();
    let sdp = folder.path().join("it.sdp");
    let mut sending = send(&machine, &["--loop", "--sdp", sdp.to_str().unwrap()]);
    let mut daemon = Program::start(&mut sending);
    daemon.wait_for("goes to");
    let mut receiver = ours("streamsocket-receiver");
    receiver.args(["--headless", "--mute"]).arg(&sdp);
    let mut receiver = Program::start(&mut on(machine.name(), &receiver));
    receiver.wait_for("receiving");
    receiver.interrupt().succeeded();
    daemon.interrupt().succeeded();
}

#[test]
fn a_network_is_waited_for() {
    let _turn = turn();
    let Some(machine) = Machine::new("waits") else { return };
    for options in [&["--wait"][..], &["--wait", "--interface", "eth0"]] {
        let mut daemon = Program::start(&mut send(&machine, &[&["--loop"], options].concat()));
        let why = daemon.wait_for("; waiting for it");
        wait_until(&why, || {
            let mut status = ours("streamsocket");
            status.args(["status", "--instance", machine.name()]).stderr(Stdio::piped());
            let status = status.output().unwrap();
            String::from_utf8_lossy(&status.stderr).contains("waiting for the network")
        });
        machine.plug_in("10.77.0.1/24");
        let said = daemon.wait_for("goes to");
        assert!(said.contains(" by eth0"), "{said}");
        let said = daemon.interrupt().succeeded();
        let reasons = said.lines().filter(|line| line.contains("waiting for it")).count();
        assert!((1..=4).contains(&reasons), "{said}");
        machine.ip("link delete eth0");
    }
}
