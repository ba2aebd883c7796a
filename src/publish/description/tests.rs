use super::*;
use crate::settings::{Destination, INPUTS_MAX};
use streamsocket_media::FrameRate;
use streamsocket_station::announce::PACKET_MAX;
use streamsocket_wire::sap::Announcement;

fn id(medium: Medium, index: usize) -> TrackId {
    TrackId { medium, index, tier: None }
}

/// A session of one track of each medium at each of these destinations.
fn described(places: &[Destination]) -> Description {
    let rate = Some(FrameRate { numerator: 30, denominator: 1 });
    let pictures = TrackFormat::Video(VideoFormat { width: 640, height: 480, rate });
    let sound = TrackFormat::Audio(AudioFormat { rate: 48_000, channels: 2 });
    let mut tracks = Vec::new();
    for (index, to) in places.iter().enumerate() {
        tracks.push(Described::new(id(Medium::Video, index), pictures, Ssrc(1), to.video));
        tracks.push(Described::new(id(Medium::Audio, index), sound, Ssrc(2), to.audio));
    }
    Description { changes: 2, fec: true, tracks, ..bare(places[0]) }
}

/// A session at this destination, without tracks or anything that need not be.
pub(crate) fn bare(to: Destination) -> Description {
    Description {
        name: "Door".into(),
        cname: "x@y".into(),
        origin: [192, 0, 2, 1].into(),
        group: to.address(),
        ttl: 1,
        session_id: 7,
        changes: 0,
        packet_size: 1400,
        fec: false,
        synchronised: false,
        plain_sound: false,
        protected: None,
        rtsp: None,
        tier: None,
        room: None,
        tracks: Vec::new(),
    }
}

/// Of a session that is not protected, or to who is not to know.
const NO_KEYS: &[&str] = &[];

#[test]
fn keys_are_told_of_each_track_and_only_to_who_is_to_know() {
    let mut description = described(&[group(2)]);
    description.protected = Some(Suite::AeadAes128Gcm);
    let served = |keys| description.served_text("rtsp://pi", false, keys).unwrap();
    let told = served(&["AAAA", "BBBB"]);
    for (medium, key) in [("video 0 RTP/SAVP 26", "AAAA"), ("audio 0 RTP/SAVP 97", "BBBB")] {
        let (_, media) = told.split_once(&format!("\r\nm={medium}\r\n")).expect(&told);
        let own = media.split("\r\nm=").next().unwrap();
        assert!(own.contains(&format!("\r\na=key-mgmt:mikey {key}\r\n")), "{told}");
    }
    assert_eq!(told.matches("key-mgmt").count(), 2);
    for untold in [served(NO_KEYS), description.text().unwrap()] {
        assert!(untold.contains("RTP/SAVP") && !untold.contains("key-mgmt"), "{untold}");
    }
}

#[test]
fn whoever_asks_one_by_one_is_told_where_and_finds_absolute_controls() {
    let mut description = described(&[group(2)]);
    description.rtsp = Some(8555);
    assert!(description.text().unwrap().contains("\r\na=x-rtsp:rtsp://192.0.2.1:8555/\r\n"));
    let served = description.served_text("rtsp://pi:8555/Door", false, NO_KEYS).unwrap();
    for line in [
        "c=IN IP4 0.0.0.0",
        "a=control:rtsp://pi:8555/Door",
        "m=video 0 RTP/AVP 26",
        "a=control:rtsp://pi:8555/Door/trackID=v",
        "a=x-repair:98 0 IN IP4 0.0.0.0",
        "a=control:rtsp://pi:8555/Door/trackID=a",
    ] {
        assert!(served.contains(&format!("\r\n{line}\r\n")), "{line}: {served}");
    }
    for word in ["source-filter", "rtcp-unicast", "x-rtsp", "239."] {
        assert!(!served.contains(word), "{word}: {served}");
    }
    let served = description.served_text("rtsp://pi", true, NO_KEYS).unwrap();
    assert!(served.contains("c=IN IP6 ::\r\n") && !served.contains("key-mgmt"), "{served}");
    let tier = Description {
        name: "Front door, low res".into(),
        origin: "2001:db8::1".parse().unwrap(),
        tier: Some(("low res".into(), 6)),
        ..description
    };
    let url = "a=x-rtsp:rtsp://[2001:db8::1]:8555/Front%20door/low%20res\r\n";
    assert!(tier.text().unwrap().contains(url), "{:?}", tier.text());
}

fn group(last: u8) -> Destination {
    Destination::new([239, 255, 42, last].into(), 5004)
}

