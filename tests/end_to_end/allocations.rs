//! Nothing allocates while it streams, neither Rust nor C: the daemon from a file of JPEGs to the socket,
//! with sound, repair and a tier, and the receiver from the socket to the complete frame; protected or not.

use nix::sys::signal::Signal;
use std::path::{Path, PathBuf};
use std::process::Command;
use streamsocket_tests::clip::{clip, voice};
use streamsocket_tests::long::is_left_out;
use streamsocket_tests::place::Place;
use streamsocket_tests::program::{Program, ours, output, receiver, text};
use streamsocket_tests::relay::{Loss, Relay};
use streamsocket_tests::session::{daemon_at, file};
use streamsocket_tests::turn;
use streamsocket_tests::wire::join;

/// Pictures until all memory has its size: the clip once, and the first reports.
const FIRST: usize = 200;

/// Pictures that are watched.
const WATCHED: usize = 200;

/// Times that they are watched at most.
const TIMES: usize = 10;

/// The counter that is preloaded, compiled.
fn counter(folder: &Path) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/allocations.c");
    let library = folder.join("allocations.so");
    let mut compiler = Command::new("cc");
    compiler.args(["-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-o"]).arg(&library);
    output(compiler.arg(source).args(["-ldl", "-lpthread"]));
    library
}

/// What a program has allocated until now.
fn allocated(program: &mut Program) -> u64 {
    program.signal(Signal::SIGUSR1);
    let line = program.wait_for("allocations ");
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

/// Allocations of a program while pictures go by, of which `pass` waits for so many. On a machine that is
/// starved memory may take longer to have its size: what allocates for pictures does so every time.
fn watched(program: &mut Program, pass: &mut impl FnMut(usize)) -> u64 {
    pass(FIRST);
    let mut least = u64::MAX;
    for _ in 0..TIMES {
        let before = allocated(program);
        pass(WATCHED);
        least = least.min(allocated(program) - before);
        if least == 0 {
            break;
        }
    }
    least
}

/// Allocations of a receiver while pictures go by.
fn received(sdp: &Path, library: &Path, pass: &mut impl FnMut(usize)) -> u64 {
    received_by(receiver(), sdp, library, pass)
}

/// The same of this receiver.
fn received_by(
    mut viewer: Command,
    sdp: &Path,
    library: &Path,
    pass: &mut impl FnMut(usize),
) -> u64 {
    // Who hears announcements of tiers allocates for each.
    viewer.args(["--mute", "--tier", "full"]).arg(sdp).env("LD_PRELOAD", library);
    // libjpeg-turbo allocates for each picture that it decodes.
    let mut viewer = Program::start(viewer.env("ALLOCATIONS_EXCEPT", "picture"));
    viewer.wait_for("receiving");
    let allocations = watched(&mut viewer, pass);
    viewer.interrupt().succeeded();
    allocations
}

/// Waits for so many pictures at a place.
fn pictures(place: Place) -> impl FnMut(usize) {
    let ears = join(place.at(0));
    let mut packet = [0; 2048];
    // The last packet of a picture has the marker.
    move |pictures| {
        for _ in 0..pictures {
            while ears.recv(&mut packet).is_ok() && packet[1] & 0x80 == 0 {}
        }
    }
}

/// The daemon with a file of JPEGs and with sound at a place, counted.
fn sender(place: Place, library: &Path) -> Command {
    let mut daemon = daemon_at(place);
    daemon.args(["--video", &file(&clip("640x480")), "--audio", &file(&voice()), "--loop"]);
    daemon.args(["--fps", "100"]).env("LD_PRELOAD", library);
    daemon
}

#[test]
fn nothing_is_allocated_while_it_streams() {
    let _turn = turn();
    let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
    let (library, sdp) = (counter(folder.path()), folder.path().join("it.sdp"));
    let mut pass = pictures(place);
    let mut daemon = sender(place, &library);
    // All sinks share the picture.
    daemon.args(["--to", &Place::new().to_string(), "--sdp"]).arg(&sdp);
    let mut daemon = Program::start(&mut daemon);
    daemon.wait_for("goes to");
    let sent = watched(&mut daemon, &mut pass);
    let received = received(&sdp, &library, &mut pass);
    // Where packets get lost, they are made again.
    let far = Place::new();
    let lossy = folder.path().join("lossy.sdp");
    std::fs::write(&lossy, far.repaired_sdp("L16/48000/1")).unwrap();
    let relay = Relay::open(place, far, Loss { per_mille: 50, burst: 4, seed: 1 });
    let repaired = self::received(&lossy, &library, &mut pass);
    assert!(relay.lost() > 0);
    println!(
        "allocations in {WATCHED} pictures: daemon {sent}, receiver {received}, with losses {repaired}"
    );
    assert_eq!((sent, received, repaired), (0, 0, 0));
    daemon.interrupt().succeeded();
}

#[test]
fn nothing_is_allocated_for_protection() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let (library, key) = (counter(folder.path()), folder.path().join("key"));
    output(ours("streamsocket").args(["key", "new"]).arg(&key));
    for suite in ["AES_CM_128_HMAC_SHA1_80", "AEAD_AES_128_GCM"] {
        let (place, far) = (Place::new(), Place::new());
        let mut pass = pictures(place);
        let mut daemon = sender(place, &library);
        daemon.args(["--no-announce", "--suite", suite, "--key-file"]).arg(&key);
        let mut daemon = Program::start(&mut daemon);
        daemon.wait_for("goes to");
        let sent = watched(&mut daemon, &mut pass);
        // Where packets get lost, they are made again, and then opened.
        let sdp = folder.path().join("lossy.sdp");
        let plain = far.repaired_sdp("L16/48000/1").replace("RTP/AVP", "RTP/SAVP");
        let protected = format!("t=0 0\r\na=x-protected:{suite}\r\n");
        std::fs::write(&sdp, plain.replace("t=0 0\r\n", &protected)).unwrap();
        let relay = Relay::open(place, far, Loss { per_mille: 50, burst: 4, seed: 1 });
        let mut viewer = receiver();
        viewer.arg("--key-file").arg(&key);
        let received = received_by(viewer, &sdp, &library, &mut pass);
        assert!(relay.lost() > 0);
        println!("allocations in {WATCHED} pictures, {suite}: daemon {sent}, receiver {received}");
        assert_eq!((sent, received), (0, 0), "{suite}");
        daemon.interrupt().succeeded();
    }
}

