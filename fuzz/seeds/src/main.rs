//! Writes what fuzzing begins with into the folder given, a folder for each target: what StreamSocket's
//! own encoders make, or, where it only reads, what others write. Small, and the same each time.

mod files;
mod network;
mod rtsp;

use std::fs;
use std::io::{Error, Result};
use std::path::Path;

/// A target, and the inputs of it.
type Seeds = (&'static str, Vec<Vec<u8>>);

fn main() -> Result<()> {
    let folder = std::env::args_os().nth(1).ok_or_else(|| Error::other("say into which folder"))?;
    for (target, inputs) in files::seeds().into_iter().chain(network::seeds()).chain(rtsp::seeds())
    {
        let folder = Path::new(&folder).join(target);
        fs::create_dir_all(&folder)?;
        for (number, input) in inputs.iter().enumerate() {
            fs::write(folder.join(format!("seed-{number}")), input)?;
        }
    }
    Ok(())
}
