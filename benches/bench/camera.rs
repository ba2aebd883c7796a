//! What a camera's pictures cost: streamsocket beside uStreamer, each from the same node, one after the other.

use crate::program::{Sender, of_other_build, other_build, place, statistics};
use crate::report::{milliseconds, progress, ratios, table as printed};
use nix::time::{clock_getcpuclockid, clock_gettime};
use nix::unistd::Pid;
use serde_json::Value;
use std::io::{Error, Read, Result, Write};
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::thread::{sleep, spawn};
use std::time::Duration;
use streamsocket_tests::board::wait_until;
use streamsocket_tests::cost::median;
use streamsocket_tests::program::{Program, as_it_comes, peer};
use v4l::video::Capture;
use v4l::{Device, Format, FourCC};

/// What is asked of the camera.
pub(crate) const WIDTH: u32 = 1280;
pub(crate) const HEIGHT: u32 = 720;
pub(crate) const RATE: u32 = 30;

/// Time until a program does nothing but stream, and the time that is measured.
pub(crate) const SETTLED: Duration = Duration::from_secs(3);
pub(crate) const MEASURED: Duration = Duration::from_secs(8);

/// A program that takes the camera.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Taker {
    Streamsocket(Sender),
    /// uStreamer, with this many clients.
    Ustreamer(usize),
}

/// Seconds of processor that a second takes, and pictures a second.
pub(crate) type Run = [f64; 2];

static NODE: OnceLock<PathBuf> = OnceLock::new();

/// Takes the camera at this node.
pub(crate) fn use_node(node: PathBuf) {
    NODE.set(node).expect("there is one node");
}

/// The table, or why there is none.
pub(crate) fn table(rounds: u32) -> String {
    let table = match node() {
        Ok(node) => compared(&node, rounds),
        Err(why) => format!("Not measured: {why}.\n"),
    };
    format!("## A camera\n\n{table}")
}

/// The node that was named, or the first that gives such pictures.
pub(crate) fn node() -> std::result::Result<PathBuf, String> {
    let wanted = format!("MJPEG of {WIDTH}x{HEIGHT}");
    if let Some(node) = NODE.get() {
        let refused = |why| format!("{} does not give {wanted} ({why})", node.display());
        return offers(node).map(|()| node.clone()).map_err(refused);
    }
    let mut nodes = v4l::context::enum_devices();
    nodes.sort_by_key(v4l::context::Node::index);
    let found = nodes.iter().find(|node| offers(node.path()).is_ok());
    found.map(|node| node.path().to_owned()).ok_or_else(|| {
        format!("no camera here gives {wanted}: plug one in, or name its node with --camera")
    })
}

/// Whether the node gives such pictures; else why not.
fn offers(node: &Path) -> Result<()> {
    let (device, mjpeg) = (Device::with_path(node)?, FourCC::new(b"MJPG"));
    if device.enum_formats()?.iter().all(|format| format.fourcc != mjpeg) {
        return Err(Error::other("it has other formats"));
    }
    let given = device.set_format(&Format::new(WIDTH, HEIGHT, mjpeg))?;
    let is_so = (given.width, given.height, given.fourcc) == (WIDTH, HEIGHT, mjpeg);
    if is_so { Ok(()) } else { Err(Error::other(format!("but {}x{}", given.width, given.height))) }
}

fn compared(node: &Path, rounds: u32) -> String {
    let ours = Sender::with_other_build(&[Sender::Ours("off", "0"), Sender::Ours("50%", "20")]);
    let ours = ours.into_iter().map(Taker::Streamsocket);
    let takers: Vec<Taker> = ours.chain([0, 1].map(Taker::Ustreamer)).collect();
    let mut runs: Vec<Vec<Run>> = vec![Vec::new(); takers.len()];
    for round in 0..rounds {
        progress("camera", round, rounds, &node.display().to_string());
        for (taker, runs) in takers.iter().zip(&mut runs) {
            runs.push(measured(*taker, node));
        }
    }
    let of = |taker: Taker| &runs[takers.iter().position(|it| *it == taker).expect("measured")];
    let row = |(taker, runs): (&Taker, &Vec<Run>)| {
        let against = |other: Taker| {
            let pairs = runs.iter().zip(of(other));
            ratios(pairs.map(|(one, other)| (one[0] / one[1]) / (other[0] / other[1])))
        };
        let mut row = vec![
            taker.name(),
            milliseconds(median(runs.iter().map(|[cpu, rate]| cpu / rate))),
            format!("{:.1}", median(runs.iter().map(|[_, rate]| *rate))),
            against(Taker::Ustreamer(1)),
        ];
        if other_build().is_some() {
            row.push(match taker {
                Taker::Streamsocket(Sender::Ours(pace, repair)) => {
                    against(Taker::Streamsocket(Sender::Other(pace, repair)))
                }
                _ => "-".to_owned(),
            });
        }
        row
    };
    let rows: Vec<Vec<String>> = takers.iter().zip(&runs).map(row).collect();
    let columns = if other_build().is_some() { &COLUMNS[..] } else { &COLUMNS[..4] };
    printed(&format!("{WIDTH}x{HEIGHT}, {RATE} pictures a second"), columns, &rows)
}

