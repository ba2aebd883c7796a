//! Behind a proxy, below a path of its own, as printers and homes have it.

use crate::browser::Browser;
use crate::client::{Gateway, free_port};
use crate::page::{flashing, pictures_go_on};
use std::fs;
use std::net::TcpStream;
use std::path::Path;
use streamsocket_tests::board::wait_until;
use streamsocket_tests::place::Place;
use streamsocket_tests::program::{Program, peer};

/// Whether a program is there; says so if it is not. CI has all of them.
fn is_installed(name: &str) -> bool {
    let there =
        ["/usr/sbin", "/usr/bin"].iter().any(|folder| Path::new(folder).join(name).exists());
    if !there {
        println!("{name}: not tried, because it is not installed: scripts/setup proxies");
    }
    there
}

/// A proxy that has started.
fn start(name: &str, arguments: &[&str], port: u16) -> Program {
    let mut proxy = peer(&format!("/usr/sbin/{name}"));
    let proxy = Program::start(proxy.args(arguments));
    wait_until("the proxy", || TcpStream::connect(("127.0.0.1", port)).is_ok());
    proxy
}

/// What the README has for nginx.
fn location() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let readme = fs::read_to_string(path).unwrap();
    let begin = readme.find("    location /webcam/ {").unwrap();
    let end = readme[begin..].find("    }\n").unwrap();
    readme[begin..][..end].to_owned() + "}"
}

fn shows_pictures(port: u16) {
    let mut browser = Browser::knowing("printer.local");
    assert_eq!(browser.tell("goto", format!("http://printer.local:{port}/webcam/")), 200);
    pictures_go_on(&mut browser);
    assert_eq!(browser.errors(), [""; 0]);
}

#[test]
fn the_page_works_below_a_path_of_nginx() {
    if !is_installed("nginx") {
        return;
    }
    let _turn = streamsocket_tests::turn();
    let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
    let (_daemon, gateway) = (flashing(place), Gateway::of_known_as(place, "printer.local"));
    let (port, to) = (free_port(), gateway.port);
    let path = folder.path().join("nginx.conf");
    let own = folder.path().display();
    let location = location().replace("127.0.0.1:8080", &format!("127.0.0.1:{to}"));
    let text = format!(
        "daemon off; master_process off; pid {own}/pid; error_log stderr; events {{}}\n\
         http {{ access_log off; client_body_temp_path {own}/a; proxy_temp_path {own}/b; \
         fastcgi_temp_path {own}/c; uwsgi_temp_path {own}/d; scgi_temp_path {own}/e;\n\
         server {{ listen 127.0.0.1:{port}; {location} }} }}\n"
    );
    fs::write(&path, text).unwrap();
    let _nginx = start("nginx", &["-c", path.to_str().unwrap()], port);
    shows_pictures(port);
    // Whoever is further away than this machine's networks is not served, whatever asks for him.
    let far = gateway.get("/status", &["X-Forwarded-For: 203.0.113.5"]);
    assert_eq!(far.status, 403);
    assert!(far.text().contains("--allow"), "{}", far.text());
}

#[test]
fn the_page_works_below_a_path_of_haproxy_which_says_for_whom() {
    if !is_installed("haproxy") {
        return;
    }
    let _turn = streamsocket_tests::turn();
    let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
    let _daemon = flashing(place);
    let (host, source) = (["--host", "printer.local"], format!("rtp://{place}"));
    let own = ["--proxy", "127.0.0.1", "--allow", "198.51.100.0/24", &source];
    let mut gateway = Gateway::start(&[&host[..], &own[..]].concat());
    gateway.program.wait_for("is received");
    let (port, to) = (free_port(), gateway.port);
    let path = folder.path().join("haproxy.cfg");
    let text = format!(
        "defaults\n mode http\n option forwardfor\n timeout connect 5s\n timeout client 15m\n \
         timeout server 15m\nfrontend public\n bind 127.0.0.1:{port}\n \
         use_backend webcam if {{ path_beg /webcam/ }}\nbackend webcam\n \
         http-request replace-path /webcam/(.*) /\\1\n server webcam 127.0.0.1:{to}\n"
    );
    fs::write(&path, text).unwrap();
    let _haproxy = start("haproxy", &["-f", path.to_str().unwrap()], port);
    shows_pictures(port);
    let asked = |hops: &str| gateway.get("/status", &[&format!("X-Forwarded-For: {hops}")]).status;
    assert_eq!([asked("198.51.100.7"), asked("203.0.113.5")], [200, 403]);
}
