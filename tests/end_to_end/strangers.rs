//! Somebody in the same network who sends to a session's group from an address of his own: packets that go
//! on where the sender's left off, reports with a text, goodbyes. Viewers see and read the sender alone.

use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, UdpSocket};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;
use streamsocket_tests::long::whole;
use streamsocket_tests::place::Place;
use streamsocket_tests::program::{Program, receiver};
use streamsocket_tests::report::track;
use streamsocket_tests::session::daemon_at;
use streamsocket_tests::turn;
use streamsocket_tests::wire::join;

/// Another machine, as far as the receiver can see.
const STRANGER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// What he wants viewers to read.
const TEXT: &[u8] = b"call 555 0100";

/// Between two rounds of his.
const PAUSE: Duration = Duration::from_millis(20);

/// An RTP time that is later by so much, in ticks: 14 minutes.
const LATER: u32 = 75_000_000;

struct Stranger {
    socket: UdpSocket,
    ears: UdpSocket,
    place: Place,
    /// The last packet of the session that was heard, or made.
    last: Vec<u8>,
}

impl Stranger {
    fn at(place: Place) -> Self {
        let socket = UdpSocket::bind((STRANGER, 0)).unwrap();
        socket2::SockRef::from(&socket).set_multicast_if_v4(&Ipv4Addr::LOCALHOST).unwrap();
        let ears = join(place.at(0));
        ears.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let mut last = vec![0; 2048];
        let (len, _) = ears.recv_from(&mut last).unwrap();
        last.truncate(len);
        ears.set_nonblocking(true).unwrap();
        Self { socket, ears, place, last }
    }

    /// The packet that would follow the session's newest one, with a later time.
    fn continuation(&mut self) -> Vec<u8> {
        let mut heard = [0; 2048];
        while let Ok((len, from)) = self.ears.recv_from(&mut heard) {
            if from.ip() != STRANGER {
                self.last = heard[..len].to_vec();
            }
        }
        let [high, low] = [self.last[2], self.last[3]];
        let next = u16::from_be_bytes([high, low]).wrapping_add(1);
        self.last[2..4].copy_from_slice(&next.to_be_bytes());
        let mut packet = self.last.clone();
        let time = u32::from_be_bytes(packet[4..8].try_into().unwrap()).wrapping_add(LATER);
        packet[4..8].copy_from_slice(&time.to_be_bytes());
        packet
    }

    /// A sender's report, its name and a text, and a goodbye (RFC 3550 sections 6.4.1, 6.5, 6.6).
    fn reports(&self) -> [Vec<u8>; 2] {
        let ssrc = &self.last[8..12];
        let report = [&[0x80, 200, 0, 6], ssrc, &[0xEB; 8], &self.last[4..8], &[0; 8]].concat();
        let items = [&[1, 1, b'x', 7, u8::try_from(TEXT.len()).unwrap()], TEXT].concat();
        let mut chunk = [ssrc, &items, &[0]].concat();
        chunk.resize(chunk.len().next_multiple_of(4), 0);
        let words = u8::try_from(chunk.len() / 4).unwrap();
        let description = [&[0x81, 202, 0, words], &chunk[..]].concat();
        let goodbye = [&[0x81, 203, 0, 1], ssrc].concat();
        [[report.clone(), description].concat(), [report, goodbye].concat()]
    }

    fn round(&mut self) {
        for _ in 0..4 {
            let packet = self.continuation();
            let _ = self.socket.send_to(&packet, self.place.at(0));
        }
        for report in self.reports() {
            let _ = self.socket.send_to(&report, self.place.at(1));
        }
    }
}

/// Does harm until it is told to stop.
fn harm(place: Place, stop: &Arc<AtomicBool>) -> JoinHandle<()> {
    let (mut stranger, stop) = (Stranger::at(place), Arc::clone(stop));
    std::thread::spawn(move || {
        while !stop.load(Ordering::Relaxed) {
            stranger.round();
            std::thread::park_timeout(PAUSE);
        }
    })
}

/// What a receiver has counted after each second of a stranger's harm.
struct Harmed {
    shown: Vec<u64>,
    /// Packets that were lost until then.
    lost: Vec<u64>,
    said: String,
}

/// The same for pictures at so many a second.
fn harmed(fps: &str, seconds: usize) -> Harmed {
    let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
    let sdp = folder.path().join("it.sdp");
    let mut daemon = daemon_at(place);
    daemon.args(["--video", "pattern", "--audio", "none", "--size", "320x240", "--fps", fps]);
    let mut daemon = Program::start(daemon.arg("--sdp").arg(&sdp));
    daemon.wait_for("goes to");
    let mut command = receiver();
    command.arg(&sdp).args(["--stats", "-", "--latency", "150"]).stdout(Stdio::piped());
    let mut viewer = Program::start(&mut command);
    viewer.wait_for("receiving");
    let mut lines = BufReader::new(viewer.stdout()).lines();
    let stop = Arc::new(AtomicBool::new(false));
    let stranger = harm(place, &stop);
    let counts = (0..seconds).map(|_| {
        let line = lines.next().unwrap().unwrap();
        let stats: serde_json::Value = serde_json::from_str(&line).unwrap();
        let count = |name| track(&stats, "video")[name].as_u64().unwrap();
        (count("frames_shown"), count("packets_lost"))
    });
    let (shown, lost) = counts.unzip();
    stop.store(true, Ordering::Relaxed);
    stranger.join().unwrap();
    // The viewer first: the daemon's own goodbye is not meant.
    let said = viewer.interrupt().succeeded();
    daemon.interrupt().succeeded();
    Harmed { shown, lost, said }
}

#[test]
fn nobody_takes_the_place_of_a_sender_that_lives() {
    let _turn = turn();
    let long = whole();
    for (fps, seconds) in [("1", 10), ("30", if long { 600 } else { 10 })] {
        let Harmed { shown, lost, said } = harmed(fps, seconds);
        let steps: Vec<_> = shown.windows(2).skip(1).map(|pair| pair[1] - pair[0]).collect();
        println!(
            "{fps} a second: {} shown, the fewest of a second {:?}",
            steps.iter().sum::<u64>(),
            steps.iter().min()
        );
        let fps: u64 = fps.parse().unwrap();
        let shown: u64 = steps.iter().sum();
        assert!(shown + 2 + fps / 10 >= fps * steps.len() as u64, "{steps:?}\n{said}");
        // A picture a second may fall on either side of the end of a second.
        assert!(fps == 1 || steps.iter().all(|step| *step > 0), "{steps:?}\n{said}");
        // Of a slow camera nothing is lost for the sake of silence, either.
        assert!(fps > 1 || lost.iter().all(|lost| *lost == 0), "{lost:?}\n{said}");
        assert!(!said.contains("555") && !said.contains("goodbye"), "{said}");
    }
}
