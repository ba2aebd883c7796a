//! The commands' end of the control socket: finds the daemon that is meant and asks it.

use crate::{ANSWER_MAX, Answer, Command, Request, folders, trust};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;
use streamsocket_media::clock::Monotonic;
use streamsocket_net::machine::monotonic_nanos;

/// A daemon answers at once; one that does not within this is stuck.
const PATIENCE: Duration = Duration::from_secs(3);

/// To a changed configuration, or after a pause, it answers when it has opened what that names, or after 55 s when it could not.
const OPENING_PATIENCE: Duration = Duration::from_secs(60);

/// Asks the daemon `name`, or the only one that runs.
///
/// # Errors
/// One line: none runs, several do, or it does not answer.
pub fn ask(name: Option<&str>, request: &Request) -> Result<Answer, String> {
    let (name, path) = find(name)?;
    let failed = |error: io::Error| format!("the daemon '{name}' does not answer: {error}");
    let stream = UnixStream::connect(&path).map_err(|error| match error.kind() {
        ErrorKind::PermissionDenied => format!(
            "the daemon '{name}' does not talk to this user: try sudo, or join the group of {}",
            path.display()
        ),
        _ => failed(error),
    })?;
    let opens = matches!(request.command, Command::Reload | Command::Resume);
    let patience = if opens { OPENING_PATIENCE } else { PATIENCE };
    let mut line = serde_json::to_vec(request).map_err(|error| error.to_string())?;
    line.push(b'\n');
    (&stream).write_all(&line).map_err(failed)?;
    let answer = read_line(&stream, patience).map_err(failed)?;
    match serde_json::from_slice(&answer) {
        Ok(Answer::Error(error)) => Err(format!("the daemon '{name}' refuses: {error}")),
        Ok(answer) => Ok(answer),
        Err(error) => {
            Err(format!("the daemon '{name}' answers what this version does not know: {error}"))
        }
    }
}

/// The names of the daemons that run on this machine.
#[must_use]
pub fn names() -> Vec<String> {
    running().into_iter().map(|(name, _)| name).collect()
}

/// A line of bounded length, all of it within `patience`.
fn read_line(mut stream: &UnixStream, patience: Duration) -> io::Result<Vec<u8>> {
    let now = || Monotonic(monotonic_nanos());
    let end = now() + patience;
    let (mut line, mut bytes) = (Vec::new(), [0; 65_536]);
    loop {
        let left = end.since(now());
        if left.is_zero() {
            return Err(ErrorKind::TimedOut.into());
        }
        stream.set_read_timeout(Some(left))?;
        match stream.read(&mut bytes) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(len) => line.extend_from_slice(&bytes[..len]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
        if let Some(end) = line.iter().position(|byte| *byte == b'\n') {
            line.truncate(end);
            return Ok(line);
        }
        if line.len() > ANSWER_MAX {
            return Err(io::Error::other("its answer has no end"));
        }
    }
}

/// The names and sockets of the daemons that run; to a command of a service (`ExecReload=`) its own
/// daemon, if that has a folder of its own.
fn running() -> Vec<(String, PathBuf)> {
    let own = std::env::var_os("RUNTIME_DIRECTORY").map(|folder| listening(Path::new(&folder)));
    if let Some(own) = own.filter(|own| !own.is_empty()) {
        return own;
    }
    let mut found = Vec::new();
    for folder in folders() {
        found.extend(listening(&folder));
        // Of a service each instance has a folder in it.
        if trust::check(&folder).is_err() {
            continue;
        }
        let inside = std::fs::read_dir(&folder).into_iter().flatten().flatten();
        let folders = inside.map(|entry| entry.path()).filter(|path| path.is_dir());
        found.extend(folders.flat_map(|folder| listening(&folder)));
    }
    found.sort();
    found.dedup();
    found
}

/// The names and sockets in a folder that somebody listens on, if it is to be trusted.
fn listening(folder: &Path) -> Vec<(String, PathBuf)> {
    match trust::check(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Vec::new(),
        Err(error) => {
            log::warn!("{}: no daemon is looked for there: {error}", folder.display());
            return Vec::new();
        }
        Ok(()) => {}
    }
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let socket = |path: PathBuf| {
        let name = path.file_stem()?.to_str()?.to_owned();
        let dead = || {
            UnixStream::connect(&path)
                .is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused)
        };
        let is_socket = path.extension().is_some_and(|extension| extension == "sock");
        (is_socket && !dead()).then_some((name, path))
    };
    entries.filter_map(|entry| socket(entry.path())).collect()
}

fn find(name: Option<&str>) -> Result<(String, PathBuf), String> {
    let mut running = running();
    let names = || {
        let names: Vec<_> = running.iter().map(|(name, _)| name.as_str()).collect();
        names.join(", ")
    };
    match name {
        Some(name) => match running.iter().position(|(other, _)| other == name) {
            Some(index) => Ok(running.swap_remove(index)),
            None if running.is_empty() => Err(format!("no daemon named '{name}' runs; none does")),
            None => Err(format!("no daemon named '{name}' runs; these do: {}", names())),
        },
        None if running.len() > 1 => Err(format!("several daemons run: choose with --instance: {}", names())),
        None => running.pop().ok_or_else(|| "no daemon runs on this machine; start one with 'streamsocket' or 'systemctl start streamsocket'".into()),
    }
}
