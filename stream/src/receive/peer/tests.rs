use super::Standing::{Ours, Stranger, TakesOver};
use super::*;

const MS: i64 = 1_000_000;
const HOME: IpAddr = IpAddr::V4(core::net::Ipv4Addr::new(192, 168, 1, 10));
const OTHER: IpAddr = IpAddr::V4(core::net::Ipv4Addr::new(192, 168, 1, 66));
const SOURCE: Ssrc = Ssrc(7);

fn at(millis: i64) -> Monotonic {
    Monotonic(millis * MS)
}

/// Lets somebody send from `from` until `to` milliseconds, a packet each 10 ms; returns when the stream was
/// taken over, if it was.
fn send(peers: &mut Peers, address: IpAddr, ssrc: Ssrc, (from, to): (i64, i64)) -> Option<i64> {
    let mut times = (from..to).step_by(10).zip(0..);
    let taken = times.find(|(time, sequence)| {
        peers.packet(address, (ssrc, Sequence(*sequence)), at(*time)) == TakesOver
    });
    taken.map(|(time, _)| time)
}

fn described() -> Peers {
    let mut peers = Peers::new(Some(HOME), Some(SOURCE));
    assert_eq!(peers.packet(HOME, (SOURCE, Sequence(0)), at(0)), TakesOver);
    assert_eq!(peers.packet(HOME, (SOURCE, Sequence(1)), at(1)), Ours);
    peers
}

#[test]
fn nobody_takes_the_place_of_a_source_that_reports() {
    let mut peers = described();
    for second in 0..3600 {
        assert!(!peers.reported(HOME, at(second * 1230)));
        let span = (second * 1230 + 1, (second + 1) * 1230);
        assert_eq!(send(&mut peers, OTHER, SOURCE, span), None, "{second}");
    }
}

#[test]
fn one_packet_takes_no_stream_however_long_it_was_silent() {
    let mut peers = described();
    for minute in 1..60 {
        let packet = (SOURCE, Sequence(u16::try_from(minute).unwrap()));
        assert_eq!(peers.packet(OTHER, packet, at(minute * 60_000)), Stranger);
    }
}

#[test]
fn a_sender_that_moves_is_followed_within_two_seconds() {
    let taken = send(&mut described(), OTHER, SOURCE, (20, 4000)).unwrap();
    assert!((1_400..2_000).contains(&taken), "{taken}");
    // Without a description the source may be another one, too.
    let mut peers = Peers::default();
    assert_eq!(peers.packet(HOME, (SOURCE, Sequence(0)), at(0)), TakesOver);
    let taken = send(&mut peers, OTHER, Ssrc(9), (20, 4000)).unwrap();
    assert!((1_400..2_000).contains(&taken), "{taken}");
}

#[test]
fn a_description_names_who_may_follow() {
    assert_eq!(send(&mut described(), OTHER, Ssrc(9), (20, 60_000)), None);
}

#[test]
fn the_old_address_takes_its_stream_at_once() {
    let mut peers = described();
    assert!(send(&mut peers, OTHER, SOURCE, (20, 4000)).is_some());
    assert!(peers.believes(OTHER));
    assert_eq!(peers.packet(HOME, (SOURCE, Sequence(0)), at(4001)), TakesOver);
    assert!(peers.believes(HOME));
    // By a report alone it does, too, though its camera is out.
    let mut peers = described();
    assert!(send(&mut peers, OTHER, SOURCE, (20, 4000)).is_some());
    assert!(peers.reported(HOME, at(4001)));
    assert!(!peers.believes(OTHER) && !peers.believes(HOME));
    assert_eq!(send(&mut peers, OTHER, SOURCE, (4002, 5000)), None);
}

#[test]
fn who_has_moved_is_at_home_there_after_a_minute() {
    let mut peers = Peers::default();
    assert_eq!(peers.packet(HOME, (SOURCE, Sequence(0)), at(0)), TakesOver);
    assert!(send(&mut peers, OTHER, SOURCE, (20, 2000)).is_some());
    assert_eq!(send(&mut peers, OTHER, SOURCE, (2000, 70_000)), None);
    assert_eq!(peers.packet(HOME, (SOURCE, Sequence(0)), at(70_001)), Stranger);
    // It says goodbye, and is at once there again with another source.
    peers.bye();
    assert_eq!(peers.packet(OTHER, (Ssrc(9), Sequence(0)), at(70_002)), TakesOver);
}

