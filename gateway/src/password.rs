//! The file with the password, and the command that writes it. It holds what argon2id makes of the password, as a PHC
//! string, and never the password.

use argon2::password_hash::PasswordHasher;
use argon2::password_hash::phc::{Output, PasswordHash};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use nix::unistd::{Group, Uid, chown};
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use streamsocket_net::private_file::kept_from_others;

/// Memory of a check, in KiB: what a Zero 2 W can spare, and as much for each guess of who has the file.
const MEMORY_KIB: u32 = 8 << 10;

/// Passes over it: with so little memory, what is common for 7 MiB.
const PASSES: u32 = 5;

/// Bytes of a password, at least and at most.
const LENGTHS: std::ops::RangeInclusive<usize> = 8..=1024;

/// Bytes of the file at most: a PHC string has about 100.
const FILE_MAX: usize = 1024;

/// The group of the service, whose user is another at each start.
const SERVICE_GROUP: &str = "streamsocket";

/// What a password is checked against.
#[derive(Clone, Debug)]
pub(crate) struct Secret(String);

impl Secret {
    /// Of the file that [`write`] has written.
    ///
    /// # Errors
    /// One line: what is wrong with the file, and what mends it.
    pub(crate) fn read(path: &Path) -> Result<Self, String> {
        let shown = path.display();
        let named = |error: io::Error| format!("--password-file {shown}: {error}");
        let there = fs::metadata(path).map_err(named)?;
        kept_from_others(path, &there, "")
            .map_err(|why| format!("--password-file {shown}: {why}"))?;
        let text = fs::read_to_string(path).map_err(named)?;
        let text = text.trim();
        if text.len() > FILE_MAX || PasswordHash::new(text).is_err() {
            return Err(format!(
                "--password-file {shown}: this is no password file of this program; write a new one: \
                 streamsocket-gateway password {shown}"
            ));
        }
        Ok(Self(text.to_owned()))
    }

    /// Whether this is the password. Takes as long as argon2id does: nothing for a loop. `memory` is used again by the
    /// next check, since what the allocator gives back of so much it may keep for each thread.
    pub(crate) fn is(&self, password: &[u8], memory: &mut Vec<Block>) -> bool {
        LENGTHS.contains(&password.len()) && self.matches(password, memory).unwrap_or(false)
    }

    /// `None` if this is no hash of a kind that is known.
    fn matches(&self, password: &[u8], memory: &mut Vec<Block>) -> Option<bool> {
        let hash = PasswordHash::new(&self.0).ok()?;
        let (params, version) =
            (Params::try_from(&hash).ok()?, Version::try_from(hash.version?).ok()?);
        let algorithm: Algorithm = hash.algorithm.as_str().parse().ok()?;
        let (salt, expected) = (hash.salt?, hash.hash?);
        memory.resize(params.block_count(), Block::default());
        let mut output = vec![0; expected.len()];
        let argon2 = Argon2::new(algorithm, version, params);
        argon2.hash_password_into_with_memory(password, &salt, &mut output, memory).ok()?;
        // In a time that does not say where they differ.
        Some(Output::new(&output).ok()? == expected)
    }

    /// Of a new password.
    fn of(password: &[u8]) -> Result<Self, String> {
        if !LENGTHS.contains(&password.len()) {
            let (least, most) = (LENGTHS.start(), LENGTHS.end());
            return Err(format!("a password must have {least} to {most} bytes"));
        }
        let params = Params::new(MEMORY_KIB, PASSES, 1, None).map_err(|error| error.to_string())?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let hash: PasswordHash =
            argon2.hash_password(password).map_err(|error| error.to_string())?;
        Ok(Self(hash.to_string()))
    }
}

/// Asks for a new password, twice, and writes the file: a `streamsocket-gateway password`.
///
/// # Errors
/// One line: no terminal, two different passwords, or a file that cannot be written.
pub(crate) fn ask(path: &Path) -> Result<(), String> {
    let prompt = |text| {
        rpassword::prompt_password(text)
            .map_err(|error| format!("the password cannot be read from a terminal: {error}"))
    };
    let password = prompt("New password: ")?;
    let secret = Secret::of(password.as_bytes())?;
    if prompt("Again: ")? != password {
        return Err("the two passwords differ; nothing was changed".to_owned());
    }
    let shown = path.display();
    write(path, &secret).map_err(|error| format!("{shown}: {error}"))?;
    log::info!(
        "the password is in {shown}; a gateway that runs with it takes it when it is restarted"
    );
    Ok(())
}

/// Writes the file: beside it first, then renamed, for its owner alone; written by root, for the service's group, too.
fn write(path: &Path, secret: &Secret) -> io::Result<()> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        DirBuilder::new().recursive(true).mode(0o755).create(folder)?;
    }
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}", std::process::id()));
    let beside = PathBuf::from(beside);
    // A crashed process of the same number may have left one.
    let _ = fs::remove_file(&beside);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
    let written = writeln!(file, "{}", secret.0)
        .and_then(|()| share(&beside))
        .and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        // The first error is the one to report.
        let _ = fs::remove_file(&beside);
    }
    written
}

/// Lets the service's group read a file of root's.
fn share(path: &Path) -> io::Result<()> {
    let group = Group::from_name(SERVICE_GROUP).map_err(io::Error::from)?;
    let Some(group) = group.filter(|_| Uid::effective().is_root()) else { return Ok(()) };
    chown(path, None, Some(group.gid)).map_err(io::Error::from)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o640))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn a_password_is_known_again_and_no_other_is() {
        let folder = std::env::temp_dir().join(format!("password-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("password");
        write(&path, &Secret::of(b"correct horse").unwrap()).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o007, 0);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("$argon2id$v=19$m=8192,t=5,p=1$"), "{text}");
        let secret = Secret::read(&path).unwrap();
        let mut memory = Vec::new();
        let mut is = |password: &[u8]| secret.is(password, &mut memory);
        assert!(is(b"correct horse") && !is(b"correct horsf") && !is(b"") && is(b"correct horse"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let why = Secret::read(&path).unwrap_err();
        assert!(why.ends_with(&format!("run: chmod o= {}", path.display())), "{why}");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, "correct horse\n").unwrap();
        assert!(
            Secret::read(&path)
                .unwrap_err()
                .contains("write a new one: streamsocket-gateway password")
        );
        assert!(Secret::read(&folder.join("none")).unwrap_err().contains("No such file"));
        assert!(Secret::of(b"short").unwrap_err().contains("8 to 1024 bytes"));
        fs::remove_dir_all(&folder).unwrap();
    }
}
