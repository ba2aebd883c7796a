//! What StreamSocket costs, measured with the programs themselves: beside GStreamer, ffmpeg, uStreamer and a bare
//! loop around the kernel, in rounds that take turns. `make bench` runs it; the tables go to standard
//! output, and with `--write` into docs/performance.md, with the curves.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::disallowed_methods,
    reason = "it measures in real time, says so or ends; the numbers are far from the limits of a double"
)]

mod blocks;
mod cable;
mod calls;
mod camera;
mod gateway;
mod growth;
mod instructions;
mod large;
mod latency;
mod link;
mod machine;
mod material;
mod memory;
mod network;
mod plot;
mod program;
mod receiving;
mod relay;
mod report;
mod sealing;
mod sending;
mod sound;
mod startup;
mod tiers;
mod unicast;

use clap::Parser;
use std::path::{Path, PathBuf};

/// What to measure.
#[derive(Parser)]
#[command(
    about = "Measures what StreamSocket costs, beside GStreamer, ffmpeg, uStreamer and the kernel alone"
)]
struct Options {
    /// Rounds, of which the medians are printed
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=99))]
    rounds: u32,
    /// Only these parts: sending, sound, camera, gateway, unicast, relay, tiers, receiving, sealing, latency, large, link, network,
    /// startup, memory, calls, blocks, growth, instructions
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// A folder with another build of the programs, which is measured beside this one (sending, sound, camera,
    /// receiving, latency, large, network, memory, calls)
    #[arg(long)]
    against: Option<PathBuf>,
    /// The camera of the parts camera and gateway, a V4L2 node such as /dev/video0 [default: the first that gives MJPEG of
    /// 1280x720]
    #[arg(long, value_name = "NODE")]
    camera: Option<PathBuf>,
    /// Viewers of the part relay, one number after the other
    #[arg(long, value_delimiter = ',', default_values_t = relay::VIEWERS)]
    viewers: Vec<usize>,
    /// Write the tables and curves into docs; with --only, these parts, each with the machine that it was measured on
    #[arg(long)]
    write: bool,
}

/// A part: its name, and what measures it in so many rounds and returns its tables.
type Part = (&'static str, fn(u32) -> String);

fn main() {
    let options = Options::parse();
    if let Some(folder) = options.against {
        program::measure_against(folder);
    }
    if let Some(node) = options.camera {
        camera::use_node(node);
    }
    relay::use_viewers(options.viewers);
    let parts: [Part; 19] = [
        ("sending", sending::table),
        ("sound", sound::table),
        ("camera", camera::table),
        ("gateway", gateway::table),
        ("unicast", unicast::table),
        ("relay", relay::table),
        ("tiers", tiers::table),
        ("receiving", receiving::table),
        ("sealing", sealing::table),
        ("latency", latency::table),
        ("large", large::table),
        ("link", link::table),
        ("network", network::table),
        ("startup", startup::table),
        ("memory", memory::table),
        ("calls", calls::table),
        ("blocks", blocks::table),
        ("growth", growth::table),
        ("instructions", instructions::table),
    ];
    for name in &options.only {
        assert!(parts.iter().any(|(part, _)| part == name), "there is no part {name}: see --help");
    }
    let machine = machine::description();
    println!("{machine}");
    let (mut text, document) = (machine.clone(), Path::new("docs/performance.md"));
    for (name, table) in parts {
        if options.only.is_empty() || options.only.iter().any(|only| only == name) {
            let table = table(options.rounds);
            println!("{table}");
            if options.write && !options.only.is_empty() {
                report::write_part(document, &table, &machine);
            }
            text += "\n";
            text += &table;
        }
    }
    if options.write && options.only.is_empty() {
        report::write(document, &text);
    }
}
