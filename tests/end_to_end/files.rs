//! What the receiver leaves on the disk: recordings whose pictures or sound change, programs that are killed,
//! disks that are full.

use nix::sys::signal::Signal;
use std::fs::{self, File};
use std::io::Write;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;
use streamsocket_tests::board::wait_until;
use streamsocket_tests::long::is_left_out;
use streamsocket_tests::machine::not_run;
use streamsocket_tests::place::Place;
use streamsocket_tests::program::{Program, peer, receiver, text};
use streamsocket_tests::recording::Recording;
use streamsocket_tests::report::track;
use streamsocket_tests::sender::Sender;
use streamsocket_tests::turn;

/// What the sender's clock says.
const WALL: i64 = 1_700_000_000_000_000_000;

/// Sample frames a second of its sound.
const RATE: i64 = 8000;

/// A sender, a folder, and its description there.
fn sender() -> (Sender, tempfile::TempDir, PathBuf) {
    let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
    let sdp = folder.path().join("it.sdp");
    fs::write(&sdp, Sender::sdp(place)).unwrap();
    (Sender::new(place, Ipv4Addr::LOCALHOST, 1, WALL), folder, sdp)
}

/// A receiver that waits for the sender.
fn viewer(sdp: &Path, options: &[&str]) -> Program {
    let mut viewer = Program::start(receiver().arg(sdp).args(options));
    viewer.wait_for("waiting for plain");
    viewer
}

/// What an independent reader says of a file, which must not complain.
fn probed(file: &Path, entries: &str) -> String {
    let mut probe = peer("ffprobe");
    probe.args(["-v", "error", "-of", "csv=p=0", "-show_entries", entries]).arg(file);
    text(&mut probe).trim().to_owned()
}

#[test]
fn a_stream_whose_size_changes_ends_the_program() {
    if is_left_out("files::a_stream_whose_size_changes_ends_the_program") {
        return;
    }
    let _turn = turn();
    let (mut sender, _folder, sdp) = sender();
    let viewer = viewer(&sdp, &["--record", "-"]);
    sender.run(2);
    sender.show("1280x720");
    sender.run(2);
    let ended = viewer.finish();
    println!("{}", ended.said);
    assert_eq!(ended.status.code(), Some(1));
    assert!(ended.said.contains("the pictures are 1280x720 now"), "{}", ended.said);
}

#[test]
fn an_outage_is_silence_of_its_length_and_counted_as_long() {
    if is_left_out("files::an_outage_is_silence_of_its_length_and_counted_as_long") {
        return;
    }
    let _turn = turn();
    let (mut sender, folder, sdp) = sender();
    let (out, stats) = (folder.path().join("out.mkv"), folder.path().join("stats"));
    let options = ["--record", out.to_str().unwrap(), "--stats", stats.to_str().unwrap()];
    let viewer = viewer(&sdp, &options);
    sender.run(2);
    sender.lose(7);
    sender.run(2);
    let said = viewer.interrupt().succeeded();
    let stats = fs::read_to_string(&stats).unwrap();
    let last: serde_json::Value = serde_json::from_str(stats.lines().last().unwrap()).unwrap();
    let audio = |name| track(&last, "audio")[name].as_i64().unwrap();
    let (packets, samples) = (audio("packets_lost"), audio("samples_lost"));
    let silence = last["recording_silence_ms"].as_i64().unwrap_or(0);
    let recording = Recording::read(&out);
    let (begin, end) = (recording.audio[0].0, recording.audio.last().unwrap().0);
    let expected = i64::try_from(end - begin).unwrap() / 1000 * RATE / 1_000_000 + RATE / 50;
    let written = i64::try_from(recording.samples().len()).unwrap();
    println!(
        "{packets} packets and {samples} samples lost, {silence} ms of silence; \
         {written} samples over {expected}"
    );
    assert_eq!(samples, packets * RATE / 50, "{said}");
    assert!((silence - packets * 20).abs() < 100, "{said}");
    assert!((written - expected).abs() < RATE / 50, "{said}");
}

#[test]
fn a_receiver_that_is_killed_leaves_a_file_with_a_duration_and_an_index() {
    if is_left_out("files::a_receiver_that_is_killed_leaves_a_file_with_a_duration_and_an_index") {
        return;
    }
    let _turn = turn();
    let (mut sender, folder, sdp) = sender();
    let out = folder.path().join("out.mkv");
    let viewer = viewer(&sdp, &["--record", out.to_str().unwrap()]);
    sender.run(7);
    viewer.signal(Signal::SIGKILL);
    assert!(!viewer.finish().status.success());
    let seconds: f64 = probed(&out, "format=duration").parse().unwrap();
    println!("the duration of 7 s, killed: {seconds} s");
    assert!((4.0..8.0).contains(&seconds));
    // Of two players, one that jumps by the index alone.
    let mut jump = peer("ffmpeg");
    jump.args(["-v", "error", "-ss", "3", "-i"]).arg(&out);
    jump.args(["-frames:v", "1", "-f", "null", "-"]);
    text(&mut jump);
}