#[test]
fn a_tier_allocates_for_its_pictures_only_where_they_are_made() {
    let _turn = turn();
    let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
    let library = counter(folder.path());
    let mut daemon = sender(place, &library);
    // libjpeg-turbo allocates for each picture that it decodes and encodes.
    daemon.args(["--tier", "low=1/2,15", "--no-announce"]).env("ALLOCATIONS_EXCEPT", "jpeg");
    let mut daemon = Program::start(&mut daemon);
    daemon.wait_for("goes to");
    let sent = watched(&mut daemon, &mut pictures(place));
    let status = text(ours("streamsocket").args(["status", "--json", "--name", &place.name()]));
    daemon.interrupt().succeeded();
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    let low = &status["tracks"][2];
    assert!(low["tier"] == "low" && low["frames_encoded"].as_u64() > Some(30), "{low}");
    println!("allocations in {WATCHED} pictures beside a tier: {sent}");
    assert_eq!(sent, 0);
}

#[test]
fn the_sound_of_a_tier_is_encoded_and_decoded_without_allocating() {
    if is_left_out("allocations::the_sound_of_a_tier_is_encoded_and_decoded_without_allocating") {
        return;
    }
    let _turn = turn();
    let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
    let (library, sdp) = (counter(folder.path()), folder.path().join("voice.sdp"));
    let mut daemon = sender(place, &library);
    daemon.args(["--tier", "voice=opus", "--no-announce"]);
    let mut daemon = Program::start(&mut daemon);
    daemon.wait_for("voice' goes to");
    let mut described = ours("streamsocket");
    described.args(["sdp", "--name", &place.name(), "--tier", "voice"]);
    std::fs::write(&sdp, text(&mut described)).unwrap();
    let mut pass = pictures(place);
    let sent = watched(&mut daemon, &mut pass);
    let received = received(&sdp, &library, &mut pass);
    println!("allocations in {WATCHED} pictures beside Opus: daemon {sent}, receiver {received}");
    assert_eq!((sent, received), (0, 0));
    daemon.interrupt().succeeded();
}
