//! Somebody in the same network who does not have the key: packets of the sender's that he sends again, changes and makes
//! up, its reports and goodbyes, to the group and to who receives, at about the rate of the stream. Nothing of it is
//! believed.

use super::{SMALL, Sealed, last_statistics, source_and_recorded};
use nix::sys::signal::Signal;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;
use streamsocket_srtp::suite::Suite;
use streamsocket_tests::board::{monotonic, unix_offset, wait_until};
use streamsocket_tests::clip::assert_runs_through;
use streamsocket_tests::long::long_or;
use streamsocket_tests::place::Place;
use streamsocket_tests::presented::{account, presented};
use streamsocket_tests::program::{Program, ours, text};
use streamsocket_tests::report::track;
use streamsocket_tests::turn;
use streamsocket_tests::wire::join;

/// Between two looks for packets to harm.
const PAUSE: Duration = Duration::from_millis(2);

/// SplitMix64.
struct Chance(u64);

impl Chance {
    const fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ mixed >> 31
    }

    fn bytes(&mut self, len: usize) -> Vec<u8> {
        std::iter::repeat_with(|| self.draw().to_be_bytes()).flatten().take(len).collect()
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.draw() % bound as u64).unwrap()
    }
}

/// A stranger with the sender's own address, who hears all that goes to the group.
struct Stranger {
    socket: UdpSocket,
    /// Pictures, reports and repair, and how much above the video's port each of them goes.
    ears: [(UdpSocket, u16); 3],
    /// Where who receives from a group, and who receives by himself, has the first port.
    to: [SocketAddrV4; 2],
    /// Reports go to the sender's own port, too.
    sender: SocketAddrV4,
    heard: Vec<Vec<u8>>,
    chance: Chance,
}

impl Stranger {
    fn at(sealed: &Sealed, alone: SocketAddrV4) -> Self {
        let place = sealed.place;
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        socket2::SockRef::from(&socket).set_multicast_if_v4(&Ipv4Addr::LOCALHOST).unwrap();
        let ears = [(place.at(0), 0), (place.at(1), 1), (place.repair_at(4), 4)];
        let ears = ears.map(|(at, above)| {
            let ear = join(at);
            ear.set_nonblocking(true).unwrap();
            (ear, above)
        });
        let sender = SocketAddrV4::new(Ipv4Addr::LOCALHOST, place.port + 1);
        let (to, heard) = ([place.at(0), alone], Vec::new());
        Self { socket, ears, to, sender, heard, chance: Chance(1) }
    }

    /// Does harm with all that has come since the last round; how often.
    fn round(&mut self) -> u64 {
        let (own, mut packet) = (self.socket.local_addr().unwrap().port(), [0; 2048]);
        let mut came = Vec::new();
        for (ear, above) in &self.ears {
            while let Ok((len, SocketAddr::V4(from))) = ear.recv_from(&mut packet) {
                if from.port() != own {
                    came.push((packet[..len].to_vec(), *above, from));
                }
            }
        }
        let mut sent = 0;
        for (packet, above, from) in came {
            if above == 1 {
                self.sender = from;
            }
            let harm = if above == 1 { self.report(&packet) } else { self.packet(&packet) };
            for to in self.destinations(above) {
                sent += u64::from(self.socket.send_to(&harm, to).is_ok());
            }
        }
        sent
    }

    fn destinations(&self, above: u16) -> Vec<SocketAddrV4> {
        let [group, alone] = self.to;
        let of_group = match above {
            // Repair packets have a group of their own.
            4 => Ipv4Addr::from(u32::from(*group.ip()) + 1),
            _ => *group.ip(),
        };
        let mut all = vec![
            SocketAddrV4::new(of_group, group.port() + above),
            SocketAddrV4::new(Ipv4Addr::LOCALHOST, group.port() + above),
            SocketAddrV4::new(*alone.ip(), alone.port() + above),
        ];
        if above == 1 {
            all.push(self.sender);
        }
        all
    }

