//! Names of files that the viewer makes by a key.

use std::path::PathBuf;

/// A snapshot or recording by key takes the first free name below this number.
const NAMES_MAX: u32 = 10_000;

/// The first name of this kind in the current folder that is not taken. It asks the disk, which may take
/// its time.
pub(crate) fn free_name(kind: &str, extension: &str) -> Option<PathBuf> {
    let names =
        (1..NAMES_MAX).map(|number| PathBuf::from(format!("{kind}-{number:03}.{extension}")));
    let free = names.into_iter().find(|path| !path.exists());
    if free.is_none() {
        log::warn!("there are {NAMES_MAX} files named {kind} in this folder");
    }
    free
}
