//! Daemons of this machine, controlled from the page.

use crate::browser::Browser;
use crate::client::Gateway;
use crate::page::{VIEW, pictures_go_on};
use crate::requests::{base64, password_file};
use serde_json::{Value, json};
use std::process::Stdio;
use streamsocket_tests::board::wait_until;
use streamsocket_tests::place::Place;
use streamsocket_tests::program::{Program, output, peer};
use streamsocket_tests::session::daemon_at;

/// A daemon that has the name of its place, and a gateway that may control it.
fn controlled(place: Place, password: &std::path::Path) -> (Program, Gateway) {
    password_file(password, "correct horse\ncorrect horse\n").succeeded();
    let mut daemon = daemon_at(place);
    daemon.args(["--video", "pattern", "--size", "640x480", "--fps", "20", "--audio", "tone"]);
    let mut daemon = Program::start(daemon.arg("--no-announce"));
    daemon.wait_for("goes to");
    let source = format!("rtp://{place}");
    let password = password.to_str().unwrap();
    let mut gateway = Gateway::start(&["--control", "--password-file", password, &source]);
    gateway.program.wait_for("is received");
    (daemon, gateway)
}

#[test]
fn the_page_stops_the_camera_starts_it_and_changes_what_it_sends() {
    let _turn = streamsocket_tests::turn();
    let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
    let (_daemon, gateway) = controlled(place, &folder.path().join("password"));
    let mut browser = Browser::start(Some("correct horse"));
    assert_eq!(browser.tell("goto", gateway.url("/")), 200);
    pictures_go_on(&mut browser);
    browser.tell("click", "#control summary");
    // Other tests' daemons run, too.
    let name = place.name();
    let row = format!("[...daemons].find(([name]) => name === '{name}')?.[1]");
    wait_until("the daemon", || !browser.value(&format!("{row}?.sending ?? null")).is_null());
    browser.value(&format!("void Object.assign({row}, {{ id: 'own' }})"));
    let sends = |browser: &mut Browser| browser.value(&format!("{row}.sending"));
    assert_eq!(sends(&mut browser), true);
    browser.tell("click", "#own .switch");
    wait_until("the end of it", || sends(&mut browser) == false);
    wait_until("the answer", || browser.tell("text", "#own .answer") == "done");
    let state = |browser: &mut Browser| browser.tell("text", ".state").as_str().unwrap().to_owned();
    wait_until("silence is said", || state(&mut browser).starts_with("No pictures are coming"));
    browser.tell("shot", crate::page::shot("control.png"));
    browser.tell("click", "#own .switch");
    wait_until("its beginning", || sends(&mut browser) == true);
    pictures_go_on(&mut browser);
    browser.tell("fill", json!(["#own .size", "320x240"]));
    browser.tell("fill", json!(["#own .fps", "10"]));
    browser.tell("fill", json!(["#own .quality", "40"]));
    browser.tell("click", "#own button:not(.switch)");
    wait_until("smaller pictures", || browser.value(&format!("{VIEW}.canvas.width")) == 320);
    browser.tell("fill", json!(["#own .size", "huge"]));
    browser.tell("click", "#own button:not(.switch)");
    let answer = |browser: &mut Browser| browser.tell("text", "#own .answer");
    wait_until("what is wrong", || {
        answer(&mut browser).as_str().unwrap().contains("--size huge: expected")
    });
    // The browser itself says that a request was answered by 409.
    assert!(browser.errors().iter().all(|it| it.contains("409")));
}

#[test]
fn nobody_controls_without_password_option_or_from_another_page() {
    let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
    let path = folder.path().join("password");
    let (_daemon, gateway) = controlled(place, &path);
    let order = json!({ "name": place.name(), "sending": false }).to_string();
    let right = format!("Authorization: Basic {}", base64("me:correct horse"));
    let json = "Content-Type: application/json";
    let post = |gateway: &Gateway, headers: &[&str]| -> String {
        let mut curl = peer("curl");
        curl.args(["-s", "-S", "-o", "/dev/null", "-w", "%{http_code}", "-d", &order]);
        headers.iter().for_each(|header| {
            curl.args(["-H", header]);
        });
        let status = output(curl.arg(gateway.url("/control")).stdin(Stdio::null()));
        String::from_utf8(status).unwrap()
    };
    assert_eq!(post(&gateway, &[json]), "401");
    assert_eq!(post(&gateway, &[&right]), "415", "what a form sends");
    assert_eq!(post(&gateway, &[&right, json, "Origin: http://example.org"]), "403");
    let daemons: Vec<Value> =
        serde_json::from_slice(&gateway.get("/control", &[&right]).body).unwrap();
    let own = daemons.iter().find(|it| it["name"] == place.name()).unwrap();
    assert_eq!((&own["sending"], &own["width"]), (&json!(true), &json!(640)));
    assert_eq!(post(&gateway, &[&right, json]), "204");
    let without = Gateway::start(&["--password-file", path.to_str().unwrap()]);
    assert_eq!(without.get("/control", &[&right]).status, 404);
}
