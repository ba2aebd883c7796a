//! What is said of protected sessions: that they are, and never by what.

use super::{Sealed, bytes_of, hex};
use std::fs;
use std::path::Path;
use std::process::Command;
use streamsocket_srtp::suite::Suite;
use streamsocket_tests::clip::clip;
use streamsocket_tests::place::Place;
use streamsocket_tests::program::{Program, ours, receiver, text};
use streamsocket_tests::session::{daemon_at, file};
use streamsocket_tests::turn;
use streamsocket_tests::wire::{SAP, Tap};

/// Asserts that a program ends with exit code 1 and one line of error, with these words in it.
#[track_caller]
fn assert_refused(command: &mut Command, words: &[&str]) {
    let ended = Program::start(command).finish();
    assert_eq!(ended.status.code(), Some(1), "{}", ended.said);
    let errors: Vec<_> = ended.said.lines().filter(|line| line.contains("error: ")).collect();
    assert_eq!(errors.len(), 1, "{}", ended.said);
    words.iter().for_each(|word| assert!(errors[0].contains(word), "{}", ended.said));
}

/// A receiver of a user who has no key of his own.
fn keyless(sdp: &Path, home: &Path) -> Command {
    let mut command = receiver();
    command.args(["--mute", "--for", "4"]).arg(sdp);
    command.env("HOME", home).env_remove("XDG_CONFIG_HOME");
    command
}

#[test]
fn who_has_no_key_or_a_wrong_one_is_told_and_who_wants_protection_gets_nothing_else() {
    let _turn = turn();
    let sealed = Sealed::new();
    let home = tempfile::tempdir().unwrap();
    let daemon = sealed.sends("640x480", Suite::AesCm128HmacSha1_80, &[]);
    let (name, sdp) = (sealed.place.name(), sealed.at("it.sdp"));
    let is_protected = [&name, " is protected: ", "--key-file"];
    assert_refused(&mut keyless(&sdp, home.path()), &is_protected);
    // By its announcement, too.
    assert_refused(&mut keyless(Path::new(&name), home.path()), &is_protected);
    sealed.make_key("other");
    let mut wrong = keyless(&sdp, home.path());
    wrong.arg("--key-file").arg(sealed.at("other"));
    assert_refused(&mut wrong, &["were refused", "protected with another key"]);
    let listed = Command::new("timeout")
        .args(["-s", "INT", "4"])
        .arg(ours("streamsocket-receiver").get_program())
        .args(["--interface", "127.0.0.1", "--list"])
        .output()
        .unwrap();
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    let line = listed.lines().find(|line| line.contains(&name));
    assert!(line.is_some_and(|line| line.contains("video and sound, protected")), "{listed}");
    daemon.interrupt().succeeded();
    let (place, open) = (Place::new(), sealed.at("open.sdp"));
    let mut command = daemon_at(place);
    command.args(["--video", &file(&clip("640x480")), "--audio", "none", "--loop", "--sdp"]);
    let mut daemon = Program::start(command.arg(&open));
    daemon.wait_for("goes to");
    assert_refused(&mut sealed.receiver(&open), &["is not protected", "leave that option out"]);
    daemon.interrupt().succeeded();
}

#[test]
fn who_has_no_key_to_one_in_a_room_is_told_once() {
    let _turn = turn();
    let (sealed, home) = (Sealed::new(), tempfile::tempdir().unwrap());
    let (name, room) = (sealed.place.name(), Place::new().name());
    let suite = Suite::AesCm128HmacSha1_80;
    let daemon = sealed.sends("640x480", suite, &["--room", &room]);
    let mut viewer = receiver();
    // It is tried again after five seconds.
    viewer.args(["--room", &room, "--for", "9"]).env("HOME", home.path());
    let said = Program::start(viewer.env_remove("XDG_CONFIG_HOME")).finish().said;
    let about = |line: &&str| line.contains(&format!("'{name}' is not shown: "));
    let lines: Vec<&str> = said.lines().filter(about).collect();
    assert!(lines.len() == 1 && lines[0].contains("protected"), "{said}");
    daemon.interrupt().succeeded();
}

