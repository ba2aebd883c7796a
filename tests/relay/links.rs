//! A relay, a publisher and a viewer on machines of their own, whose links go down and up again. This needs root.

use std::fs;
use std::thread::park_timeout;
use std::time::Duration;
use streamsocket_tests::board::{monotonic, on};
use streamsocket_tests::lan::Lan;
use streamsocket_tests::long::long_or;
use streamsocket_tests::presented::{account, presented};
use streamsocket_tests::program::{Program, ours};

/// How long a link is down.
const DOWN: Duration = Duration::from_secs(2);

/// Pictures come again so long after the link at the latest: a receiver joins again, and a publisher begins anew.
const BACK_MAX: f64 = 3.0;

/// Publishing begins so often at most for each time that a machine's link is down.
const AGAIN_MAX: usize = 1;

#[test]
fn a_link_that_was_down_is_up_again_for_publishers_and_viewers() {
    let _turn = streamsocket_tests::turn();
    let Some(lan) = Lan::new("links") else { return };
    let folder = tempfile::tempdir().unwrap();
    let configuration = folder.path().join("relay.toml");
    let rooms = "listen = \"10.78.0.1:8554\"\ninterface = \"eth0\"\n[[room]]\nname = \"links\"\n";
    fs::write(&configuration, rooms).unwrap();
    let mut relay = ours("streamsocket-relay");
    relay.arg("--config").arg(&configuration);
    let mut relay = Program::start(&mut on(lan.sender.name(), &relay));
    relay.wait_for("publishers come to");
    // At the far end of the switch, and so is who watches.
    let mut publisher = ours("streamsocket");
    publisher.args(["--name", lan.viewer.name(), "--rtsp", "off", "--interface", "eth0"]);
    publisher.args(["--video", "pattern", "--size", "320x240", "--audio", "tone"]);
    publisher.args(["--to", "rtsp://10.78.0.1/links/Anna"]);
    let mut publisher = Program::start(&mut on(lan.viewer.name(), &publisher));
    publisher.wait_for("is published to");
    let mut viewer = ours("streamsocket-receiver");
    viewer.args(["--interface", "eth0", "--headless", "--mute", "links, Anna"]);
    let mut viewer = Program::start(account(&mut on(lan.viewer.name(), &viewer)));
    viewer.wait_for("receiving");
    park_timeout(Duration::from_secs(1));
    let machines = [("the relay", &lan.sender), ("publisher and viewer", &lan.viewer)];
    let rounds = long_or(1, 20);
    let ups = machines.iter().cycle().take(2 * rounds).map(|(what, machine)| {
        machine.ip("link set eth0 down");
        park_timeout(DOWN);
        machine.ip("link set eth0 up");
        // The kernel forgets the way out with the link.
        machine.ip("route add default via 10.78.0.254");
        let up = monotonic();
        park_timeout(Duration::from_secs(4));
        (what, up)
    });
    let ups: Vec<_> = ups.collect();
    let decoded = presented(&viewer.interrupt().succeeded(), "decoded");
    publisher.interrupt().succeeded();
    let said = relay.interrupt().succeeded();
    for (what, up) in ups {
        let next = decoded.iter().find(|it| it.at > up).expect("pictures");
        let seconds = (next.at - up) as f64 / 1e9;
        println!("the link of {what} is up again: the next picture after {seconds:.2} s");
        assert!(seconds < BACK_MAX, "{said}");
        // They go on.
        let after = decoded.iter().filter(|it| it.at > up + 3_000_000_000).count();
        assert!(after > 0, "{said}");
    }
    assert!(said.matches("publishes '").count() <= 1 + 2 * rounds * AGAIN_MAX, "{said}");
}
