//! A machine whose default route is a tunnel. This needs root.

use streamsocket_tests::board::on;
use streamsocket_tests::clip::clip;
use streamsocket_tests::machine::Machine;
use streamsocket_tests::program::{Ended, Program, ours};
use streamsocket_tests::session::file;
use streamsocket_tests::turn;

/// A machine with a tunnel and what else is asked for.
fn machine() -> Option<Machine> {
    let machine = Machine::new("tunnel")?;
    machine.ip("tuntap add dev tun0 mode tun");
    machine.ip("address add 10.88.0.1 peer 10.88.0.2 dev tun0");
    machine.ip("link set tun0 up");
    Some(machine)
}

/// A file that ends at once, sent from there.
fn send(machine: &Machine, options: &[&str]) -> Ended {
    let mut daemon = ours("streamsocket");
    daemon.args(["--video", &file(&clip("640x480")), "--fps", "max", "--audio", "none"]);
    daemon.args(["--name", machine.name()]).args(options);
    if !options.contains(&"--to") {
        daemon.args(["--to", "239.255.7.8:29000"]);
    }
    Program::start(&mut on(machine.name(), &daemon)).finish()
}

#[test]
fn a_camera_is_not_sent_through_a_tunnel_that_nobody_named() {
    let _turn = turn();
    let Some(machine) = machine() else { return };
    for routes in [&["default"][..], &["0.0.0.0/1", "128.0.0.0/1"]] {
        for route in routes {
            machine.ip(&format!("route add {route} dev tun0"));
        }
    }
    let refused = send(&machine, &[]);
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    assert!(refused.said.contains("error: tun0 is a tunnel"), "{refused:?}");
    let named = send(&machine, &["--interface", "tun0"]).succeeded();
    assert!(named.contains("by tun0") && !named.contains("is a tunnel"), "{named}");
    machine.plug_in("10.77.0.1/24");
    let said = send(&machine, &[]).succeeded();
    assert!(said.contains("tun0 is a tunnel: it is sent by eth0 instead"), "{said}");
    assert!(said.contains("goes to 239.255.7.8:29000 by eth0"), "{said}");
    // A host is sent to on the way that leads to it.
    let host = send(&machine, &["--to", "10.88.0.2"]).succeeded();
    assert!(host.contains("goes to 10.88.0.2:5004 by tun0"), "{host}");
}
