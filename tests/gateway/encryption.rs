//! What is encrypted, and with which certificate.

use crate::client::{Gateway, free_port};
use crate::requests::{password_file, sending};
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use streamsocket_tests::board::wait_until;
use streamsocket_tests::place::Place;
use streamsocket_tests::program::{Program, ours, output, peer, text};

/// What curl says of a URL, with a certificate that it trusts, if there is one.
fn curl(url: &str, trusted: Option<&Path>, more: &[&str]) -> String {
    let mut curl = peer("curl");
    curl.args(["-s", "-S", "-i", "--max-time", "20", url]).args(more);
    match trusted {
        Some(path) => curl.arg("--cacert").arg(path),
        None => curl.arg("-k"),
    };
    String::from_utf8_lossy(&output(&mut curl)).into_owned()
}

#[test]
fn a_certificate_is_made_once_and_trusted_by_who_knows_it() {
    let (place, state) = (Place::new(), tempfile::tempdir().unwrap());
    let _daemon = sending(place, "20");
    let (gateway, port) = Gateway::encrypted(place, state.path(), &["--redirect"]);
    let url = format!("https://localhost:{port}/status");
    let cert = state.path().join("cert.pem");
    assert!(curl(&url, Some(&cert), &[]).starts_with("HTTP/1.1 200"));
    let made = fs::read(&cert).unwrap();
    let sent_on = gateway.get("/a/stream?fps=5", &[]);
    assert_eq!(sent_on.status, 307);
    let to = format!("location: https://127.0.0.1:{port}/a/stream?fps=5");
    assert!(sent_on.head.contains(&to), "{}", sent_on.head);
    let stream = format!("https://127.0.0.1:{port}/stream");
    let mut ffmpeg = peer("ffmpeg");
    ffmpeg.args(["-nostdin", "-v", "error", "-i", &stream, "-frames:v", "5", "-f", "null", "-"]);
    output(&mut ffmpeg);
    gateway.program.interrupt().succeeded();
    let (_gateway, port) = Gateway::encrypted(place, state.path(), &[]);
    assert!(curl(&format!("https://localhost:{port}/"), Some(&cert), &[]).contains("200 OK"));
    assert_eq!(fs::read(&cert).unwrap(), made, "kept");
}

#[test]
fn a_certificate_that_is_named_is_shown_and_a_wrong_one_is_told() {
    let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
    let [cert, key] = ["own.crt", "own.key"].map(|name| folder.path().join(name));
    let mut openssl = peer("openssl");
    openssl.args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]);
    openssl.args(["-subj", "/CN=cam.example.org", "-addext", "subjectAltName=DNS:cam.example.org"]);
    text(openssl.arg("-out").arg(&cert).arg("-keyout").arg(&key));
    let files = ["--cert", cert.to_str().unwrap(), "--key", key.to_str().unwrap()];
    let named = [&files[..], &["--host", "cam.example.org"]].concat();
    let (_gateway, port) = Gateway::encrypted(place, folder.path(), &named);
    let here = format!("cam.example.org:{port}:127.0.0.1");
    let url = format!("https://cam.example.org:{port}/status");
    assert!(curl(&url, Some(&cert), &["--resolve", &here]).starts_with("HTTP/1.1 200"));
    let mut gateway = ours("streamsocket-gateway");
    let listen = format!("127.0.0.1:{}", free_port());
    gateway.args(["--listen", &listen, "--tls", "127.0.0.1:9", "--cert", "/nowhere/a.pem"]);
    let ended = Program::start(gateway.args(["--key", key.to_str().unwrap()])).finish();
    assert_eq!(ended.status.code(), Some(1), "{}", ended.said);
    assert!(ended.said.contains("--cert: /nowhere/a.pem: "), "{}", ended.said);
}

#[test]
fn a_password_goes_with_a_cookie_that_is_encrypted_only() {
    let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
    let path = folder.path().join("password");
    password_file(&path, "correct horse\ncorrect horse\n").succeeded();
    let options = ["--password-file", path.to_str().unwrap()];
    let (_gateway, port) = Gateway::encrypted(place, folder.path(), &options);
    let url = format!("https://127.0.0.1:{port}/status");
    assert!(curl(&url, None, &[]).starts_with("HTTP/1.1 401"));
    let answer = curl(&url, None, &["-u", "me:correct horse"]);
    assert!(answer.contains("; HttpOnly; SameSite=Strict; Secure\r\n"), "{answer}");
}

#[test]
fn who_says_nothing_or_rubbish_is_let_go_and_others_watch() {
    let (place, state) = (Place::new(), tempfile::tempdir().unwrap());
    let _daemon = sending(place, "20");
    let (gateway, port) = Gateway::encrypted(place, state.path(), &[]);
    wait_until("a picture", || gateway.get("/snapshot", &[]).status == 200);
    let connect = |port: u16, said: &[u8]| {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.write_all(said).unwrap();
        stream
    };
    // A slow request, one that is no request, half a greeting, and plain HTTP where it is to be encrypted.
    let endless = format!("GET / HTTP/1.1\r\nX: {}", "x".repeat(7000));
    let mut held: Vec<TcpStream> = (0..100)
        .map(|number| match number % 5 {
            0 => connect(gateway.port, b""),
            1 => connect(gateway.port, b"GET /stream HTTP/1.1\r\nHost: "),
            2 => connect(gateway.port, endless.as_bytes()),
            3 => connect(port, b"\x16\x03\x01\x02"),
            _ => connect(port, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        })
        .collect();
    assert_eq!(gateway.get("/snapshot", &[]).status, 200);
    assert!(curl(&format!("https://127.0.0.1:{port}/status"), None, &[]).contains("200 OK"));
    let mut rest = Vec::new();
    for stream in &mut held {
        stream.set_read_timeout(Some(streamsocket_tests::program::PATIENCE)).unwrap();
        // An answer, an alert, or nothing; but an end.
        rest.clear();
        let ended = stream.read_to_end(&mut rest);
        let reset = |error: &std::io::Error| error.kind() == std::io::ErrorKind::ConnectionReset;
        assert!(ended.is_ok() || ended.as_ref().is_err_and(reset), "{ended:?}");
    }
    assert_eq!(gateway.get("/snapshot", &[]).status, 200);
}
