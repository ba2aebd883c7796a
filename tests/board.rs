//! The virtual board: a webcam with a microphone that is plugged into the kernel's own drivers, and
//! what the kernel makes of it.

use crate::program::{PATIENCE, Program, peer};
use nix::time::{ClockId, clock_gettime};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// Time between two looks at something that makes no event.
const LOOK: Duration = Duration::from_millis(2);

/// CLOCK_MONOTONIC in nanoseconds.
pub fn monotonic() -> i64 {
    let time = clock_gettime(ClockId::CLOCK_MONOTONIC).unwrap();
    time.tv_sec() * 1_000_000_000 + time.tv_nsec()
}

/// CLOCK_REALTIME minus CLOCK_MONOTONIC in nanoseconds.
pub fn unix_offset() -> i64 {
    let unix = clock_gettime(ClockId::CLOCK_REALTIME).unwrap();
    unix.tv_sec() * 1_000_000_000 + unix.tv_nsec() - monotonic()
}

/// Waits until something is so, and returns the time at which it was seen.
#[track_caller]
pub fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) -> i64 {
    let end = monotonic() + i64::try_from(PATIENCE.as_nanos()).unwrap();
    loop {
        let now = monotonic();
        if is_so() {
            return now;
        }
        assert!(now < end, "{what}: not within {PATIENCE:?}");
        std::thread::park_timeout(LOOK);
    }
}

/// A webcam, a microphone, or both in one device. Pulled out when it is dropped.
#[derive(Debug)]
pub struct Webcam {
    /// What it says.
    pub program: Program,
    control: PathBuf,
    name: String,
}

impl Webcam {
    /// Plugs one in and waits until the kernel has it. `name` is the device's, and `options` are
    /// the webcam's own.
    #[track_caller]
    pub fn plug(name: &str, options: &[&str]) -> Self {
        let webcam = Self::unplugged(name, options);
        webcam.wait_for_nodes();
        webcam
    }

    /// Begins one, plugged in or, by its option, not.
    #[track_caller]
    pub fn unplugged(name: &str, options: &[&str]) -> Self {
        let control = std::env::temp_dir().join(format!("webcam-{name}"));
        let _ = fs::remove_file(&control);
        let mut command = peer("webcam");
        command.args(["--name", name, "--serial", name]).arg("--control").arg(&control);
        let program = Program::start(command.args(options));
        wait_until("the webcam's control", || control.exists());
        Self { program, control, name: name.to_owned() }
    }

    /// Tells it something.
    pub fn say(&self, command: &str) {
        let mut control = fs::OpenOptions::new().write(true).open(&self.control).unwrap();
        writeln!(control, "{command}").unwrap();
    }

    /// Times that its microphone lost sound, because an emulated bus asked for it too late.
    pub fn losses(&mut self) -> usize {
        self.program.said().matches("of sound are lost").count()
    }

    /// Its nodes: of the camera the one with pictures, of the microphone the one that captures.
    pub fn nodes(&self) -> Vec<PathBuf> {
        let mut nodes = Vec::new();
        for (class, prefix) in [("video4linux", "video"), ("sound", "pcmC")] {
            for entry in fs::read_dir(format!("/sys/class/{class}")).into_iter().flatten() {
                let folder = entry.unwrap().path();
                let node = folder.file_name().unwrap().to_string_lossy().into_owned();
                let wanted = node.starts_with(prefix)
                    && (!node.starts_with("pcmC") || node.ends_with('c'))
                    && fs::read_to_string(folder.join("index")).map_or(true, |it| it == "0\n");
                if wanted && self.is_behind(&folder) {
                    let class = if class == "sound" { "/dev/snd" } else { "/dev" };
                    nodes.push(Path::new(class).join(node));
                }
            }
        }
        nodes
    }

    fn is_behind(&self, class: &Path) -> bool {
        let Ok(device) = class.join("device").canonicalize() else { return false };
        let serial = |above: &Path| fs::read_to_string(above.join("serial"));
        device.ancestors().filter_map(|above| serial(above).ok()).any(|it| it.trim() == self.name)
    }

    /// Waits until the kernel has made its nodes.
    #[track_caller]
    pub fn wait_for_nodes(&self) {
        wait_until("the webcam's nodes", || {
            let nodes = self.nodes();
            !nodes.is_empty() && nodes.iter().all(|node| node.exists())
        });
    }

    /// The camera's node.
    #[track_caller]
    pub fn camera(&self) -> PathBuf {
        let nodes = self.nodes();
        nodes.into_iter().find(|node| node.starts_with("/dev/video") || is_video(node)).unwrap()
    }

    /// The card's ALSA name.
    #[track_caller]
    pub fn card(&self) -> String {
        let pcm = self.nodes().into_iter().find(|node| !is_video(node)).unwrap();
        let pcm = pcm.file_name().unwrap().to_string_lossy().into_owned();
        let number = pcm.trim_start_matches("pcmC").split('D').next().unwrap().to_owned();
        let id = fs::read_to_string(format!("/sys/class/sound/card{number}/id")).unwrap();
        format!("hw:CARD={},DEV=0", id.trim())
    }
}

fn is_video(node: &Path) -> bool {
    node.file_name().is_some_and(|name| name.to_string_lossy().starts_with("video"))
}

impl Drop for Webcam {
    fn drop(&mut self) {
        self.say("quit");
        let gone = || self.nodes().is_empty();
        // Not a panic in a drop: the next test would say it.
        for _ in 0..2000 {
            if gone() {
                break;
            }
            std::thread::park_timeout(LOOK);
        }
        let _ = fs::remove_file(&self.control);
    }
}

/// Runs a command as an ordinary user of the groups video and audio, as the service does.
pub fn as_user(command: &Command) -> Command {
    let mut user = peer("setpriv");
    user.args(["--reuid=65534", "--regid=65534", "--groups=video,audio", "--no-new-privs"]);
    user.arg(command.get_program()).args(command.get_args());
    user.stdin(Stdio::null()).stdout(Stdio::null()).current_dir("/tmp");
    user
}

/// Runs a command on one of the machines of `net-hop`.
pub fn on(machine: &str, command: &Command) -> Command {
    let mut there = peer("ip");
    there.args(["netns", "exec", machine]).arg(command.get_program()).args(command.get_args());
    there
}

/// Open descriptors and resident memory, in kB, of a process.
pub fn resources(id: u32) -> (usize, usize) {
    let descriptors = fs::read_dir(format!("/proc/{id}/fd")).unwrap().count();
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let resident = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    (descriptors, resident.trim().trim_end_matches(" kB").parse().unwrap())
}
