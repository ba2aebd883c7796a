//! Finds a multicast group for a session that was given none: one derived from this machine and the
//! session's name, to which nobody else is sending.

mod flows;

use super::group::flows::Flows;
use super::identity;
use crate::clock::monotonic;
use crate::settings::{Destination, PORT_DEFAULT};
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

/// The first group of the session `name` to which nobody sends a stream. If all are in use, the
/// first one is shared: viewers tell streams apart by their source. None of those that were `chosen`
/// for other tracks of this daemon are taken. Takes a second for each group.
///
/// # Errors
/// The interface cannot be listened on.
pub fn find(
    name: &str,
    interface: Option<&Interface>,
    chosen: &[Destination],
) -> Result<IpAddr, Error> {
    let all = (0..TRIES).map(|taken| nth(name, interface, taken));
    for group in free(all.clone(), chosen) {
        if !is_taken(group, interface)? {
            return Ok(group);
        }
        log::info!("group {group} is in use by another sender: trying the next");
    }
    let group = free(all, chosen).next().unwrap_or_else(|| first(name, interface));
    log::warn!(
        "all {TRIES} multicast groups for '{name}' are in use: sharing {group}, choose another one with --to"
    );
    Ok(group)
}

/// Those groups that share none with what was chosen.
fn free(
    groups: impl Iterator<Item = IpAddr>,
    chosen: &[Destination],
) -> impl Iterator<Item = IpAddr> {
    groups.filter(|group| !Destination::new(*group, PORT_DEFAULT).shares_groups(chosen))
}

/// The preferred group of the session `name`.
#[must_use]
pub fn first(name: &str, interface: Option<&Interface>) -> IpAddr {
    nth(name, interface, 0)
}

fn nth(name: &str, interface: Option<&Interface>, taken: u32) -> IpAddr {
    match interface.and_then(Interface::only_ipv6) {
        Some(_) => IpAddr::V6(identity::group_ipv6(name, taken)),
        None => IpAddr::V4(identity::group(name, taken)),
    }
}

fn is_taken(group: IpAddr, interface: Option<&Interface>) -> Result<bool, Error> {
    let address = SocketAddr::new(group, PORT_DEFAULT);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_of_other_tracks_are_passed_over() {
        let nth = |taken| nth("a", None, taken);
        let at = |group| Destination::new(group, PORT_DEFAULT);
        // The second track of a session at the first one's place, and one whose repair packets go to the third.
        let below = |group: IpAddr| match group {
            IpAddr::V4(group) => IpAddr::V4((u32::from(group) - 1).into()),
            IpAddr::V6(_) => group,
        };
        let chosen = [at(nth(0)), at(below(nth(2)))];
        let left: Vec<_> = free((0..4).map(nth), &chosen).collect();
        assert_eq!(left, [nth(1), nth(3)]);
    }
}
