//! What was measured by `scripts/delivery-bench` as tables: each layer, the targets beside their peers, and what 100,000 and a
//! million viewers need.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "its output is what it is for")]

mod measured;
mod plan;
mod results;
mod tables;

use measured::Measured;
use results::Run;
use std::fs;
use std::process::ExitCode;

fn main() -> ExitCode {
    match said() {
        Ok(text) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("scale: {why}");
            ExitCode::FAILURE
        }
    }
}

fn said() -> Result<String, String> {
    let file = std::env::args().nth(1).ok_or("which results? usage: scale FILE")?;
    let text = fs::read_to_string(&file).map_err(|error| format!("{file}: {error}"))?;
    let runs: Result<Vec<_>, _> = text
        .lines()
        .enumerate()
        .map(|(index, line)| Run::parse(line).map_err(|why| format!("{file}:{}: {why}", index + 1)))
        .collect();
    Ok(tables::all(&Measured::new(runs?, processors())))
}

#[expect(clippy::cast_precision_loss, reason = "processors")]
fn processors() -> f64 {
    std::thread::available_parallelism().map_or(1.0, |it| it.get() as f64)
}
