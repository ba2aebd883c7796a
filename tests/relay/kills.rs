//! What it costs viewers when somebody is killed or stopped: the time without a new picture, in a line each.

use crate::relaying::Relay;
use nix::sys::signal::Signal;
use std::thread::park_timeout;
use std::time::Duration;
use streamsocket_tests::board::monotonic;
use streamsocket_tests::long::long_or;
use streamsocket_tests::presented::{Presented, account, presented};
use streamsocket_tests::program::{Program, daemon, receiver};

/// What a picture may be late where nothing has happened to it, in seconds: the machine is shared.
const UNTOUCHED_MAX: f64 = 0.5;

/// A publisher of a test picture, 30 a second, with a tone.
fn publish(relay: &Relay, name: &str) -> Program {
    let mut command = daemon();
    command.args(["--video", "pattern", "--size", "320x240", "--audio", "tone"]);
    command.args(["--name", &relay.title(name)]);
    let mut publisher = Program::start(command.args(["--to", &relay.url(name)]));
    publisher.wait_for("is published to");
    publisher
}

fn view(relay: &Relay, name: &str) -> Program {
    let mut command = receiver();
    command.args(["--mute", &relay.title(name)]);
    let mut viewer = Program::start(account(&mut command));
    viewer.wait_for("receiving");
    viewer
}

/// The longest time without a new picture that ended between two times of CLOCK_MONOTONIC in nanoseconds, in seconds.
fn longest(decoded: &[Presented], (begin, end): (i64, i64)) -> f64 {
    let within = |it: &&[Presented]| (begin..end).contains(&it[1].at);
    let gaps = decoded.windows(2).filter(within).map(|pair| pair[1].at - pair[0].at);
    gaps.max().expect("pictures") as f64 / 1e9
}

#[test]
fn who_is_killed_or_stopped_costs_others_nothing_and_is_back_soon() {
    let _turn = streamsocket_tests::turn();
    (0..long_or(1, 10)).for_each(|_| kill_and_stop());
}

fn kill_and_stop() {
    let mut relay = Relay::new();
    let (mut anna, berta) = (publish(&relay, "Anna"), publish(&relay, "Berta"));
    let viewers = [view(&relay, "Anna"), view(&relay, "Berta")];
    let third = view(&relay, "Anna");
    let mut times = vec![monotonic()];
    let mut goes_on = |seconds| {
        park_timeout(Duration::from_secs(seconds));
        times.push(monotonic());
    };
    goes_on(1);
    third.signal(Signal::SIGKILL);
    goes_on(1);
    anna.signal(Signal::SIGKILL);
    // Until then it has its name.
    anna.wait();
    let anna = publish(&relay, "Anna");
    goes_on(2);
    anna.signal(Signal::SIGSTOP);
    park_timeout(Duration::from_secs(1));
    anna.signal(Signal::SIGCONT);
    goes_on(1);
    relay.program.signal(Signal::SIGSTOP);
    park_timeout(Duration::from_secs(1));
    relay.program.signal(Signal::SIGCONT);
    goes_on(1);
    relay.restart(Signal::SIGKILL);
    for _ in ["Anna", "Berta"] {
        relay.program.wait_for(" publishes '");
    }
    goes_on(3);
    let decoded = viewers.map(|it| presented(&it.interrupt().succeeded().to_string(), "decoded"));
    let killed = [
        ("nobody", [UNTOUCHED_MAX; 2]),
        ("a viewer is killed", [UNTOUCHED_MAX; 2]),
        ("publisher A is killed and started again", [6.0, UNTOUCHED_MAX]),
        ("publisher A is stopped for 1 s", [2.0, UNTOUCHED_MAX]),
        ("the relay is stopped for 1 s", [2.0; 2]),
        ("the relay is killed and started again", [15.0; 2]),
    ];
    for (pair, (who, most)) in times.windows(2).zip(killed) {
        let longest = [0, 1].map(|of| longest(&decoded[of], (pair[0], pair[1])));
        let [a, b] = longest;
        println!("{who}: {a:.2} s without a new picture of A, {b:.2} s of B");
        assert!(a < most[0] && b < most[1], "{who}: {longest:?}, at most {most:?}");
    }
    anna.interrupt().succeeded();
    berta.interrupt().succeeded();
}
