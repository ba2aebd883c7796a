//! Rooms: sessions that belong together.

use std::fs;
use streamsocket_tests::place::Place;
use streamsocket_tests::program::{Program, daemon, ours, text};

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