#[test]
fn the_described_address_has_its_stream_for_ever() {
    let mut peers = described();
    assert!(send(&mut peers, OTHER, SOURCE, (20, 2000)).is_some());
    assert_eq!(send(&mut peers, OTHER, SOURCE, (2000, 600_000)), None);
    // Started anew it has another source.
    assert_eq!(peers.packet(HOME, (Ssrc(9), Sequence(0)), at(600_001)), TakesOver);
    assert_eq!(send(&mut peers, OTHER, SOURCE, (600_002, 601_000)), None);
    assert!(peers.believes(HOME));
}

#[test]
fn of_two_described_addresses_the_first_has_the_stream_until_it_is_silent() {
    let mut peers = Peers::new([HOME, OTHER], None);
    assert_eq!(peers.packet(OTHER, (SOURCE, Sequence(0)), at(0)), TakesOver);
    for time in 1..1000 {
        let packet = |ssrc| (ssrc, Sequence(u16::try_from(time).unwrap()));
        assert_eq!(peers.packet(HOME, packet(Ssrc(9)), at(time)), Stranger);
        assert_eq!(peers.packet(OTHER, packet(SOURCE), at(time)), Ours);
    }
    assert_eq!(send(&mut peers, HOME, Ssrc(9), (1000, 5000)), Some(2400));
    assert!(peers.believes(HOME));
}

#[test]
fn reports_may_be_lost_while_the_camera_is_out() {
    let mut peers = described();
    for report in 1..1000 {
        assert!(!peers.reported(HOME, at(report * 2_500)));
        let span = (report * 2_500 + 1, (report + 1) * 2_500);
        let taken = send(&mut peers, OTHER, SOURCE, span);
        // Before the first report nothing says that there is a camera that is out.
        assert!(taken.is_none(), "{report}: {taken:?}");
    }
}

#[test]
fn a_slow_sender_that_moves_is_followed() {
    let mut peers = described();
    // A picture of ten packets every five seconds.
    let taken = (1..20).find(|picture| {
        (0..10).any(|packet| {
            let sequence = Sequence(u16::try_from(picture * 10 + packet).unwrap());
            let time = at(picture * 5_000 + packet);
            peers.packet(OTHER, (SOURCE, sequence), time) == TakesOver
        })
    });
    assert_eq!(taken, Some(2));
}

#[test]
fn rubbish_between_its_packets_does_not_hold_a_newcomer_up() {
    let mut peers = described();
    let mut taken = None;
    for step in 0_u16..400 {
        let time = at(20 + i64::from(step) * 10);
        for address in 1..=3 {
            let stranger = IpAddr::from([192, 168, 2, address]);
            let random = (SOURCE, Sequence(step.wrapping_mul(40_503)));
            assert_eq!(peers.packet(stranger, random, time), Stranger);
        }
        if peers.packet(OTHER, (SOURCE, Sequence(step)), time) == TakesOver {
            taken = taken.or(Some(20 + i64::from(step) * 10));
        }
    }
    assert!(taken.is_some_and(|taken| taken < 2000), "{taken:?}");
}

#[test]
fn after_a_goodbye_a_newcomer_need_not_wait() {
    let mut peers = described();
    peers.bye();
    let taken = send(&mut peers, OTHER, SOURCE, (20, 4000)).unwrap();
    assert!((500..600).contains(&taken), "{taken}");
}

#[test]
fn where_it_is_asked_for_it_is_taken_from_when_the_old_address_is_silent() {
    let mut peers = described();
    assert!(peers.knows(HOME) && peers.heard(HOME) && !peers.knows(OTHER));
    peers.describe(OTHER);
    assert!(peers.knows(OTHER) && !peers.heard(OTHER), "nothing has come from there yet");
    assert_eq!(peers.packet(OTHER, (Ssrc(9), Sequence(0)), at(5000)), TakesOver);
    assert!(peers.heard(OTHER));
}
