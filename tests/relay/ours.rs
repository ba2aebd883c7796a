//! Our daemon publishes: exactly, by every way there is, and again when the relay returns.

use crate::players::{is_heard_exactly, is_recorded_exactly, recorded};
use crate::proxy::{Proxy, Way};
use crate::relaying::{Relay, of, to_port};
use nix::sys::signal::Signal;
use std::fs;
use std::process::Command;
use std::thread::park_timeout;
use std::time::Duration;
use streamsocket_tests::board::wait_until;
use streamsocket_tests::clip::{clip, voice};
use streamsocket_tests::place::Place;
use streamsocket_tests::program::{Program, daemon, ours, text};
use streamsocket_tests::recording::all_coded;
use streamsocket_tests::wire::Tap;

/// A password, which is to be seen nowhere.
const SECRET: &str = "correct horse";

/// The pictures of the clip.
pub(crate) fn pictures() -> Vec<u64> {
    all_coded(&fs::read(clip("640x480")).unwrap())
}

/// Our daemon with a clip and a voice, round and round, under a name that no other one has.
fn source() -> Command {
    let mut command = daemon();
    command.args(["--name", &Place::new().name()]);
    command.arg("--loop").arg("--video").arg(format!("file:{}", clip("640x480").display()));
    command.arg("--audio").arg(format!("file:{}", voice().display()));
    command
}

/// The same, which publishes there.
fn publisher(url: &str) -> Command {
    let mut command = source();
    command.args(["--to", url]);
    command
}

fn publish(url: &str) -> Program {
    Program::start(&mut publisher(url))
}

/// What a daemon says of itself.
fn status(name: &str) -> String {
    text(ours("streamsocket").args(["status", "--instance", name]))
}

/// Source, sequence number and RTP time of packets of a port.
fn numbers(packets: &[Vec<u8>]) -> Vec<(u32, u16, u32)> {
    let word = |it: &[u8], at: usize| u32::from_be_bytes(it[at..at + 4].try_into().unwrap());
    let of = |it: &Vec<u8>| (word(it, 8), u16::from_be_bytes([it[2], it[3]]), word(it, 4));
    packets.iter().map(of).collect()
}

#[test]
fn the_daemon_is_recorded_as_it_was_published_by_udp() {
    let _turn = streamsocket_tests::turn();
    let mut relay = Relay::with(&[("anna", SECRET)], "");
    let (config, name) = (relay.folder.path().join("anna.toml"), Place::new().name());
    let url = relay.url_as("anna:correct%20horse@", "Anna");
    fs::write(&config, format!("to = \"{url}\"\n")).unwrap();
    let mut publisher = source();
    publisher.args(["--instance", &name]).arg("--config").arg(&config);
    let mut publisher = Program::start(&mut publisher);
    publisher.wait_for("(by UDP)");
    is_recorded_exactly(&mut relay, "Anna", &pictures());
    let status = status(&name);
    assert!(status.contains(&format!("  relay  {}: by UDP, ", relay.url("Anna"))), "{status}");
    let said = publisher.interrupt().succeeded();
    relay.program.wait_for("has ended: its publisher has said so");
    let known = [said, status, relay.program.said()].concat();
    assert!(!known.contains("horse"), "{known}");
}

#[test]
fn a_relay_that_udp_does_not_reach_gets_all_within_the_connection() {
    let _turn = streamsocket_tests::turn();
    let mut relay = Relay::new();
    let proxy = Proxy::before(&relay, Way::Deaf);
    let (name, mut command) = (Place::new().name(), publisher(&proxy.url(&relay, "Anna")));
    let mut publisher = Program::start(command.args(["--instance", &name]));
    publisher.wait_for("(by UDP)");
    publisher.wait_for("(within the connection");
    relay.program.wait_for("has ended: nothing has come from its publisher for 5 s");
    relay.wait_for_group("Anna");
    let recording = recorded(&relay, "Anna");
    is_heard_exactly(&recording);
    let source = pictures();
    let place = |it: &u64| source.iter().position(|of| of == it).expect("a picture of the clip");
    let places: Vec<_> = recording.coded().iter().map(place).collect();
    assert!(places.len() > 40, "{}", places.len());
    // A machine that has no time leaves whole ones out, and says so.
    let whole = places.windows(2).all(|it| (it[0] + 1) % source.len() == it[1]);
    assert!(whole || !status(&name).contains(" 0 pictures left out"), "{}", status(&name));
    publisher.interrupt().succeeded();
}

#[test]
fn a_relay_that_refuses_udp_gets_all_within_the_connection() {
    let _turn = streamsocket_tests::turn();
    let mut relay = Relay::new();
    let proxy = Proxy::before(&relay, Way::Refusing);
    let mut publisher = publish(&proxy.url(&relay, "Anna"));
    publisher.wait_for("(within the connection");
    relay.wait_for_group("Anna");
    let said = publisher.interrupt().succeeded();
    assert!(!said.contains("(by UDP)") && !said.contains("trying again"), "{said}");
}