#[test]
fn one_of_each_is_described_as_ever() {
    let expected = concat!(
        "v=0\r\no=- 7 9 IN IP4 192.0.2.1\r\ns=Door\r\ni=Camera and microphone\r\n",
        "c=IN IP4 239.255.42.2/1\r\nt=0 0\r\na=tool:streamsocket ",
        env!("CARGO_PKG_VERSION"),
        "\r\na=type:broadcast\r\na=recvonly\r\n",
        "a=source-filter: incl IN IP4 239.255.42.2 192.0.2.1\r\na=rtcp-unicast:rsi\r\n",
        "a=group:LS v a\r\n",
        "m=video 5004 RTP/AVP 26\r\nb=AS:18432\r\na=rtpmap:26 JPEG/90000\r\na=mid:v\r\n",
        "a=rtcp:5005\r\na=framerate:30\r\na=framesize:26 640-480\r\na=x-dimensions:640,480\r\n",
        "a=x-repair:98 5008 IN IP4 239.255.42.3\r\n",
        "a=extmap:1 urn:ietf:params:rtp-hdrext:ntp-64\r\na=ssrc:1 cname:x@y\r\n",
        "a=ts-refclk:local\r\na=mediaclk:sender\r\n",
        "m=audio 5006 RTP/AVP 97\r\na=rtpmap:97 L16/48000/2\r\na=mid:a\r\na=rtcp:5007\r\n",
        "a=ptime:5\r\na=x-repair:98 5010 IN IP4 239.255.42.3\r\n",
        "a=extmap:1 urn:ietf:params:rtp-hdrext:ntp-64\r\na=ssrc:2 cname:x@y\r\n",
        "a=ts-refclk:local\r\na=mediaclk:sender\r\n",
    );
    assert_eq!(described(&[group(2)]).text().unwrap(), expected);
}

#[test]
fn further_tracks_have_names_and_groups_of_their_own() {
    let text = described(&[group(2), group(4)]).text().unwrap();
    let session = sdp::Session::parse(&text).unwrap();
    let mids: Vec<_> = session.media.iter().filter_map(|media| media.mid).collect();
    assert_eq!(mids, ["v", "a", "v2", "a2"]);
    assert!(text.contains("a=group:LS v a v2 a2\r\n"), "{text}");
    let groups: Vec<_> = session.media.iter().map(|media| media.group).collect();
    let other = Some(group(4).address());
    assert_eq!(groups, [None, None, other, other]);
    assert_eq!(session.sources, [session.origin]);
}

#[test]
fn a_tier_says_what_it_is_a_tier_of() {
    let whole = described(&[group(2)]);
    let tier = Description { tier: Some(("low".into(), 7)), session_id: 8, ..whole };
    let text = tier.text().unwrap();
    assert!(text.contains("\r\na=x-tier:low 7\r\n"), "{text}");
    let parsed = sdp::Session::parse(&text).unwrap();
    assert_eq!(parsed.tier, Some(sdp::Tier { name: "low", of: 7 }));
}

#[test]
fn a_session_may_move_to_another_room() {
    let mut description = described(&[group(2)]);
    let version = |it: &Description| sdp::Session::parse(&it.text().unwrap()).unwrap().version;
    assert!(!description.text().unwrap().contains("x-room"));
    let before = version(&description);
    for (room, changes) in [(Some("lesson"), 1), (Some("lesson"), 1), (None, 2)] {
        description.move_to(room);
        assert_eq!(version(&description), before + changes, "{room:?}");
        let text = description.text().unwrap();
        assert_eq!(sdp::Session::parse(&text).unwrap().room, room, "{text}");
        let served = description.served_text("rtsp://pi", false, NO_KEYS).unwrap();
        assert_eq!(served.contains("\r\na=x-room:lesson\r\n"), room.is_some(), "{served}");
    }
}

#[test]
fn sound_alone_is_one_medium_even_of_several() {
    let plain = Description { plain_sound: true, ..described(&[group(2), group(4)]) };
    let text = plain.sound_text().unwrap().unwrap();
    assert_eq!(text.matches("m=").count(), 1);
    assert!(!text.contains('\r') && text.contains("m=audio 5006 RTP/AVP 127\n"), "{text}");
    assert_eq!(described(&[group(2)]).sound_text(), Ok(None));
}

#[test]
fn the_time_of_a_packet_is_said_if_it_is_whole() {
    assert_eq!(whole_millis(240, 48_000), Some(5));
    assert_eq!(whole_millis(220, 44_100), Some(5));
    assert_eq!(whole_millis(48, 48_000), Some(1));
    assert_eq!(whole_millis(240, 96_000), None);
    assert_eq!(whole_millis(1, 48_000), None);
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
    let (origin, payload) = (description.origin, sdp.as_bytes());
    let announcement = Announcement { deletion: false, hash: 1, origin, payload };
    let mut packet = [0; PACKET_MAX];
    let len = announcement.emit(&mut packet).unwrap();
    assert_eq!(Announcement::parse(&packet[..len]).unwrap().payload, payload);
}
