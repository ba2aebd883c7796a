//! Does what a picture takes in one stage, several times, and nothing else: for callgrind to count.
//!
//!     instructions STAGE TIMES

#![allow(
    clippy::expect_used,
    clippy::print_stderr,
    reason = "it is called by a program or by hand"
)]

use streamsocket_benches::{STAGES, Stages};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [stage, times] = &arguments[..] else {
        eprintln!("usage: instructions {} TIMES", STAGES.join("|"));
        std::process::exit(2);
    };
    let mut stages = Stages::default();
    for _ in 0..times.parse::<usize>().expect("a number of times") {
        stages.work(stage);
    }
}
