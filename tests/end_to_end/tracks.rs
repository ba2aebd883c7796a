//! A session of several cameras and microphones: every one is described, sent and listed, in the order of the
//! configuration, and one that goes says so and leaves the others as they are.

use std::fs;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::Path;
use std::process::Stdio;
use streamsocket_tests::clip::{clip, voice};
use streamsocket_tests::place::Place;
use streamsocket_tests::program::{PATIENCE, Program, daemon, ours, peer, text};
use streamsocket_tests::session::file;
use streamsocket_tests::wire::{Datagram, SAP, Tap, join};

/// Packets of each track that are waited for.
const PACKETS: u32 = 20;

/// Packet type of BYE (RFC 3550 section 12.1).
const BYE: u8 = 203;

/// A track as the description has it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Described {
    medium: String,
    to: SocketAddrV4,
    ssrc: u32,
}

/// The tracks of a description, each at its own address or else at that of the session.
fn described(sdp: &str) -> Vec<Described> {
    let address = |line: &str| {
        let address = line.strip_prefix("c=IN IP4 ")?.split('/').next()?;
        address.parse::<Ipv4Addr>().ok()
    };
    let mut parts = sdp.split("m=");
    let session = parts.next().unwrap().lines().find_map(address).unwrap();
    let track = |part: &str| {
        let mut words = part.split(' ');
        let medium = words.next().unwrap().to_owned();
        let port = words.next().unwrap().parse().unwrap();
        let to = SocketAddrV4::new(part.lines().find_map(address).unwrap_or(session), port);
        let ssrc = part.lines().find_map(|line| line.strip_prefix("a=ssrc:")).unwrap();
        Described { medium, to, ssrc: ssrc.split(' ').next().unwrap().parse().unwrap() }
    };
    parts.map(track).collect()
}

/// A configuration of these sources, each with its medium.
fn configuration(place: Place, tracks: &[(&str, String)]) -> String {
    let track = |(medium, source): &(&str, String)| format!("[[track]]\n{medium} = \"{source}\"\n");
    let tracks: String = tracks.iter().map(track).collect();
    format!("to = \"{place}\"\nname = \"{}\"\nloop = true\n{tracks}", place.name())
}

/// The tracks in the status of a daemon.
fn status(place: Place) -> Vec<serde_json::Value> {
    let said = text(ours("streamsocket").args(["status", "--json", "--name", &place.name()]));
    let mut status: serde_json::Value = serde_json::from_str(&said).unwrap();
    match status["tracks"].take() {
        serde_json::Value::Array(tracks) => tracks,
        other => panic!("{other}"),
    }
}

/// Waits for packets of a track at its address.
fn wait_for(track: &Described) {
    let (socket, mut bytes) = (join(track.to), [0; 2048]);
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut left = PACKETS;
    while left > 0 {
        let length = socket.recv(&mut bytes).unwrap();
        left -= u32::from(bytes[..length].get(8..12) == Some(&track.ssrc.to_be_bytes()[..]));
    }
}

/// The description of a daemon's session, or of its tier of this name.
fn sdp(place: Place, tier: Option<&str>) -> String {
    let mut command = ours("streamsocket");
    command.args(["sdp", "--name", &place.name()]);
    text(command.args(tier.iter().flat_map(|name| ["--tier", name])))
}

/// Has a daemon go on with another configuration.
fn reload(place: Place, config: &Path, configuration: &str) {
    fs::write(config, configuration).unwrap();
    let reloaded = text(ours("streamsocket").args(["reload", "--name", &place.name()]));
    assert_eq!(reloaded, "the changed configuration is applied\n");
}

/// How often a track has said BYE.
fn byes(datagrams: &[Datagram], track: &Described) -> usize {
    datagrams.iter().filter(|it| says_bye(&it.bytes, track.ssrc)).count()
}

/// Whether a compound of RTCP packets has a BYE of this source.
fn says_bye(mut compound: &[u8], ssrc: u32) -> bool {
    while let [_, kind, high, low, rest @ ..] = compound {
        if *kind == BYE && rest.starts_with(&ssrc.to_be_bytes()) {
            return true;
        }
        let length = 4 * (1 + usize::from(u16::from_be_bytes([*high, *low])));
        compound = compound.get(length..).unwrap_or_default();
    }
    false
}

/// ffmpeg gets packets of all four tracks of a description.
fn is_read_whole_by_ffmpeg(sdp: &str, folder: &Path) {
    let file = folder.join("it.sdp");
    fs::write(&file, sdp).unwrap();
    let mut peer = peer("ffmpeg");
    peer.args(["-v", "fatal", "-protocol_whitelist", "file,udp,rtp", "-i"]).arg(&file);
    peer.args(["-map", "0:v", "-map", "0:a", "-t", "1", "-f", "framecrc", "-"]);
    let frames = text(peer.stderr(Stdio::null()));
    for stream in ["0,", "1,", "2,", "3,"] {
        let of_it = frames.lines().filter(|line| line.starts_with(stream)).count();
        assert!(of_it > 10, "{of_it} of {stream} {frames}");
    }
}

