//! Files with secrets, which root writes for the service to read, and everybody else for himself.

use nix::unistd::{Gid, Group, Uid, fchown};
use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// The group of the service, whose user is another at each start.
const SERVICE_GROUP: &str = "streamsocket";

/// The group of the relay's service, to which its folder belongs: it reads its users, and neither the daemon's nor a key.
const RELAY_GROUP: &str = "streamsocket-rooms";

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

/// Lets the service's group read a file of root's that was made here at `path`; in the relay's folder, the group of that
/// service.
///
/// # Errors
/// The kernel's.
pub fn share(file: &File, path: &Path) -> io::Result<()> {
    if !Uid::effective().is_root() {
        return Ok(());
    }
    let named = |name| Group::from_name(name).map(|it| it.map(|it| it.gid));
    let folder = path.parent().and_then(|it| it.metadata().ok()).map(|it| it.gid().into());
    let (relay, service) = (named(RELAY_GROUP)?, named(SERVICE_GROUP)?);
    let Some(group) = reader(folder, relay, service) else { return Ok(()) };
    // By what is open: the name may be another file by now.
    fchown(file, None, Some(group)).map_err(io::Error::from)?;
    file.set_permissions(Permissions::from_mode(0o640))
}

/// The group that is to read a file in a folder of that group.
fn reader(folder: Option<Gid>, relay: Option<Gid>, service: Option<Gid>) -> Option<Gid> {
    relay.filter(|it| folder == Some(*it)).or(service)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_the_folder_of_the_relay_is_for_the_relay_alone() {
        let [root, relay, service] = [0, 901, 902].map(Gid::from_raw);
        let of = |folder, relay| reader(folder, relay, Some(service));
        assert_eq!(of(Some(relay), Some(relay)), Some(relay));
        assert_eq!(of(Some(root), Some(relay)), Some(service));
        assert_eq!(of(None, Some(relay)), Some(service));
        assert_eq!(of(Some(root), None), Some(service));
        assert_eq!(reader(Some(root), Some(relay), None), None);
    }
}
