//! Links that let their holders watch, which caches check by themselves.

use crate::client::{
    Answer, Origin, TRACKS, ask, beside_others, camera, folder, free_port, path, probed,
};
use std::fs;
use std::net::TcpStream;
use std::path::Path;
use std::process::Stdio;
use streamsocket_tests::board::wait_until;
use streamsocket_tests::machine::not_run;
use streamsocket_tests::place::Place;
use streamsocket_tests::program::{Program, ours, output, peer, text};

/// A link to a session, as the command prints it.
fn link(secret: &Path, name: &str, valid: &str) -> String {
    let mut command = ours("streamsocket-origin");
    command.args(["token", name, "--for", valid, "--token-file"]).arg(secret);
    text(command.stdout(Stdio::piped())).trim_end().to_owned()
}

/// The same with another letter in its signature.
fn forged(link: &str) -> String {
    let mut parts: Vec<_> = link.split('/').map(str::to_owned).collect();
    let other = if parts[3].starts_with('A') { "B" } else { "A" };
    parts[3].replace_range(..1, other);
    parts.join("/")
}

/// The same with another end.
fn longer(link: &str) -> String {
    let mut parts: Vec<_> = link.split('/').map(str::to_owned).collect();
    parts[2] = (parts[2].parse::<u64>().unwrap() + 1000).to_string();
    parts.join("/")
}

/// The same, for another session.
fn of_other(link: &str, name: &str) -> String {
    let own = link.rsplitn(3, '/').nth(2).unwrap();
    format!("{own}{}", folder(name))
}

fn cors(answer: &Answer) -> Option<&str> {
    answer.header("access-control-allow-origin")
}

const FOREIGN: [&str; 1] = ["Origin: https://news.example.org"];

#[test]
fn who_has_a_link_watches_one_session_until_it_expires() {
    let _turn = beside_others();
    let (one, other, own) = (Place::new(), Place::new(), tempfile::tempdir().unwrap());
    let secret = own.path().join("secret");
    let name = one.name();
    let good = link(&secret, &name, "1h");
    let short = link(&secret, &name, "1s");
    let theirs = link(&secret, &other.name(), "1h");
    let _camera = camera(one);
    let file = secret.to_str().unwrap();
    let origin = Origin::start(&["--token-file", file, &name, &format!("Other=rtp://{other}")]);
    let status = |path: &str| origin.get(path).status;
    wait_until("a session", || status(&format!("{good}live.m3u8")) == 200);
    for track in TRACKS {
        let live = format!("{good}{track}/live.m3u8");
        wait_until("segments", || origin.get(&live).text().matches("#EXTINF").count() >= 2);
        assert_eq!(status(&path(&name, &format!("{track}/live.m3u8"))), 403);
    }
    let read = probed(&origin.url(&format!("{good}live.m3u8")), &["-show_streams"]);
    assert!(read["streams"].as_array().unwrap().len() >= 4, "{read}");
    wait_until("the end", || status(&format!("{short}live.m3u8")) == 403);
    for (link, said) in [
        (folder(&name), "a link is needed"),
        ("/".to_owned(), "a link is needed"),
        ("/status.json".to_owned(), "a link is needed"),
        (short, "expired"),
        (forged(&good), "no good"),
        (longer(&good), "no good"),
        (of_other(&theirs, &name), "no good"),
        (of_other(&good, "Other"), "no good"),
    ] {
        for file in ["", "live.m3u8", "low/live.m3u8", "low/1.mp4"] {
            let answer = origin.get(&format!("{link}{file}"));
            assert_eq!(answer.status, 403, "{link}{file}: {}", answer.text());
            assert!(answer.text().contains(said), "{link}{file}: {}", answer.text());
            assert_eq!(answer.header("cache-control"), Some("no-store"), "{link}{file}");
        }
    }
    // What is there for whoever has a link, any page may show; the answer alike for all is what caches keep.
    let shown = origin.ask("GET", &format!("{good}live.m3u8"), &FOREIGN, "");
    assert_eq!((shown.status, cors(&shown)), (200, Some("*")));
    assert!(origin.text(&good).contains("<title>"), "the page");
}

#[test]
fn without_links_no_other_site_shows_what_is_here() {
    let _turn = beside_others();
    let place = Place::new();
    let name = place.name();
    let (_camera, origin) = (camera(place), Origin::start(&[&name]));
    origin.wait_for_segments(&name, &["low"], 1);
    let own = origin.get(&path(&name, "live.m3u8"));
    assert_eq!((own.status, cors(&own)), (200, None));
    let foreign = origin.ask("GET", &path(&name, "live.m3u8"), &FOREIGN, "");
    assert_eq!(cors(&foreign), None, "{}", foreign.head);
}

/// A cache that has started; none if it is not installed, which is said.
fn cache(test: &str, name: &str, arguments: &[&str], port: u16) -> Option<Program> {
    let path = format!("/usr/sbin/{name}");
    if !Path::new(&path).exists() {
        not_run(test, &format!("{name} is not installed: scripts/setup proxies"));
        return None;
    }
    if name == "nginx" {
        let built = peer(&path).arg("-V").output().unwrap().stderr;
        if !String::from_utf8_lossy(&built).contains("http_secure_link_module") {
            not_run(test, "this nginx was built without secure_link");
            return None;
        }
    }
    let program = Program::start(peer(&path).args(arguments));
    wait_until("the cache", || TcpStream::connect(("127.0.0.1", port)).is_ok());
    Some(program)
}

