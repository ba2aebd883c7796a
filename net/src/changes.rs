//! News of the network from the kernel (rtnetlink): links that go up or down, addresses that change.
//! What they say is a hint to look again, never the truth: that is asked of the interfaces.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recv, socket,
};

/// Multicast groups of NETLINK_ROUTE: `RTMGRP_LINK`, `RTMGRP_IPV4_IFADDR`, `RTMGRP_IPV6_IFADDR`.
const GROUPS: u32 = 0x1 | 0x10 | 0x100;

/// What a message says is not looked at; what does not fit is cut off.
const MESSAGE_MAX: usize = 512;

/// Messages taken in one turn: a docking station that is plugged in says about as many.
const MESSAGES_AT_A_TIME: usize = 128;

/// Ears for news of the network.
#[derive(Debug)]
pub struct Changes {
    socket: OwnedFd,
}

impl Changes {
    /// Begins to listen.
    ///
    /// # Errors
    /// The kernel's, where a sandbox has no netlink.
    pub fn open() -> nix::Result<Self> {
        let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
        let protocol = SockProtocol::NetlinkRoute;
        let socket = socket(AddressFamily::Netlink, SockType::Raw, flags, protocol)?;
        bind(socket.as_raw_fd(), &NetlinkAddr::new(0, GROUPS))?;
        Ok(Self { socket })
    }

    /// Takes the news that have come; true if there were any.
    #[must_use]
    pub fn read(&self) -> bool {
        let mut news = false;
        let mut message = [0; MESSAGE_MAX];
        for _ in 0..MESSAGES_AT_A_TIME {
            match recv(self.socket.as_raw_fd(), &mut message, MsgFlags::empty()) {
                // More came than the kernel kept is news as well.
                Ok(_) | Err(Errno::ENOBUFS) => news = true,
                Err(_) => return news,
            }
        }
        // There may be more, which no event will announce.
        true
    }
}

impl AsFd for Changes {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl AsRawFd for Changes {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}
