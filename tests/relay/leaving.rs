//! Publishers that are killed, stopped or silent, and that return; and the end of the relay.

use crate::players::ffmpeg;
use crate::pusher::{OWN, Pusher, Way, packet};
use crate::relaying::{Relay, announced, of, to_port};
use nix::sys::signal::Signal;
use std::thread::park_timeout;
use std::time::Duration;
use streamsocket_tests::board::{monotonic, wait_until};
use streamsocket_tests::program::Program;
use streamsocket_tests::wire::Tap;
use streamsocket_wire::sdp::Session;

/// The RTCP packet that says goodbye.
const GOODBYE: u8 = 203;

#[test]
fn a_publisher_that_is_killed_leaves_and_goes_on_in_the_same_place() {
    let _turn = streamsocket_tests::turn();
    let mut relay = Relay::new();
    let title = relay.title("Anna");
    let publisher = Program::start(&mut ffmpeg(&relay.url("Anna"), "udp"));
    let group = relay.wait_for_group("Anna");
    let tap = Tap::on(of(group));
    let mut got = Vec::new();
    wait_until("packets", || {
        got.extend(tap.so_far());
        to_port(&got, 0).len() > 100 && !announced(&got, &title).is_empty()
    });
    let killed = monotonic();
    publisher.signal(Signal::SIGKILL);
    relay.program.wait_for("has ended: its connection has ended");
    assert!(monotonic() - killed < 5_000_000_000);
    wait_until("a deletion", || {
        got.extend(tap.so_far());
        announced(&got, &title).last().unwrap().0
    });
    // They are sent before it, but by other ways of the kernel.
    wait_until("goodbyes", || {
        got.extend(tap.so_far());
        [1, 3].iter().all(|above| to_port(&got, *above).last().unwrap()[9] == GOODBYE)
    });
    let before = announced(&got, &title)[0].1.clone();
    drop(publisher);
    let _publisher = Program::start(&mut ffmpeg(&relay.url("Anna"), "udp"));
    assert_eq!(relay.wait_for_group("Anna"), group);
    got.clear();
    wait_until("a description", || {
        got.extend(tap.so_far());
        announced(&got, &title).iter().any(|(deletion, _)| !deletion)
    });
    let after = announced(&got, &title).last().unwrap().1.clone();
    let [before, after] = [&before, &after].map(|text| Session::parse(text).unwrap());
    assert_eq!((before.session_id, before.origin), (after.session_id, after.origin));
    assert!(after.version > before.version);
}

#[test]
fn a_publisher_that_is_stopped_for_two_seconds_goes_on() {
    let _turn = streamsocket_tests::turn();
    let mut relay = Relay::new();
    let publisher = Program::start(&mut ffmpeg(&relay.url("Anna"), "udp"));
    let tap = Tap::on(of(relay.wait_for_group("Anna")));
    wait_until("packets", || !to_port(&tap.so_far(), 0).is_empty());
    publisher.signal(Signal::SIGSTOP);
    park_timeout(Duration::from_secs(2));
    tap.so_far();
    publisher.signal(Signal::SIGCONT);
    wait_until("packets again", || !to_port(&tap.so_far(), 0).is_empty());
    assert!(!relay.program.said().contains("has ended"));
}

#[test]
fn a_publisher_of_which_nothing_comes_is_gone_within_five_seconds() {
    let _turn = streamsocket_tests::turn();
    let mut relay = Relay::new();
    let mut silent = Pusher::begin(&relay, "Anna", Way::Udp);
    relay.wait_for_group("Anna");
    // It goes on with requests, and sends nothing.
    let begun = monotonic();
    silent.send(0, &packet(OWN, 26, 1, 100));
    park_timeout(Duration::from_secs(2));
    assert_eq!(silent.ask("GET_PARAMETER", "", "", "").0, 200);
    relay.program.wait_for("has ended: nothing has come from its publisher for 5 s");
    let took = monotonic() - begun;
    assert!((4_900_000_000..6_000_000_000).contains(&took), "{took}");
    assert!(silent.has_ended());
    let _again = Pusher::begin(&relay, "Anna", Way::Udp);
}

#[test]
fn the_relay_ends_with_goodbyes_and_deletions() {
    let _turn = streamsocket_tests::turn();
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let mut relay = Relay::with(&[], "group = \"239.255.251.0\"\n");
        let title = relay.title("Anna");
        let mut anna = Pusher::begin(&relay, "Anna", Way::Tcp);
        let group = relay.wait_for_group("Anna");
        let _berta = Pusher::begin(&relay, "Berta", Way::Tcp);
        let groups = [group, relay.wait_for_group("Berta")];
        assert_eq!(groups.map(|it| it.octets()), [[239, 255, 251, 0], [239, 255, 251, 2]]);
        let tap = Tap::on(of(group));
        anna.send(0, &packet(OWN, 26, 1, 100));
        let mut got = Vec::new();
        wait_until("an announcement", || {
            got.extend(tap.so_far());
            !announced(&got, &title).is_empty() && !to_port(&got, 0).is_empty()
        });
        relay.program.signal(signal);
        relay.program.succeed();
        got.extend(tap.close());
        assert!(announced(&got, &title).last().unwrap().0);
        assert_eq!(to_port(&got, 1).last().unwrap()[9], GOODBYE);
    }
}
