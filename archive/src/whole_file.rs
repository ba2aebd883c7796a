//! A small file that is there as a whole, or as it was.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use crate::error::Error;

/// Writes a file beside `path`, which takes its place once it is on the disk.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let beside = path.with_extension("new");
    let written = File::create(&beside)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_data()))
        .and_then(|()| fs::rename(&beside, path));
    written.map_err(|cause| {
        // Gone already is as good.
        let _ = fs::remove_file(&beside);
        Error::io("write", path)(cause)
    })
}