/// The last one where there is another build.
const COLUMNS: [&str; 5] =
    ["program", "CPU ms", "pictures a second", "x uStreamer, one client", "x the other build"];

impl Taker {
    fn name(self) -> String {
        match self {
            Self::Streamsocket(sender) => sender.name(),
            Self::Ustreamer(0) => "uStreamer, no client".to_owned(),
            Self::Ustreamer(_) => "uStreamer, one client".to_owned(),
        }
    }
}

fn measured(taker: Taker, node: &Path) -> Run {
    match taker {
        Taker::Streamsocket(sender) => streamsocket(sender, node),
        Taker::Ustreamer(clients) => ustreamer(clients, node),
    }
}

/// Seconds of processor that programs take in a second, once they do nothing but stream.
pub(crate) fn used(programs: &[&Program]) -> f64 {
    sleep(SETTLED);
    used_within(programs, MEASURED)
}

/// Seconds of processor that programs take in a second, from now on for so long.
pub(crate) fn used_within(programs: &[&Program], long: Duration) -> f64 {
    let clock = |program: &&Program| {
        clock_getcpuclockid(Pid::from_raw(program.id().try_into().unwrap())).unwrap()
    };
    let clocks: Vec<_> = programs.iter().map(clock).collect();
    let now =
        || clocks.iter().map(|it| Duration::from(clock_gettime(*it).unwrap())).sum::<Duration>();
    let before = now();
    sleep(long);
    (now() - before).as_secs_f64() / long.as_secs_f64()
}

fn streamsocket(sender: Sender, node: &Path) -> Run {
    let (place, folder) = (place(), tempfile::tempdir().unwrap());
    let stats = folder.path().join("stats");
    let mut command = as_it_comes();
    if matches!(sender, Sender::Other(..)) {
        command = of_other_build(&command);
    }
    let (pace, repair) = sender.own().expect("one of ours");
    command.args(["--video", &format!("v4l2:{}", node.display()), "--audio", "none"]);
    command.args(["--size", &format!("{WIDTH}x{HEIGHT}"), "--fps", &RATE.to_string()]);
    command.args(["--to", &place.to_string(), "--name", &place.name(), "--no-announce"]);
    command.args(["--pace", pace, "--repair", repair, "--stats"]).arg(&stats);
    let mut program = Program::start(&mut command);
    program.wait_for("goes to");
    let used = used(&[&program]);
    program.interrupt().succeeded();
    let said = std::fs::read_to_string(&stats).unwrap();
    let lines: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |line: &Value| {
        let sent = statistics(line, "video")["frames_sent"].as_f64().unwrap();
        [sent, line["uptime_seconds"].as_f64().unwrap()]
    };
    // The last line is of the end, whenever that was.
    let [first, last] = [&lines[1], &lines[lines.len() - 2]].map(of);
    [used, (last[0] - first[0]) / (last[1] - first[1])]
}

pub(crate) fn ustreamer(clients: usize, node: &Path) -> Run {
    let address = free_address();
    /// What uStreamer is told: it leaves out every picture that comes sooner than that after the one before, by however
    /// little, and cameras take the rate of theirs that is next.
    const RATE_MAX: &str = "35";
    let mut command = peer("ustreamer");
    command.args(["--format=MJPEG", "--encoder=HW"]).arg("--device").arg(node);
    command.args(["--resolution", &format!("{WIDTH}x{HEIGHT}"), "--desired-fps", RATE_MAX]);
    command.args(["--host", &address.ip().to_string(), "--port", &address.port().to_string()]);
    let program = Program::start(&mut command);
    wait_until("pictures of uStreamer", || captured(address).is_ok_and(|rate| rate > 0.0));
    let clients: Vec<_> = (0..clients).map(|_| spawn(move || watch(address))).collect();
    let used = used(&[&program]);
    let rate = captured(address).unwrap();
    program.interrupt().succeeded();
    for client in clients {
        let bytes = client.join().unwrap();
        assert!(bytes > 1_000_000, "a client has got {bytes} bytes");
    }
    [used, rate]
}

/// An address that nobody listens to.
pub(crate) fn free_address() -> SocketAddrV4 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    SocketAddrV4::new(Ipv4Addr::LOCALHOST, listener.local_addr().unwrap().port())
}

/// Asks uStreamer for something.
fn ask(address: SocketAddrV4, path: &str) -> Result<TcpStream> {
    let mut stream = TcpStream::connect(address)?;
    write!(stream, "GET {path} HTTP/1.0\r\n\r\n")?;
    Ok(stream)
}

/// The pictures a second that uStreamer says it gets.
fn captured(address: SocketAddrV4) -> Result<f64> {
    let mut answer = String::new();
    ask(address, "/state")?.read_to_string(&mut answer)?;
    let (_, body) = answer.split_once("\r\n\r\n").ok_or(Error::other("no answer"))?;
    let state: Value = serde_json::from_str(body)?;
    state["result"]["source"]["captured_fps"].as_f64().ok_or(Error::other("no rate"))
}

/// Takes the pictures until there are no more; returns their bytes.
fn watch(address: SocketAddrV4) -> usize {
    let (mut stream, mut bytes) = (ask(address, "/stream").unwrap(), vec![0; 1 << 18]);
    let mut all = 0;
    while let Ok(read @ 1..) = stream.read(&mut bytes) {
        all += read;
    }
    all
}
