//! Tiers with Opus: handed on undecoded, to programs as a file and to pages that decode it themselves.

use crate::browser::Browser;
use crate::client::Gateway;
use crate::page::{VIEW, pictures_go_on};
use crate::socket::{Message, Socket};
use std::fs;
use std::path::{Path, PathBuf};
use streamsocket_tests::board::wait_until;
use streamsocket_tests::place::Place;
use streamsocket_tests::program::{Program, ours, output, peer, text};
use streamsocket_tests::session::daemon_at;

/// A daemon with a tier of small pictures and Opus, and the descriptions of the session and of the tier.
fn flashing(place: Place, folder: &Path) -> (Program, [PathBuf; 2]) {
    let mut daemon = daemon_at(place);
    daemon.args(["--video", "pattern", "--size", "1280x720", "--fps", "30", "--audio", "tone"]);
    let mut daemon = Program::start(daemon.args(["--no-announce", "--tier", "low=1/2,opus"]));
    daemon.wait_for("low' goes to");
    let files = [("whole", &[][..]), ("low", &["--tier", "low"])].map(|(name, more)| {
        let path = folder.join(format!("{name}.sdp"));
        let sdp = text(ours("streamsocket").args(["sdp", "--name", &place.name()]).args(more));
        fs::write(&path, sdp).unwrap();
        path
    });
    (daemon, files)
}

fn shown(arguments: &[&str], files: &[&PathBuf]) -> Gateway {
    let files = files.iter().map(|file| file.to_str().unwrap());
    let arguments: Vec<_> = arguments.iter().copied().chain(files).collect();
    Gateway::start(&arguments)
}

#[test]
fn it_is_an_ogg_file_that_goes_on() {
    let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
    let (_daemon, [whole, low]) = flashing(place, folder.path());
    let gateway = shown(&[], &[&whole, &low]);
    let path = |name: &str, what: &str| format!("/{}/{what}", name.replace(' ', "%20"));
    let (session, tier) = (place.name(), format!("{}, low", place.name()));
    let mut ffmpeg = peer("ffmpeg");
    ffmpeg.args(["-nostdin", "-v", "error", "-i", &gateway.url(&path(&tier, "audio.opus"))]);
    let samples = output(ffmpeg.args(["-t", "3", "-f", "s16le", "-"]));
    assert_eq!(samples.len(), 3 * 48_000 * 2 * 2);
    let loudest =
        samples.chunks_exact(2).map(|it| i16::from_le_bytes([it[0], it[1]]).unsigned_abs()).max();
    assert!(loudest > Some(1000), "{loudest:?}");
    for (name, asked, there) in
        [(&tier, "audio.wav", "audio.opus"), (&session, "audio.opus", "audio.wav")]
    {
        let answer = gateway.get(&path(name, asked), &[]);
        let text = answer.text();
        assert!(answer.status == 404 && text.lines().count() == 1, "{text}");
        assert!(text.trim_end().ends_with(there), "{text}");
    }
    let listed = gateway.get("/nothing", &[]).text();
    assert_eq!(listed.matches("audio.opus").count(), 1, "{listed}");
}

/// Beeps that are to come with a flash, and how far they may be apart, in seconds: how many do not is told by sessions
/// with samples (`lips`), and by how busy the machine is.
const MEETINGS: usize = 5;
const APART_MAX: f64 = 0.015;

#[test]
fn flash_and_beep_of_a_tier_meet_where_the_page_decodes_it() {
    let _turn = streamsocket_tests::turn();
    let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
    let (_daemon, [_, low]) = flashing(place, folder.path());
    let gateway = shown(&[], &[&low]);
    let mut browser = Browser::start(None);
    assert_eq!(browser.tell("goto", gateway.url("/")), 200);
    pictures_go_on(&mut browser);
    browser.tell("click", ".sound");
    let heard = format!("{VIEW}.speaker?.heard() ?? null");
    wait_until("sound on the page", || !browser.value(&heard).is_null());
    let decodes = browser.value(&format!("{VIEW}.decoder?.constructor.name ?? null"));
    assert_eq!(decodes, "OpusDecoder");
    browser.tell("senses", ());
    wait_until("beeps with their flashes", || {
        let mut times = |what: &str| -> Vec<f64> {
            serde_json::from_value(browser.value(&format!("senses.{what}"))).unwrap()
        };
        let (flashes, beeps) = (times("flashes"), times("beeps"));
        let meets = |beep: &&f64| flashes.iter().any(|flash| (flash - *beep).abs() <= APART_MAX);
        beeps.iter().filter(meets).count() >= MEETINGS
    });
    assert_eq!(browser.errors(), [""; 0]);
}

#[test]
fn a_page_that_cannot_decode_it_is_sent_the_samples_of_the_session() {
    let _turn = streamsocket_tests::turn();
    let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
    let (_daemon, [whole, low]) = flashing(place, folder.path());
    // The first view is the tier's.
    let gateway = shown(&["--host", "pi.local"], &[&low, &whole]);
    let mut browser = Browser::knowing("pi.local");
    assert_eq!(browser.tell("goto", format!("http://pi.local:{}/", gateway.port)), 200);
    pictures_go_on(&mut browser);
    let view = "[...views.values()].find(({ view }) => view.path.endsWith('low')).view";
    let ready = format!("{view}.format?.codec ?? null");
    wait_until("a session", || !browser.value(&ready).is_null());
    assert_eq!(browser.value(&ready), "pcm");
    browser.value(&format!("{view}.toggleSound()"));
    browser.tell("click", "canvas");
    let heard = format!("{view}.speaker?.heard() ?? null");
    wait_until("sound on the page", || !browser.value(&heard).is_null());
    assert_eq!(browser.errors(), [""; 0]);
}

#[test]
fn the_sound_of_a_tier_is_had_by_its_name() {
    let place = Place::new();
    let mut daemon = daemon_at(place);
    daemon.args(["--video", "pattern", "--size", "640x360", "--audio", "tone"]);
    let mut daemon = Program::start(daemon.args(["--tier", "low=1/2,opus"]));
    daemon.wait_for("low' goes to");
    let mut gateway = Gateway::start(&[&place.name()]);
    gateway.program.wait_for("is received");
    wait_until("the tier", || gateway.get("/status", &[]).text().contains("\"tiers\":[{"));
    let path = |what: &str| format!("/{}/{what}", place.name().replace(' ', "%20"));
    let mut ffmpeg = peer("ffmpeg");
    ffmpeg.args(["-nostdin", "-v", "error", "-i", &gateway.url(&path("audio.opus?tier=low"))]);
    let samples = output(ffmpeg.args(["-t", "2", "-f", "s16le", "-"]));
    assert_eq!(samples.len(), 2 * 48_000 * 2 * 2);
    assert_eq!(gateway.get(&path("audio.opus"), &[]).status, 404);
    for (query, codec) in
        [("tier=low", "opus"), ("tier=low&sound=pcm", "pcm"), ("tier=auto", "pcm")]
    {
        let mut socket = Socket::open(gateway.port, &path(&format!("ws?{query}")));
        let Message::Text(hello) = socket.hear().unwrap() else { panic!("no hello") };
        assert_eq!(hello["sound"]["codec"], codec, "{query}");
        let bytes = loop {
            if let Message::Sound(bytes, _) = socket.hear().unwrap() {
                break bytes;
            }
        };
        assert_eq!(bytes < 1000, codec == "opus", "{bytes}");
    }
}
