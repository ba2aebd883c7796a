use super::*;
use crate::publish::description::{Described, Description, TrackFormat};
use crate::publish::track::TrackId;
use crate::settings::{Destination, INPUTS_MAX};
use streamsocket_media::{FrameRate, VideoFormat};
use streamsocket_wire::rtp::Ssrc;
use streamsocket_wire::sdp::Medium;

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

/// The longest description: all names as long as they may be, all numbers as large.
fn longest() -> Description {
    let group = "ff15:1234:1234:1234:1234:1234:8123:4566".parse().unwrap();
    let group = Destination::new(group, 65_528);
    let rate = Some(FrameRate { numerator: 119_880, denominator: 1001 });
    let format = TrackFormat::Video(VideoFormat { width: 65_535, height: 65_535, rate });
    let track = |index: u16| {
        let id = TrackId { medium: Medium::Video, index: index.into(), tier: None };
        let to = group.further(index).unwrap().video;
        Described::new(id, format, Ssrc(u32::MAX), to)
    };
    let tracks = (0..u16::try_from(INPUTS_MAX).unwrap()).map(track).collect();
    let name = format!("{}, {}", "n".repeat(64), "t".repeat(16));
    Description {
        cname: format!("{:016x}@{}", 0, "h".repeat(64)).into(),
        origin: "fe80:1234:1234:1234:1234:1234:1234:1234".parse().unwrap(),
        group: group.address(),
        ttl: 255,
        session_id: u64::MAX - 1,
        changes: 1,
        packet_size: 1472,
        fec: true,
        synchronised: true,
        plain_sound: false,
        protected: None,
        rtsp: None,
        tier: Some(("t".repeat(16).into(), u64::MAX)),
        room: Some("r".repeat(64)),
        name,
        tracks,
    }
}

#[test]
fn the_longest_description_is_announced() {
    let description = longest();
    let sdp = description.text().unwrap();
    let SapPackets { packet, .. } = SapPackets::new(&sdp, description.origin);
    let packet = packet.unwrap_or_else(|| panic!("{} bytes", sdp.len()));
    let announcement = Announcement::parse(&packet).unwrap();
    assert_eq!(announcement.payload, sdp.as_bytes());
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