    /// What becomes of a packet.
    fn packet(&mut self, packet: &[u8]) -> Vec<u8> {
        self.heard.push(packet.to_vec());
        if self.heard.len() > 2000 {
            let old = self.chance.below(1000);
            self.heard.swap_remove(old);
        }
        let mut harm = packet.to_vec();
        let next = u16::from_be_bytes([packet[2], packet[3]]).wrapping_add(1);
        match self.chance.below(6) {
            // The same again, and one of before.
            0 => {}
            1 => {
                let at = self.chance.below(self.heard.len());
                harm.clone_from(&self.heard[at]);
            }
            // One bit is another one, wherever.
            2 => {
                let at = self.chance.below(harm.len());
                harm[at] ^= 1 << self.chance.below(8);
            }
            // The next packet, made up; what it would be if nothing were protected; one from half a cycle ahead.
            3 => {
                harm[2..4].copy_from_slice(&next.to_be_bytes());
                let made = self.chance.bytes(harm.len() - 12);
                harm[12..].copy_from_slice(&made);
            }
            4 => {
                let header = &[0x80, 26 | 0x80, 0, 0][..];
                harm = [header, &packet[4..12], &[0, 0, 0, 0, 1, 99, 80, 60], &[0; 64]].concat();
                harm[2..4].copy_from_slice(&next.to_be_bytes());
            }
            _ => harm[2..4].copy_from_slice(&next.wrapping_add(0x7FFF).to_be_bytes()),
        }
        harm
    }

    /// What becomes of a report: a goodbye, in clear or not, of the source, or somebody who receives.
    fn report(&mut self, report: &[u8]) -> Vec<u8> {
        let source = &report[4..8];
        let rest = self.chance.bytes(24);
        match self.chance.below(5) {
            0 => report.to_vec(),
            1 => [&[0x81, 203, 0, 1], source].concat(),
            2 => [&[0x81, 203, 0, 1], source, &[0x80, 0, 0, 9], &rest[..10]].concat(),
            3 => [&[0x81, 201, 0, 7], &rest[..4], source, &rest[..20]].concat(),
            _ => {
                let mut changed = report.to_vec();
                let at = self.chance.below(changed.len());
                changed[at] ^= 1 << self.chance.below(8);
                changed
            }
        }
    }
}

/// Does harm until it is told to stop; returns how often.
fn harm(mut stranger: Stranger, stop: &Arc<AtomicBool>) -> JoinHandle<u64> {
    let stop = Arc::clone(stop);
    std::thread::spawn(move || {
        let mut sent = 0;
        while !stop.load(Ordering::Relaxed) {
            sent += stranger.round();
            std::thread::park_timeout(PAUSE);
        }
        sent
    })
}

/// Addresses and names of who receives, as the daemon lists them.
fn viewers(sealed: &Sealed) -> Vec<(String, String)> {
    let mut command = ours("streamsocket");
    let said = text(command.args(["viewers", "--json", "--name", &sealed.place.name()]));
    let all: serde_json::Value = serde_json::from_str(&said).unwrap();
    let list = all.as_array().or_else(|| all["viewers"].as_array()).expect("no list").clone();
    let part = |viewer: &serde_json::Value, name: &str| viewer[name].as_str().unwrap().to_owned();
    list.iter().map(|viewer| (part(viewer, "address"), part(viewer, "name"))).collect()
}

#[test]
fn nothing_of_a_stranger_is_believed_and_no_picture_is_lost() {
    let _turn = turn();
    let sealed = Sealed::new();
    let alone = SocketAddrV4::new(Ipv4Addr::LOCALHOST, Place::new().port);
    let suite = Suite::AesCm128HmacSha1_80;
    let sdp = sealed.at("alone.sdp");
    let plain = sealed.place.plain_sdp(Some("L16/48000/1")).replace("RTP/AVP", "RTP/SAVP");
    let group = format!("{}/1", sealed.place.group);
    let plain = plain.replace(&group, "127.0.0.1");
    let plain = [0, 2].iter().fold(plain, |sdp, above| {
        sdp.replace(&(sealed.place.port + above).to_string(), &(alone.port() + above).to_string())
    });
    fs::write(&sdp, plain).unwrap();
    let daemon = sealed.sends("640x480", suite, &["--to", &alone.to_string()]);
    let of = |name: &str| (sealed.at(&format!("{name}.mkv")), sealed.at(&format!("{name}.json")));
    let seconds = long_or("8", "600");
    let receives = |sdp: &Path, name| {
        let (out, stats) = of(name);
        let mut command = sealed.receiver(sdp);
        command.args(["--for", seconds, "--record"]).arg(out).arg("--stats").arg(stats);
        let mut viewer = Program::start(&mut command);
        viewer.wait_for("receiving");
        viewer
    };
    let by_group = receives(&sealed.at("it.sdp"), "group");
    let by_itself = receives(&sdp, "alone");
    let stop = Arc::new(AtomicBool::new(false));
    let stranger = harm(Stranger::at(&sealed, alone), &stop);
    std::thread::park_timeout(Duration::from_secs(4));
    let known = viewers(&sealed);
    let said = [("group", by_group.succeed()), ("alone", by_itself.succeed())];
    stop.store(true, Ordering::Relaxed);
    let sent = stranger.join().unwrap();
    daemon.signal(Signal::SIGINT);
    daemon.finish().succeeded();
    for (name, said) in &said {
        let (out, stats) = of(name);
        let stats = last_statistics(&stats);
        let video = track(&stats, "video");
        println!("{name}: {} refused of {} packets of harm", video["refused"], sent);
        let [source, recorded] = source_and_recorded("640x480", &out);
        assert_runs_through(&source, &recorded);
        assert!(recorded.len() as u64 > seconds.parse::<u64>().unwrap() * 25, "{said}");
        let refused = |reason: &str| video["refused"][reason].as_u64().unwrap_or(0);
        assert!(refused("forged") > 1000 && refused("replayed") > 100, "{video}");
        assert_eq!(stats["sources"], 1, "{stats}");
        assert!(!said.contains("goodbye") && !said.contains("has stopped"), "{said}");
    }
    println!("viewers meanwhile: {known:?}");
    assert!(known.len() <= 2 && !known.is_empty(), "{known:?}");
    assert!(
        known.iter().all(|(address, name)| address.starts_with("127.0.0.1") && !name.is_empty())
    );
}

