//! Do pictures that are as large as a camera's largest arrive? Most of what a burst of them takes is room in the
//! socket's memory, of which the system allows each program only so much.

use crate::material::of_size;
use crate::program::{Job, Sender, Speed, of_other_build, place, statistics};
use crate::report::{progress, table as printed};
use serde_json::Value;
use streamsocket_tests::cost::median;
use streamsocket_tests::program::{Program, receiver};

/// Seconds that a receiver runs, and of them those until it has settled.
const SECONDS: u32 = 13;
const SETTLED: usize = 3;

/// What the receiver has counted, in the order of the columns.
const COUNTS: [&str; 7] = [
    "frames_received",
    "frames_incomplete",
    "frames_shown",
    "frames_late",
    "packets_lost",
    "packets_repaired",
    "kernel_drops",
];

/// So many of each, of one run.
type Counted = [f64; COUNTS.len()];

/// The table.
pub(crate) fn table(rounds: u32) -> String {
    let clip = of_size(2560, 1440);
    let senders = Sender::with_other_build(&[Sender::Ours("50%", "20")]);
    let mut runs: Vec<Vec<Counted>> = vec![Vec::new(); senders.len()];
    for round in 0..rounds {
        progress("large", round, rounds, "2560x1440");
        for (sender, runs) in senders.iter().zip(&mut runs) {
            let job = Job {
                sender: *sender,
                clip: clip.clone(),
                speed: Speed::Rate(30),
                destinations: 1,
                pictures: 0,
            };
            runs.push(measured(&job));
        }
    }
    let rows: Vec<Vec<String>> = senders.iter().zip(&runs).map(row).collect();
    let columns = [
        "both programs",
        "pictures",
        "% whole",
        "% shown",
        "% late",
        "packets lost",
        "repaired",
        "kernel drops",
    ];
    let heading = format!(
        "2560x1440, {:.1} MB a picture, 30 pictures a second, paced, repair 20 %; \
         net.core.rmem_max is {:.1} MB",
        clip.bytes as f64 / 1e6,
        receive_buffer_max() / 1e6
    );
    format!("## Large pictures\n\n{}", printed(&heading, &columns, &rows))
}

/// Bytes that the system lets a socket have.
fn receive_buffer_max() -> f64 {
    std::fs::read_to_string("/proc/sys/net/core/rmem_max").unwrap().trim().parse().unwrap()
}

fn row((sender, runs): (&Sender, &Vec<Counted>)) -> Vec<String> {
    let of = |figure: &dyn Fn(&Counted) -> f64| median(runs.iter().map(figure));
    // Pictures that came at all.
    let came = |counted: &Counted| counted[0] + counted[1];
    let share = |index: usize| of(&|counted| counted[index] * 100.0 / came(counted));
    let mut row = vec![sender.name(), format!("{:.0}", of(&came))];
    row.extend([0, 2, 3].map(|index| format!("{:.1}", share(index))));
    row.extend([4, 5, 6].map(|index| format!("{:.0}", of(&|counted| counted[index]))));
    row
}

fn measured(job: &Job) -> Counted {
    let (place, folder) = (place(), tempfile::tempdir().unwrap());
    let (sdp, stats) = (folder.path().join("it.sdp"), folder.path().join("stats"));
    let (pace, repair) = job.sender.own().expect("one of ours");
    let mut daemon = Program::start(job.ours(pace, repair, &[place]).arg("--sdp").arg(&sdp));
    daemon.wait_for("goes to");
    let mut command = receiver();
    if matches!(job.sender, Sender::Other(..)) {
        command = of_other_build(&command);
    }
    command.args(["--mute", "--for", &SECONDS.to_string(), "--stats"]).arg(&stats).arg(&sdp);
    Program::start(&mut command).succeed();
    daemon.interrupt().succeeded();
    let said = std::fs::read_to_string(&stats).unwrap();
    let lines: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let [before, after] = [&lines[SETTLED - 1], lines.last().unwrap()].map(counted);
    std::array::from_fn(|index| after[index] - before[index])
}

/// All counts of a line of statistics: those of the pictures, and of the socket.
fn counted(line: &Value) -> Counted {
    let video = statistics(line, "video");
    COUNTS.map(|name| video.get(name).or(line.get(name)).and_then(Value::as_f64).unwrap_or(0.0))
}