/// A key in the forms that it might be said in.
struct Key {
    forms: Vec<Vec<u8>>,
}

impl Key {
    fn of(sealed: &Sealed) -> Self {
        let line = sealed.line("key");
        let text = line.trim().trim_start_matches("inline:");
        let raw = bytes_of(&sealed.master());
        let halves = raw.chunks(8).filter(|it| it.len() == 8);
        let mut forms: Vec<Vec<u8>> = halves.clone().map(<[u8]>::to_vec).collect();
        forms.extend(halves.clone().map(|it| hex(it).into_bytes()));
        forms.extend(halves.map(|it| hex(it).to_uppercase().into_bytes()));
        forms.extend(text.as_bytes().chunks(10).map(<[u8]>::to_vec));
        Self { forms }
    }

    /// Asserts that no part of it is in there.
    #[track_caller]
    fn assert_absent(&self, bytes: &[u8], place: &str) {
        for form in &self.forms {
            let found = bytes.windows(form.len()).any(|window| window == form);
            assert!(!found, "the key is in {place}");
        }
    }
}

#[test]
fn no_part_of_a_key_is_announced_described_logged_or_seen_by_other_users() {
    let _turn = turn();
    let sealed = Sealed::new();
    let key = Key::of(&sealed);
    let tap = Tap::open(sealed.place);
    let stats = [sealed.at("sender.json"), sealed.at("viewer.json")];
    let mut command = sealed.daemon("640x480", Suite::AesCm128HmacSha1_80);
    command.args(["--loop", "--stats"]).arg(&stats[0]).env("RUST_LOG", "trace");
    let mut daemon = Program::start(&mut command);
    daemon.wait_for("goes to");
    let mut command = sealed.receiver(&sealed.at("it.sdp"));
    command.arg("--stats").arg(&stats[1]).env("RUST_LOG", "trace");
    let mut viewer = Program::start(&mut command);
    viewer.wait_for("receiving");
    for (program, id) in [("daemon", daemon.id()), ("receiver", viewer.id())] {
        for file in ["cmdline", "environ"] {
            let bytes = fs::read(format!("/proc/{id}/{file}")).unwrap();
            key.assert_absent(&bytes, &format!("the {program}'s {file}"));
        }
    }
    for order in ["status", "viewers", "sdp", "reload"] {
        for json in [&[][..], &["--json"]] {
            let mut command = ours("streamsocket");
            let said = text(command.args([order, "--name", &sealed.place.name()]).args(json));
            key.assert_absent(said.as_bytes(), order);
        }
    }
    key.assert_absent(viewer.interrupt().succeeded().as_bytes(), "the receiver's log");
    key.assert_absent(daemon.interrupt().succeeded().as_bytes(), "the daemon's log");
    for file in stats.into_iter().chain([sealed.at("it.sdp")]) {
        key.assert_absent(&fs::read(&file).unwrap(), file.to_str().unwrap());
    }
    let datagrams = tap.close();
    let announced: Vec<_> = datagrams.iter().filter(|it| it.to == SAP).collect();
    let own = format!("s={}", sealed.place.name());
    let says = |text: &str| {
        announced.iter().any(|it| {
            let said = String::from_utf8_lossy(&it.bytes);
            said.contains(&own) && said.contains(text)
        })
    };
    assert!(says("RTP/SAVP") && says("a=x-protected:AES_CM_128_HMAC_SHA1_80"));
    assert!(!says("a=crypto") && !says("a=key-mgmt") && !says("x-rollovers"));
    for datagram in &datagrams {
        key.assert_absent(&datagram.bytes, &format!("a packet to {}", datagram.to));
    }
}
