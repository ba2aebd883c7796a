//! A network on which somebody does harm: strangers' packets, forged and replayed ones, reports that
//! move clocks, floods of all of them and of announcements. The picture goes on, and memory does not
//! grow.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, UdpSocket};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;
use streamsocket_tests::clip::{clip, voice};
use streamsocket_tests::long::{is_left_out, long_or};
use streamsocket_tests::place::Place;
use streamsocket_tests::program::{Program, ours, receiver, text};
use streamsocket_tests::report::track;
use streamsocket_tests::session::{daemon_at, file};
use streamsocket_tests::turn;
use streamsocket_tests::wire::{SAP, join};

/// Where the harm comes from: another machine, as far as the receiver can see.
const STRANGER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// Datagrams that leave at once, and the pause behind them: 50,000 a second and a little more.
const BURST: usize = 550;
const PAUSE: Duration = Duration::from_millis(10);

/// Memory that may come and go, in kB.
const GROWTH_MAX: u64 = 4096;

fn stranger() -> UdpSocket {
    let socket = UdpSocket::bind((STRANGER, 0)).unwrap();
    socket2::SockRef::from(&socket).set_multicast_if_v4(&Ipv4Addr::LOCALHOST).unwrap();
    socket
}

/// Memory of a process that is its own, in kB.
fn memory(program: &Program) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", program.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// xorshift64*
struct Chance(u64);

impl Chance {
    const fn draw(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn bytes(&mut self, len: usize) -> Vec<u8> {
        std::iter::repeat_with(|| self.draw().to_be_bytes()).flatten().take(len).collect()
    }
}

/// What one who knows the session may send: its source, and packets of it heard before.
struct Harm {
    ssrc: [u8; 4],
    heard: Vec<Vec<u8>>,
    chance: Chance,
}

impl Harm {
    /// A datagram, and how much above the video's port it goes.
    fn next(&mut self) -> (Vec<u8>, u16) {
        let above = (self.chance.draw() >> 40) % 4;
        let even = u16::try_from(above & 2).unwrap();
        match self.chance.draw() >> 61 {
            // Rubbish.
            0..=2 => {
                let len = (self.chance.draw() >> 54) as usize + 1;
                (self.chance.bytes(len), u16::try_from(above).unwrap())
            }
            // The source's packets once more, as they were, or from some other time.
            3 => (self.replayed(), 0),
            4 => {
                let mut packet = self.replayed();
                packet[2..8].copy_from_slice(&self.chance.bytes(6));
                (packet, 0)
            }
            // A report of the source that is a year ahead, and its goodbye.
            5 => (self.report(), even + 1),
            6 => ([&[0x81, 203, 0, 1], &self.ssrc[..]].concat(), even + 1),
            // A receiver that nobody has heard of.
            _ => {
                let (own, rest) = (self.chance.bytes(4), self.chance.bytes(20));
                ([&[0x81, 201, 0, 7], &own[..], &self.ssrc, &rest].concat(), even + 1)
            }
        }
    }

    fn replayed(&mut self) -> Vec<u8> {
        let at = (self.chance.draw() >> 32) as usize % self.heard.len();
        self.heard[at].clone()
    }

