//! Every kind of JPEG that a camera may give, through the daemon, at `/stream` and on the page.

use crate::browser::Browser;
use crate::client::Gateway;
use crate::page::VIEW;
use serde_json::json;
use std::fs;
use std::path::Path;
use streamsocket_tests::board::wait_until;
use streamsocket_tests::likeness::{Likeness, Planes};
use streamsocket_tests::place::Place;
use streamsocket_tests::program::{Program, ours, text};
use streamsocket_tests::session::{daemon_at, file};
use streamsocket_tests::variants::{Fate, LARGE, Variant, variants};

/// The least that an encoded picture has, in decibels.
const PSNR_MIN: f64 = 40.0;

/// Pictures of each kind that are looked at.
const LOOKED_AT: usize = 3;

fn sending(place: Place, variant: &Variant, folder: &Path) -> Program {
    for (number, picture) in variant.pictures.iter().enumerate() {
        fs::write(folder.join(format!("{number:02}.jpg")), picture).unwrap();
    }
    let mut daemon = daemon_at(place);
    daemon.args(["--video", &file(folder), "--loop", "--fps", "20", "--audio", "none"]);
    let mut daemon = Program::start(daemon.arg("--no-announce"));
    daemon.wait_for("goes to");
    daemon
}

/// Whether a picture is one of the variant's, as exactly as it has to be.
fn is_right(variant: &Variant, originals: &[Planes], jpeg: &[u8]) -> bool {
    let Some(planes) = Planes::of(jpeg) else { return false };
    originals.iter().any(|original| match planes.likeness(original) {
        Likeness::Exact => true,
        Likeness::Psnr(psnr) => variant.fate == Fate::Close && psnr > PSNR_MIN,
        Likeness::Broken => false,
    })
}

/// Looks at a variant that is being sent.
fn looked_at(gateway: &Gateway, browser: &mut Browser, variant: &Variant) {
    let originals: Vec<_> = variant.pictures.iter().filter_map(|it| Planes::of(it)).collect();
    // RTP has sizes in steps of 8 pixels.
    let size = originals.first().unwrap().size().map(|pixels| pixels.next_multiple_of(8));
    let count = format!("views.size ? {VIEW}.drawn.count : 0");
    let drawn = |browser: &mut Browser| browser.value(&count).as_u64().unwrap();
    // What was drawn of the kind before is of the same size.
    let before = drawn(browser);
    wait_until(variant.name, || {
        let now = drawn(browser);
        let canvas = format!("views.size ? [{VIEW}.canvas.width, {VIEW}.canvas.height] : null");
        now >= before + LOOKED_AT as u64 && browser.value(&canvas) == json!(size)
    });
    // The newest picture may be of the kind before, until one has come.
    for part in gateway.parts("/stream").skip(1).take(LOOKED_AT) {
        let right = is_right(variant, &originals, &part.jpeg);
        assert!(right, "{}: {} bytes", variant.name, part.jpeg.len());
    }
    assert_eq!(browser.value(&format!("{VIEW}.drawn.broken")), 0, "{}", variant.name);
}

#[test]
fn every_kind_of_jpeg_is_streamed_and_shown() {
    let _turn = streamsocket_tests::turn();
    let place = Place::new();
    let gateway = Gateway::of(place);
    let mut browser = Browser::start(None);
    browser.tell("goto", gateway.url("/"));
    let (large, others): (Vec<_>, Vec<_>) =
        variants().into_iter().partition(|variant| variant.name == LARGE);
    for variant in others {
        let folder = tempfile::tempdir().unwrap();
        let daemon = sending(place, &variant, folder.path());
        looked_at(&gateway, &mut browser, &variant);
        daemon.interrupt();
    }
    // Its size is in the description only.
    let (place, variant) = (Place::new(), &large[0]);
    let folder = tempfile::tempdir().unwrap();
    let _daemon = sending(place, variant, folder.path());
    let sdp = folder.path().join("it.sdp");
    fs::write(&sdp, text(ours("streamsocket").args(["sdp", "--name", &place.name()]))).unwrap();
    let mut gateway = Gateway::start(&[sdp.to_str().unwrap()]);
    gateway.program.wait_for("is received");
    browser.tell("goto", gateway.url("/"));
    looked_at(&gateway, &mut browser, variant);
    assert_eq!(browser.errors(), [""; 0]);
}
