//! Where the time from a picture's capture to the screen goes: on the wire, in the receiver until it is decoded, and
//! until it is shown. The receiver says when it has decoded and shown each; the kernel says when its last packet came.

use crate::material::usual;
use crate::program::{Job, Sender, Speed, of_other_build, other_build, place};
use crate::report::{number, progress, ratios, table as printed};
use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg, setsockopt, sockopt};
use nix::sys::time::TimeSpec;
use socket2::{SockFilter, SockRef};
use std::io::IoSliceMut;
use std::net::{SocketAddrV4, UdpSocket};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::{JoinHandle, spawn};
use std::time::Duration;
use streamsocket_tests::board::unix_offset;
use streamsocket_tests::cost::median;
use streamsocket_tests::presented::{Presented, account, presented};
use streamsocket_tests::program::{Program, receiver};
use streamsocket_tests::wire::join;

/// Seconds that a receiver runs, and nanoseconds of them until its latency has settled.
const SECONDS: u32 = 16;
const SETTLED: i64 = 4_000_000_000;

/// Milliseconds: from the last packet to the decoded picture, from the capture to that (half of the pictures take less,
/// and 99 of 100), and from there until it is shown.
type Split = [f64; 5];

/// The table.
pub(crate) fn table(rounds: u32) -> String {
    let senders = Sender::with_other_build(&[Sender::Ours("50%", "20")]);
    let mut rows = Vec::new();
    for size in ["1280x720", "1920x1080"] {
        let mut runs: Vec<Vec<Split>> = vec![Vec::new(); senders.len()];
        for round in 0..rounds {
            progress("latency", round, rounds, size);
            for (sender, runs) in senders.iter().zip(&mut runs) {
                runs.push(measured(*sender, size));
            }
        }
        for (sender, of_sender) in senders.iter().zip(&runs) {
            let name = if matches!(sender, Sender::Other(..)) { ", the other build" } else { "" };
            let figures = (0..5).map(|index| number(median(of_sender.iter().map(|it| it[index]))));
            let mut row = vec![format!("{size}{name}")];
            row.extend(figures);
            if other_build().is_some() {
                row.push(match sender {
                    Sender::Ours(..) => {
                        ratios(of_sender.iter().zip(&runs[1]).map(|(a, b)| a[0] / b[0]))
                    }
                    _ => "-".to_owned(),
                });
            }
            rows.push(row);
        }
    }
    let columns = if other_build().is_some() { &COLUMNS[..] } else { &COLUMNS[..6] };
    let heading = "Milliseconds, 30 pictures a second, paced, repair 20 %";
    format!("## Latency\n\n{}", printed(heading, columns, &rows))
}

/// The last one, of the first figure, where there is another build.
const COLUMNS: [&str; 7] = [
    "pictures",
    "last packet to decoded, p50",
    "p99",
    "capture to decoded, p50",
    "p99",
    "decoded to shown, p50",
    "x the other build",
];

fn measured(sender: Sender, size: &str) -> Split {
    let (place, folder) = (place(), tempfile::tempdir().unwrap());
    let sdp = folder.path().join("it.sdp");
    let (pace, repair) = sender.own().expect("one of ours");
    let job =
        Job { sender, clip: usual(size), speed: Speed::Rate(30), destinations: 1, pictures: 0 };
    let mut daemon = Program::start(job.ours(pace, repair, &[place]).arg("--sdp").arg(&sdp));
    daemon.wait_for("goes to");
    let ears = Ears::on(place.at(0));
    let mut command = receiver();
    if matches!(sender, Sender::Other(..)) {
        command = of_other_build(&command);
    }
    command.args(["--mute", "--for", &SECONDS.to_string()]).arg(&sdp);
    let said = Program::start(account(&mut command)).succeed();
    daemon.interrupt().succeeded();
    split(&presented(&said, "decoded"), &presented(&said, "shown"), &ears.close())
}

/// What the receiver said and what the kernel saw, put together.
fn split(decoded: &[Presented], shown: &[Presented], last_packets: &[LastPacket]) -> Split {
    let (from, unix) = (decoded[0].at + SETTLED, unix_offset());
    let decoded: Vec<&Presented> = decoded.iter().filter(|it| it.at > from).collect();
    let arrivals = Arrivals::new(&decoded, last_packets, unix);
    let mut figures = [Vec::new(), Vec::new(), Vec::new()];
    for it in &decoded {
        let arrived = arrivals.of(it.wall).map(|arrived| it.at + unix - arrived);
        let seen = shown.iter().find(|shown| shown.wall == it.wall).map(|shown| shown.at - it.at);
        let spans = [arrived, Some(it.at + unix - it.wall), seen];
        for (figure, span) in figures.iter_mut().zip(spans) {
            figure.extend(span.map(|nanos| nanos as f64 / 1e6));
        }
    }
    for figure in &mut figures {
        assert!(figure.len() * 10 > decoded.len() * 9, "what becomes of most pictures is known");
        figure.sort_by(f64::total_cmp);
    }
    let quantile = |which: usize, percent: usize| {
        let figure = &figures[which];
        figure[(figure.len() - 1) * percent / 100]
    };
    [quantile(0, 50), quantile(0, 99), quantile(1, 50), quantile(1, 99), quantile(2, 50)]
}

