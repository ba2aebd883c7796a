//! What a picture costs its sender.

use crate::material::{Clip, usual};
use crate::program::{Job, Run, Sender, Speed, other_build, place};
use crate::report::{milliseconds, number, progress, ratios, table as printed};
use std::collections::HashSet;
use std::time::Duration;
use streamsocket_tests::cost::{Cost, Memory, median};
use streamsocket_tests::program::{Program, output};
use streamsocket_tests::wire::Tap;

const PLAIN: Sender = Sender::Ours("off", "0");

/// In the order of the tables; the floor first, as what the others are compared with.
const SENDERS: [Sender; 9] = [
    Sender::Floor,
    Sender::PacedFloor,
    PLAIN,
    Sender::Ours("50%", "0"),
    Sender::Ours("off", "20"),
    Sender::Ours("50%", "20"),
    Sender::GStreamer(0),
    Sender::GStreamer(20),
    Sender::Ffmpeg,
];

/// All tables.
pub(crate) fn table(rounds: u32) -> String {
    let mut text = "## Sending\n".to_owned();
    let senders = Sender::with_other_build(&SENDERS);
    for size in ["1280x720", "1920x1080"] {
        let clip = usual(size);
        let senders: Vec<(Sender, f64)> =
            senders.iter().map(|&sender| (sender, packets(sender, &clip))).collect();
        for speed in [Speed::Free, Speed::Rate(30)] {
            text += "\n";
            text += &one(size, &clip, speed, &senders, rounds);
        }
    }
    text
}

fn one(size: &str, clip: &Clip, speed: Speed, senders: &[(Sender, f64)], rounds: u32) -> String {
    // Free running, pacing would be waiting.
    let paced =
        |sender: Sender| sender == Sender::PacedFloor || matches!(sender.own(), Some(("50%", _)));
    let part = |sender| speed != Speed::Free || !paced(sender);
    let senders: Vec<_> = senders.iter().copied().filter(|&(sender, _)| part(sender)).collect();
    let mut runs: Vec<Vec<Run>> = vec![Vec::new(); senders.len()];
    for round in 0..rounds {
        progress("sending", round, rounds, &format!("{size}, {}", at(speed)));
        for (index, &(sender, _)) in senders.iter().enumerate() {
            runs[index].push(measured(sender, clip, speed));
        }
    }
    let middle: Vec<Run> = runs.iter().map(|runs| middle(runs)).collect();
    let cost_of = |sender| {
        let index = senders.iter().position(|&(other, _)| other == sender);
        middle[index.expect("it was measured")].cost.cpu()
    };
    // The kernel splits what it has measured by the clock tick, of which there are few at this rate.
    let split = |time| if speed == Speed::Free { milliseconds(time) } else { "-".to_owned() };
    let rows: Vec<Vec<String>> = senders
        .iter()
        .zip(&middle)
        .map(|(&(sender, packets), run)| {
            let cost = run.cost;
            let against = [Sender::Floor, Sender::GStreamer(0), Sender::Ffmpeg];
            let mut row = vec![
                sender.name(),
                milliseconds(cost.cpu()),
                split(cost.user),
                split(cost.system),
                format!("{packets:.0}"),
                format!("{:.2}", cost.cpu() * 1e6 / packets),
                number(cost.waits),
                format!("{:.1}", run.memory.all / 1e3),
                format!("{:.1}", run.memory.own / 1e3),
            ];
            row.extend(against.map(|other| format!("{:.2}", cost.cpu() / cost_of(other))));
            if other_build().is_some() {
                row.push(match sender {
                    Sender::Ours(pace, repair) => {
                        paired(&senders, &runs, sender, Sender::Other(pace, repair))
                    }
                    _ => "-".to_owned(),
                });
            }
            row
        })
        .collect();
    let heading = format!("{size}, {} kB a picture, {}", clip.bytes / 1000, at(speed));
    let columns = if other_build().is_some() { &COLUMNS[..] } else { &COLUMNS[..12] };
    printed(&heading, columns, &rows)
}

/// What one costs of what the other does, round by round.
fn paired(senders: &[(Sender, f64)], runs: &[Vec<Run>], one: Sender, other: Sender) -> String {
    let runs_of = |wanted| {
        let index = senders.iter().position(|&(sender, _)| sender == wanted);
        &runs[index.expect("it was measured")]
    };
    let pairs = runs_of(one).iter().zip(runs_of(other));
    ratios(pairs.map(|(one, other)| one.cost.cpu() / other.cost.cpu()))
}

/// The last one where there is another build.
const COLUMNS: [&str; 13] = [
    "sender",
    "CPU ms",
    "user",
    "system",
    "packets",
    "us a packet",
    "waits",
    "RSS MB",
    "anonymous MB",
    "x kernel",
    "x GStreamer",
    "x ffmpeg",
    "x the other build",
];

fn at(speed: Speed) -> String {
    match speed {
        Speed::Free => "free running".to_owned(),
        Speed::Rate(rate) => format!("{rate} pictures a second"),
    }
}

/// One measurement: enough pictures for a second or several.
pub(crate) fn measured(sender: Sender, clip: &Clip, speed: Speed) -> Run {
    let pictures = match (speed, sender) {
        (Speed::Rate(rate), _) => u64::from(rate) * 5,
        (Speed::Free, Sender::Floor | Sender::Ours(..) | Sender::Other(..)) => 20_000,
        (Speed::Free, _) => 3_000,
    };
    let job = Job { sender, clip: clip.clone(), speed, destinations: 1, pictures };
    job.each(pictures / 5)
}

/// The median of each figure.
pub(crate) fn middle(runs: &[Run]) -> Run {
    // The times belong together: they are those of the run with the median cost.
    let mut sorted: Vec<&Run> = runs.iter().collect();
    sorted.sort_by(|a, b| a.cost.cpu().total_cmp(&b.cost.cpu()));
    let middle = *sorted[sorted.len() / 2];
    let of = |figure: fn(&Run) -> f64| median(runs.iter().map(figure));
    let cost = Cost { waits: of(|run| run.cost.waits), ..middle.cost };
    Run {
        cost,
        memory: Memory { all: of(|run| run.memory.all), own: of(|run| run.memory.own) },
        ..middle
    }
}

/// Packets of a picture on average, counted on the wire.
fn packets(sender: Sender, clip: &Clip) -> f64 {
    /// Pictures that are counted, at 30 a second.
    const PICTURES: u64 = 60;
    let speed = Speed::Rate(30);
    let job = Job { sender, clip: clip.clone(), speed, destinations: 1, pictures: PICTURES };
    let place = place();
    let tap = Tap::on([place.at(0), place.repair_at(4)].into_iter());
    let Some((pace, repair)) = sender.own() else {
        output(&mut job.peer(place));
        return tap.close().len() as f64 / PICTURES as f64;
    };
    let mut program = Program::start(&mut job.ours(pace, repair, &[place]));
    program.wait_for("goes to");
    std::thread::sleep(Duration::from_secs(PICTURES / 30));
    program.interrupt().succeeded();
    let datagrams = tap.close();
    // Repair packets have a time of their picture, too.
    let pictures: HashSet<&[u8]> = datagrams.iter().map(|it| &it.bytes[4..8]).collect();
    datagrams.len() as f64 / pictures.len() as f64
}