    fn report(&mut self) -> Vec<u8> {
        const YEAR: u64 = 31_557_600;
        let since_1970 = fs::metadata("/proc/self").unwrap().modified().unwrap();
        let since_1970 = since_1970.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        let ntp = ((since_1970 + 2_208_988_800 + YEAR) << 32).to_be_bytes();
        let counts = self.chance.bytes(12);
        [&[0x80, 200, 0, 6], &self.ssrc[..], &ntp, &counts].concat()
    }
}

/// Does harm until it is told to stop; returns how often.
fn attack(place: Place, mut harm: Harm, stop: &Arc<AtomicBool>) -> JoinHandle<u64> {
    let (socket, stop) = (stranger(), Arc::clone(stop));
    std::thread::spawn(move || {
        let mut sent = 0;
        while !stop.load(Ordering::Relaxed) {
            for _ in 0..BURST {
                let (datagram, above) = harm.next();
                sent += u64::from(socket.send_to(&datagram, place.at(above)).is_ok());
                // Repair packets have a group of their own.
                if above % 2 == 0 && sent % 8 == 0 {
                    let _ = socket.send_to(&datagram, place.repair_at(above + 4));
                }
            }
            std::thread::park_timeout(PAUSE);
        }
        sent
    })
}

/// The source of a description, and some of its packets.
fn overheard(place: Place) -> Harm {
    let ears = join(place.at(0));
    let mut packet = [0; 2048];
    let heard: Vec<_> = (0..200)
        .map(|_| {
            let (len, _) = ears.recv_from(&mut packet).unwrap();
            packet[..len].to_vec()
        })
        .collect();
    let ssrc = heard[0][8..12].try_into().unwrap();
    Harm { ssrc, heard, chance: Chance(1) }
}

#[test]
fn the_picture_goes_on_while_somebody_does_harm() {
    if is_left_out("hostile::the_picture_goes_on_while_somebody_does_harm") {
        return;
    }
    let _turn = turn();
    let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
    let sdp = folder.path().join("it.sdp");
    let mut daemon = daemon_at(place);
    daemon.args(["--video", &file(&clip("640x480")), "--audio", &file(&voice()), "--loop"]);
    let mut daemon = Program::start(daemon.arg("--sdp").arg(&sdp));
    daemon.wait_for("goes to");
    let mut command = receiver();
    command.arg(&sdp).args(["--stats", "-", "--latency", "150"]).stdout(Stdio::piped());
    let mut viewer = Program::start(&mut command);
    let mut lines = BufReader::new(viewer.stdout()).lines();
    let mut after = |seconds: usize| -> serde_json::Value {
        serde_json::from_str(&lines.nth(seconds - 1).unwrap().unwrap()).unwrap()
    };
    let stop = Arc::new(AtomicBool::new(false));
    let harm = overheard(place);
    let quiet = [after(2), after(4)];
    let (before, daemon_before) = (memory(&viewer), memory(&daemon));
    let attacker = attack(place, harm, &stop);
    // The first seconds of it may find memory that is not yet in use.
    let begun = after(2);
    let seconds = long_or(8, 60);
    let (settled, harmed) = (memory(&viewer), after(seconds));
    let (later, daemon_later) = (memory(&viewer), memory(&daemon));
    stop.store(true, Ordering::Relaxed);
    let sent = attacker.join().unwrap();
    let number = |stats: &serde_json::Value, medium: &str, name: &str| {
        track(stats, medium)[name].as_f64().unwrap_or_else(|| panic!("{medium}.{name} in {stats}"))
    };
    let rate = |from, to, name, seconds: f64| {
        (number(to, "video", name) - number(from, "video", name)) / seconds
    };
    let [calm, attacked] = [(&quiet[0], &quiet[1], 4.0), (&begun, &harmed, seconds as f64)]
        .map(|(from, to, seconds)| rate(from, to, "frames_received", seconds));
    let lost = rate(&begun, &harmed, "frames_incomplete", 1.0);
    let refused = rate(&begun, &harmed, "packets_refused", seconds as f64);
    let latency = [&quiet[1], &harmed].map(|stats| number(stats, "video", "latency_ms"));
    println!(
        "{sent} datagrams of harm, {:.0} a second; {calm:.1} frames a second before, {attacked:.1} \
         meanwhile, {lost} incomplete; {refused:.0} packets of video refused a second; latency {:.1} \
         and {:.1} ms; memory of the receiver {before}, {settled}, {later} kB, of the daemon \
         {daemon_before}, {daemon_later} kB",
        sent as f64 / (seconds + 2) as f64,
        latency[0],
        latency[1],
    );
    assert!(attacked > calm * 0.9, "{calm} {attacked}");
    assert!((latency[0] - latency[1]).abs() < 50.0, "{latency:?}");
    assert!(refused > 1000.0, "{refused}");
    assert!(later < before + GROWTH_MAX && daemon_later < daemon_before + GROWTH_MAX);
    // Nobody was believed that the source has gone.
    let said = viewer.interrupt().succeeded();
    assert!(!said.contains("goodbye"), "{said}");
    daemon.interrupt().succeeded();
}

/// An announcement of a session by a stranger.
fn announcement(number: u32) -> Vec<u8> {
    let [.., high, low] = number.to_be_bytes();
    let sdp = format!(
        "v=0\r\no=- {number} 1 IN IP4 127.0.0.2\r\ns=flood {number}\r\nc=IN IP4 239.1.{high}.{low}/1\r\n\
         t=0 0\r\nm=video 5004 RTP/AVP 26\r\n"
    );
    let header = [0x20, 0, high, low, 127, 0, 0, 2];
    [&header[..], b"application/sdp\0", sdp.as_bytes()].concat()
}

#[test]
fn a_flood_of_announcements_hides_no_session() {
    if is_left_out("hostile::a_flood_of_announcements_hides_no_session") {
        return;
    }
    let _turn = turn();
    let place = Place::new();
    let mut viewer = Program::start(receiver().arg(place.name()));
    viewer.wait_for("waiting for the session");
    let before = memory(&viewer);
    let socket = stranger();
    let flood = |from: u32| {
        for number in from..from + 10_000 {
            socket.send_to(&announcement(number), SAP).unwrap();
            if number % 500 == 0 {
                std::thread::park_timeout(PAUSE);
            }
        }
    };
    flood(0);
    let later = memory(&viewer);
    let mut daemon = daemon_at(place);
    daemon.args(["--video", "pattern", "--audio", "none", "--size", "320x240"]);
    let daemon = Program::start(&mut daemon);
    flood(10_000);
    viewer.wait_for("receiving");
    println!("20,000 announcements: memory of a receiver that looks for one: {before}, {later} kB");
    assert!(later < before + GROWTH_MAX, "{before} {later}");
    let lister = std::thread::spawn(|| {
        text(ours("streamsocket-receiver").args(["--interface", "127.0.0.1", "--list"]))
    });
    while !lister.is_finished() {
        flood(20_000);
    }
    let listed = lister.join().unwrap();
    println!("--list: {} lines", listed.lines().count());
    assert!(listed.lines().count() <= 300, "{listed}");
    viewer.interrupt().succeeded();
    daemon.interrupt().succeeded();
}

#[test]
fn descriptions_of_a_megabyte_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("huge.sdp");
    fs::write(&path, "a=x\r\n".repeat(200_000)).unwrap();
    let ended = Program::start(receiver().arg(&path)).finish();
    assert!(!ended.status.success() && ended.said.contains("is too large"), "{}", ended.said);
}
