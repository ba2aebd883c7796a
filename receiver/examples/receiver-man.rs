//! Writes the receiver's man page into the folder given.

use clap::CommandFactory;
use std::io::Error;
use streamsocket_receiver::options::Options;

fn main() -> Result<(), Error> {
    let folder = std::env::args_os().nth(1).ok_or_else(|| Error::other("say into which folder"))?;
    std::fs::create_dir_all(&folder)?;
    clap_mangen::generate_to(Options::command(), &folder)
}
