//! The page of a room.

use crate::browser::Browser;
use crate::client::{Gateway, free_port};
use crate::page::shot;
use nix::sys::signal::Signal;
use serde_json::json;
use std::thread::park_timeout;
use std::time::Duration;
use streamsocket_tests::board::wait_until;
use streamsocket_tests::place::Place;
use streamsocket_tests::program::{Program, ours};
use streamsocket_tests::session::daemon_at;

/// Milliseconds that pictures of two may be apart that were captured at one instant: a refresh of the screen, and what a
/// busy machine adds.
const APART_MAX: f64 = 25.0;

/// One who sends a test picture to a room.
fn sender(room: &str, size: &str, sound: &str, tiers: &[&str]) -> (String, Program) {
    let place = Place::new();
    let mut command = daemon_at(place);
    command.args(["--video", "pattern", "--audio", sound, "--size", size, "--room", room]);
    tiers.iter().for_each(|tier| {
        command.args(["--tier", tier]);
    });
    let mut daemon = Program::start(&mut command);
    daemon.wait_for("goes to");
    (place.name(), daemon)
}

/// The names that are shown, in order.
fn names(browser: &mut Browser) -> Vec<String> {
    let names = "[...document.querySelectorAll('.view .name')].map((it) => it.textContent)";
    let mut names: Vec<String> = serde_json::from_value(browser.value(names)).unwrap();
    names.sort();
    names
}

fn view(name: &str) -> String {
    format!(
        "[...views.values()].find(({{ view }}) => view.part('name').textContent === '{name}')?.view"
    )
}

#[test]
fn a_room_is_a_grid_in_step_in_which_people_come_and_go() {
    let _turn = streamsocket_tests::turn();
    // All that is announced.
    let gateway = Gateway::start(&[]);
    let room = format!("lesson {}", free_port());
    let (quiet, one) = sender(&room, "1280x720", "none", &["low=1/4"]);
    let (loud, other) = sender(&room, "640x360", "tone", &[]);
    let (stranger, _elsewhere) = sender(&format!("not {room}"), "320x240", "none", &[]);
    let mut browser = Browser::start(None);
    browser.tell("goto", gateway.url("/"));
    let listed = "[...document.querySelectorAll('#rooms a')].map((it) => it.textContent)";
    wait_until("the room in the list", || {
        browser.value(listed).as_array().unwrap().contains(&json!(format!("room {room}")))
    });
    let redirected = gateway.get(&format!("/room/{}", room.replace(' ', "%20")), &[]);
    let target = format!("location: ../?room={}", room.replace(' ', "%20"));
    assert!(redirected.head.contains(&target), "{}", redirected.head);
    browser.tell("goto", gateway.url(&format!("/room/{}", room.replace(' ', "%20"))));
    let mut both = vec![quiet.clone(), loud.clone()];
    both.sort();
    wait_until("both", || names(&mut browser) == both);
    assert!(!names(&mut browser).contains(&stranger));
    // The grid fits the window.
    let fits = "document.documentElement.scrollHeight <= innerHeight && document.documentElement.scrollWidth <= innerWidth";
    assert_eq!(browser.value(fits), true);
    // A cell is small: the tier will do.
    let width = format!("{}?.canvas.width", view(&quiet));
    browser.tell("resize", json!({ "width": 600, "height": 400 }));
    wait_until("the tier", || browser.value(&width) == 320);
    browser.tell("resize", json!({ "width": 1000, "height": 640 }));
    let speaks = "document.querySelector('.speaks .name')?.textContent ?? null";
    wait_until("who speaks", || browser.value(speaks) == loud.as_str());
    browser.tell("click", "#hear");
    let heard = format!("{}.speaker?.heard() ?? null", view(&loud));
    wait_until("sound", || !browser.value(&heard).is_null());
    wait_until("who speaks", || browser.value(speaks) == loud.as_str());
    browser.tell("shot", shot("room.png"));
    in_step(&mut browser, &[&quiet, &loud]);
    // The connection stands still for longer than sound may wait: it is heard again.
    gateway.program.signal(Signal::SIGSTOP);
    park_timeout(Duration::from_millis(700));
    gateway.program.signal(Signal::SIGCONT);
    park_timeout(Duration::from_secs(1));
    wait_until("sound again", || !browser.value(&heard).is_null());
    late_pictures_move_nobody(&mut browser);
    large(&mut browser);
    people_come_and_go(&mut browser, &room, [(quiet, one), (loud, other)]);
    // The browser itself says which connections fail: to a session that is gone. The page has no errors of its own.
    let of_connections = |it: &String| {
        it.starts_with("WebSocket connection to ") || it.starts_with("Failed to load resource: ")
    };
    let errors = browser.errors();
    assert!(errors.iter().all(of_connections), "{errors:?}");
}

