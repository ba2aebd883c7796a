//! How old the picture is that a browser shows: of the page, and of uStreamer's stream in an `<img>`, from the same camera,
//! one after the other in the same browser. With PAGE_AGES=1 only: it takes half a minute and says something of an idle
//! machine.

use crate::browser::Browser;
use crate::client::{Gateway, free_port};
use crate::page::VIEW;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use streamsocket_tests::board::wait_until;
use streamsocket_tests::clip::{clip, split};
use streamsocket_tests::odd_camera::OddCamera;
use streamsocket_tests::place::Place;
use streamsocket_tests::program::{Program, peer};
use streamsocket_tests::session::daemon_at;
use turbojpeg::{Compressor, Image, PixelFormat};

/// Pictures of the clip: six seconds pass until one comes again.
const PICTURES: usize = 180;

/// Bits of a picture's number in its upper edge, and their height in pixels.
const BITS: usize = 16;
const EDGE: usize = 24;

/// Pictures that are counted.
const LOOKS: u64 = 400;

/// How old the page's are at most, of the others' age: half, and what pacing takes, which is half of the time until the
/// next picture.
const HALF: f64 = 0.5;
const PACED_MAX: f64 = 0.75;

/// Pictures with their numbers.
fn numbered(path: &Path) {
    let clip = fs::read(clip("1280x720")).unwrap();
    let pictures = split(&clip);
    let mut compressor = Compressor::new().unwrap();
    compressor.set_quality(80).unwrap();
    compressor.set_subsamp(turbojpeg::Subsamp::Sub2x1).unwrap();
    let mut all = Vec::new();
    for number in 0..PICTURES {
        let jpeg = pictures[number % pictures.len()];
        let mut image = turbojpeg::decompress(jpeg, PixelFormat::RGB).unwrap();
        for y in 0..EDGE {
            for x in 0..image.width {
                let bit = BITS - 1 - x * BITS / image.width;
                let value = if number >> bit & 1 == 1 { 255 } else { 0 };
                image.pixels[y * image.pitch + 3 * x..][..3].fill(value);
            }
        }
        let image: Image<&[u8]> = image.as_deref();
        all.extend(compressor.compress_to_vec(image).unwrap());
    }
    fs::write(path, all).unwrap();
}

/// The camera for a program, as it is plugged in for a daemon.
fn with_camera(command: &mut Command, camera: &OddCamera, clip: &Path) {
    let mut plugged = Command::new("");
    camera.plug(&mut plugged, &[("GRANTS", "1280x720"), ("SIZE", "1280x720"), ("CLOCK", "1")]);
    for (name, value) in plugged.get_envs() {
        command.env(name, value.unwrap());
    }
    command.env("ODD_CAMERA_CLIP", clip);
}

/// Half of the pictures on the screen were at most so old, in milliseconds; and the 95th percentile.
fn ages(browser: &mut Browser, source: &str) -> [f64; 2] {
    let script = include_str!("age.js");
    browser.value(&format!("({script})({source}, {PICTURES})"));
    wait_until("looks", || browser.value("ages.length").as_u64() > Some(LOOKS));
    let mut ages: Vec<f64> = serde_json::from_value(browser.value("ages.slice(60)")).unwrap();
    ages.sort_by(f64::total_cmp);
    [ages[ages.len() / 2], ages[ages.len() * 95 / 100]]
}

#[test]
fn the_page_is_younger_than_a_stream_of_ustreamers() {
    if std::env::var_os("PAGE_AGES").is_none() {
        println!("not run: it needs an idle machine (PAGE_AGES=1)");
        return;
    }
    let _turn = streamsocket_tests::turn();
    let folder = tempfile::tempdir().unwrap();
    let numbers = folder.path().join("numbers.mjpeg");
    numbered(&numbers);
    let camera = OddCamera::new(folder.path());
    let mut browser = Browser::start(None);

    let [paced, plain] = ["50%", "off"].map(|pace| {
        let place = Place::new();
        let mut command = daemon_at(place);
        let plugged = camera.plug(&mut command, &[]).args(["--audio", "none", "--no-announce"]);
        with_camera(plugged.args(["--pace", pace]), &camera, &numbers);
        let mut daemon = Program::start(plugged);
        daemon.wait_for("goes to");
        let gateway = Gateway::of(place);
        browser.tell("goto", gateway.url("/"));
        wait_until("pictures", || {
            browser.value(&format!("views.size ? {VIEW}.drawn.count : 0")).as_u64() > Some(10)
        });
        let ages = ages(&mut browser, &format!("{VIEW}.canvas"));
        daemon.interrupt().succeeded();
        ages
    });

    let port = free_port();
    let mut command = peer("ustreamer");
    command.args(["--device", "/dev/video-odd", "--format=MJPEG", "--encoder=HW"]);
    command.args(["--resolution", "1280x720", "--desired-fps", "35"]);
    command.args(["--host", "127.0.0.1", "--port", &port.to_string()]);
    with_camera(&mut command, &camera, &numbers);
    let _ustreamer = Program::start(&mut command);
    let state = || {
        let mut curl = peer("curl");
        curl.args(["-s", &format!("http://127.0.0.1:{port}/state")]).stdout(Stdio::piped());
        let said = curl.output().unwrap();
        String::from_utf8_lossy(&said.stdout).into_owned()
    };
    wait_until("uStreamer's camera", || state().contains("\"online\": true"));
    browser.tell("goto", format!("http://127.0.0.1:{port}/"));
    browser.value("void (document.body.innerHTML = '<img src=\"/stream\">')");
    let image = ages(&mut browser, "document.querySelector('img')");
    println!(
        "age of pictures when they are drawn, p50 and p95: page {paced:.1?} ms, with --pace off {plain:.1?} ms; \
         <img> {image:.1?} ms"
    );
    assert!(plain[0] <= HALF * image[0], "{plain:?} {image:?}");
    assert!(paced[0] <= PACED_MAX * image[0], "{paced:?} {image:?}");
}
