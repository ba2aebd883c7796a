//! The commands' end of the control socket: finds the daemon that is meant and asks it.

use super::{Answer, Request, folders};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

/// A daemon answers at once, or when it has opened what a changed configuration names; one that does
/// not within this is stuck.
const PATIENCE: Duration = Duration::from_secs(3);

/// Devices take seconds to be opened, IP cameras more.
const RELOAD_PATIENCE: Duration = Duration::from_secs(20);

/// Asks the daemon `name`, or the only one that runs.
///
/// # Errors
/// One line: none runs, several do, or it does not answer.
pub fn ask(name: Option<&str>, request: Request) -> Result<Answer, String> {
    let (name, path) = find(name)?;
    let failed = |error: std::io::Error| format!("the daemon '{name}' does not answer: {error}");
    let stream = UnixStream::connect(&path).map_err(|error| match error.kind() {
        std::io::ErrorKind::PermissionDenied => format!(
            "the daemon '{name}' does not talk to this user: try sudo, or join the group of {}",
            path.display()
        ),
        _ => failed(error),
    })?;
    let patience = if request == Request::Reload { RELOAD_PATIENCE } else { PATIENCE };
    stream.set_read_timeout(Some(patience)).map_err(failed)?;
    let mut line = serde_json::to_vec(&request).map_err(|error| error.to_string())?;
    line.push(b'\n');
    (&stream).write_all(&line).map_err(failed)?;
    let mut answer = String::new();
    BufReader::new(&stream).read_line(&mut answer).map_err(failed)?;
    match serde_json::from_str(&answer) {
        Ok(Answer::Error(error)) => Err(format!("the daemon '{name}' refuses: {error}")),
        Ok(answer) => Ok(answer),
        Err(error) => {
            Err(format!("the daemon '{name}' answers what this version does not know: {error}"))
        }
    }
}

/// The names and sockets of the daemons that run.
fn running() -> Vec<(String, PathBuf)> {
    let mut found = Vec::new();
    for folder in folders() {
        let Ok(entries) = std::fs::read_dir(folder) else { continue };
        for path in entries.flatten().map(|entry| entry.path()) {
            let is_socket = path.extension().is_some_and(|extension| extension == "sock");
            let name = path.file_stem().and_then(|name| name.to_str()).map(str::to_owned);
            if let Some(name) = name.filter(|_| is_socket) {
                let dead = UnixStream::connect(&path)
                    .is_err_and(|error| error.kind() == std::io::ErrorKind::ConnectionRefused);
                if !dead && !found.iter().any(|(_, other)| *other == path) {
                    found.push((name, path));
                }
            }
        }
    }
    found.sort();
    found
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