/// A command that sees a small disk at `folder`, and nobody else does. `before` is what the shell does with it.
/// Without the right to mount there is none, and the test says so.
fn on_a_disk(folder: &Path, bytes: &str, before: &str, command: &Command) -> Option<Command> {
    let script =
        format!("mount -t tmpfs -o size={bytes} none \"$0\" && {{ {before}; exec \"$@\"; }}");
    let shell = |arguments: &mut dyn Iterator<Item = &std::ffi::OsStr>| {
        let mut shell = peer("unshare");
        shell.args(["-m", "sh", "-c", &script]).arg(folder).args(arguments);
        shell
    };
    let tried = shell(&mut [std::ffi::OsStr::new("true")].into_iter()).output().unwrap();
    if !tried.status.success() {
        let why = String::from_utf8_lossy(&tried.stderr);
        not_run("files", &format!("no disk can be mounted: {}", why.trim_end()));
        return None;
    }
    let program = std::iter::once(command.get_program());
    Some(shell(&mut program.chain(command.get_args())))
}

/// Takes all that is left of a disk.
fn fill(file: &Path) {
    let mut file = File::create(file).unwrap();
    while file.write_all(&[1; 1024]).is_ok() {}
}

#[test]
fn a_full_disk_ends_a_recording_well_and_interrupts_statistics() {
    if is_left_out("files::a_full_disk_ends_a_recording_well_and_interrupts_statistics") {
        return;
    }
    let _turn = turn();
    let (mut sender, folder, sdp) = sender();
    let disk = folder.path().join("disk");
    fs::create_dir(&disk).unwrap();
    let (out, stats) = (disk.join("out.mkv"), disk.join("stats"));
    let mut command = receiver();
    command.arg(&sdp).arg("--record").arg(&out).arg("--stats").arg(&stats);
    let Some(mut command) = on_a_disk(&disk, "2m", "true", &command) else { return };
    let mut viewer = Program::start(&mut command);
    viewer.wait_for("waiting for plain");
    let seen =
        |path: &Path| -> PathBuf { format!("/proc/{}/root{}", viewer.id(), path.display()).into() };
    let (out, stats, filled) = (seen(&out), seen(&stats), seen(&disk.join("filled")));
    sender.run(6);
    viewer.wait_for("No space left");
    viewer.wait_for("recorded");
    let kept = folder.path().join("kept.mkv");
    fs::copy(&out, &kept).unwrap();
    let seconds: f64 = probed(&kept, "format=duration").parse().unwrap();
    let pictures = Recording::read(&kept).video.len();
    println!("a full disk holds {seconds} s, {pictures} pictures");
    assert!(pictures > 10 && (seconds - pictures as f64 / 50.0).abs() < 0.3);
    fill(&filled);
    viewer.wait_for("statistics cannot be written");
    fs::remove_file(&filled).unwrap();
    viewer.wait_for("statistics are written again");
    let lines = fs::read_to_string(&stats).unwrap();
    let whole = |line: &str| serde_json::from_str::<serde_json::Value>(line).is_ok();
    assert!(lines.lines().all(whole), "{lines}");
    let ended = viewer.interrupt();
    println!("{}", ended.said);
    assert_eq!(ended.status.code(), Some(1));
    assert_eq!(ended.said.matches("No space left").count(), 2, "{}", ended.said);
}

#[test]
fn what_finds_no_room_leaves_no_file_and_no_success() {
    if is_left_out("files::what_finds_no_room_leaves_no_file_and_no_success") {
        return;
    }
    let _turn = turn();
    let (mut sender, folder, sdp) = sender();
    let disk = folder.path().join("disk");
    fs::create_dir(&disk).unwrap();
    let filled = "head -c 2m /dev/zero > \"$0/filled\" 2>&-";
    for recorded in [true, false] {
        let mut command = receiver();
        command.arg(&sdp).arg("--snapshot").arg(disk.join("now.jpg"));
        if recorded {
            command.arg("--record").arg(disk.join("out.mkv"));
        }
        let Some(mut command) = on_a_disk(&disk, "1m", filled, &command) else { return };
        let mut viewer = Program::start(&mut command);
        viewer.wait_for("waiting for plain");
        sender.run(2);
        wait_until("both are said", || {
            let said = viewer.said();
            said.contains("cannot write the snapshot")
                && (!recorded || said.contains("cannot record to"))
        });
        let there = fs::read_dir(format!("/proc/{}/root{}", viewer.id(), disk.display())).unwrap();
        let names: Vec<_> = there.map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["filled"]);
        let ended = viewer.interrupt();
        println!("{}", ended.said);
        assert_eq!(ended.status.code(), Some(1), "{}", ended.said);
    }
}
