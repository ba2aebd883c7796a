//! Users who come and go while everything goes on.

use crate::players::ffmpeg;
use crate::relaying::Relay;
use nix::sys::signal::Signal;
use std::fs;
use std::process::Command;
use streamsocket_tests::program::{Program, receiver};

const ANNA: (&str, &str) = ("anna", "correct horse");
const BERTA: (&str, &str) = ("berta", "battery staple");

fn publisher(relay: &Relay, login: &str, name: &str) -> Program {
    Program::start(&mut ffmpeg(&relay.url_as(login, name), "tcp"))
}

/// A viewer of what Berta publishes.
fn viewer(relay: &Relay, login: &str) -> Command {
    let mut command = receiver();
    command.args(["--mute", &relay.url_as(login, "Berta")]);
    command
}

#[test]
fn who_may_publish_and_watch_is_read_again_and_the_others_go_on() {
    let _turn = streamsocket_tests::turn();
    let mut relay = Relay::with(&[ANNA], "");
    let anna = publisher(&relay, "anna:correct%20horse@", "Anna");
    relay.wait_for_group("Anna");
    let refused = publisher(&relay, "berta:battery%20staple@", "Berta").finish();
    assert!(refused.said.contains("401"), "{}", refused.said);

    relay.reload(&[ANNA, BERTA]);
    let berta = publisher(&relay, "berta:battery%20staple@", "Berta");
    relay.wait_for_group("Berta");
    let [mut hers, mut his] = ["berta:battery%20staple@", "anna:correct%20horse@"]
        .map(|login| Program::start(&mut viewer(&relay, login)));
    for viewer in [&mut hers, &mut his] {
        viewer.wait_for("receiving by unicast");
    }

    // A mistake changes nothing.
    let file = relay.folder.path().join("users");
    let good = fs::read_to_string(&file).unwrap();
    fs::write(&file, "anna\n").unwrap();
    relay.program.signal(Signal::SIGHUP);
    relay.program.wait_for("; it goes on as before");
    fs::write(&file, good).unwrap();

    relay.reload(&[BERTA]);
    relay.program.wait_for("Anna' has ended: it may not publish any more");
    relay.program.wait_for("stopped watching over RTSP");
    assert!(!anna.finish().status.success());
    his.wait_for("trying again");
    // Nobody else was disturbed.
    let said = relay.program.said();
    assert!(!said.contains("Berta' has ended") && said.matches("stopped watching").count() == 1);
    let said = hers.interrupt().succeeded();
    assert!(!said.contains("trying again"), "{said}");
    drop(berta);
}