/// What a cache at this port answers to good links and others, if it checks them itself: nobody is behind it.
fn checks(port: u16, secret: &Path, behind: &Origin, name: &str) {
    let (good, short) = (link(secret, name, "1h"), link(secret, name, "1s"));
    let get = |path: &str| ask(port, "GET", path, &[], "");
    let answer = get(&format!("{good}live.m3u8"));
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.body, behind.get(&path(name, "live.m3u8")).body);
    wait_until("the end", || get(&format!("{short}live.m3u8")).status == 403);
    for wrong in [folder(name), short, forged(&good), longer(&good), of_other(&good, "Other")] {
        assert_eq!(get(&format!("{wrong}live.m3u8")).status, 403, "{wrong}");
    }
    let read = probed(&format!("http://127.0.0.1:{port}{good}live.m3u8"), &["-show_streams"]);
    assert!(read["streams"].as_array().unwrap().len() >= 4, "{read}");
}

/// A secret that the command has made, and what is in it.
fn secret(folder: &Path) -> (std::path::PathBuf, String) {
    let path = folder.join("secret");
    link(&path, "nobody", "1h");
    let text = fs::read_to_string(&path).unwrap().trim_end().to_owned();
    (path, text)
}

#[test]
fn nginx_checks_links() {
    let _turn = beside_others();
    let (place, own) = (Place::new(), tempfile::tempdir().unwrap());
    let name = place.name();
    let (file, secret) = secret(own.path());
    let (port, conf) = (free_port(), own.path().join("nginx.conf"));
    // Without tokens of its own: it is the cache that checks.
    let (_camera, origin) = (camera(place), Origin::start(&[&name]));
    let (to, own) = (origin.port, own.path().display());
    let text = format!(
        "daemon off; master_process off; pid {own}/pid; error_log stderr; events {{}}\n\
         http {{ access_log off; client_body_temp_path {own}/a; proxy_temp_path {own}/b; \
         fastcgi_temp_path {own}/c; uwsgi_temp_path {own}/d; scgi_temp_path {own}/e;\n\
         server {{ listen 127.0.0.1:{port}; location / {{ return 403; }}\n\
         location ~ ^/t/(?<expires>[0-9]+)/(?<signature>[^/]+)/(?<name>[^/]+)/ {{\n\
         secure_link $signature,$expires; secure_link_md5 \"$expires/$name {secret}\";\n\
         if ($secure_link != 1) {{ return 403; }}\n\
         rewrite ^/t/[0-9]+/[^/]+(/.*)$ $1 break; proxy_pass http://127.0.0.1:{to};\n\
         proxy_set_header Host $host; }} }} }}\n"
    );
    fs::write(&conf, text).unwrap();
    let arguments = ["-c", conf.to_str().unwrap()];
    let Some(_nginx) = cache("nginx_checks_links", "nginx", &arguments, port) else { return };
    origin.wait_for_segments(&name, &TRACKS, 2);
    checks(port, &file, &origin, &name);
}

#[test]
fn haproxy_checks_links() {
    let _turn = beside_others();
    let (place, own) = (Place::new(), tempfile::tempdir().unwrap());
    let name = place.name();
    let (file, secret) = secret(own.path());
    let (port, conf) = (free_port(), own.path().join("haproxy.cfg"));
    let (_camera, origin) = (camera(place), Origin::start(&[&name]));
    let to = origin.port;
    let text = format!(
        "defaults\n mode http\n timeout connect 5s\n timeout client 1m\n timeout server 1m\n\
         frontend public\n bind 127.0.0.1:{port}\n \
         http-request set-var(txn.expires) path,field(3,/)\n \
         http-request set-var(txn.signature) path,field(4,/)\n \
         http-request set-var(txn.name) path,field(5,/),url_dec\n \
         http-request set-var(txn.signed) \
         'var(txn.expires),concat(/,txn.name,\" {secret}\"),digest(md5),ub64enc'\n \
         http-request deny unless {{ path_beg /t/ }}\n \
         http-request deny unless {{ var(txn.signed),strcmp(txn.signature) eq 0 }}\n \
         http-request deny if {{ date,sub(txn.expires) gt 0 }}\n \
         http-request replace-path /t/[0-9]+/[^/]+(/.*) \\1\n default_backend origin\n\
         backend origin\n server origin 127.0.0.1:{to}\n"
    );
    fs::write(&conf, text).unwrap();
    let arguments = ["-f", conf.to_str().unwrap()];
    let Some(_haproxy) = cache("haproxy_checks_links", "haproxy", &arguments, port) else { return };
    origin.wait_for_segments(&name, &TRACKS, 2);
    checks(port, &file, &origin, &name);
}

#[test]
fn a_secret_that_others_may_read_is_refused() {
    let _turn = beside_others();
    let own = tempfile::tempdir().unwrap();
    let (path, _) = secret(own.path());
    output(peer("chmod").arg("644").arg(&path));
    let mut command = Origin::command(free_port());
    let ended = Program::start(command.arg("Door").arg("--token-file").arg(&path)).finish();
    assert_eq!(ended.status.code(), Some(1), "{}", ended.said);
    assert_eq!(ended.said.lines().count(), 1, "{}", ended.said);
    assert!(ended.said.contains("chmod o="), "{}", ended.said);
}
