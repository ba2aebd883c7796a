//! Senders that are not ours: whose RTP time jumps, or that say nothing of their clock.

use std::fs;
use std::net::Ipv4Addr;
use streamsocket_tests::card::Card;
use streamsocket_tests::long::{is_left_out, long_or};
use streamsocket_tests::place::Place;
use streamsocket_tests::program::{Program, receiver};
use streamsocket_tests::sender::Sender;
use streamsocket_tests::turn;

/// What the clock of a sender says.
const WALL: i64 = 1_700_000_000_000_000_000;

/// The number in front of these words in what a receiver says at its end.
#[track_caller]
fn number(said: &str, words: &str) -> u64 {
    let (before, _) = said.split_once(words).unwrap_or_else(|| panic!("no {words}: {said}"));
    before.rsplit(' ').next().unwrap().parse().unwrap()
}

#[test]
fn pictures_go_on_wherever_rtp_time_does() {
    if is_left_out("foreign::pictures_go_on_wherever_rtp_time_does") {
        return;
    }
    let _turn = turn();
    let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
    let sdp = folder.path().join("it.sdp");
    fs::write(&sdp, Sender::sdp(place)).unwrap();
    let mut viewer = Program::start(receiver().arg(&sdp).args(["--latency", "200"]));
    viewer.wait_for("waiting for");
    place.wait_for_member();
    let mut sender = Sender::new(place, Ipv4Addr::LOCALHOST, 5, WALL);
    sender.run(2);
    // Back and forth for a second each, as somebody who relays a film does.
    for seconds in [-10, 3600, -3000, 7, -5] {
        sender.jump(seconds);
        sender.run(1);
    }
    // A single picture that is stamped wrongly.
    for _ in 0..5 {
        sender.jump(20_000);
        sender.picture();
        sender.jump(-20_000);
        sender.run(1);
    }
    let said = viewer.interrupt().succeeded();
    let received = number(&said, " frames received");
    println!("{received} of {} pictures", sender.sent());
    // A picture for each jump, and one that was held when a source began anew.
    assert!(received + 5 * 3 + 5 >= u64::from(sender.sent()), "{received} of {}", sender.sent());
}

#[test]
fn sound_of_a_sender_without_a_clock_is_never_late() {
    if is_left_out("foreign::sound_of_a_sender_without_a_clock_is_never_late") {
        return;
    }
    let _turn = turn();
    for &together in long_or(&[1, 4][..], &[1, 2, 4]) {
        let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
        let sdp = folder.path().join("it.sdp");
        fs::write(&sdp, place.plain_sdp(Some("L16/8000/1"))).unwrap();
        let card = Card::new(folder.path(), 0);
        let mut command = receiver();
        card.play(command.arg(&sdp).args(["--latency", "100"]));
        let mut viewer = Program::start(&mut command);
        viewer.wait_for("waiting for");
        place.wait_for_member();
        Sender::new(place, Ipv4Addr::LOCALHOST, 5, WALL).sound_in_bursts(8, together);
        let said = viewer.interrupt().succeeded();
        let sound = &said[said.rfind("  audio  ").unwrap()..];
        let (late, played) = (number(sound, " late"), number(sound, " played"));
        println!("{together} at a time: {late} samples late, {played} played");
        // What came before the first burst was whole.
        assert!(late <= 160 && played > 7 * 8000, "{said}");
    }
}
