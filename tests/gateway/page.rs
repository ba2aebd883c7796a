//! The page in Chromium.

use crate::browser::Browser;
use crate::client::Gateway;
use crate::requests::password_file;
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;
use streamsocket_tests::board::wait_until;
use streamsocket_tests::clip::clip;
use streamsocket_tests::place::Place;
use streamsocket_tests::program::Program;
use streamsocket_tests::session::{daemon_at, file};

/// The view of the only session.
pub(crate) const VIEW: &str = "views.values().next().value.view";

/// Milliseconds that picture and sound may be apart, but for one in twenty.
const APART_MAX: f64 = 20.0;

/// Flash and beep.
pub(crate) fn flashing(place: Place) -> Program {
    let mut daemon = daemon_at(place);
    daemon.args(["--video", "pattern", "--size", "1280x720", "--fps", "30", "--audio", "tone"]);
    let mut daemon = Program::start(daemon.arg("--no-announce"));
    daemon.wait_for("goes to");
    daemon
}

fn drawn(browser: &mut Browser) -> u64 {
    browser.value(&format!("views.size ? {VIEW}.drawn.count : 0")).as_u64().unwrap()
}

#[track_caller]
pub(crate) fn pictures_go_on(browser: &mut Browser) {
    let before = drawn(browser);
    wait_until("pictures on the page", || drawn(browser) > before + 10);
}

/// Where a screenshot is put, for people.
pub(crate) fn shot(name: &str) -> String {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/gateway");
    fs::create_dir_all(&folder).unwrap();
    folder.join(name).to_str().unwrap().to_owned()
}

#[test]
fn one_click_starts_the_sound_and_both_are_in_step() {
    let _turn = streamsocket_tests::turn();
    let place = Place::new();
    let (_daemon, gateway) = (flashing(place), Gateway::of(place));
    let mut browser = Browser::start(None);
    assert_eq!(browser.tell("goto", gateway.url("/")), 200);
    pictures_go_on(&mut browser);
    browser.tell("click", ".sound");
    browser.tell("click", ".info");
    let heard = format!("{VIEW}.speaker?.heard() ?? null");
    wait_until("sound on the page", || !browser.value(&heard).is_null());
    pictures_go_on(&mut browser);
    // Of each picture from now on, how much later than its sound it is.
    browser.value(&format!(
        "(() => {{ const view = {VIEW}; const draw = view.draw.bind(view); window.apart = []; \
         view.draw = (...it) => {{ draw(...it); window.apart.push(view.drawn.apart); }}; }})()"
    ));
    wait_until("pictures with sound", || browser.value("apart.length").as_u64() > Some(150));
    let apart: Vec<Option<f64>> = serde_json::from_value(browser.value("apart")).unwrap();
    let mut apart: Vec<f64> = apart.into_iter().flatten().map(f64::abs).collect();
    apart.sort_by(f64::total_cmp);
    println!(
        "apart: p50 {:.1} ms, p95 {:.1} ms",
        apart[apart.len() / 2],
        apart[apart.len() * 95 / 100]
    );
    browser.tell("shot", shot("page.png"));
    assert!(apart.len() > 140 && apart[apart.len() * 95 / 100] <= APART_MAX, "{apart:?}");
    assert_eq!(browser.value(&format!("{VIEW}.speaker.begun")), 1);
    assert!(browser.tell("text", ".figures").as_str().unwrap().contains("1280 x 720"));
    assert_eq!(browser.errors(), [""; 0]);
}

#[test]
fn it_shows_full_hd() {
    let _turn = streamsocket_tests::turn();
    let place = Place::new();
    let mut daemon = daemon_at(place);
    daemon.args(["--video", &file(&clip("1920x1080")), "--loop", "--fps", "30", "--audio", "tone"]);
    let mut daemon = Program::start(daemon.arg("--no-announce"));
    daemon.wait_for("goes to");
    let gateway = Gateway::of(place);
    let mut browser = Browser::start(None);
    browser.tell("goto", gateway.url("/"));
    browser.tell("click", ".sound");
    browser.tell("click", ".info");
    pictures_go_on(&mut browser);
    let size = browser.value(&format!("[{VIEW}.canvas.width, {VIEW}.canvas.height]"));
    assert_eq!(size, json!([1920, 1080]));
    assert_eq!(browser.value(&format!("{VIEW}.drawn.broken")), 0);
    browser.tell("shot", shot("full-hd.png"));
    assert_eq!(browser.errors(), [""; 0]);
}

#[test]
fn all_sessions_are_shown_side_by_side() {
    let _turn = streamsocket_tests::turn();
    let places = [Place::new(), Place::new()];
    let _daemons = places.map(|place| crate::requests::sending(place, "20"));
    let [one, other] = places.map(|place| format!("rtp://{place}"));
    let gateway = Gateway::start(&[&one, &other]);
    let mut browser = Browser::start(None);
    browser.tell("goto", gateway.url("/"));
    wait_until("both", || {
        let all =
            browser.value("[...views.values()].filter(({ view }) => view.drawn.count > 10).length");
        all == 2
    });
    browser.tell("shot", shot("grid.png"));
    assert_eq!(browser.errors(), [""; 0]);
}

