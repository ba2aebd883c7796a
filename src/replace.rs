//! A file that takes another's place as a whole, so that whoever reads it never reads half of it, and
//! nothing else is touched.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use streamsocket_net::machine;

/// Links from one to the next at most, as for the kernel (path_resolution(7)).
const LINKS_MAX: usize = 40;

/// Names that are tried for the new file: with 32 random bits a second one is never needed, but somebody
/// may guess.
const TRIES: usize = 4;

/// Writes a file beside `path` and renames it to that. A link is followed to where it leads, and stays; the
/// permissions of a file that is there are kept.
///
/// # Errors
/// What the kernel says, or that somebody else has made the link. There is no new file then.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let path = follow(path)?;
    let permissions = path.metadata().ok().map(|there| there.permissions());
    let (mut file, beside) = create_beside(&path)?;
    // Before there is anything to be read.
    let written = permissions
        .map_or(Ok(()), |it: Permissions| file.set_permissions(it))
        .and_then(|()| file.write_all(bytes))
        .and_then(|()| fs::rename(&beside, &path));
    if written.is_err() {
        // Gone already is as good.
        let _ = fs::remove_file(&beside);
    }
    written
}

/// Whether [`replace`] could write there now: a file is made beside it, and removed.
///
/// # Errors
/// As [`replace`].
pub fn try_at(path: &Path) -> io::Result<()> {
    let path = follow(path)?;
    if path.is_dir() {
        return Err(ErrorKind::IsADirectory.into());
    }
    let (_, beside) = create_beside(&path)?;
    fs::remove_file(beside)
}

/// Where the links from `path` on lead, which need not be there. In a folder where anybody makes links only
/// one's own are followed, as the kernel does it (fs.protected_symlinks).
fn follow(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    let me = nix::unistd::geteuid().as_raw();
    for _ in 0..LINKS_MAX {
        let Ok(there) = path.symlink_metadata() else { return Ok(path) };
        if !there.is_symlink() {
            return Ok(path);
        }
        let folder = folder(&path).metadata()?.uid();
        if ![me, 0, folder].contains(&there.uid()) {
            let why = "it is a link that another user has made";
            return Err(io::Error::new(ErrorKind::PermissionDenied, why));
        }
        path = self::folder(&path).join(fs::read_link(&path)?);
    }
    Err(io::Error::from_raw_os_error(libc::ELOOP))
}

fn folder(path: &Path) -> &Path {
    let folder = path.parent().unwrap_or(path);
    if folder.as_os_str().is_empty() { Path::new(".") } else { folder }
}

/// A new file, which nobody has put there, in the folder of `path`.
fn create_beside(path: &Path) -> io::Result<(File, PathBuf)> {
    let name = path.file_name().ok_or(ErrorKind::InvalidInput)?.to_string_lossy();
    let mut result = Err(ErrorKind::AlreadyExists.into());
    for _ in 0..TRIES {
        let beside = folder(path).join(format!(".{name}.{:08x}", machine::random()?));
        result = OpenOptions::new().write(true).create_new(true).mode(0o666).open(&beside);
        match result {
            Ok(file) => return Ok((file, beside)),
            Err(ref error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    result.map(|file| (file, PathBuf::new()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn names(folder: &Path) -> Vec<String> {
        let names = fs::read_dir(folder).unwrap();
        let mut names: Vec<_> =
            names.map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn nothing_else_is_touched_and_permissions_stay() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("it.sdp");
        let (old, precious) = (folder.path().join("it.sdp.new"), folder.path().join("precious"));
        fs::write(&precious, "keep").unwrap();
        symlink(&precious, &old).unwrap();
        replace(&path, b"first").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        replace(&path, b"second").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"second");
        assert_eq!(path.metadata().unwrap().mode() & 0o7777, 0o640);
        assert_eq!(fs::read(&precious).unwrap(), b"keep");
        assert_eq!(names(folder.path()), ["it.sdp", "it.sdp.new", "precious"]);
    }

    #[test]
    fn links_are_followed_and_stay() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("deep")).unwrap();
        symlink("b", at("a")).unwrap();
        symlink("deep/it.sdp", at("b")).unwrap();
        // Twice: where nothing is there yet, and where something is.
        for text in ["first", "second"] {
            replace(&at("a"), text.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(at("deep/it.sdp")).unwrap(), text);
        }
        assert!(at("a").is_symlink() && at("b").is_symlink());
        assert_eq!(names(&at("deep")), ["it.sdp"]);
        symlink("loop", at("loop")).unwrap();
        assert_eq!(replace(&at("loop"), b"x").unwrap_err().raw_os_error(), Some(libc::ELOOP));
    }

    #[test]
    fn what_cannot_be_replaced_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("it.sdp")).unwrap();
        assert!(replace(&folder.path().join("it.sdp"), b"x").is_err());
        assert_eq!(names(folder.path()), ["it.sdp"]);
        assert!(replace(&folder.path().join("none/it.sdp"), b"x").is_err());
    }
}
