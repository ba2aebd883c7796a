//! How such a program begins and ends.

use crate::configuration::{Optional, Wrong, options};
use clap::Parser;
use std::process::ExitCode;
use tokio::runtime::Builder;

/// The options of the command line, and of the configuration file that it names. What is wrong in the file is said.
///
/// # Errors
/// The exit status for that. What is wrong on the command line ends the program.
pub fn begin<O: Parser>(optional: &[Optional]) -> Result<O, ExitCode> {
    let line: Vec<_> = std::env::args_os().collect();
    options(&line, optional).map_err(|wrong| match wrong {
        Wrong::CommandLine(error) => error.exit(),
        Wrong::File(why) => {
            log::error!("{why}");
            ExitCode::from(2)
        }
    })
}

/// Runs it on one thread. Threads that wait for the network or a disk end with the program.
#[must_use]
pub fn run(program: impl Future<Output = Result<(), String>>) -> ExitCode {
    let runtime = Builder::new_current_thread().enable_all().build();
    let failed = |error| format!("the event loop cannot be set up: {error}");
    end(runtime.map_err(failed).and_then(|runtime| {
        let ended = runtime.block_on(program);
        runtime.shutdown_background();
        ended
    }))
}

/// The exit status. Why it has failed is said.
#[must_use]
pub fn end(result: Result<(), String>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            log::error!("{why}");
            ExitCode::FAILURE
        }
    }
}
