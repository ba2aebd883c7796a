//! Which folders sockets are looked for and made in: those that nobody can have put there or filled but
//! root, this user, or whom root gave it to. In /tmp anybody makes a folder of any name.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Whoever may write, and whose it is.
#[derive(Clone, Copy)]
struct Folder {
    owner: u32,
    mode: u32,
}

const ROOT: u32 = 0;

/// Bits of a mode by which the group or others may write.
const WRITTEN_BY_OTHERS: u32 = 0o022;

/// Checks a folder.
///
/// # Errors
/// What stat(2) says, or why it is not to be trusted.
pub(super) fn check(folder: &Path) -> io::Result<()> {
    let me = nix::unistd::geteuid().as_raw();
    let entry = folder.symlink_metadata()?;
    let refused = |why: &str| Err(io::Error::new(io::ErrorKind::PermissionDenied, why));
    if entry.is_symlink() && ![ROOT, me].contains(&entry.uid()) {
        return refused("it is a link that another user has made");
    }
    let real = folder.canonicalize()?;
    let there = real.metadata()?;
    if !there.is_dir() {
        return refused("it is no folder");
    }
    let parent = real.parent().unwrap_or(Path::new("/")).metadata()?;
    let as_folder = |it: &std::fs::Metadata| Folder { owner: it.uid(), mode: it.mode() };
    judge(as_folder(&there), as_folder(&parent), me).map_or(Ok(()), refused)
}

/// Why the folder is not to be trusted by this user, if so.
fn judge(folder: Folder, parent: Folder, me: u32) -> Option<&'static str> {
    // The folder of a service is its own; nobody but root puts it into /run.
    let given = parent.owner == ROOT && parent.mode & WRITTEN_BY_OTHERS == 0;
    if ![ROOT, me].contains(&folder.owner) && !given {
        Some("it belongs to another user")
    } else if folder.mode & WRITTEN_BY_OTHERS != 0 {
        Some("other users can write to it")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_root_or_the_user_can_have_made_is_trusted() {
        const RUN: Folder = Folder { owner: ROOT, mode: 0o40755 };
        const TMP: Folder = Folder { owner: ROOT, mode: 0o41777 };
        const MINE: Folder = Folder { owner: 1000, mode: 0o40700 };
        let folder = |owner, mode| Folder { owner, mode };
        let trusted = |of, within, me| judge(of, within, me).is_none();
        assert!(trusted(folder(1000, 0o40755), TMP, 1000));
        assert!(trusted(folder(1000, 0o40755), MINE, 1000));
        assert!(trusted(folder(ROOT, 0o40755), RUN, 1000));
        assert!(trusted(folder(64_000, 0o40755), RUN, ROOT), "of a service");
        assert!(!trusted(folder(1000, 0o40755), TMP, ROOT), "anybody's, for root");
        assert!(!trusted(folder(1001, 0o40755), TMP, 1000));
        assert!(!trusted(folder(1000, 0o40777), TMP, 1000));
        assert!(!trusted(folder(ROOT, 0o41777), TMP, ROOT));
        assert!(!trusted(folder(1000, 0o40775), TMP, 1000));
    }
}
