//! Rooms: sessions that belong together.

use nix::sys::signal::Signal;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;
use streamsocket_tests::board::wait_until;
use streamsocket_tests::card::Card;
use streamsocket_tests::long::is_left_out;
use streamsocket_tests::place::Place;
use streamsocket_tests::program::{Program, daemon, ours, receiver, text};
use streamsocket_tests::recording::Recording;
use streamsocket_tests::report::track;
use streamsocket_tests::screen::{BARS, Screen, share};
use streamsocket_tests::session::daemon_at;
use streamsocket_tests::turn;

/// The version of a description, which grows with each change (RFC 8866 section 5.2).
fn version(sdp: &str) -> u64 {
    let origin = sdp.lines().find_map(|line| line.strip_prefix("o=- ")).unwrap();
    origin.split(' ').nth(1).unwrap().parse().unwrap()
}

#[test]
fn a_session_and_its_tiers_say_their_room_and_move_to_another_while_they_go_on() {
    let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
    let config = folder.path().join("it.toml");
    let configure = |lines: &str| {
        let own = format!("to = \"{place}\"\nname = \"{}\"\n", place.name());
        fs::write(&config, own + "video = \"pattern\"\naudio = \"none\"\n" + lines).unwrap();
    };
    let tier = "[[tier]]\nname = \"low\"\nscale = \"1/2\"\n";
    configure(&format!("room = \"Lesson 3\"\n{tier}"));
    let mut daemon = Program::start(daemon().arg("--config").arg(&config));
    let said = daemon.wait_for("goes to");
    assert!(said.ends_with(", in the room 'Lesson 3'"), "{said}");
    let ask =
        |order: &[&str]| text(ours("streamsocket").args(order).args(["--name", &place.name()]));
    let both = || [ask(&["sdp"]), ask(&["sdp", "--tier", "low"])];
    let before = both();
    for sdp in &before {
        assert!(sdp.contains("\r\na=x-room:Lesson 3\r\n"), "{sdp}");
    }
    let status = ask(&["status"]);
    assert!(status.lines().next().unwrap().contains(", in the room 'Lesson 3'"), "{status}");
    configure(&format!("room = \"Lesson 4\"\n{tier}"));
    ask(&["reload"]);
    for (sdp, before) in both().iter().zip(&before) {
        assert!(sdp.contains("\r\na=x-room:Lesson 4\r\n"), "{sdp}");
        assert_eq!(version(sdp), version(before) + 1, "{before}{sdp}");
    }
    configure(tier);
    ask(&["reload"]);
    assert!(both().iter().all(|sdp| !sdp.contains("x-room")));
    daemon.interrupt().succeeded();
}

/// Of the frame around the one who speaks.
const MARK: [u8; 3] = [64, 224, 64];

/// What is left of the bars of a picture that is an old one.
const DIMMED: u16 = 96;

/// Of a picture that is not.
const LIGHT: u16 = 255;

/// Pictures of 640x360 in a room of 1280x720: two rows of two; the third of three is in the middle.
const FOUR: [[usize; 4]; 4] =
    [[0, 0, 640, 360], [640, 0, 640, 360], [0, 360, 640, 360], [640, 360, 640, 360]];
const THIRD: [usize; 4] = [320, 360, 640, 360];

/// One who sends a test picture to a room.
fn sender(room: &str, sound: &str) -> (String, Program) {
    sender_of("640x360", room, sound)
}

/// The same, of another size.
fn sender_of(size: &str, room: &str, sound: &str) -> (String, Program) {
    let place = Place::new();
    let mut command = daemon_at(place);
    command.args(["--video", "pattern", "--audio", sound, "--size", size, "--room", room]);
    let mut daemon = Program::start(&mut command);
    daemon.wait_for("goes to");
    (place.name(), daemon)
}

fn viewer(server: &Screen, room: &str) -> Command {
    let mut command = ours("streamsocket-receiver");
    command.args(["--interface", "127.0.0.1", "--mute", "--fullscreen", "--room", room]);
    command.env("DISPLAY", server.display()).env_remove("WAYLAND_DISPLAY");
    command.env("SDL_VIDEODRIVER", "x11").env("SDL_RENDER_DRIVER", "software");
    command
}

/// Whether all bars of the test picture are in a part of the screen, each on so much of it.
fn has_bars(server: &Screen, part: [usize; 4], light: u16) -> bool {
    let shown = server.part(part);
    let dim = |value: u8| u8::try_from(u16::from(value) * light / LIGHT).unwrap();
    BARS.iter().all(|bar| (0.01..0.15).contains(&share(&shown, bar.map(dim))))
}

