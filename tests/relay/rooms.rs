//! A relay on one machine, and a receiver that publishes on each: nobody is told an address.

use crate::relaying::Relay;
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use streamsocket_tests::card::Card;
use streamsocket_tests::program::{Program, receiver};
use streamsocket_tests::report::track;

/// A receiver in the relay's room that sends a test picture and a tone under this name; its configuration says more.
fn member(relay: &Relay, name: &str, more: &str) -> Command {
    let path = relay.folder.path().join(format!("{name}.toml"));
    let name = format!("{} {name}", relay.room);
    let own = format!(
        "video = \"pattern\"\naudio = \"tone\"\nsize = \"320x240\"\nrtsp = \"off\"\nname = \"{name}\"\n"
    );
    fs::write(&path, own + more).unwrap();
    let mut command = receiver();
    command.args(["--room", &relay.room, &format!("--publish={}", path.display())]);
    command
}

#[test]
fn everybody_sees_everybody_by_the_relay_that_announces_the_room() {
    let _turn = streamsocket_tests::turn();
    let mut relay = Relay::new();
    let names = ["one", "two"].map(|name| relay.title(&format!("{} {name}", relay.room)));
    let mut one = member(&relay, "one", "");
    let card = Card::new(relay.folder.path(), 0);
    let one = card.play(one.args(["--stats", "-", "--for", "6"]));
    let mut one = Program::start(one.stdout(Stdio::piped()));
    let said = one.wait_for("it is published there");
    assert!(said.contains(&format!("rtsp://127.0.0.1:{}/room%20", relay.port)), "{said}");
    let mut two = Program::start(member(&relay, "two", "").arg("--mute"));
    for program in [&mut one, &mut two] {
        let both = [program.wait_for("receiving "), program.wait_for("receiving ")].concat();
        assert!(names.iter().all(|it| both.contains(it)), "{both}");
    }
    let lines = BufReader::new(one.stdout()).lines().map_while(Result::ok);
    let seconds: Vec<serde_json::Value> =
        lines.map(|line| serde_json::from_str(&line).unwrap()).collect();
    let said = one.succeed();
    // What one says oneself comes back from the relay, and is not played.
    let [own, other] = [0, 1].map(|at| {
        let of = seconds.iter().rev().find(|it| it["source"] == names[at]);
        track(of.expect(&said), "audio").clone()
    });
    assert!(own["samples"].as_u64() > Some(96_000), "{own}");
    assert_eq!(own["samples_played"], 0, "{own}");
    assert!(other["samples_played"].as_u64() > Some(48_000), "{other}");
    relay.program.wait_for("one' has ended: its publisher has said so");
    two.interrupt().succeeded();
}

#[test]
fn a_relay_with_users_is_published_to_by_a_configuration_that_has_a_password() {
    let _turn = streamsocket_tests::turn();
    let mut relay = Relay::with(&[("anna", "correct horse")], "");
    let mut stranger = Program::start(member(&relay, "stranger", "").arg("--mute"));
    stranger.wait_for("wants a name and a password: put them into the address");
    stranger
        .wait_for("the relay does not take what this machine sends: it goes to a group of its own");
    stranger.wait_for(&format!("receiving {} stranger", relay.room));
    stranger.interrupt().succeeded();
    let to = relay.url_as("anna:correct%20horse@", "Anna");
    let mut anna = member(&relay, "anna", &format!("to = \"{to}\"\n"));
    let mut anna = Program::start(anna.arg("--mute"));
    relay.wait_for_group("Anna");
    anna.wait_for(&format!("receiving {}", relay.title("Anna")));
    let said = anna.interrupt().succeeded();
    assert!(!said.contains("horse"), "{said}");
}
