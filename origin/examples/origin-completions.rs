//! Writes the origin's completions for bash, zsh and fish into the folder given.

#[path = "../../examples/pages/completing.rs"]
mod completing;

use clap::CommandFactory;
use std::io::Error;
use std::path::Path;
use streamsocket_origin::options::Options;

/// What values begin with, by option.
const VALUES: [(&str, &[&str]); 3] = [
    ("listen", &[":8080", ":80"]),
    ("tls", &[":8443", ":443"]),
    ("rtsps", &["off", ":8322", ":322"]),
];

fn main() -> Result<(), Error> {
    let folder = std::env::args_os().nth(1).ok_or_else(|| Error::other("say into which folder"))?;
    let command = completing::with_values(Options::command(), &VALUES);
    completing::write(&command, "streamsocket-origin", Path::new(&folder))
}