/// Whether there are the pictures of three.
fn has_three(server: &Screen) -> bool {
    [FOUR[0], FOUR[1], THIRD].iter().all(|part| has_bars(server, *part, LIGHT))
}

#[test]
fn all_in_a_room_are_shown_and_come_and_go_without_touching_the_others() {
    let _turn = turn();
    let (server, folder) = (Screen::start(), tempfile::tempdir().unwrap());
    let room = Place::new().name();
    let recordings = folder.path().join("lesson");
    let mut command = viewer(&server, &room);
    command.arg("--record").arg(&recordings).current_dir(folder.path());
    let mut receiver = Program::start(&mut command);
    receiver.wait_for("waiting for somebody in the room");
    let mut senders = Vec::new();
    // Somebody else's room is not shown.
    let stranger = sender("elsewhere", "none");
    for sound in ["none", "tone", "none"] {
        let (name, daemon) = sender(&room, sound);
        receiver.wait_for(&format!("receiving {name}"));
        senders.push((name, daemon));
    }
    wait_until("three pictures", || has_three(&server));
    let marked = |part| share(&server.part(part), MARK) > 0.002;
    wait_until("a frame around who is heard", || marked(FOUR[1]));
    assert!(!marked(FOUR[0]) && !marked(THIRD), "only one speaks");
    if let Some(path) = std::env::var_os("ROOM_SCREENSHOT") {
        text(
            Command::new("import")
                .args(["-display", server.display(), "-window", "root"])
                .arg(path),
        );
    }

    // A fourth one comes and goes.
    let (name, fourth) = sender(&room, "none");
    receiver.wait_for(&format!("receiving {name}"));
    wait_until("four pictures", || FOUR.iter().all(|part| has_bars(&server, *part, LIGHT)));
    fourth.interrupt().succeeded();
    receiver.wait_for(&format!("'{name}' has left"));
    wait_until("three pictures", || has_three(&server));

    keys_choose(&server);

    // One is killed: its last picture stays, dimmed, and the others go on.
    let (killed, daemon) = senders.pop().unwrap();
    daemon.signal(Signal::SIGKILL);
    receiver.wait_for(&format!("{killed} has stopped"));
    wait_until("a dimmed picture", || has_bars(&server, THIRD, DIMMED));
    assert!(has_bars(&server, FOUR[0], LIGHT) && has_bars(&server, FOUR[1], LIGHT));
    server.press("q");
    let said = receiver.succeed();
    let heard = |name: &str| said.contains(&format!(" s of {name}\n"));
    assert!(senders.iter().all(|(name, _)| heard(name)) && !said.contains("elsewhere"), "{said}");
    for (name, _) in senders.iter().map(|(name, _)| (name, ())).chain([(&killed, ()), (&name, ())])
    {
        let recording = Recording::read(&recordings.join(format!("{name}.mkv")));
        assert!(recording.video.len() > 5, "{name}: {}", recording.video.len());
        let has_sound = !recording.audio.is_empty();
        assert_eq!(has_sound, *name == senders[1].0, "{name}");
    }
    senders.into_iter().for_each(|(_, daemon)| drop(daemon.interrupt().succeeded()));
    stranger.1.interrupt().succeeded();
}

/// Keys give the whole screen to one, and back to all.
#[track_caller]
fn keys_choose(server: &Screen) {
    let whole = [0, 0, 1280, 720];
    let one = || has_bars(server, whole, LIGHT) && !has_bars(server, FOUR[0], LIGHT);
    for (to_one, to_all) in [("2", "2"), ("3", "0"), ("Tab", "0")] {
        server.press(to_one);
        wait_until("one picture", one);
        server.press(to_all);
        wait_until("three pictures", || has_three(server));
    }
    // Nobody is in that place.
    server.press("9");
    std::thread::park_timeout(Duration::from_millis(300));
    assert!(has_three(server));
}

/// A configuration by which this machine sends a test picture and a tone.
fn configuration(folder: &Path) -> (Place, String) {
    let place = Place::new();
    let path = folder.join("own.toml");
    let text = format!(
        "video = \"pattern\"\naudio = \"tone\"\nsize = \"320x240\"\nto = \"{place}\"\nname = \"{}\"\nrtsp = \"off\"\n",
        place.name()
    );
    fs::write(&path, text).unwrap();
    (place, format!("--publish={}", path.display()))
}

/// Whether a daemon of this name runs.
fn runs(place: Place) -> bool {
    let mut status = ours("streamsocket");
    status.args(["status", "--name", &place.name()]).stderr(Stdio::null());
    status.status().unwrap().success()
}

