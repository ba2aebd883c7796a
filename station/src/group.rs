//! Finds a multicast group for a session that was given none: one derived from this machine and the
//! session's name, to which nobody else is sending.

mod flows;

use crate::clock::monotonic;
use crate::identity;
use flows::Flows;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd;
use std::time::Duration;
use streamsocket_net::{Error, Interface, ReceiveSocket};

/// How long to listen to a group: long enough for 30 frames or 200 packets of sound, which tell a
/// stream from stray packets.
const LISTENING: Duration = Duration::from_secs(1);

/// Groups tried before giving up; so many sessions with colliding names are not to be expected.
const TRIES: u32 = 16;

/// The first group of the session `name` for which `may` and to which nobody sends a stream at `port`. If all are in use,
/// the first one is shared: viewers tell streams apart by their source. Takes a second for each group.
///
/// # Errors
/// The interface cannot be listened on.
pub fn find(
    name: &str,
    interface: Option<&Interface>,
    port: u16,
    may: impl Fn(IpAddr) -> bool,
) -> Result<IpAddr, Error> {
    let all = || (0..TRIES).map(|taken| nth(name, interface, taken)).filter(|group| may(*group));
    for group in all() {
        if !is_taken(SocketAddr::new(group, port), interface)? {
            return Ok(group);
        }
        log::info!("group {group} is in use by another sender: trying the next");
    }
    let group = all().next().unwrap_or_else(|| first(name, interface));
    log::warn!(
        "all {TRIES} multicast groups for '{name}' are in use: sharing {group}, choose another one"
    );
    Ok(group)
}

/// The preferred group of the session `name`.
#[must_use]
pub fn first(name: &str, interface: Option<&Interface>) -> IpAddr {
    nth(name, interface, 0)
}

/// The group of the session `name` after `taken` others were found in use.
#[must_use]
pub fn nth(name: &str, interface: Option<&Interface>, taken: u32) -> IpAddr {
    match interface.and_then(Interface::only_ipv6) {
        Some(_) => IpAddr::V6(identity::group_ipv6(name, taken)),
        None => IpAddr::V4(identity::group(name, taken)),
    }
}

fn is_taken(address: SocketAddr, interface: Option<&Interface>) -> Result<bool, Error> {
    let mut socket = ReceiveSocket::open(address, interface, None)?;
    let (mut now, mut flows, mut taken) = (monotonic(), Flows::default(), false);
    let end = now + LISTENING;
    while !taken && now < end {
        let left = end.since(now);
        let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::ZERO);
        let mut descriptors = [PollFd::new(socket.as_fd(), PollFlags::POLLIN)];
        match poll(&mut descriptors, timeout) {
            Ok(_) | Err(nix::Error::EINTR) => {}
            Err(error) => {
                return Err(Error::Socket { action: "listen to", address, cause: error.into() });
            }
        }
        now = monotonic();
        // A failed read is not repeated at once: the time runs out.
        let _ = socket.receive(&mut |got| taken |= flows.hear(got.data, got.from, now));
    }
    Ok(taken)
}
