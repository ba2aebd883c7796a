//! What the receiver's network thread costs, and how many of its calls come back empty: 1280x720 with sound, as the
//! daemon sends it without any option. `--against` measures another build of the receiver on the same packets.

use crate::material::usual;
use crate::program::{Job, OTHER, Sender, Speed, of_other_build, other_build, place};
use crate::report::{number, progress, ratios, table as printed};
use std::fs::read_to_string;
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;
use streamsocket_tests::clip::voice;
use streamsocket_tests::cost::median;
use streamsocket_tests::program::{Program, peer, receiver};
use streamsocket_tests::session::file;

/// Time until the latency has settled, and the time that is measured.
const SETTLED: Duration = Duration::from_secs(5);
const MEASURED: Duration = Duration::from_secs(20);

/// Seconds that calls are counted.
const COUNTED: u32 = 5;

/// The network thread of a receiver.
pub(crate) struct Network {
    id: u32,
    thread: String,
}

impl Network {
    /// Of the receiver with this id.
    pub(crate) fn of(id: u32) -> Self {
        let tasks = std::fs::read_dir(format!("/proc/{id}/task")).unwrap();
        let mut tasks = tasks.map(|task| task.unwrap().file_name().into_string().unwrap());
        let named = |task: &String| {
            let name = read_to_string(format!("/proc/{id}/task/{task}/comm"));
            name.is_ok_and(|name| name.trim() == "network")
        };
        Self { id, thread: tasks.find(named).expect("a network thread") }
    }

    /// Seconds that it has run, and how often it has waited.
    pub(crate) fn used(&self) -> [f64; 2] {
        let folder = format!("/proc/{}/task/{}", self.id, self.thread);
        let ran = read_to_string(format!("{folder}/schedstat")).unwrap();
        let ran: f64 = ran.split_whitespace().next().unwrap().parse().unwrap();
        let status = read_to_string(format!("{folder}/status")).unwrap();
        let line = |line: &str| line.strip_prefix("voluntary_ctxt_switches:")?.trim().parse().ok();
        [ran / 1e9, status.lines().find_map(line).unwrap()]
    }

    /// Its calls of `recvmmsg` a second, and the percentage of them that gave nothing.
    fn calls(&self) -> [f64; 2] {
        let folder = tempfile::tempdir().unwrap();
        let counts = folder.path().join("counts");
        let mut strace = peer("timeout");
        strace.args(["-s", "INT", &COUNTED.to_string(), "strace", "-c", "-e", "trace=recvmmsg"]);
        strace.args(["-p", &self.thread, "-o"]).arg(&counts);
        // It is stopped by `timeout`, which is no failure.
        let _ = Program::start(&mut strace).finish();
        let text = read_to_string(&counts).unwrap();
        let line = text.lines().find(|line| line.ends_with("recvmmsg")).expect("calls");
        let fields: Vec<f64> = line.split_whitespace().filter_map(|it| it.parse().ok()).collect();
        let empty = fields.get(4).copied().unwrap_or(0.0);
        [fields[3] / f64::from(COUNTED), empty * 100.0 / fields[3]]
    }
}

/// A receiver: its name in the table, and its command.
type Receiver = (&'static str, fn() -> Command);

/// The table.
pub(crate) fn table(rounds: u32) -> String {
    let mut receivers: Vec<Receiver> = vec![("streamsocket-receiver", receiver)];
    if other_build().is_some() {
        receivers.insert(0, (OTHER, || of_other_build(&receiver())));
    }
    let mut runs: Vec<Vec<[f64; 4]>> = vec![Vec::new(); receivers.len()];
    for round in 0..rounds {
        progress("network", round, rounds, "1280x720 with sound");
        for (runs, run) in runs.iter_mut().zip(measured(&receivers)) {
            runs.push(run);
        }
    }
    let rows: Vec<Vec<String>> = receivers
        .iter()
        .zip(&runs)
        .map(|((name, _), runs)| {
            let figures = (0..4).map(|figure| number(median(runs.iter().map(|run| run[figure]))));
            std::iter::once((*name).to_owned()).chain(figures).collect()
        })
        .collect();
    let columns = ["receiver", "CPU ms a second", "waits", "recvmmsg", "% of them empty"];
    let heading = "1280x720, 30 pictures a second, with sound; waits and calls a second";
    let table = printed(heading, &columns, &rows);
    format!("## The receiver's network thread\n\n{table}{}", compared(&runs))
}

/// This build's time against the other one's.
fn compared(runs: &[Vec<[f64; 4]>]) -> String {
    let [others, own] = runs else { return String::new() };
    let pairs = own.iter().zip(others);
    let ratios = ratios(pairs.map(|(own, other)| own[0] / other[0]));
    format!("\nOf the other build's time, round by round: {ratios}.\n")
}

/// All receivers at the same time.
fn measured(receivers: &[Receiver]) -> Vec<[f64; 4]> {
    let (place, folder) = (place(), tempfile::tempdir().unwrap());
    let sdp = folder.path().join("it.sdp");
    let (sender, speed) = (Sender::Ours("50%", "20"), Speed::Rate(30));
    let job = Job { sender, clip: usual("1280x720"), speed, destinations: 1, pictures: 0 };
    let mut command = job.ours_with_sound("50%", "20", &[place]);
    command.args(["--audio", &file(&voice())]).arg("--sdp").arg(&sdp);
    let mut daemon = Program::start(&mut command);
    daemon.wait_for("goes to");
    let programs: Vec<Program> = receivers
        .iter()
        .map(|(_, command)| Program::start(command().arg("--mute").arg(&sdp)))
        .collect();
    sleep(SETTLED);
    let threads: Vec<Network> = programs.iter().map(|it| Network::of(it.id())).collect();
    let before: Vec<[f64; 2]> = threads.iter().map(Network::used).collect();
    sleep(MEASURED);
    let after: Vec<[f64; 2]> = threads.iter().map(Network::used).collect();
    let seconds = MEASURED.as_secs_f64();
    let figures = threads.iter().zip(before.iter().zip(&after)).map(|(thread, (before, after))| {
        let [calls, empty] = thread.calls();
        [(after[0] - before[0]) * 1e3 / seconds, (after[1] - before[1]) / seconds, calls, empty]
    });
    let figures = figures.collect();
    for program in programs {
        program.interrupt().succeeded();
    }
    daemon.interrupt().succeeded();
    figures
}
