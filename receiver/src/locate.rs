//! From what the user named to a session: an SDP file, an address, or an announcement (SAP,
//! RFC 2974) on the network.

use crate::clock::monotonic;
use crate::plan::{Error, Plan};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::fs::File;
use std::io::Read;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd;
use std::path::Path;
use std::time::Duration;
use streamsocket_net::{Interface, ReceiveSocket};
use streamsocket_stream::clock::Monotonic;
use streamsocket_wire::sap::{Announcement, GROUP_ADMIN, GROUP_GLOBAL, PORT};

/// Bytes of a description at most: ours have 1 kB.
const SDP_MAX: u64 = 64 * 1024;

/// Announcements that are listed at most.
const LISTED_MAX: usize = 256;

/// How long `--list` listens: sessions are announced every 5 s.
const LISTENING: Duration = Duration::from_secs(6);

/// Time between two looks at whether the user has had enough.
const STEP: Duration = Duration::from_millis(100);

/// The session that the user named. `stop` is asked now and then whether to give up; `Ok(None)`
/// then.
///
/// # Errors
/// One line: what cannot be read, or listened to.
pub fn locate(
    source: Option<&str>,
    interface: Option<&Interface>,
    mut stop: impl FnMut(Monotonic) -> bool,
) -> Result<Option<Plan>, Error> {
    if let Some(source) = source {
        if let Some(address) = source.strip_prefix("rtp://") {
            return at_address(address.trim_end_matches('/')).map(Some);
        }
        if Path::new(source).exists() || source.ends_with(".sdp") || source.contains('/') {
            return from_file(Path::new(source)).map(Some);
        }
    }
    match source {
        Some(name) => log::info!("waiting for the session '{name}' to be announced"),
        None => log::info!("waiting for a session to be announced (--help says how to name one)"),
    }
    let mut ears = Ears::open(interface)?;
    let mut found = None;
    while found.is_none() && !stop(monotonic()) {
        ears.listen(STEP, &mut |announcement| {
            let plan = Plan::from_sdp(announcement.payload);
            let plan = plan.ok().filter(|plan| source.is_none_or(|name| plan.name == name));
            if let (Some(plan), None, false) = (plan, &found, announcement.deletion) {
                found = Some(plan);
            }
        })?;
    }
    Ok(found)
}

/// The sessions that are announced within a few seconds: name, address and origin of each.
///
/// # Errors
/// One line, if announcements cannot be listened to.
pub fn list(interface: Option<&Interface>) -> Result<Vec<String>, Error> {
    let mut ears = Ears::open(interface)?;
    let mut found: Vec<String> = Vec::new();
    let end = monotonic() + LISTENING;
    while monotonic() < end {
        ears.listen(STEP, &mut |announcement| {
            let Ok(plan) = Plan::from_sdp(announcement.payload) else { return };
            let address = plan.video.as_ref().or(plan.audio.as_ref()).map(|stream| stream.rtp);
            let address = address.map(|address| address.to_string()).unwrap_or_default();
            let kinds = match (&plan.video, &plan.audio) {
                (Some(_), Some(_)) => "video and sound",
                (Some(_), None) => "video",
                _ => "sound",
            };
            let line = format!("{}\t{address}\t{kinds}\tfrom {}", plan.name, announcement.origin);
            if announcement.deletion {
                found.retain(|other| *other != line);
            } else if !found.contains(&line) && found.len() < LISTED_MAX {
                found.push(line);
            }
        })?;
    }
    found.sort();
    Ok(found)
}

fn at_address(text: &str) -> Result<Plan, Error> {
    let wrong = |expected: &str| Error(format!("rtp://{text}: {expected}"));
    let (address, query) = text.split_once('?').map_or((text, None), |(at, it)| (at, Some(it)));
    let address: SocketAddr = address
        .trim_end_matches('/')
        .parse()
        .map_err(|_| wrong("expected an address and a port, such as rtp://239.255.42.42:5004"))?;
    if address.port() == 0 || address.port() > u16::MAX - 3 {
        return Err(wrong("the port must lie between 1 and 65532"));
    }
    let sound = |query: &str| {
        let (rate, channels) = query.strip_prefix("audio=")?.split_once('/')?;
        let rate = rate.parse().ok().filter(|rate| (4_000..=192_000).contains(rate))?;
        Some((rate, channels.parse().ok().filter(|channels| (1..=2).contains(channels))?))
    };
    let expected = "expected ?audio=RATE/CHANNELS, such as ?audio=16000/1";
    let sound = query.map(|query| sound(query).ok_or_else(|| wrong(expected))).transpose()?;
    Ok(Plan::at(address, sound))
}

fn from_file(path: &Path) -> Result<Plan, Error> {
    let shown = path.display();
    let failed = |error: std::io::Error| Error(format!("{shown} cannot be read: {error}"));
    let mut text = Vec::new();
    let file = File::open(path).map_err(failed)?;
    // Not by its length: a device or a pipe has none.
    file.take(SDP_MAX + 1).read_to_end(&mut text).map_err(failed)?;
    if text.len() as u64 > SDP_MAX {
        return Err(Error(format!("{shown} is too large to be a session description")));
    }
    let text = String::from_utf8_lossy(&text);
    Plan::from_sdp(&text).map_err(|error| Error(format!("{shown}: {error}")))
}

/// The sockets on which announcements are heard.
struct Ears {
    sockets: Vec<ReceiveSocket>,
}

impl Ears {
    fn open(interface: Option<&Interface>) -> Result<Self, Error> {
        let mut sockets = Vec::new();
        for group in [GROUP_ADMIN, GROUP_GLOBAL] {
            let address = SocketAddr::new(IpAddr::V4(group), PORT);
            let socket = ReceiveSocket::open(address, interface, None);
            sockets.push(socket.map_err(|error| {
                Error(format!(
                    "announcements cannot be heard: {error}; name an SDP file or rtp://ADDRESS:PORT"
                ))
            })?);
        }
        Ok(Self { sockets })
    }

    /// Waits so long at most, and hands over what has come. What is no announcement is passed over.
    fn listen(
        &mut self,
        wait: Duration,
        each: &mut dyn FnMut(&Announcement<'_>),
    ) -> Result<(), Error> {
        let timeout = PollTimeout::try_from(wait).unwrap_or(PollTimeout::ZERO);
        let mut descriptors: Vec<_> = self
            .sockets
            .iter()
            .map(|socket| PollFd::new(socket.as_fd(), PollFlags::POLLIN))
            .collect();
        // Interrupted or not, what is there is read.
        let _ = poll(&mut descriptors, timeout);
        drop(descriptors);
        for socket in &mut self.sockets {
            let taken = socket.receive(&mut |received| {
                if let Ok(announcement) = Announcement::parse(received.data) {
                    each(&announcement);
                }
            });
            taken.map_err(|error| Error(format!("announcements cannot be heard: {error}")))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_may_say_what_the_sound_is() {
        let plan = at_address("239.1.1.1:6000?audio=16000/1").unwrap();
        let audio = plan.audio.unwrap();
        assert_eq!((audio.rtp.port(), audio.clock_rate, audio.channels), (6002, 16_000, 1));
        assert!(!audio.assumed && at_address("[::1]:6000").unwrap().audio.unwrap().assumed);
        for text in ["x", "239.1.1.1", "1.2.3.4:0", "1.2.3.4:5?audio=1/1", "1.2.3.4:5?video=1"] {
            let error = at_address(text).unwrap_err().to_string();
            assert!(error.starts_with(&format!("rtp://{text}: ")), "{error}");
        }
    }
}
