//! Keys as users meet them: made, named, refused, exchanged, and never shown.

use crate::mistakes::{FAILURE, USAGE, refused};
use nix::unistd::Uid;
use std::fs::{self, Permissions};
use std::net::UdpSocket;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use streamsocket_tests::place::Place;
use streamsocket_tests::program::{Program, daemon, ours, receiver, text};
use streamsocket_tests::turn;

/// The user `nobody`, who has no rights.
const NOBODY: u32 = 65534;

fn write(path: &Path, text: impl AsRef<[u8]>, mode: u32) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// A new key, and the line of its file.
fn made(folder: &Path, name: &str) -> (PathBuf, String) {
    let path = folder.join(name);
    text(ours("streamsocket").args(["key", "new"]).arg(&path));
    let line = fs::read_to_string(&path).unwrap();
    (path, line)
}

/// Has a daemon read its configuration again. Whether it does, and what it says.
fn reload(place: Place) -> (bool, String) {
    let mut command = ours("streamsocket");
    command.args(["reload", "--name", &place.name()]);
    let output = command.stderr(Stdio::piped()).output().unwrap();
    (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn a_bad_key_file_is_told_by_each_program_before_anything_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let (good, line) = made(folder.path(), "good");
    let at = |name: &str| folder.path().join(name);
    write(&at("read"), &line, 0o644);
    write(&at("written"), &line, 0o602);
    write(&at("group"), &line, 0o660);
    write(&at("binary"), b"\xff\xfe\n", 0o600);
    write(&at("short"), "inline:AAECAwQF\n", 0o600);
    write(&at("words"), "too short\n", 0o600);
    write(&at("empty"), "# nothing\n", 0o600);
    write(&at("many"), line.repeat(5), 0o600);
    write(&at("large"), format!("#{}\n{line}", "x".repeat(20_000)), 0o600);
    let listener = UdpSocket::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let to = listener.local_addr().unwrap().to_string();
    for (name, part) in [
        ("none", "streamsocket key new"),
        (".", "it is a folder"),
        ("read", "every user of this machine can read it; run: chmod o= "),
        ("written", "every user of this machine can change it; run: chmod o= "),
        ("group", "its group can change it; run: chmod g-w "),
        ("binary", "it is no text (UTF-8)"),
        ("short", "line 1: a key has 30 bytes"),
        ("words", "line 1: a passphrase has 16 characters"),
        ("empty", "line 1: there is no key"),
        ("many", "line 5: there are four keys at most"),
        ("large", "it has more than 16384 bytes"),
    ] {
        let path = at(name);
        let parts = ["--key-file ", path.to_str().unwrap(), part];
        let mut sender = daemon();
        sender.args(["--no-announce", "--name", &Place::new().name(), "--video", "pattern"]);
        refused(sender.args(["--to", &to, "--key-file"]).arg(&path), USAGE, &parts);
        let mut viewer = receiver();
        viewer.args(["rtp://239.255.1.1:5004", "--key-file"]);
        refused(viewer.arg(&path), FAILURE, &parts);
        let mut gateway = ours("streamsocket-gateway");
        gateway.args(["--listen", "127.0.0.1:1", "--interface", "lo", "--key-file"]);
        refused(gateway.arg(&path), FAILURE, &parts);
    }
    let heard = listener.recv(&mut [0; 2000]);
    assert_eq!(heard.unwrap_err().kind(), std::io::ErrorKind::WouldBlock, "something was sent");
    let mut suite = daemon();
    let alone = ["--suite AEAD_AES_128_GCM", "no key", "--key-file FILE"];
    refused(suite.args(["--suite", "AEAD_AES_128_GCM"]), USAGE, &alone);
    let mut unknown = daemon();
    unknown.args(["--suite", "AES_CM_128_HMAC_SHA1_32", "--key-file"]);
    refused(unknown.arg(&good), USAGE, &["--suite", "AES_CM_128_HMAC_SHA1_80 or AEAD_AES_128_GCM"]);
}

#[test]
fn a_key_is_for_its_owner_where_it_usually_is_and_never_over_another_file() {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o777)).unwrap();
    // Where whoever has no rights can read it.
    let program = folder.path().join("streamsocket");
    fs::copy(ours("streamsocket").get_program(), &program).unwrap();
    let key = |order: &str| {
        let mut command = Command::new(&program);
        command.args(["key", order]).env("HOME", folder.path()).env_remove("XDG_CONFIG_HOME");
        command.current_dir(folder.path()).stdin(Stdio::null()).stdout(Stdio::null());
        if Uid::effective().is_root() {
            command.uid(NOBODY).gid(NOBODY);
        }
        command
    };
    let said = text(&mut key("new"));
    let path = folder.path().join(".config/streamsocket/key");
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o7777;
    assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
    let line = fs::read_to_string(&path).unwrap();
    assert!(said.contains(&format!("--key-file {}\n", path.display())), "{said}");
    assert_eq!(text(&mut key("show")), said);
    refused(&mut key("new"), FAILURE, &["/key is there already", "remove it"]);
    assert_eq!(fs::read_to_string(&path).unwrap(), line);
    // What a viewer pastes makes the same file.
    let paste = said.lines().find(|line| line.contains("umask")).unwrap();
    let viewer = tempfile::tempdir().unwrap();
    text(Command::new("sh").args(["-c", paste]).env("HOME", viewer.path()));
    let copy = viewer.path().join(".config/streamsocket/key");
    assert_eq!(fs::read_to_string(&copy).unwrap(), line);
    assert_eq!((mode(&copy), mode(copy.parent().unwrap())), (0o600, 0o700));
    let mut elsewhere = key("new");
    refused(elsewhere.arg("/no/such/key"), FAILURE, &["/no/such/key", "run this as root"]);
}

