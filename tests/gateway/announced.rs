//! The page is found by who looks for pages on the LAN (mDNS).

use crate::client::{Gateway, free_port};
use std::io::{BufRead, BufReader, Lines};
use std::path::Path;
use std::process::{ChildStdout, Stdio};
use streamsocket_net::machine;
use streamsocket_tests::place::Place;
use streamsocket_tests::program::{Program, ours, peer};

/// Looks for these kinds of services.
fn looking(kinds: &[&str]) -> (Program, Lines<BufReader<ChildStdout>>) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("gateway/browse.py");
    // The distribution's own, which has the package.
    let mut python = peer("/usr/bin/python3");
    python.arg(script).args(kinds).stdout(Stdio::piped());
    let mut python = Program::start(&mut python);
    let lines = BufReader::new(python.stdout()).lines();
    (python, lines)
}

#[test]
fn the_page_is_announced_and_taken_back() {
    let place = Place::new();
    let [port, tls] = [free_port(), free_port()];
    let state = tempfile::tempdir().unwrap();
    let (_looking, mut lines) = looking(&["_http._tcp.local.", "_https._tcp.local."]);
    let mut command = ours("streamsocket-gateway");
    // All addresses: those of the loopback interface are told to nobody else.
    command.args(["--interface", "127.0.0.1", "--listen", &format!(":{port}")]);
    command.args(["--tls", &format!(":{tls}")]).env("STATE_DIRECTORY", state.path());
    let mut program = Program::start(command.arg(format!("rtp://{place}")));
    program.wait_for("pictures are at");
    let gateway = Gateway { program, port };
    let host = machine::host_name();
    let name = |kind: &str| format!("{kind}|StreamSocket on {host}.{kind}");
    for _ in 0..2 {
        let line = lines.next().unwrap().unwrap();
        let (kind, port) = if line.starts_with("_https") {
            ("_https._tcp.local.", tls)
        } else {
            ("_http._tcp.local.", port)
        };
        let expected = format!("{}|{host}-gateway.local.|{port}|127.0.0.1", name(kind));
        assert!(line.starts_with(&expected), "{line}");
    }
    // The name that is announced is ours.
    let own = format!("Host: {host}-gateway.local:{port}");
    assert_eq!(gateway.get("/status", &[&own]).status, 200);
    gateway.program.interrupt().succeeded();
    let mut gone: Vec<_> = (0..2).map(|_| lines.next().unwrap().unwrap()).collect();
    gone.sort();
    let expected = ["_http._tcp.local.", "_https._tcp.local."].map(name);
    assert_eq!(gone, expected.map(|it| format!("gone|{it}")));
}
