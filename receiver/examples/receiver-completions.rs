//! Writes the receiver's completions for bash, zsh and fish into the folder given.

use clap::CommandFactory;
use clap_complete::{Shell, generate_to};
use std::io::Error;
use streamsocket_receiver::options::Options;

fn main() -> Result<(), Error> {
    let folder = std::env::args_os().nth(1).ok_or_else(|| Error::other("say into which folder"))?;
    std::fs::create_dir_all(&folder)?;
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        generate_to(shell, &mut Options::command(), "streamsocket-receiver", &folder)?;
    }
    Ok(())
}