#[test]
fn a_relay_that_is_killed_and_returns_gets_the_same_stream() {
    let _turn = streamsocket_tests::turn();
    let mut relay = Relay::with(&[], "group = \"239.255.249.0\"\n");
    let mut publisher = publish(&relay.url("Anna"));
    let tap = Tap::on(of(relay.wait_for_group("Anna")));
    let mut before = Vec::new();
    wait_until("packets", || {
        before.extend(tap.so_far());
        to_port(&before, 0).len() > 100 && to_port(&before, 2).len() > 100
    });
    relay.restart(Signal::SIGKILL);
    publisher.wait_for("; trying again");
    publisher.wait_for("is published to");
    before.extend(tap.so_far());
    let mut after = Vec::new();
    wait_until("packets again", || {
        after.extend(tap.so_far());
        to_port(&after, 0).len() > 100 && to_port(&after, 2).len() > 100
    });
    for (above, rate) in [(0, 90_000), (2, 48_000)] {
        let [before, after] = [&before, &after].map(|it| numbers(&to_port(it, above)));
        let (last, first) = (before.last().unwrap(), after.first().unwrap());
        assert_eq!(last.0, first.0, "the source");
        assert!(first.1.wrapping_sub(last.1) < 20_000, "{last:?} {first:?}");
        assert!(first.2.wrapping_sub(last.2) < 15 * rate, "{last:?} {first:?}");
    }
    let said = publisher.interrupt().succeeded();
    assert_eq!(said.matches("trying again").count(), 1, "{said}");
}

#[test]
fn a_relay_that_refuses_is_told_of_and_waited_for_if_that_is_wanted() {
    let _turn = streamsocket_tests::turn();
    let relay = Relay::with(&[("anna", SECRET)], "");
    let wrong = "does not take this name and password";
    for (url, why) in [
        (relay.url_as("anna:battery@", "Anna"), wrong),
        (relay.url("Anna"), "wants a name and a password"),
        (relay.url_as("anna:correct%20horse@", "Anna").replace("room", "hall"), "has no such room"),
        ("rtsp://127.0.0.1:9/lesson/Anna".into(), "cannot be reached: Connection refused"),
    ] {
        let ended = publish(&url).finish();
        assert_eq!(ended.status.code(), Some(1), "{}", ended.said);
        let line = ended.said.lines().last().unwrap();
        assert!(line.contains(why) && !ended.said.contains("battery"), "{}", ended.said);
    }
    let mut waiting = publisher(&relay.url_as("anna:battery@", "Anna"));
    let mut waiting = Program::start(waiting.arg("--wait"));
    waiting.wait_for(&format!("{wrong}; trying again"));
    waiting.interrupt().succeeded();
}

#[test]
fn a_slow_relay_costs_whole_pictures() {
    let _turn = streamsocket_tests::turn();
    let mut relay = Relay::new();
    let proxy = Proxy::before(&relay, Way::Refusing);
    let mut publisher = publish(&proxy.url(&relay, "Anna"));
    let tap = Tap::on(of(relay.wait_for_group("Anna")));
    let mut got = Vec::new();
    let more = |got: &mut Vec<_>| {
        let before = to_port(got, 0).len();
        wait_until("packets", || {
            got.extend(tap.so_far());
            to_port(got, 0).len() > before + 200
        });
    };
    more(&mut got);
    // Beyond what the kernel holds of both ends.
    for _ in 0..2 {
        proxy.stop(true);
        park_timeout(Duration::from_secs(2));
        proxy.stop(false);
        more(&mut got);
    }
    publisher.wait_for("(within the connection");
    let packets = to_port(&got, 0);
    let (mut gaps, mut last) = (0, None);
    for packet in &packets {
        let sequence = u16::from_be_bytes([packet[2], packet[3]]);
        let marker = packet[1] & 0x80 != 0;
        if let Some((before, ended)) =
            last.filter(|(it, _): &(u16, bool)| it.wrapping_add(1) != sequence)
        {
            assert!(ended, "a picture ends at {before}, before its last packet");
            gaps += 1;
        }
        last = Some((sequence, marker));
    }
    assert!(gaps > 0, "nothing was left out");
    publisher.interrupt().succeeded();
}

#[test]
fn a_reload_publishes_somewhere_else() {
    let _turn = streamsocket_tests::turn();
    let mut relay = Relay::new();
    let config = relay.folder.path().join("daemon.toml");
    fs::write(&config, format!("to = \"{}\"\n", relay.url("Anna"))).unwrap();
    let publisher = Program::start(source().arg("--config").arg(&config));
    relay.wait_for_group("Anna");
    fs::write(&config, format!("to = \"{}\"\n", relay.url("Berta"))).unwrap();
    publisher.signal(Signal::SIGHUP);
    relay.program.wait_for("Anna' has ended");
    relay.wait_for_group("Berta");
    let said = publisher.interrupt().succeeded();
    assert!(!said.contains("trying again"), "{said}");
}