/// Seconds of the session that somebody has recorded, and plays to the group later.
const RECORDED: i64 = 8;

/// Packets of a group in so many seconds, each with its time in nanoseconds from the first on.
fn overheard(at: SocketAddrV4, seconds: i64) -> Vec<(i64, Vec<u8>)> {
    let (ear, begin, mut packet) = (join(at), monotonic(), [0; 2048]);
    let mut heard = Vec::new();
    while monotonic() < begin + seconds * 1_000_000_000 {
        let len = ear.recv(&mut packet).unwrap();
        heard.push((monotonic() - begin, packet[..len].to_vec()));
    }
    heard
}

/// Plays them once, as fast as they came.
fn play(packets: &[(i64, Vec<u8>)], to: SocketAddrV4) {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    socket2::SockRef::from(&socket).set_multicast_if_v4(&Ipv4Addr::LOCALHOST).unwrap();
    let begin = monotonic();
    for (due, packet) in packets {
        let left = begin + due - monotonic();
        if left > 1_000_000 {
            std::thread::park_timeout(Duration::from_nanos(left.unsigned_abs()));
        }
        let _ = socket.send_to(packet, to);
    }
}

/// All that was recorded is authentic, of a lower counter, and new to who has just joined.
#[test]
fn a_recording_that_is_played_to_the_group_keeps_nobody_from_the_session() {
    const SIZE: &str = "1280x720";
    let _turn = turn();
    let sealed = Sealed::new();
    let suite = Suite::AeadAes128Gcm;
    let daemon = sealed.sends(SIZE, suite, &["--packet-size", SMALL]);
    let to = sealed.place.at(0);
    let packets = overheard(to, RECORDED);
    wait_until("the counter is another one", || sealed.rollovers() >= 2);
    let player = std::thread::spawn(move || play(&packets, to));
    let (out, stats) = (sealed.at("out.mkv"), sealed.at("it.json"));
    let mut command = sealed.receiver(&sealed.at("it.sdp"));
    command.args(["--for", "6", "--record"]).arg(&out).arg("--stats").arg(&stats);
    let said = Program::start(account(&mut command)).succeed();
    let end = monotonic() + unix_offset();
    let statistics = fs::read_to_string(&stats).unwrap();
    let frames = |line: &str| {
        let stats: serde_json::Value = serde_json::from_str(line).unwrap();
        track(&stats, "video")["frames_received"].as_u64().unwrap()
    };
    let frames: Vec<_> = statistics.lines().map(frames).collect();
    player.join().unwrap();
    daemon.interrupt().succeeded();
    println!("pictures after each second beside a recording: {frames:?}");
    let [source, recorded] = source_and_recorded(SIZE, &out);
    // The first seconds may be the recording's, which is older than that.
    assert_runs_through(&source, &recorded[recorded.len() - 45..]);
    let ages: Vec<_> =
        presented(&said, "decoded").iter().map(|it| (end - it.wall) / 1_000_000).collect();
    println!("captured so long before its end, in ms: {:?}", (ages.first(), ages.last()));
    assert!(*ages.last().unwrap() < 2000, "{ages:?}");
    assert!(frames[frames.len() - 1] >= frames[frames.len() - 3] + 40, "{said}");
    let last = last_statistics(&stats);
    assert!(track(&last, "video")["packets_refused"].as_u64() > Some(10_000), "{last}");
}
