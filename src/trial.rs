//! What a configuration names, tried without streaming: the command `check`. Files, devices, addresses and
//! the way to viewers are tried as this user, and a configuration of the service within the limits of its systemd unit.

mod service;

pub use self::service::Service;

use crate::capture::Cause;
use crate::clock::{monotonic, unix_offset_nanos};
use crate::daemon::Error;
use crate::publish::network::try_ways;
use crate::replace::try_at;
use crate::settings::{Destination, Settings, Wait};
use crate::source::{Context, try_out};
use mio::{Poll, Token, Waker};
use std::fs::OpenOptions;
use std::io;
use std::path::Path;
use std::sync::Arc;
use streamsocket_net::machine;

/// What is not as it should be, a line each.
#[derive(Debug, Default)]
pub struct Findings {
    /// With this, streaming does not begin.
    pub wrong: Vec<String>,
    /// With this it begins all the same.
    pub warnings: Vec<String>,
}

/// Tries everything that the settings name; those of a service by what it may do.
///
/// # Errors
/// The kernel has no means to try anything.
pub fn try_all(settings: &Settings, service: Option<&Service>) -> Result<Findings, Error> {
    let mut findings = Findings::default();
    findings.wrong.extend(outputs(settings, service));
    if let Some(service) = service {
        findings.wrong.extend(service.refuses(settings));
    }
    findings.warnings.extend(unheard_of(settings));
    let name = settings.name.clone().unwrap_or_else(machine::host_name);
    if let Err(no_way) = try_ways(settings, &name) {
        let awaited = no_way.may_pass && settings.wait == Wait::Always;
        findings.note(awaited, no_way.to_string());
    }
    let poll = Poll::new()?;
    let context = Context {
        epoch: monotonic(),
        unix_offset: unix_offset_nanos(),
        waker: Arc::new(Waker::new(poll.registry(), Token(0))?),
        standard_input: None,
    };
    let tried = try_out(settings, &context);
    for error in tried.missing {
        // The service has rights of its own.
        let of_others = service.is_some() && error.cause() == Cause::Forbidden;
        findings.note(of_others || settings.wait.is_for(error.cause()), error.to_string());
    }
    findings.warnings.extend(tried.idle);
    Ok(findings)
}

impl Findings {
    fn note(&mut self, awaited: bool, line: String) {
        if awaited {
            self.warnings.push(format!("{line}; it would be waited for"));
        } else {
            self.wrong.push(line);
        }
    }
}

/// A room is found by the announcements of its sessions.
fn unheard_of(settings: &Settings) -> Option<String> {
    let room = settings.room.as_ref()?;
    // What a relay gets is in the room that it is published to.
    let to_groups = settings.to.is_empty() || settings.to.iter().any(Destination::is_multicast);
    let announced = settings.announce && to_groups;
    (!announced).then(|| {
        format!("--room {room}: nobody finds the session there, since it is not announced; let it be announced, to a group")
    })
}

type Try = fn(&Path) -> io::Result<()>;

/// What is written to: whether that can be done.
fn outputs(settings: &Settings, service: Option<&Service>) -> Vec<String> {
    let mut wrong = Vec::new();
    let outputs: [(&str, Option<&Path>, Try); 2] = [
        ("sdp", settings.sdp.as_deref(), try_replacing),
        ("stats", settings.stats.as_deref(), try_appending),
    ];
    for (option, path, tried) in outputs {
        let Some(path) = path else { continue };
        let refused = match service {
            // Its folders are made when it starts.
            Some(service) => service.refuses_to_write(path),
            None => tried(path).err().map(|error| error.to_string()),
        };
        wrong.extend(refused.map(|why| format!("--{option} {}: {why}", path.display())));
    }
    wrong
}

/// Standard output, pipes and devices are written to as they are, and have their readers.
fn is_passed_on(path: &Path) -> bool {
    path == Path::new("-") || path.metadata().is_ok_and(|there| !there.is_file() && !there.is_dir())
}

fn try_replacing(path: &Path) -> io::Result<()> {
    if is_passed_on(path) { Ok(()) } else { try_at(path) }
}

fn try_appending(path: &Path) -> io::Result<()> {
    if is_passed_on(path) {
        return Ok(());
    }
    match OpenOptions::new().append(true).open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => try_at(path),
        opened => opened.map(drop),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::StreamOptions;
    use crate::settings::load;

    #[test]
    fn a_room_without_announcements_is_worth_a_word() {
        let said = |change: fn(&mut StreamOptions)| {
            let mut options = StreamOptions { room: Some("lesson".into()), ..Default::default() };
            change(&mut options);
            unheard_of(&load(options).unwrap())
        };
        assert_eq!(said(|_| {}), None);
        assert_eq!(said(|it| it.to = Some(vec!["239.255.1.2".into()])), None);
        for silent in [
            said(|it| it.no_announce = Some(true)),
            said(|it| it.to = Some(vec!["192.0.2.1".into()])),
        ] {
            assert!(silent.unwrap().starts_with("--room lesson: "));
        }
        assert_eq!(said(|it| (it.room, it.no_announce) = (None, Some(true))), None);
    }
}
