//! What watching by HTTP costs: the daemon and the gateway together beside uStreamer, each from the same node with the
//! same viewers, and what each further viewer takes; and how many there can be.

use crate::camera::{self, HEIGHT, RATE, WIDTH, node, used, ustreamer};
use crate::material::usual;
use crate::program::place;
use crate::report::{milliseconds, progress, ratios, table as printed};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddrV4, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{Builder, JoinHandle, sleep};
use std::time::Duration;
use streamsocket_tests::board::wait_until;
use streamsocket_tests::cost::{Memory, median};
use streamsocket_tests::place::Place;
use streamsocket_tests::program::{Program, as_it_comes, ours};
use streamsocket_tests::session::file;

/// Viewers of the comparison.
const FEW: usize = 1;
const MORE: usize = 10;

/// Viewers of the crowd, and what they are sent.
const CROWD: usize = 200;
const CROWD_RATE: u32 = 10;

/// Time until all of them watch, and the time that is measured.
const SETTLED: Duration = Duration::from_secs(4);
const MEASURED: Duration = Duration::from_secs(10);

/// Bytes of a viewer's stack: it only reads.
const STACK: usize = 64 << 10;

/// Seconds of processor that a picture takes with few viewers and with more, and what the gateway has resident, in kB.
#[derive(Clone, Copy)]
struct Run {
    few: f64,
    more: f64,
    resident: f64,
}

impl Run {
    /// What a viewer more takes.
    fn each(&self) -> f64 {
        (self.more - self.few) / (MORE - FEW) as f64
    }
}

/// The tables.
pub(crate) fn table(rounds: u32) -> String {
    let compared = match node() {
        Ok(node) => compared(&node, rounds),
        Err(why) => format!("Not measured: {why}.\n"),
    };
    format!("## Watching by HTTP\n\n{compared}\n{}", crowds(rounds))
}

fn compared(node: &Path, rounds: u32) -> String {
    let (mut ours, mut others) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        progress("gateway", round, rounds, &node.display().to_string());
        let [few, more] = [FEW, MORE].map(|viewers| through_gateway(node, viewers));
        ours.push(Run { few: few.0, more: more.0, resident: more.1 });
        let [few, more] = [FEW, MORE].map(|viewers| {
            let [used, rate] = ustreamer(viewers, node);
            used / rate
        });
        others.push(Run { few, more, resident: 0.0 });
    }
    let row = |name: &str, runs: &[Run], resident: String| {
        let of = |get: fn(&Run) -> f64| {
            let against = runs.iter().zip(&others).map(|(one, other)| get(one) / get(other));
            [milliseconds(median(runs.iter().map(get))), ratios(against)]
        };
        let [few, more, each] = [of(|it| it.few), of(|it| it.more), of(Run::each)];
        let name = vec![name.to_owned()];
        [name, few.to_vec(), more.to_vec(), each.to_vec(), vec![resident]].concat()
    };
    let resident = median(ours.iter().map(|it| it.resident)) / 1e3;
    let rows = [
        row("streamsocket and its gateway", &ours, format!("{resident:.1}")),
        row("uStreamer", &others, "-".to_owned()),
    ];
    let columns = [
        "programs",
        "CPU ms, 1 viewer",
        "x uStreamer",
        "10 viewers",
        "x uStreamer",
        "each further one",
        "x uStreamer",
        "gateway's RSS, MB",
    ];
    printed(&format!("{WIDTH}x{HEIGHT} from a camera, {RATE} pictures a second"), &columns, &rows)
}

/// Seconds of processor of daemon and gateway a picture, and what the gateway has resident.
fn through_gateway(node: &Path, viewers: usize) -> (f64, f64) {
    let place = place();
    let mut command = as_it_comes();
    command.args(["--video", &format!("v4l2:{}", node.display()), "--audio", "none"]);
    command.args(["--size", &format!("{WIDTH}x{HEIGHT}"), "--fps", &RATE.to_string()]);
    let daemon = sending(command, place);
    let (gateway, address) = gateway(place, None);
    let watching = Crowd::watch(address, viewers);
    let before = watching.pictures();
    let used = used(&[&daemon, &gateway]);
    // It is read at both ends of the same time, give or take a picture.
    let (pictures, whole) = (watching.pictures() - before, camera::SETTLED + camera::MEASURED);
    let rate = pictures as f64 / viewers as f64 / whole.as_secs_f64();
    let resident = Memory::of(gateway.id()).unwrap().all;
    watching.end();
    gateway.interrupt().succeeded();
    daemon.interrupt().succeeded();
    (used / rate, resident)
}

fn sending(mut command: Command, place: Place) -> Program {
    command.args(["--to", &place.to_string(), "--name", &place.name(), "--no-announce"]);
    let mut daemon = Program::start(&mut command);
    daemon.wait_for("goes to");
    daemon
}

