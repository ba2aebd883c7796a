//! Finds a multicast group for a session that was given none: one that is this machine's own, and
//! in which nobody else is heard.

use crate::clock::monotonic;
use crate::daemon::Error;
use crate::identity;
use crate::settings::PORT_DEFAULT;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::fd::AsFd;
use std::time::Duration;
use streamsocket_net::{Interface, ReceiveSocket};

/// A stream is heard within this: 30 frames or 200 packets of sound.
const LISTENING: Duration = Duration::from_secs(1);

/// Groups tried before giving up: so many sessions whose names fall together do not exist.
const TRIES: u32 = 16;

/// The first group of the session `name` in which nothing is heard.
///
/// # Errors
/// One line: listening is impossible on this interface, or every group is taken.
pub fn find(name: &str, interface: Option<&Interface>) -> Result<Ipv4Addr, Error> {
    for taken in 0..TRIES {
        let group = identity::group(name, taken);
        if !is_taken(group, interface)? {
            return Ok(group);
        }
        log::info!("group {group} is in use by another sender: trying the next");
    }
    Err(Error(format!(
        "all {TRIES} multicast groups for '{name}' are in use: choose one with --to"
    )))
}

fn is_taken(group: Ipv4Addr, interface: Option<&Interface>) -> Result<bool, Error> {
    let address = SocketAddr::new(IpAddr::V4(group), PORT_DEFAULT);
    let socket = ReceiveSocket::open(address, interface, None).map_err(|error| {
        Error(format!("{error}; choose an --interface, or send to one host with --to"))
    })?;
    let end = monotonic() + LISTENING;
    loop {
        let left = end.since(monotonic());
        let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::ZERO);
        let mut descriptors = [PollFd::new(socket.as_fd(), PollFlags::POLLIN)];
        match poll(&mut descriptors, timeout) {
            Ok(0) => return Ok(false),
            Ok(_) => return Ok(true),
            Err(nix::Error::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}
