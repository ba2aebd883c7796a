//! The command `user`: who may watch over RTSP, in a file that nobody else reads.

use crate::replace::replace;
use crate::service_file::{make, share};
use crate::settings::USERS_FILE;
use std::fs::{self, File};
use std::io::{self, BufRead, ErrorKind, IsTerminal};
use std::path::Path;
use streamsocket_rtsp::users::{User, Users};

/// Mode of the folder, in which configurations are as well.
const FOLDER_MODE: u32 = 0o755;

/// Bytes of a line with a password that are read from a pipe.
const LINE_MAX: u64 = 4096;

/// Where users are: in the file that is named, or in the usual one.
#[must_use]
pub fn file(named: Option<&Path>) -> &Path {
    named.unwrap_or_else(|| Path::new(USERS_FILE))
}

/// Asks for a password, twice, or takes a line of standard input if that is no terminal; and adds the user, or gives
/// the one of this name that password. Returns what to say.
///
/// # Errors
/// One line: what a name or a password must be like, or what is wrong with the file.
pub fn add(path: &Path, name: &str) -> Result<String, String> {
    // What is wrong with the name is said before a password is asked for.
    User::new(name, "any password")?;
    let mut users = read(path)?;
    let new = users.set(User::new(name, &password()?)?);
    write(path, &users)?;
    let what = if new { "may watch now" } else { "has another password now" };
    Ok(format!("{name} {what}; a daemon that runs takes it with: streamsocket reload\n"))
}

/// Removes a user. Returns what to say.
///
/// # Errors
/// One line: there is none of this name, or what is wrong with the file.
pub fn remove(path: &Path, name: &str) -> Result<String, String> {
    let mut users = read(path)?;
    if !users.remove(name) {
        return Err(format!("{}: there is no user {name}", path.display()));
    }
    write(path, &users)?;
    let left = if users.is_empty() { ", and nobody is asked for a password any more" } else { "" };
    Ok(format!("{name} is removed{left}; a daemon that runs takes it with: streamsocket reload\n"))
}

/// The names of all users, one a line.
///
/// # Errors
/// One line: what is wrong with the file.
pub fn list(path: &Path) -> Result<String, String> {
    Ok(read(path)?.iter().map(|user| format!("{}\n", user.name)).collect())
}

fn password() -> Result<String, String> {
    if !io::stdin().is_terminal() {
        let mut line = String::new();
        let read = io::Read::take(io::stdin().lock(), LINE_MAX).read_line(&mut line);
        read.map_err(|error| format!("standard input: {error}"))?;
        return Ok(line.trim_end_matches(['\r', '\n']).to_owned());
    }
    let prompt = |text| {
        rpassword::prompt_password(text)
            .map_err(|error| format!("the password cannot be read from a terminal: {error}"))
    };
    let password = prompt("Password: ")?;
    if prompt("Again: ")? == password {
        Ok(password)
    } else {
        Err("the two passwords differ; nothing was changed".into())
    }
}

fn read(path: &Path) -> Result<Users, String> {
    let shown = path.display();
    match fs::read_to_string(path) {
        Ok(text) => {
            Users::parse(&text).map_err(|(line, why)| format!("{shown}, line {line}: {why}"))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Users::default()),
        Err(error) => Err(format!("{shown}: {error}")),
    }
}

/// Writes the file, for its owner alone; written by root, for the group of the service whose folder it is in, too.
fn write(path: &Path, users: &Users) -> Result<(), String> {
    let failed = |error: io::Error| match error.kind() {
        ErrorKind::PermissionDenied => format!("{}: {error}; run this as root", path.display()),
        _ => format!("{}: {error}", path.display()),
    };
    let text: String = users.iter().map(|user| format!("{user}\n")).collect();
    prepare(path).and_then(|()| replace(path, text.as_bytes())).map_err(failed)?;
    File::open(path).and_then(|file| share(&file, path)).map_err(failed)
}

/// Makes the file if it is not there: nobody reads it before it is written.
fn prepare(path: &Path) -> io::Result<()> {
    match make(path, FOLDER_MODE) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn what_is_written_is_read_and_nobody_else_can() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new").join("users");
        let mut users = Users::default();
        users.set(User::new("anna", "correct horse").unwrap());
        users.set(User::new("berta", "battery staple").unwrap());
        write(&path, &users).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o007, 0);
        assert_eq!(list(&path), Ok("anna\nberta\n".into()));
        assert!(remove(&path, "anna").unwrap().starts_with("anna is removed; "));
        assert!(remove(&path, "anna").unwrap_err().ends_with("there is no user anna"));
        let last = remove(&path, "berta").unwrap();
        assert!(last.contains("nobody is asked for a password any more"), "{last}");
        assert_eq!(list(&path), Ok(String::new()));
        fs::write(&path, "anna\n").unwrap();
        assert!(list(&path).unwrap_err().contains("users, line 1: expected NAME:SHA256:MD5"));
        // The name is looked at before a password is asked for.
        assert!(add(&path, "a:b").unwrap_err().starts_with("a name must have"));
    }
}