/// A gateway of the session there, on one processor if that is named.
fn gateway(place: Place, processor: Option<usize>) -> (Program, SocketAddrV4) {
    let address = camera::free_address();
    let own = ours("streamsocket-gateway");
    let mut command = match processor {
        Some(processor) => {
            let mut command = Command::new("taskset");
            command.args(["-c", &processor.to_string()]).arg(own.get_program());
            command
        }
        None => own,
    };
    command.args(["--interface", "127.0.0.1", "--no-announce", "--listen", &address.to_string()]);
    let mut gateway = Program::start(command.arg(format!("rtp://{place}")));
    gateway.wait_for("is received");
    (gateway, address)
}

/// Viewers that read what they are sent.
struct Crowd {
    viewers: Vec<(Arc<AtomicU64>, JoinHandle<()>)>,
    ends: Arc<AtomicBool>,
}

impl Crowd {
    fn watch(address: SocketAddrV4, viewers: usize) -> Self {
        let ends = Arc::new(AtomicBool::new(false));
        let begin = |_| {
            let count = Arc::<AtomicU64>::default();
            let (counted, ends) = (Arc::clone(&count), Arc::clone(&ends));
            let viewer = move || watch(address, &counted, &ends);
            let thread = Builder::new().stack_size(STACK).spawn(viewer).unwrap();
            (count, thread)
        };
        let viewers: Vec<_> = (0..viewers).map(begin).collect();
        let own = Self { viewers, ends };
        wait_until("every viewer's first picture", || own.counts().into_iter().all(|it| it > 0));
        own
    }

    fn counts(&self) -> Vec<u64> {
        self.viewers.iter().map(|(count, _)| count.load(Ordering::Relaxed)).collect()
    }

    /// That all of them have got.
    fn pictures(&self) -> u64 {
        self.counts().into_iter().sum()
    }

    fn end(self) {
        self.ends.store(true, Ordering::Relaxed);
        self.viewers.into_iter().for_each(|(_, thread)| thread.join().unwrap());
    }
}

/// Takes pictures and counts them until it is to end.
fn watch(address: SocketAddrV4, count: &AtomicU64, ends: &AtomicBool) {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET /stream HTTP/1.0\r\n\r\n").unwrap();
    let mut reader = BufReader::with_capacity(16 << 10, stream);
    let (mut line, mut length) = (String::new(), 0);
    while !ends.load(Ordering::Relaxed) {
        line.clear();
        if reader.read_line(&mut line).unwrap() == 0 {
            return;
        }
        if let Some(value) = line.strip_prefix("Content-Length: ") {
            length = value.trim().parse().unwrap();
        } else if line == "\r\n" && length > 0 {
            let taken = std::io::copy(&mut reader.by_ref().take(length), &mut std::io::sink());
            assert_eq!(taken.unwrap(), length);
            count.fetch_add(1, Ordering::Relaxed);
            length = 0;
        }
    }
}

fn crowds(rounds: u32) -> String {
    let mut runs = Vec::new();
    for round in 0..rounds {
        progress("gateway", round, rounds, &format!("{CROWD} viewers"));
        runs.push(crowd());
    }
    let of = |get: fn(&[f64; 3]) -> f64| median(runs.iter().map(get));
    let rows = [vec![
        format!("{CROWD}"),
        format!("{:.0} %", of(|run| run[0]) * 1e2),
        format!("{:.1} %", of(|run| run[1]) * 1e2),
        format!("{:.1}", of(|run| run[2]) / 1e3),
    ]];
    let columns =
        ["viewers", "of one processor", "pictures of the one who got fewest", "gateway's RSS, MB"];
    let heading =
        format!("Viewers of {WIDTH}x{HEIGHT}, {CROWD_RATE} pictures a second, by one processor");
    printed(&heading, &columns, &rows)
}

/// The part of one processor that the gateway takes, the part of all pictures that the viewer has got who has got fewest,
/// and what is resident.
fn crowd() -> [f64; 3] {
    let place = place();
    let mut command = as_it_comes();
    command.args(["--video", &file(&usual("1280x720").file), "--loop", "--audio", "none"]);
    command.args(["--fps", &CROWD_RATE.to_string()]);
    let daemon = sending(command, place);
    let (gateway, address) = gateway(place, Some(0));
    let crowd = Crowd::watch(address, CROWD);
    sleep(SETTLED);
    let before = crowd.counts();
    let used = camera::used_within(&[&gateway], MEASURED);
    let least = crowd.counts().iter().zip(&before).map(|(now, before)| now - before).min().unwrap();
    let expected = f64::from(CROWD_RATE) * MEASURED.as_secs_f64();
    let resident = Memory::of(gateway.id()).unwrap().all;
    crowd.end();
    gateway.interrupt().succeeded();
    daemon.interrupt().succeeded();
    [used, (least as f64 / expected).min(1.0), resident]
}
