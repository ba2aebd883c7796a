//! Which system calls a picture takes, as strace counts them.

use crate::material::{stereo, usual};
use crate::program::{Job, Sender, Speed, other_build, place};
use crate::report::{progress, table as printed};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use streamsocket_tests::program::{Program, peer};
use streamsocket_tests::session::file;

/// Pictures a second, and seconds of the long and the short run.
const RATE: u32 = 30;
const SECONDS: [u32; 2] = [6, 1];

/// Calls by name.
type Calls = BTreeMap<String, f64>;

/// A sender, and whether with sound.
type Case = (&'static str, Sender, bool);

/// In the order of the table; behind those with sound comes what it adds to the one before.
const CASES: [Case; 8] = [
    ("streamsocket, plain", Sender::Ours("off", "0"), false),
    ("streamsocket, as it comes, without sound", Sender::Ours("50%", "20"), false),
    ("streamsocket, as it comes, with sound", Sender::Ours("50%", "20"), true),
    ("GStreamer", Sender::GStreamer(0), false),
    ("ffmpeg", Sender::Ffmpeg, false),
    ("the other build, plain", Sender::Other("off", "0"), false),
    ("the other build, as it comes, without sound", Sender::Other("50%", "20"), false),
    ("the other build, as it comes, with sound", Sender::Other("50%", "20"), true),
];

/// The table. The counts are what they are: one round will do.
pub(crate) fn table(_rounds: u32) -> String {
    let is_there = |sender| !matches!(sender, Sender::Other(..)) || other_build().is_some();
    let (mut rows, mut before) = (Vec::new(), Calls::new());
    for (name, sender, sound) in CASES.into_iter().filter(|(_, sender, _)| is_there(*sender)) {
        progress("calls", 0, 1, name);
        let [long, short] = SECONDS.map(|seconds| counted(sender, sound, seconds));
        let pictures = f64::from((SECONDS[0] - SECONDS[1]) * RATE);
        let mut each = beyond(&long, &short);
        each.values_mut().for_each(|calls| *calls /= pictures);
        rows.push(row(name, &each));
        if sound {
            rows.push(row("- its sound alone", &beyond(&each, &before)));
        }
        before = each;
    }
    let columns = ["sender", "calls a picture", "which"];
    let heading = format!("1920x1080, {RATE} pictures a second; sound of 48 kHz in two channels");
    format!("## System calls\n\n{}", printed(&heading, &columns, &rows))
}

/// By how many of each there are more.
fn beyond(more: &Calls, less: &Calls) -> Calls {
    let names = more.keys().chain(less.keys());
    let of = |calls: &Calls, name| calls.get(name).copied().unwrap_or(0.0);
    names.map(|name| (name.clone(), of(more, name) - of(less, name))).collect()
}

/// All of them, and those that are not rare.
fn row(name: &str, calls: &Calls) -> Vec<String> {
    let mut shown: Vec<_> = calls.iter().filter(|(_, calls)| **calls >= 0.05).collect();
    shown.sort_by(|a, b| b.1.total_cmp(a.1));
    let shown: Vec<String> =
        shown.into_iter().map(|(name, calls)| format!("{name} {calls:.1}")).collect();
    let all: f64 = calls.values().sum();
    vec![name.to_owned(), format!("{all:.1}"), shown.join(", ")]
}

fn counted(sender: Sender, sound: bool, seconds: u32) -> Calls {
    let folder = tempfile::tempdir().unwrap();
    let counts = folder.path().join("counts");
    let (place, speed) = (place(), Speed::Rate(RATE));
    let pictures = u64::from(seconds * RATE);
    let job = Job { sender, clip: usual("1920x1080"), speed, destinations: 1, pictures };
    if let Some((pace, repair)) = sender.own() {
        let mut command = job.ours_with_sound(pace, repair, &[place]);
        let audio = if sound { file(&stereo()) } else { "none".to_owned() };
        command.args(["--audio", &audio]);
        let mut program = Program::start(&mut traced(&command, &counts));
        program.wait_for("goes to");
        std::thread::sleep(Duration::from_secs(seconds.into()));
        interrupt_traced(program.id());
        program.succeed();
    } else {
        Program::start(&mut traced(&job.peer(place), &counts)).succeed();
    }
    let text = std::fs::read_to_string(&counts).unwrap();
    text.lines().filter_map(call).collect()
}

/// The same command under strace.
fn traced(command: &Command, counts: &Path) -> Command {
    let mut strace = peer("strace");
    strace.args(["-f", "-c", "-o"]).arg(counts).arg("--").arg(command.get_program());
    strace.args(command.get_args());
    strace
}

/// strace keeps signals to itself: its child is to get it.
fn interrupt_traced(strace: u32) {
    let children =
        std::fs::read_to_string(format!("/proc/{strace}/task/{strace}/children")).unwrap();
    for child in children.split_whitespace() {
        let child = nix::unistd::Pid::from_raw(child.parse().unwrap());
        nix::sys::signal::kill(child, nix::sys::signal::Signal::SIGINT).unwrap();
    }
}

/// A line of strace's table: share, seconds, microseconds a call, calls, perhaps errors, name.
fn call(line: &str) -> Option<(String, f64)> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let [share, _, _, calls, .., name] = &fields[..] else { return None };
    share.parse::<f64>().ok()?;
    if *name == "total" {
        return None;
    }
    Some(((*name).to_owned(), calls.parse().ok()?))
}
