//! On what it was measured, and with which versions.

use std::fs::read_to_string;
use std::process::Command;
use streamsocket_tests::program::{ours, peer, text};

/// A paragraph of it.
pub(crate) fn description() -> String {
    let cpu = read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or(": unknown");
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let kernel = read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let first = |mut command: Command| -> String {
        text(&mut command).lines().next().unwrap_or_default().to_owned()
    };
    let version = |name, option| {
        let mut command = peer(name);
        command.arg(option);
        first(command)
    };
    let mut own = ours("streamsocket");
    own.arg("--version");
    let ffmpeg = version("ffmpeg", "-version");
    let ffmpeg = ffmpeg.split(" Copyright").next().unwrap_or_default();
    format!(
        "Measured by `make bench`: {}, {cores} of its processors, Linux {}, {}, {}, {ffmpeg}, {}.\n",
        model.trim_start_matches([' ', '\t', ':']),
        kernel.trim(),
        first(own),
        version("gst-launch-1.0", "--version").replace("gst-launch-1.0 version", "GStreamer"),
        version("rustc", "--version"),
    )
}
