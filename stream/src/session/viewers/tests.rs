use super::super::feedback::{About, BANDWIDTH_DEFAULT, Feedback};
use super::*;
use crate::receive::fate::Runs;
use core::net::Ipv4Addr;
use streamsocket_wire::rtcp::Run;
use streamsocket_wire::rtp::Sequence;

const STREAM: Ssrc = Ssrc(9);
const SECOND: i64 = 1_000_000_000;
/// A second after 1900: its middle is 65536. It is what the stream has asked at zero.
const NTP: NtpTime = NtpTime(1 << 32);

fn viewers() -> Viewers {
    let mut viewers = Viewers::new(STREAM, BANDWIDTH_DEFAULT);
    viewers.ask(NTP, Monotonic(0));
    viewers
}

fn address() -> SocketAddr {
    "192.0.2.7:5555".parse().unwrap()
}

/// The address of a host by its number.
fn host(number: u32) -> SocketAddr {
    (Ipv4Addr::from(0x0A00_0000 + number), 5555).into()
}

/// A report that comes at `at` and echoes what the stream asked at zero, if it is to.
fn report(viewers: &mut Viewers, ssrc: u32, from: SocketAddr, at: Monotonic, echoes: bool) {
    let delay = u32::try_from(at.0 / (SECOND / 4) * 16_384).unwrap();
    let block = ReportBlock {
        ssrc: STREAM,
        fraction_lost: 3,
        lost: 4,
        highest: 5,
        jitter: 6,
        last_sr: if echoes { 65_536 } else { 0x1234_5678 },
        delay,
    };
    let runs = [Run { received: true, packets: 90 }, Run { received: false, packets: 10 }];
    let fates = Some((Sequence(7), Runs::from_slice(&runs).unwrap()));
    let about = About { cname: "a@b", block: Some(block), fates };
    let mut out = [0; 1024];
    let mut feedback = Feedback::new(Ssrc(ssrc), None);
    let len = feedback.report(at, &about, 0, &mut out).unwrap();
    viewers.receive(&out[..len], from, at);
}

fn listed(viewers: &Viewers, from: SocketAddr) -> usize {
    viewers.iter().filter(|it| it.address.ip() == from.ip()).count()
}

#[test]
fn a_receiver_is_known_until_it_says_goodbye() {
    let mut viewers = viewers();
    report(&mut viewers, 1, address(), Monotonic(SECOND / 8), true);
    report(&mut viewers, 1, address(), Monotonic(SECOND / 8), true);
    report(&mut viewers, 2, address(), Monotonic(SECOND / 8), true);
    assert_eq!(viewers.len(), 2);
    let first = viewers.iter().next().unwrap();
    assert_eq!(first.block.unwrap().lost, 4);
    assert_eq!((&first.cname[..], first.left), (&b"a@b"[..], Some((10, 100))));
    assert_eq!(first.round_trip, Some(125_000_000));
    let mut out = [0; 512];
    let len = Feedback::new(Ssrc(1), None).bye("a@b", &mut out).unwrap();
    let other = "192.0.2.8:5555".parse().unwrap();
    viewers.receive(&out[..len], other, Monotonic(0));
    assert_eq!(viewers.len(), 2, "a goodbye from elsewhere");
    viewers.receive(&out[..len], address(), Monotonic(0));
    assert_eq!(viewers.iter().map(|viewer| viewer.ssrc).collect::<Vec<_>>(), [Ssrc(2)]);
}

#[test]
fn a_silent_receiver_is_forgotten_and_the_table_is_bounded() {
    let mut viewers = viewers();
    // All at once: those that have a place keep it and are proven, all are counted.
    for at in [0, 5 * SECOND] {
        (0..2000).for_each(|it| report(&mut viewers, it, host(it), Monotonic(at), true));
        assert!((1900..2100).contains(&viewers.len()), "{}", viewers.len());
    }
    assert_eq!(viewers.iter().filter(|it| it.is_proven()).count(), UNPROVEN_MAX);
    let mut viewers = self::viewers();
    for it in 0..2000 {
        report(&mut viewers, it, host(it), Monotonic(0), true);
        report(&mut viewers, it, host(it), Monotonic(5 * SECOND), true);
    }
    assert_eq!(viewers.iter().count(), VIEWERS_MAX);
    assert!(viewers.iter().all(Viewer::is_proven));
    assert!((1900..2100).contains(&viewers.len()), "{}", viewers.len());
    viewers.forget(Monotonic(301 * SECOND));
    assert!(viewers.is_empty());
}

#[test]
fn proven_is_who_echoes_twice_some_time_apart() {
    let proven = |reports: &[(i64, bool)]| {
        let mut viewers = viewers();
        for (at, echoes) in reports {
            report(&mut viewers, 1, address(), Monotonic(at * SECOND), *echoes);
        }
        viewers.iter().any(Viewer::is_proven)
    };
    assert!(proven(&[(1, true), (3, true)]));
    assert!(proven(&[(1, true), (2, true), (3, true)]));
    assert!(proven(&[(1, false), (2, true), (7, false), (8, true)]));
    assert!(!proven(&[(1, true)]), "once");
    assert!(!proven(&[(1, true), (2, true)]), "in a burst");
    assert!(!proven(&[(1, false), (5, false), (9, false)]), "of nothing that was sent");
    assert!(!proven(&[(1, true), (5, false)]));
}

#[test]
fn a_stranger_adds_few_and_drives_nobody_out() {
    let mut viewers = viewers();
    let honest = |viewers: &mut Viewers, at: i64| {
        (1..=3).for_each(|it| report(viewers, it, host(it), Monotonic(at), true));
    };
    honest(&mut viewers, 0);
    // By his own address, without what the stream says and with it.
    for forged in 0..4000 {
        report(&mut viewers, 1000 + forged, address(), Monotonic(SECOND), forged % 2 == 0);
    }
    assert_eq!(listed(&viewers, address()), UNPROVEN_OF_ADDRESS_MAX);
    assert_eq!(viewers.len(), 3 + UNPROVEN_OF_ADDRESS_MAX);
    // By addresses that are made up, he fills the places of the unproven, but of those that echo.
    (0..4000).for_each(|it| report(&mut viewers, it, host(100 + it), Monotonic(SECOND), false));
    assert_eq!(viewers.len(), UNPROVEN_MAX);
    honest(&mut viewers, 5 * SECOND);
    assert_eq!(viewers.iter().filter(|it| it.is_proven()).count(), 3);
    assert!((1..=3).all(|it| listed(&viewers, host(it)) == 1));
    assert!(viewers.len() <= 3 + UNPROVEN_MAX, "{}", viewers.len());
}

#[test]
fn one_address_is_so_many_viewers_at_most() {
    let mut viewers = viewers();
    for forged in 0..1000 {
        report(&mut viewers, forged, address(), Monotonic(SECOND), true);
        report(&mut viewers, forged, address(), Monotonic(4 * SECOND), true);
    }
    assert_eq!(viewers.len(), PROVEN_OF_ADDRESS_MAX + UNPROVEN_OF_ADDRESS_MAX);
}

#[test]
fn rubbish_is_ignored() {
    let mut viewers = viewers();
    for len in 0..64 {
        viewers.receive(&vec![0x81; len], address(), Monotonic(0));
    }
    assert!(viewers.is_empty());
}
