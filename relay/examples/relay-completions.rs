//! Writes the relay's completions for bash, zsh and fish into the folder given.

#[path = "../../examples/pages/completing.rs"]
mod completing;

use clap::CommandFactory;
use std::io::Error;
use std::path::Path;
use streamsocket_relay::options::Options;

fn main() -> Result<(), Error> {
    let folder = std::env::args_os().nth(1).ok_or_else(|| Error::other("say into which folder"))?;
    let command = completing::with_values(Options::command(), &[]);
    completing::write(&command, "streamsocket-relay", Path::new(&folder))
}