/// The last packet of media of a picture.
#[derive(Clone, Copy, Debug)]
struct LastPacket {
    /// RTP time of its picture.
    time: u32,
    /// When the kernel got it, in nanoseconds since 1970.
    arrived: i64,
}

/// When the pictures' last packets came, by the times of capture.
struct Arrivals(Vec<(i64, i64)>);

impl Arrivals {
    /// How RTP times and wall clock belong together is not known: most pictures are decoded before the next one has
    /// come, so it is what most of them say.
    fn new(decoded: &[&Presented], last_packets: &[LastPacket], unix: i64) -> Self {
        /// Ticks of a second.
        const CLOCK: i64 = 90_000;
        let first = last_packets[0].time;
        let nanos = |packet: &LastPacket| {
            let ticks = i64::from(packet.time.wrapping_sub(first));
            ticks * 1_000_000_000 / CLOCK
        };
        let mut apart: Vec<i64> = decoded
            .iter()
            .filter_map(|it| {
                let came = last_packets.partition_point(|last| last.arrived <= it.at + unix);
                Some(it.wall - nanos(last_packets.get(came.checked_sub(1)?)?))
            })
            .collect();
        apart.sort_unstable();
        let apart = apart[apart.len() / 2];
        Self(last_packets.iter().map(|last| (nanos(last) + apart, last.arrived)).collect())
    }

    fn of(&self, wall: i64) -> Option<i64> {
        /// What clocks and rounding may make of a time.
        const SAME: i64 = 5_000_000;
        let near = |(time, _): &&(i64, i64)| (*time - wall).abs() < SAME;
        self.0.iter().find(near).map(|(_, arrived)| *arrived)
    }
}

/// Listens for the last packets of pictures.
struct Ears {
    stop: Arc<AtomicBool>,
    heard: JoinHandle<Vec<LastPacket>>,
}

impl Ears {
    fn on(group: SocketAddrV4) -> Self {
        let socket = join(group);
        // The kernel hands over no others, so that listening takes next to nothing.
        SockRef::from(&socket).attach_filter(&only_marked()).unwrap();
        setsockopt(&socket, sockopt::ReceiveTimestampns, &true).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let is_over = Arc::clone(&stop);
        let heard = spawn(move || {
            let mut heard = Vec::new();
            while !is_over.load(Relaxed) {
                heard.extend(last_packet(&socket));
            }
            heard
        });
        Self { stop, heard }
    }

    fn close(self) -> Vec<LastPacket> {
        self.stop.store(true, Relaxed);
        self.heard.join().unwrap()
    }
}

/// The next one, if there is one soon.
fn last_packet(socket: &UdpSocket) -> Option<LastPacket> {
    let (mut bytes, mut notes) = ([0; 2048], nix::cmsg_space!(TimeSpec));
    let mut slices = [IoSliceMut::new(&mut bytes)];
    let got = recvmsg::<()>(socket.as_raw_fd(), &mut slices, Some(&mut notes), MsgFlags::empty());
    let got = got.ok()?;
    let arrived = got.cmsgs().ok()?.find_map(|note| match note {
        ControlMessageOwned::ScmTimestampns(time) => {
            Some(time.tv_sec() * 1_000_000_000 + time.tv_nsec())
        }
        _ => None,
    })?;
    Some(LastPacket { time: u32::from_be_bytes(bytes[4..8].try_into().unwrap()), arrived })
}

/// A program for the kernel that lets packets pass that have RTP's marker.
fn only_marked() -> [SockFilter; 4] {
    /// Behind the header of UDP.
    const MARKER_BYTE: u32 = 8 + 1;
    const MARKER: u32 = 0x80;
    let step = |code: u32, yes, no, operand| SockFilter::new(code as u16, yes, no, operand);
    [
        step(libc::BPF_LD | libc::BPF_B | libc::BPF_ABS, 0, 0, MARKER_BYTE),
        step(libc::BPF_JMP | libc::BPF_JSET | libc::BPF_K, 0, 1, MARKER),
        step(libc::BPF_RET | libc::BPF_K, 0, 0, u32::MAX),
        step(libc::BPF_RET | libc::BPF_K, 0, 0, 0),
    ]
}