/// Pictures of both that were captured at one instant are drawn at one.
fn in_step(browser: &mut Browser, names: &[&String; 2]) {
    browser.value(
        "(() => { const { draw } = View.prototype; window.ages = {}; View.prototype.draw = function (...it) { \
         draw.apply(this, it); (ages[this.part('name').textContent] ??= []).push(performance.timeOrigin + \
         performance.now() - it[1]); }; })()",
    );
    let mut median = |name: &String| -> f64 {
        let own = format!("ages['{name}'] ?? []");
        wait_until("pictures", || browser.value(&own).as_array().unwrap().len() > 60);
        let mut ages: Vec<f64> = serde_json::from_value(browser.value(&own)).unwrap();
        ages.sort_by(f64::total_cmp);
        ages[ages.len() / 2]
    };
    let ages = [median(names[0]), median(names[1])];
    println!("pictures are {ages:.1?} ms old when they are drawn");
    assert!((ages[0] - ages[1]).abs() < APART_MAX, "{ages:?}");
}

/// Of one whose pictures come two seconds late, by a clock of the test's own: what is presented goes on evenly.
fn late_pictures_move_nobody(browser: &mut Browser) {
    let farthest = browser.value(
        "(() => { let now = 0, last = null, farthest = 0; performance.now = () => now; const step = new Step(); \
         for (let i = 0; i < 600; i += 1) { now = i * 1000 / 30; step.came(now); \
         if (i > 100 && i % 3 === 0) step.came(now - 2000); const heard = step.heard(); \
         if (last !== null) farthest = Math.max(farthest, Math.abs(heard - last - 1000 / 30)); last = heard; } \
         delete performance.now; return farthest; })()",
    );
    assert!(farthest.as_f64().is_some_and(|millis| millis < 50.0), "{farthest} ms");
}

/// Keys and clicks make one large, and all equal again.
fn large(browser: &mut Browser) {
    let widths = "[...document.querySelectorAll('.view')].map((it) => it.clientWidth)";
    let sizes = |browser: &mut Browser| -> Vec<f64> {
        serde_json::from_value(browser.value(widths)).unwrap()
    };
    let is_large = |browser: &mut Browser, at: usize| {
        let sizes = sizes(browser);
        sizes[at] > 3.0 * sizes[1 - at]
    };
    browser.tell("press", "2");
    assert!(is_large(browser, 1));
    browser.tell("shot", shot("room-large.png"));
    browser.tell("press", "1");
    assert!(is_large(browser, 0));
    browser.tell("press", "0");
    assert!(!is_large(browser, 0) && !is_large(browser, 1));
    browser.tell("click", ".view canvas");
    assert!(is_large(browser, 0));
    browser.tell("click", ".view canvas");
    assert!(!is_large(browser, 0));
}

fn people_come_and_go(browser: &mut Browser, room: &str, two: [(String, Program); 2]) {
    let [(quiet, one), (loud, _other)] = two;
    let (third, daemon) = sender(room, "320x240", "none", &[]);
    wait_until("a third one", || names(browser).contains(&third));
    let count = format!("{}.drawn.count", view(&loud));
    browser.tell("shot", shot("room-three.png"));
    // One is killed, and one ends.
    one.signal(Signal::SIGKILL);
    wait_until("who was killed is gone", || !names(browser).contains(&quiet));
    daemon.interrupt().succeeded();
    wait_until("one is left", || names(browser) == [loud.clone()]);
    let before = browser.value(&count).as_u64().unwrap();
    wait_until("pictures go on", || browser.value(&count).as_u64() > Some(before + 30));
    assert_eq!(browser.value("room.listening"), true);
}

#[test]
fn an_empty_room_says_so_and_nobody_is_named_like_the_path() {
    let place = Place::new();
    let mut daemon = ours("streamsocket");
    daemon.args(["--interface", "127.0.0.1", "--rtsp", "off", "--to", &place.to_string()]);
    daemon.args(["--name", "room", "--video", "pattern", "--audio", "none"]);
    let mut daemon = Program::start(daemon.args(["--room", "hall"]));
    daemon.wait_for("goes to");
    let mut gateway = Gateway::start(&["room"]);
    gateway.program.wait_for("'room-2' is received");
    wait_until("a picture", || gateway.get("/room-2/snapshot", &[]).status == 200);
    let mut browser = Browser::start(None);
    // One picture and the rooms have the window to themselves.
    browser.tell("goto", gateway.url("/"));
    wait_until("pictures", || browser.value("views.size") == 1);
    let fits = "document.getElementById('rooms').hidden === false && document.documentElement.scrollHeight <= innerHeight";
    wait_until("a page that fits", || browser.value(fits) == true);
    browser.tell("shot", shot("rooms.png"));
    browser.tell("goto", gateway.url("/?room=nowhere"));
    wait_until("that is said", || {
        browser.value("document.getElementById('nobody').hidden") == false
    });
    assert_eq!(browser.value("views.size"), 0);
    assert_eq!(browser.errors(), [""; 0]);
}
