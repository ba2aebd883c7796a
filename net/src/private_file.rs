//! Files that are not everybody's, with passwords or keys: whether this machine's users can get at them.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Bits of a mode by which those may do anything who are neither the owner nor in the group.
const OTHERS: u32 = 0o007;

/// That of them by which they may read.
const OTHERS_READ: u32 = 0o004;

/// The bit by which the group may write.
const GROUP_WRITES: u32 = 0o020;

/// Refuses a file that every user of this machine can read or change. `harm` is what they can do then: words for behind
/// that, or none.
///
/// # Errors
/// What is wrong, for behind the file's name, and what to type.
pub fn kept_from_others(path: &Path, there: &Metadata, harm: &str) -> Result<(), String> {
    let mode = there.mode();
    if mode & OTHERS == 0 {
        return Ok(());
    }
    let can = if mode & OTHERS_READ == 0 { "change" } else { "read" };
    let shown = path.display();
    Err(format!("every user of this machine can {can} it{harm}; run: chmod o= {shown}"))
}

/// Refuses a file that its group can change: who only uses a secret is not to put another in its place.
///
/// # Errors
/// What is wrong, for behind the file's name, and what to type.
pub fn unchanged_by_group(path: &Path, there: &Metadata) -> Result<(), String> {
    if there.mode() & GROUP_WRITES == 0 {
        return Ok(());
    }
    Err(format!("its group can change it; run: chmod g-w {}", path.display()))
}
