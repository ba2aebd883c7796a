//! How much memory the daemon has while it streams with sound, as it does without any option but these.

use crate::material::usual;
use crate::program::{Job, OTHER, Sender, Speed, place};
use crate::report::{progress, table as printed};
use std::time::Duration;
use streamsocket_tests::clip::voice;
use streamsocket_tests::cost::{Memory, median};
use streamsocket_tests::program::Program;
use streamsocket_tests::session::file;

/// Time until all memory has its size: the clip twice.
const SETTLED: Duration = Duration::from_secs(6);

/// The table.
pub(crate) fn table(rounds: u32) -> String {
    let mut rows = Vec::new();
    for sender in Sender::with_other_build(&[Sender::Ours("50%", "0"), Sender::Ours("50%", "20")]) {
        let program = if matches!(sender, Sender::Other(..)) { OTHER } else { "streamsocket" };
        let Some((_, repair)) = sender.own() else { continue };
        let name = if repair == "0" { "without repair" } else { "with repair" };
        progress("memory", 0, 1, name);
        let all: Vec<Memory> = (0..rounds).map(|_| measured(sender, repair)).collect();
        let megabytes = |of: fn(&Memory) -> f64| format!("{:.2}", median(all.iter().map(of)) / 1e3);
        rows.push(vec![
            format!("{program}, {name}"),
            megabytes(|memory| memory.all),
            megabytes(|memory| memory.own),
        ]);
    }
    let columns = ["sender", "RSS MB", "anonymous MB"];
    let heading = "1920x1080 at 30 pictures a second, paced, with sound";
    format!("## Memory\n\n{}", printed(heading, &columns, &rows))
}

fn measured(sender: Sender, repair: &'static str) -> Memory {
    let (clip, place) = (usual("1920x1080"), place());
    let job = Job { sender, clip, speed: Speed::Rate(30), destinations: 1, pictures: 0 };
    let mut command = job.ours_with_sound("50%", repair, &[place]);
    let mut program = Program::start(command.args(["--audio", &file(&voice())]));
    program.wait_for("goes to");
    std::thread::sleep(SETTLED);
    let memory = Memory::of(program.id()).unwrap_or_default();
    program.interrupt().succeeded();
    memory
}
