//! Keys in a file: where it usually is, and whether it is kept to oneself.

use crate::key_file::{FILE_MAX, parse};
use crate::master_key::MasterKey;
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use streamsocket_net::private_file::{kept_from_others, unchanged_by_group};
use zeroize::Zeroizing;

/// The file of a machine: root's, and of the services.
pub const OF_MACHINE: &str = "/etc/streamsocket/key";

/// Below the folder of a user's configurations.
const OF_USER: &str = "streamsocket/key";

/// Bytes that reading asks for beyond what is read: a buffer that grows leaves copies of itself behind.
const SPARE: usize = 64;

/// A user's own file: below `$XDG_CONFIG_HOME`, or `~/.config` (XDG Base Directory Specification); `None` without a home.
#[must_use]
pub fn of_user() -> Option<PathBuf> {
    let folder = |name| std::env::var_os(name).map(PathBuf::from).filter(|it| it.is_absolute());
    let configurations =
        folder("XDG_CONFIG_HOME").or_else(|| Some(folder("HOME")?.join(".config")));
    configurations.map(|it| it.join(OF_USER))
}

/// The keys of a file, in order: the first one is sent with, each is received with. Stretching a passphrase takes up to
/// a second: nothing for a loop.
///
/// # Errors
/// One line: the file, what is wrong with it, and what to do.
pub fn read(path: &Path) -> Result<Vec<MasterKey>, String> {
    let shown = path.display();
    let told = |why: String| format!("{shown}: {why}");
    let failed = |error: io::Error| told(advice(&error, path));
    let file = File::open(path).map_err(failed)?;
    let there = file.metadata().map_err(failed)?;
    if there.is_dir() {
        return Err(failed(ErrorKind::IsADirectory.into()));
    }
    kept_from_others(path, &there, "").map_err(told)?;
    unchanged_by_group(path, &there).map_err(told)?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(FILE_MAX + SPARE));
    file.take(FILE_MAX as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() > FILE_MAX {
        return Err(told(format!(
            "it has more than {FILE_MAX} bytes; a file of keys has four lines: make one with: streamsocket key new"
        )));
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| {
        told("it is no text (UTF-8); make a file of keys with: streamsocket key new".into())
    })?;
    parse(text).map_err(|(line, why)| format!("{shown}, line {line}: {why}"))
}

/// What the kernel says, and what to do.
fn advice(error: &io::Error, path: &Path) -> String {
    match error.kind() {
        ErrorKind::NotFound => {
            format!("{error}; make one with: streamsocket key new {}", path.display())
        }
        ErrorKind::PermissionDenied => format!(
            "{error}; run this program as root or in the group streamsocket, or choose another file"
        ),
        ErrorKind::IsADirectory => {
            "it is a folder; name a file, which this makes: streamsocket key new FILE".into()
        }
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    const KEY: &str = "inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwd\n";

    #[test]
    fn a_file_is_kept_to_oneself() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let shown = path.display();
        fs::write(&path, KEY).unwrap();
        for (mode, refusal) in [
            (
                0o644,
                Some(format!(
                    "{shown}: every user of this machine can read it; run: chmod o= {shown}"
                )),
            ),
            (
                0o602,
                Some(format!(
                    "{shown}: every user of this machine can change it; run: chmod o= {shown}"
                )),
            ),
            (0o660, Some(format!("{shown}: its group can change it; run: chmod g-w {shown}"))),
            (0o640, None),
            (0o600, None),
        ] {
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            assert_eq!(read(&path).err(), refusal, "{mode:o}");
        }
        assert_eq!(read(&path).unwrap().len(), 1);
    }

    #[test]
    fn what_is_no_file_of_keys_is_told_with_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let shown = path.display().to_string();
        let why = read(&path).unwrap_err();
        assert!(why.ends_with(&format!("; make one with: streamsocket key new {shown}")), "{why}");
        let why = read(folder.path()).unwrap_err();
        assert!(why.contains(": it is a folder; "), "{why}");
        let long = format!("{}\n", "#".repeat(100)).repeat(FILE_MAX / 101 + 1);
        for (bytes, told) in [
            (&b"\xff\xfe"[..], ": it is no text (UTF-8); "),
            (long.as_bytes(), ": it has more than 16384 bytes; "),
            (b"\ninline:AAEC\n", ", line 2: a key has 30 bytes, "),
            (b"short", ", line 1: a passphrase has 16 characters or more, "),
            (b"", ", line 1: there is no key; "),
        ] {
            fs::write(&path, bytes).unwrap();
            fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
            let why = read(&path).unwrap_err();
            assert!(why.starts_with(&format!("{shown}{told}")), "{why}");
            assert!(why.contains("streamsocket key new") && !why.contains('\n'), "{why}");
        }
    }

    #[test]
    fn a_file_may_be_as_long_as_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let comment = "#".repeat(FILE_MAX - KEY.len() - 1);
        fs::write(&path, format!("{comment}\n{KEY}")).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        assert_eq!(read(&path).map(|keys| keys.len()), Ok(1));
    }
}