#[test]
fn several_tracks_of_a_medium_are_one_session_and_one_of_them_may_go() {
    let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
    let config = folder.path().join("it.toml");
    let all = [
        ("video", file(&clip("640x480"))),
        ("video", "pattern".to_owned()),
        ("audio", "tone".to_owned()),
        ("audio", file(&voice())),
    ];
    fs::write(&config, configuration(place, &all)).unwrap();
    // Further tracks of a medium are in further groups, since repair packets take the next one.
    let groups = [0, 2].map(|above| Ipv4Addr::from(u32::from(place.group) + above));
    let at = |above| groups.map(|group| SocketAddrV4::new(group, place.port + above));
    let [[video, other_video], [tone, other_sound]] = [at(0), at(2)];
    let reports = Tap::on(at(1).into_iter().chain(at(3)).chain([SAP]));
    let mut daemon = Program::start(daemon().arg("--config").arg(&config));
    daemon.wait_for("goes to");

    let whole = sdp(place, None);
    let before = described(&whole);
    let shown: Vec<_> = before.iter().map(|it| (it.medium.as_str(), it.to)).collect();
    let expected =
        [("video", video), ("video", other_video), ("audio", tone), ("audio", other_sound)];
    assert_eq!(shown, expected, "{whole}");
    assert!(whole.lines().any(|line| line.trim_end() == "a=group:LS v v2 a a2"), "{whole}");
    before.iter().for_each(wait_for);
    is_read_whole_by_ffmpeg(&whole, folder.path());
    let tracks = status(place);
    let sources: Vec<_> = tracks.iter().map(|it| it["source"].as_str().unwrap()).collect();
    assert_eq!(sources, ["640x480.mjpeg", "test picture", "test tone", "voice.wav"]);
    let ssrcs = tracks.iter().map(|it| it["ssrc"].as_u64().unwrap());
    assert!(ssrcs.eq(before.iter().map(|it| u64::from(it.ssrc))), "{tracks:?}");

    let [_, gone, ..] = &before[..] else { panic!("{before:?}") };
    reload(place, &config, &configuration(place, &[&all[..1], &all[2..]].concat()));
    let left: Vec<_> = before.iter().filter(|it| *it != gone).cloned().collect();
    assert_eq!(described(&sdp(place, None)), left);
    left.iter().for_each(wait_for);
    assert_eq!(status(place).len(), 3);
    let mut datagrams = reports.so_far();
    for track in &before {
        assert_eq!(byes(&datagrams, track), usize::from(track == gone), "{track:?}");
    }
    daemon.interrupt().succeeded();

    datagrams.extend(reports.close());
    let announced = |it: &Datagram| it.to == SAP && it.bytes.ends_with(whole.as_bytes());
    assert!(datagrams.iter().any(announced), "{} bytes", whole.len());
    for track in &before {
        assert_eq!(byes(&datagrams, track), 1, "{track:?}");
    }
}

/// Bit of an announcement that takes the session back (RFC 2974 section 6).
const DELETION: u8 = 0x04;

/// How often an announcement of this description was taken back.
fn deletions(datagrams: &[Datagram], sdp: &str) -> usize {
    let origin = sdp.lines().find(|line| line.starts_with("o=")).unwrap().trim_end();
    let has_it = |it: &Datagram| it.bytes.windows(origin.len()).any(|at| at == origin.as_bytes());
    let deletion = |it: &Datagram| it.to == SAP && it.bytes[0] & DELETION != 0 && has_it(it);
    datagrams.iter().filter(|it| deletion(it)).count()
}

#[test]
fn a_tier_may_go_and_come_back_and_the_session_stays() {
    let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
    let config = folder.path().join("it.toml");
    let tracks = [("video", file(&clip("640x480"))), ("audio", "tone".to_owned())];
    let without = configuration(place, &tracks);
    let with = format!("{without}[[tier]]\nname = \"low\"\nscale = \"1/2\"\n");
    fs::write(&config, &with).unwrap();
    // Pictures, sound and the tier, each with the group of its repair packets.
    let groups = (0..6).map(|above| Ipv4Addr::from(u32::from(place.group) + above));
    let all = |group| [1, 3].map(|above| SocketAddrV4::new(group, place.port + above));
    let reports = Tap::on(groups.flat_map(all).chain([SAP]));
    let mut daemon = Program::start(daemon().arg("--config").arg(&config));
    daemon.wait_for("goes to");

    let (whole, low) = (sdp(place, None), sdp(place, Some("low")));
    let (session, tier) = (described(&whole), described(&low));
    session.iter().chain(&tier).for_each(wait_for);
    reload(place, &config, &without);
    assert_eq!(described(&sdp(place, None)), session);
    let mut refused = ours("streamsocket");
    refused.args(["sdp", "--name", &place.name(), "--tier", "low"]);
    let refused = refused.stderr(Stdio::piped()).output().unwrap();
    let why = String::from_utf8(refused.stderr).unwrap();
    assert!(why.contains("there is no tier 'low': it has none"), "{why}");
    session.iter().for_each(wait_for);
    let mut datagrams = reports.so_far();
    let silent = |datagrams: &[Datagram]| [&session[0], &session[1]].map(|it| byes(datagrams, it));
    assert_eq!((silent(&datagrams), byes(&datagrams, &tier[0])), ([0, 0], 1));
    assert_eq!((deletions(&datagrams, &whole), deletions(&datagrams, &low)), (0, 1));

    reload(place, &config, &with);
    let again = described(&sdp(place, Some("low")));
    assert_eq!((again[0].to, described(&sdp(place, None))), (tier[0].to, session.clone()));
    session.iter().chain(&again).for_each(wait_for);
    daemon.interrupt().succeeded();
    datagrams.extend(reports.close());
    assert_eq!((silent(&datagrams), byes(&datagrams, &again[0])), ([1, 1], 1));
}
