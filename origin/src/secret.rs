//! Files with a secret in their first line.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::Path;
use streamsocket_net::private_file::kept_from_others;
use subtle::ConstantTimeEq;

/// Bytes of a password at most.
const PASSWORD_MAX: usize = 1024;

/// The first line of a file that is kept from others.
///
/// # Errors
/// One line: what is wrong with it, and what to do.
pub(crate) fn read(path: &Path, max: usize) -> Result<String, String> {
    let told = |what: String| format!("{} {what}", path.display());
    let failed = |error: std::io::Error| told(format!("cannot be read: {error}"));
    let file = File::open(path).map_err(failed)?;
    kept_from_others(path, &file.metadata().map_err(failed)?, "").map_err(told)?;
    let mut text = String::new();
    file.take(max as u64).read_to_string(&mut text).map_err(failed)?;
    let line = text.lines().next().unwrap_or_default().trim_end();
    if line.is_empty() {
        return Err(told("is empty: put the secret into its first line".to_owned()));
    }
    Ok(line.to_owned())
}

/// Makes such a file. If root does, the folder's group may read it: that of the service.
///
/// # Errors
/// One line: why not.
pub(crate) fn make(path: &Path, secret: &str) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("{} cannot be made: {error}", path.display());
    let made = OpenOptions::new().write(true).create_new(true).mode(0o640).open(path);
    let mut file = made.map_err(failed)?;
    file.write_all(format!("{secret}\n").as_bytes()).map_err(failed)?;
    file.sync_all().map_err(failed)?;
    let owner = file.metadata().map_err(failed)?.uid();
    let folder = path.parent().and_then(|folder| folder.metadata().ok());
    match folder {
        Some(folder) if owner == 0 => fchown(&file, None, Some(folder.gid()))
            // Whatever root's umask is.
            .and_then(|()| file.set_permissions(Permissions::from_mode(0o640)))
            .map_err(failed),
        _ => Ok(()),
    }
}

/// The password of those who may mark.
#[derive(Clone)]
pub(crate) struct Password(String);

impl core::fmt::Debug for Password {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Password(..)")
    }
}

impl Password {
    /// The password in a file.
    ///
    /// # Errors
    /// As those of [`read`].
    pub(crate) fn read(path: &Path) -> Result<Self, String> {
        read(path, PASSWORD_MAX).map(Self)
    }

    /// Whether that is it; it takes as long for each of one length.
    pub(crate) fn is(&self, said: &str) -> bool {
        self.0.as_bytes().ct_eq(said.as_bytes()).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_secret_is_the_first_line_of_a_file_that_others_cannot_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        assert!(read(&path, 100).unwrap_err().contains("cannot be read"));
        make(&path, "horse").unwrap();
        assert_eq!(read(&path, 100).as_deref(), Ok("horse"));
        assert!(make(&path, "other").unwrap_err().contains("cannot be made"));
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        assert!(read(&path, 100).unwrap_err().contains("chmod o="));
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, "\n\n").unwrap();
        assert!(read(&path, 100).unwrap_err().contains("first line"));
        let password = Password("horse".to_owned());
        assert!(password.is("horse") && !password.is("hors") && !password.is(""));
    }
}