#[test]
fn a_browser_without_websockets_shows_the_stream() {
    let _turn = streamsocket_tests::turn();
    let place = Place::new();
    let (_daemon, gateway) = (flashing(place), Gateway::of(place));
    let mut browser = Browser::start(None);
    browser.tell("lack", "WebSocket");
    browser.tell("goto", gateway.url("/"));
    let width = "document.querySelector('.view img')?.naturalWidth ?? 0";
    wait_until("pictures", || browser.value(width) == 1280);
    assert_eq!(browser.value("document.querySelector('.sound').hidden"), true);
    assert_eq!(browser.errors(), [""; 0]);
}

#[test]
fn a_wrong_password_shows_nothing() {
    let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
    let path = folder.path().join("password");
    password_file(&path, "correct horse\ncorrect horse\n").succeeded();
    let source = format!("rtp://{place}");
    let gateway = Gateway::start(&["--password-file", path.to_str().unwrap(), &source]);
    let mut browser = Browser::start(Some("battery staple"));
    assert_eq!(browser.tell("goto", gateway.url("/")), 401);
    assert_eq!(browser.value("document.querySelector('canvas')"), Value::Null);
}

#[test]
fn who_does_not_look_is_sent_nothing() {
    let _turn = streamsocket_tests::turn();
    let place = Place::new();
    let (_daemon, gateway) = (flashing(place), Gateway::of(place));
    let viewers = || {
        let text = gateway.get("/metrics", &[]).text();
        let line = text.lines().find(|it| it.starts_with("streamsocket_viewers{")).unwrap();
        line.rsplit(' ').next().unwrap().parse::<u32>().unwrap()
    };
    let mut browser = Browser::start(None);
    browser.tell("goto", gateway.url("/"));
    pictures_go_on(&mut browser);
    assert_eq!(viewers(), 1);
    let hide = |hidden: bool| {
        format!(
            "Object.defineProperty(document, 'hidden', {{ value: {hidden}, configurable: true }}); \
             document.dispatchEvent(new Event('visibilitychange'))"
        )
    };
    browser.value(&hide(true));
    wait_until("no viewer", || viewers() == 0);
    browser.value(&hide(false));
    wait_until("a viewer", || viewers() == 1);
    pictures_go_on(&mut browser);
    // Scrolled out of sight.
    browser.value("document.body.style.paddingTop = '3000px'");
    wait_until("no viewer", || viewers() == 0);
    assert_eq!(browser.errors(), [""; 0]);
}

#[test]
fn it_comes_back_by_itself() {
    let _turn = streamsocket_tests::turn();
    let place = Place::new();
    let daemon = flashing(place);
    let gateway = Gateway::of(place);
    let mut browser = Browser::start(None);
    browser.tell("goto", gateway.url("/"));
    pictures_go_on(&mut browser);
    daemon.interrupt().succeeded();
    let state = |browser: &mut Browser| browser.tell("text", ".state").as_str().unwrap().to_owned();
    wait_until("silence is said", || {
        state(&mut browser) == "No pictures are coming from the camera."
    });
    browser.tell("shot", shot("away.png"));
    let _daemon = flashing(place);
    pictures_go_on(&mut browser);
    assert_eq!(state(&mut browser), "");
    let (port, source) = (gateway.port, format!("rtp://{place}"));
    gateway.program.interrupt().succeeded();
    wait_until("the loss is said", || state(&mut browser).contains("trying again"));
    let _gateway = Gateway::start_at(port, &[&source]);
    pictures_go_on(&mut browser);
    // The browser itself says that a connection was refused.
    assert!(browser.errors().iter().all(|it| it.contains("ERR_CONNECTION_REFUSED")));
}

#[test]
fn it_works_on_a_phone_and_says_when_there_is_nothing() {
    let _turn = streamsocket_tests::turn();
    let gateway = Gateway::start(&["rtp://239.255.0.77:7"]);
    let mut browser = Browser::start(None);
    browser.tell("resize", json!({ "width": 390, "height": 844 }));
    browser.tell("goto", gateway.url("/"));
    wait_until("a view", || browser.value("views.size") == 1);
    let state = |browser: &mut Browser| browser.tell("text", ".state").as_str().unwrap().to_owned();
    wait_until("that is said", || state(&mut browser).starts_with("No pictures are coming"));
    let wide = browser.value("document.documentElement.scrollWidth <= innerWidth");
    assert_eq!(wide, Value::Bool(true));
    browser.tell("shot", shot("phone.png"));
    assert_eq!(browser.errors(), [""; 0]);
}

#[test]
fn one_login_is_for_everything_on_the_page() {
    let _turn = streamsocket_tests::turn();
    let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
    let path = folder.path().join("password");
    password_file(&path, "correct horse\ncorrect horse\n").succeeded();
    let _daemon = flashing(place);
    let source = format!("rtp://{place}");
    let gateway = Gateway::start(&["--password-file", path.to_str().unwrap(), &source]);
    let mut browser = Browser::start(Some("correct horse"));
    assert_eq!(browser.tell("goto", gateway.url("/")), 200);
    pictures_go_on(&mut browser);
    let cookie = browser.value("document.cookie");
    assert_eq!(cookie, "", "no script reads the cookie");
    assert_eq!(browser.errors(), [""; 0]);
    // Who does not know it is not even shown the page.
    assert_eq!(gateway.get("/", &[]).status, 401);
}
