//! What the service manager is told (sd_notify(3)): that streaming has begun, goes on, is changed, and
//! ends. Without a service manager, nothing. When to speak is decided here; the loop keeps the time, and
//! never waits for a service manager that does not listen. (The crate sd-notify waits for it, and
//! knows no sockets without a file.)

use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;
use streamsocket_media::clock::Monotonic;

/// Pings in the time after which the service manager gives up: one may be late (sd_watchdog_enabled(3)).
const PINGS: u32 = 2;

/// Until the next look, when a ping had to be left out: its end is what the service manager waits for.
const AGAIN: Duration = Duration::from_secs(1);

/// The service manager's ear, if there is one.
#[derive(Debug, Default)]
pub struct Notifier {
    socket: Option<UnixDatagram>,
    /// Time between pings, if they are wanted.
    interval: Option<Duration>,
    next: Monotonic,
    status: String,
}

impl Notifier {
    /// As the environment has it: `NOTIFY_SOCKET`, `WATCHDOG_USEC` and `WATCHDOG_PID`.
    #[must_use]
    pub fn from_environment() -> Self {
        let path = std::env::var_os("NOTIFY_SOCKET").filter(|path| !path.is_empty());
        let connected = path.map(|path| connect(&path)).transpose();
        let socket = connected.unwrap_or_else(|error| {
            log::warn!("the service manager cannot be told anything: NOTIFY_SOCKET: {error}");
            None
        });
        let interval = pings_wanted().filter(|_| socket.is_some());
        Self { socket, interval, ..Self::default() }
    }

    /// Whether anybody listens: what to say need not be made up otherwise.
    #[must_use]
    pub const fn listens(&self) -> bool {
        self.socket.is_some()
    }

    /// When to call [`ping`](Self::ping) next, if pings are wanted.
    #[must_use]
    pub fn deadline(&self) -> Option<Monotonic> {
        self.interval.map(|_| self.next)
    }

    /// Streaming has begun, or goes on after a change.
    pub fn ready(&self) {
        self.say("READY=1\n");
    }

    /// The configuration is read again; [`ready`](Self::ready) ends it.
    pub fn reloading(&self, now: Monotonic) {
        self.say(&format!("RELOADING=1\nMONOTONIC_USEC={}\n", now.0 / 1000));
    }

    /// The session ends now.
    pub fn stopping(&self) {
        self.say("STOPPING=1\n");
    }

    /// The loop turns: said if it is time, and if it does what it is for.
    pub fn ping(&mut self, now: Monotonic, works: bool) {
        if let Some(interval) = self.interval.filter(|_| now >= self.next) {
            self.next = now + if works { interval } else { interval.min(AGAIN) };
            if works {
                self.say("WATCHDOG=1\n");
            }
        }
    }

    /// One line on what is done, said when it is another one.
    pub fn status(&mut self, line: &str) {
        if self.status != line {
            line.clone_into(&mut self.status);
            self.say(&format!("STATUS={line}\n"));
        }
    }

    fn say(&self, words: &str) {
        let Some(socket) = &self.socket else { return };
        if let Err(error) = socket.send(words.as_bytes()) {
            log::debug!("the service manager is not told {}: {error}", words.trim_end());
        }
    }
}

/// The socket at this path or, behind an `@`, of this name without a file.
fn connect(path: &OsStr) -> io::Result<UnixDatagram> {
    let address = match path.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
        _ => SocketAddr::from_pathname(path)?,
    };
    let socket = UnixDatagram::unbound()?;
    socket.connect_addr(&address)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// Time between pings, if this process is to send any.
fn pings_wanted() -> Option<Duration> {
    let number = |name: &str| std::env::var(name).ok()?.parse::<u64>().ok();
    let others = std::env::var_os("WATCHDOG_PID").is_some()
        && number("WATCHDOG_PID") != Some(std::process::id().into());
    let limit = number("WATCHDOG_USEC").filter(|limit| *limit > 0 && !others)?;
    Some(Duration::from_micros(limit) / PINGS)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn what_does_not_work_is_not_said_to_be_alive_and_is_looked_at_again_soon() {
        let (ours, theirs) = UnixDatagram::pair().unwrap();
        theirs.set_nonblocking(true).unwrap();
        let interval = Some(10 * SECOND);
        let mut notifier = Notifier { socket: Some(ours), interval, ..Notifier::default() };
        let mut heard = |at: u64, works: bool| {
            let now = Monotonic(0) + SECOND * u32::try_from(at).unwrap();
            notifier.ping(now, works);
            let next = if works { 10 * SECOND } else { AGAIN };
            assert_eq!(notifier.deadline(), Some(now + next));
            let mut words = [0; 32];
            theirs.recv(&mut words).map(|length| words[..length].to_vec()).ok()
        };
        let ping = Some(b"WATCHDOG=1\n".to_vec());
        assert_eq!([heard(1, true), heard(11, false), heard(12, true)], [ping.clone(), None, ping]);
    }
}