#[test]
fn a_changed_key_is_taken_by_a_reload_and_a_bad_one_is_not() {
    let _turn = turn();
    let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
    let (path, first) = made(folder.path(), "key");
    let mut sender = daemon();
    sender.args(["--video", "pattern", "--audio", "none", "--no-announce"]);
    sender.args(["--name", &place.name(), "--to", &place.to_string(), "--key-file"]);
    let mut sender = Program::start(sender.arg(&path));
    sender.wait_for("goes to");
    let (_, second) = made(folder.path(), "other");
    write(&path, format!("{second}{first}"), 0o600);
    let (reloaded, said) = reload(place);
    assert!(reloaded, "{said}");
    sender.wait_for("changed: applied");
    for (text, mode, part) in [
        (first.as_str(), 0o644, "every user of this machine can read it"),
        ("short\n", 0o600, "line 1: a passphrase has 16 characters or more"),
    ] {
        write(&path, text, mode);
        let (reloaded, said) = reload(place);
        assert!(!reloaded && said.contains(part), "{said}");
        assert!(said.contains("it goes on as before"), "{said}");
        sender.wait_for("it goes on as before");
    }
    // A passphrase takes its time, beside the loop.
    write(&path, "correct horse battery staple\n", 0o600);
    let (reloaded, said) = reload(place);
    assert!(reloaded, "{said}");
    sender.interrupt().succeeded();
}

#[test]
fn no_key_is_said_anywhere() {
    let _turn = turn();
    let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
    let (path, line) = made(folder.path(), "key");
    let secret = line.trim().strip_prefix("inline:").unwrap();
    let stats = folder.path().join("stats");
    let mut sender = daemon();
    sender.args(["--video", "pattern", "--audio", "none", "--name", &place.name()]);
    sender.args(["--to", &place.to_string(), "--stats"]).arg(&stats).env("RUST_LOG", "trace");
    let mut sender = Program::start(sender.arg("--key-file").arg(&path));
    sender.wait_for("goes to");
    let sdp = folder.path().join("it.sdp");
    fs::write(&sdp, text(ours("streamsocket").args(["sdp", "--name", &place.name()]))).unwrap();
    let mut viewer = receiver();
    viewer.args(["--mute", "--for", "2", "--key-file"]).arg(&path).arg(&sdp);
    let viewer = Program::start(viewer.env("RUST_LOG", "trace"));
    let arguments = [sender.id(), viewer.id()];
    let arguments = arguments.map(|id| fs::read(format!("/proc/{id}/cmdline")).unwrap());
    let asked = |order: &str, json: bool| {
        let mut command = ours("streamsocket");
        command.args([order, "--name", &place.name()]).args(json.then_some("--json"));
        text(&mut command)
    };
    let orders = ["status", "viewers", "sdp", "reload"];
    let mut said: Vec<_> =
        orders.iter().flat_map(|order| [asked(order, false), asked(order, true)]).collect();
    said.extend(arguments.map(|it| String::from_utf8_lossy(&it).into_owned()));
    said.push(viewer.finish().said);
    said.push(sender.interrupt().succeeded());
    said.push(fs::read_to_string(&stats).unwrap());
    for text in said {
        assert!(!text.contains(secret) && !text.contains(&secret[..12]), "{text}");
    }
}
