use super::*;

#[test]
fn announcements_go_no_further_than_their_session() {
    for (group, session, expected) in [
        ("239.255.1.2", 1, 1),
        ("239.192.0.1", 15, 15),
        ("224.2.130.1", 15, 255),
        ("232.1.1.1", 1, 255),
        ("ff15::1", 1, 1),
        ("ff1e::1", 16, 255),
    ] {
        assert_eq!(ttl(group.parse().unwrap(), session), expected, "{group}");
    }
}

#[test]
fn a_deletion_is_the_first_lines_as_they_are() {
    let sdp = "v=0\no=- 1 1 IN IP4 1.2.3.4\ns=x\n";
    let SapPackets { deletion, .. } = SapPackets::new(sdp, [1, 2, 3, 4].into());
    assert!(deletion.ends_with(b"\0v=0\no=- 1 1 IN IP4 1.2.3.4\n"));
}

#[test]
fn what_is_longer_goes_unannounced_until_it_is_shorter() {
    let origin = IpAddr::from([127, 0, 0, 1]);
    let reach = Reach { origin, interface: None, ttl: 1 };
    let long = format!("v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns={}\r\n", "x".repeat(PACKET_MAX));
    let short = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=x\r\n";
    let texts = |session| Texts { session, sound: None };
    let mut announcer = Announcer::new(texts(&long), reach, Monotonic(0)).unwrap();
    assert_eq!(announcer.session.packets.packet, None);
    announcer.announce(Monotonic(0));
    announcer.replace(texts(short), Monotonic(1));
    assert!(announcer.session.packets.packet.is_some());
    announcer.replace(texts(&long), Monotonic(2));
    assert_eq!(announcer.session.packets.packet, None);
}