#[test]
fn who_publishes_hears_the_others_and_not_itself_and_ends_with_the_receiver() {
    if is_left_out(
        "rooms::who_publishes_hears_the_others_and_not_itself_and_ends_with_the_receiver",
    ) {
        return;
    }
    if is_left_out(
        "rooms::who_publishes_hears_the_others_and_not_itself_and_ends_with_the_receiver",
    ) {
        return;
    }
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let room = Place::new().name();
    let (other, daemon) = sender(&room, "tone");
    let (own, publish) = configuration(folder.path());
    let card = Card::new(folder.path(), 0);
    let mut command = receiver();
    command.args(["--room", &room, &publish, "--stats", "-", "--for", "8"]);
    let mut viewer = Program::start(card.play(&mut command).stdout(Stdio::piped()));
    viewer.wait_for(&format!("receiving {}", own.name()));
    assert!(runs(own));
    let lines = BufReader::new(viewer.stdout()).lines().map_while(Result::ok);
    let seconds: Vec<serde_json::Value> =
        lines.map(|line| serde_json::from_str(&line).unwrap()).collect();
    let said = viewer.succeed();
    assert!(!runs(own), "{said}");
    let last = |name: &str| {
        let of = seconds.iter().rev().find(|it| it["source"] == name);
        track(of.expect(&said), "audio").clone()
    };
    let (own, other) = (last(&own.name()), last(&other));
    assert!(own["samples"].as_u64() > Some(96_000), "{own}");
    assert_eq!(own["samples_played"], 0, "{own}");
    assert!(other["samples_played"].as_u64() > Some(96_000), "{other}");
    // It was heard.
    let loud = card.heard(48_000, 2).iter().filter(|(_, sample)| sample.abs() > 1000).count();
    assert!(loud > 1000, "{loud}");
    daemon.interrupt().succeeded();
}

#[test]
fn whoever_sends_for_a_receiver_that_is_killed_ends_as_well_and_it_has_to_be_installed() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let room = Place::new().name();
    let (own, publish) = configuration(folder.path());
    let mut viewer = Program::start(receiver().args(["--room", &room, &publish]));
    viewer.wait_for(&format!("receiving {}", own.name()));
    viewer.signal(Signal::SIGKILL);
    wait_until("the end of who sent for it", || !runs(own));

    let alone = folder.path().join("streamsocket-receiver");
    fs::copy(ours("streamsocket-receiver").get_program(), &alone).unwrap();
    let mut command = Command::new(&alone);
    command.args(["--headless", "--interface", "127.0.0.1", "--room", &room, "--publish"]);
    let ended = Program::start(command.env("PATH", folder.path())).finish();
    let missing = "streamsocket, which sends this machine's camera and microphone, is not installed: install the package streamsocket";
    assert!(ended.status.code() == Some(1) && ended.said.contains(missing), "{}", ended.said);
}

/// How far apart two senders' pictures may be presented that were captured at one instant: so many milliseconds, and, since
/// long latencies are measured less finely, this part of it. By themselves they are as far apart as a large picture takes
/// longer to be sent and decoded than a small one.
const APART_MAX: (f64, f64) = (5.0, 0.1);

#[test]
fn what_two_senders_see_at_one_instant_is_shown_at_one() {
    if is_left_out("rooms::what_two_senders_see_at_one_instant_is_shown_at_one") {
        return;
    }
    let _turn = turn();
    let room = Place::new().name();
    let senders = ["160x120", "1920x1080"].map(|size| sender_of(size, &room, "tone"));
    let mut command = receiver();
    command.args(["--room", &room, "--mute", "--stats", "-", "--for", "14"]);
    let mut viewer = Program::start(command.stdout(Stdio::piped()));
    let lines = BufReader::new(viewer.stdout()).lines().map_while(Result::ok);
    let seconds: Vec<serde_json::Value> =
        lines.map(|line| serde_json::from_str(&line).unwrap()).collect();
    let said = viewer.succeed();
    let latencies = senders.each_ref().map(|(name, _)| {
        let last = seconds.iter().rev().find(|it| it["source"] == *name).expect(&said);
        assert_eq!(last["in_step"], true, "{last}");
        track(last, "video")["latency_ms"].as_f64().unwrap()
    });
    println!("shown {latencies:?} ms after capture");
    let apart_max = APART_MAX.0 + APART_MAX.1 * latencies[0];
    assert!((latencies[0] - latencies[1]).abs() < apart_max, "{latencies:?}");
    senders.into_iter().for_each(|(_, daemon)| drop(daemon.interrupt().succeeded()));
}
