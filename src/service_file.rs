//! Files with secrets, which root writes for the service to read, and everybody else for himself.

use nix::unistd::{Group, Uid, fchown};
use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// The group of the service, whose user is another at each start.
const SERVICE_GROUP: &str = "streamsocket";

/// Makes a file, and its folder, of which `mode` is the mode if it is not there: nobody else reads it before it is written.
///
/// # Errors
/// The kernel's; [`AlreadyExists`](io::ErrorKind::AlreadyExists) if the file is there.
pub fn make(path: &Path, mode: u32) -> io::Result<File> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        DirBuilder::new().recursive(true).mode(mode).create(folder)?;
    }
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// Lets the service's group read a file of root's that was made here.
///
/// # Errors
/// The kernel's.
pub fn share(file: &File) -> io::Result<()> {
    let group = Group::from_name(SERVICE_GROUP).map_err(io::Error::from)?;
    let Some(group) = group.filter(|_| Uid::effective().is_root()) else { return Ok(()) };
    // By what is open: the name may be another file by now.
    fchown(file, None, Some(group.gid)).map_err(io::Error::from)?;
    file.set_permissions(Permissions::from_mode(0o640))
}
