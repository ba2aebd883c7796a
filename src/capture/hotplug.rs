//! Netlink events about devices from the kernel (kobject uevents) and from udev. They are hints to
//! look again: which devices exist is read from sysfs.
//!
//! The kernel sends its event when the node exists, udev when the node also belongs to its group.
//! Without udev only the former arrives; where neither does (some containers), devices are polled.

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recv, socket,
};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

/// Multicast groups of NETLINK_KOBJECT_UEVENT: 1 is the kernel's, 2 is udev's.
const GROUPS: u32 = 0b11;

/// Longest message that is parsed: the kernel's have at most 2 kB, udev's a little more.
const MESSAGE_MAX: usize = 8192;

/// Messages read in one turn: about as many as a hub with all its devices causes.
const MESSAGES_AT_A_TIME: usize = 128;

/// The `SUBSYSTEM` of cameras and microphones.
const SUBSYSTEMS: [&[u8]; 2] = [b"SUBSYSTEM=video4linux", b"SUBSYSTEM=sound"];

/// A socket for these events.
#[derive(Debug)]
pub struct Hotplug {
    socket: OwnedFd,
}

impl Hotplug {
    /// Opens the socket.
    ///
    /// # Errors
    /// The kernel denies uevents to this process.
    pub fn open() -> nix::Result<Self> {
        let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
        let protocol = SockProtocol::NetlinkKObjectUEvent;
        let socket = socket(AddressFamily::Netlink, SockType::Datagram, flags, protocol)?;
        bind(socket.as_raw_fd(), &NetlinkAddr::new(0, GROUPS))?;
        Ok(Self { socket })
    }

    /// The descriptor to watch for readability.
    #[must_use]
    pub fn descriptor(&self) -> RawFd {
        self.socket.as_raw_fd()
    }

    /// Reads the events that have arrived. True if a camera or a microphone may have come or gone.
    pub fn read(&self) -> bool {
        let mut news = false;
        let mut message = [0; MESSAGE_MAX];
        for _ in 0..MESSAGES_AT_A_TIME {
            match recv(self.socket.as_raw_fd(), &mut message, MsgFlags::empty()) {
                Ok(len) => news |= concerns_us(message.get(..len).unwrap_or_default()),
                // The kernel dropped some, which may have been about our devices.
                Err(Errno::ENOBUFS) => news = true,
                Err(_) => return news,
            }
        }
        // More may be queued, which no new edge announces: look in any case.
        true
    }
}

/// Whether a message is about a camera or a sound card. Its fields end with a zero byte each, after
/// a header of the kernel's or udev's that may run into the first field.
fn concerns_us(message: &[u8]) -> bool {
    let ours = |field: &[u8]| SUBSYSTEMS.iter().any(|subsystem| field.ends_with(subsystem));
    message.split(|byte| *byte == 0).any(ours)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cameras_and_cards_concern_us() {
        let kernel = b"add@/devices/usb1/1-1/video4linux/video0\0ACTION=add\0SUBSYSTEM=video4linux\0DEVNAME=video0\0";
        assert!(concerns_us(kernel));
        let udev =
            b"libudev\0\xfe\xed\xca\xfe\x28\0\0\0SUBSYSTEM=sound\0DEVNAME=/dev/snd/controlC1\0";
        assert!(concerns_us(udev));
        assert!(!concerns_us(b"add@/devices/x\0ACTION=add\0SUBSYSTEM=net\0"));
        assert!(!concerns_us(b"SUBSYSTEM=soundless\0") && !concerns_us(b""));
    }

    #[test]
    fn silence_is_no_news() {
        // A machine whose devices come and go during this test says something, and is right.
        if let Ok(hotplug) = Hotplug::open() {
            hotplug.read();
            assert!(hotplug.descriptor() >= 0);
        }
    }
}
