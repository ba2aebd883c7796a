//! Sound that is not as it usually is: WAV files of every kind, and packets of every length.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use streamsocket_tests::clip::{samples, voice};
use streamsocket_tests::long::is_left_out;
use streamsocket_tests::place::Place;
use streamsocket_tests::program::{Program, output, peer, receiver};
use streamsocket_tests::report::track;
use streamsocket_tests::session::{daemon_at, file};
use streamsocket_tests::turn;
use streamsocket_tests::wire::{Datagram, Tap};
use streamsocket_wire::{pcm, rtp};

/// Seconds of each file.
const SECONDS: &str = "0.5";

/// A WAV file that ffmpeg makes of the voice by these options.
fn wav(folder: &Path, name: &str, options: &[&str]) -> PathBuf {
    let path = folder.join(name);
    let mut ffmpeg = peer("ffmpeg");
    ffmpeg.args(["-v", "error", "-i"]).arg(voice()).args(["-t", SECONDS]).args(options);
    output(ffmpeg.arg("-y").arg(&path));
    path
}

/// The big-endian form of a file with 16-bit samples, whose headers are 44 bytes.
fn rifx(folder: &Path, little: &Path) -> PathBuf {
    let mut bytes = fs::read(little).unwrap();
    let data = bytes.windows(4).position(|it| it == b"data").unwrap() + 8;
    bytes[..4].copy_from_slice(b"RIFX");
    for length in [4, 16, 24, 28, data - 4] {
        bytes[length..length + 4].reverse();
    }
    for short in
        (20..24).step_by(2).chain((32..36).step_by(2)).chain((data..bytes.len()).step_by(2))
    {
        bytes[short..short + 2].reverse();
    }
    let path = folder.join("rifx.wav");
    fs::write(&path, bytes).unwrap();
    path
}

/// The datagrams of a session of that file alone, those of sound and those of its repair.
fn sent(path: &Path, options: &[&str]) -> (Vec<Datagram>, Vec<Datagram>) {
    let place = Place::new();
    let (sound, repair) = (place.at(2), place.repair_at(6));
    let tap = Tap::on([sound, repair].into_iter());
    let mut daemon = daemon_at(place);
    daemon.args(["--video", "none", "--audio", &file(path)]).args(options);
    Program::start(&mut daemon).succeed();
    tap.close().into_iter().partition(|datagram| datagram.to == sound)
}

/// All samples in packets of sound.
fn heard(packets: &[Datagram]) -> Vec<i16> {
    let mut all = Vec::new();
    for datagram in packets {
        let payload = rtp::Packet::parse(&datagram.bytes).unwrap().payload();
        let mut samples = vec![0; payload.len() / 2];
        pcm::decode(payload, &mut samples).unwrap();
        all.extend(samples);
    }
    all
}

#[test]
fn a_wav_file_of_whatever_kind_is_played() {
    if is_left_out("odd_sounds::a_wav_file_of_whatever_kind_is_played") {
        return;
    }
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let of = |name: &str, options: &[&str]| wav(folder.path(), name, options);
    let plain = of("plain.wav", &["-fflags", "+bitexact", "-c:a", "pcm_s16le"]);
    let bw64 = folder.path().join("bw64.wav");
    let rf64 = of("rf64.wav", &["-rf64", "always", "-c:a", "pcm_s16le"]);
    fs::write(&bw64, [b"BW64", &fs::read(&rf64).unwrap()[4..]].concat()).unwrap();
    let exact = [
        rifx(folder.path(), &plain),
        plain.clone(),
        rf64,
        bw64,
        of("s24.wav", &["-c:a", "pcm_s24le"]),
        of("s32.wav", &["-c:a", "pcm_s32le"]),
        of("f32.wav", &["-c:a", "pcm_f32le"]),
    ];
    let coarse = [
        of("u8.wav", &["-c:a", "pcm_u8"]),
        of("alaw.wav", &["-c:a", "pcm_alaw"]),
        of("six.wav", &["-ac", "6", "-c:a", "pcm_s16le"]),
    ];
    let spoken = samples(&plain);
    let mut wrong = Vec::new();
    for path in exact {
        let heard = heard(&sent(&path, &[]).0);
        if heard != spoken {
            wrong.push(format!("{}: {} of {}", path.display(), heard.len(), spoken.len()));
        }
    }
    for path in coarse {
        let heard = heard(&sent(&path, &[]).0);
        let channels = if path.ends_with("six.wav") { 2 } else { 1 };
        if heard.len() != spoken.len() * channels || heard.iter().all(|sample| *sample == 0) {
            wrong.push(format!("{}: {} of {}", path.display(), heard.len(), spoken.len()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn packets_of_sound_are_no_longer_than_any_other() {
    if is_left_out("odd_sounds::packets_of_sound_are_no_longer_than_any_other") {
        return;
    }
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let fast = wav(folder.path(), "fast.wav", &["-ar", "96000", "-ac", "2", "-c:a", "pcm_s16le"]);
    let spoken = samples(&fast);
    for size in ["1000", "300", "1400"] {
        let sdp = folder.path().join(format!("{size}.sdp"));
        let (sound, repair) =
            sent(&fast, &["--packet-size", size, "--sdp", &sdp.display().to_string()]);
        let longest = |packets: &[Datagram]| packets.iter().map(|it| it.bytes.len()).max();
        println!(
            "{size}: {} packets of {:?} bytes at most, {} repair packets of {:?}",
            sound.len(),
            longest(&sound),
            repair.len(),
            longest(&repair)
        );
        let most = size.parse().unwrap();
        assert!(longest(&sound).is_some_and(|it| it <= most));
        assert!(longest(&repair).is_some_and(|it| it <= most));
        assert!(repair.len() > sound.len() / 2);
        assert_eq!(heard(&sound).len(), spoken.len());
        assert!(!fs::read_to_string(&sdp).unwrap().contains("ptime"), "it is no whole millisecond");
    }
}

#[test]
fn packets_that_are_too_long_are_counted() {
    let _turn = turn();
    const SENT: u16 = 50;
    let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
    let sdp = folder.path().join("it.sdp");
    fs::write(&sdp, place.plain_sdp(Some("L16/48000/2"))).unwrap();
    let mut command = receiver();
    command.arg(&sdp).args(["--stats", "-"]).stdout(Stdio::piped());
    let mut viewer = Program::start(&mut command);
    viewer.wait_for("waiting for plain");
    let mut lines = BufReader::new(viewer.stdout()).lines();
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    socket2::SockRef::from(&socket).set_multicast_if_v4(&Ipv4Addr::LOCALHOST).unwrap();
    for sequence in 0..SENT {
        let time = (u32::from(sequence) * 5000).to_be_bytes();
        let header = [&[0x80, 97], &sequence.to_be_bytes()[..], &time, &[0, 0, 0, 9]].concat();
        let packet = [&header[..], &[0; 20_000]].concat();
        socket.send_to(&packet, SocketAddr::V4(place.at(2))).unwrap();
    }
    let counted = lines.by_ref().map_while(Result::ok).take(10).find(|line| {
        let seconds: serde_json::Value = serde_json::from_str(line).unwrap();
        track(&seconds, "audio")["packets_refused"].as_u64() >= Some(u64::from(SENT) - 2)
    });
    let said = viewer.interrupt().said;
    assert!(counted.is_some(), "{said}");
}
