//! Why a socket could not be opened, in one line for the person who starts the program.
//!
//! Errors of sending and receiving are plain [`io::Error`]s: the event loop decides about them.

use std::error;
use std::fmt;
use std::io;
use std::net::SocketAddr;

use nix::errno::Errno;

use crate::interface::Interface;

/// What went wrong while finding an interface or opening a socket.
#[derive(Debug)]
pub enum Error {
    /// No interface has this name or address.
    UnknownInterface {
        /// The name or address that was looked for.
        wanted: String,
        /// The interfaces that there are.
        present: Vec<Interface>,
    },
    /// The interface exists, but is administratively down.
    InterfaceDown {
        /// Its name.
        interface: String,
    },
    /// The interface has no address of the family that the socket needs.
    NoAddress {
        /// Its name.
        interface: String,
        /// "IPv4" or "IPv6".
        family: &'static str,
    },
    /// The kernel did not list the interfaces.
    Interfaces(io::Error),
    /// A source of the other address family than the group's.
    SourceFamily {
        /// The group or local address.
        address: SocketAddr,
    },
    /// A system call on the socket failed.
    Socket {
        /// What was tried, as in "cannot ... ADDRESS": "bind", "join".
        action: &'static str,
        /// The group, destination or local address.
        address: SocketAddr,
        /// The kernel's answer.
        cause: io::Error,
    },
}

impl Error {
    /// Whether what was to be taken is taken already.
    pub(crate) fn is_in_use(&self) -> bool {
        matches!(self, Self::Socket { cause, .. } if cause.kind() == io::ErrorKind::AddrInUse)
    }

    /// Whether it may pass by itself: an adapter is plugged in, a link comes up, an address or a route is
    /// there.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            Self::UnknownInterface { .. }
            | Self::InterfaceDown { .. }
            | Self::NoAddress { .. }
            | Self::Interfaces(_) => true,
            Self::SourceFamily { .. } => false,
            Self::Socket { cause, .. } => matches!(
                cause.raw_os_error().map_or(Errno::UnknownErrno, Errno::from_raw),
                Errno::EADDRNOTAVAIL
                    | Errno::ENETDOWN
                    | Errno::ENETUNREACH
                    | Errno::EHOSTUNREACH
                    | Errno::ENODEV
            ),
        }
    }

    /// A closure for `map_err` that says what was tried with which address.
    pub(crate) fn socket(
        action: &'static str,
        address: SocketAddr,
    ) -> impl FnOnce(io::Error) -> Self {
        move |cause| Self::Socket { action, address, cause }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownInterface { wanted, present } => {
                write!(f, "no network interface has the name or address {wanted}; there are: ")?;
                for (position, interface) in present.iter().enumerate() {
                    let separator = if position == 0 { "" } else { ", " };
                    write!(f, "{separator}{interface}")?;
                }
                Ok(())
            }
            Self::InterfaceDown { interface } => write!(
                f,
                "network interface {interface} is down; bring it up (ip link set {interface} up)"
            ),
            Self::NoAddress { interface, family } => write!(
                f,
                "network interface {interface} has no {family} address; wait for it or set one"
            ),
            Self::Interfaces(cause) => write!(f, "cannot list the network interfaces: {cause}"),
            Self::SourceFamily { address } => {
                write!(f, "the source and {address} must both be IPv4 or both IPv6")
            }
            Self::Socket { action, address, cause } => {
                write!(f, "cannot {action} {address}: {cause}{}", advice(*address, cause))
            }
        }
    }
}

impl error::Error for Error {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::Interfaces(cause) | Self::Socket { cause, .. } => Some(cause),
            _ => None,
        }
    }
}

/// What to do about the errors that people meet, to be put after the kernel's text.
fn advice(address: SocketAddr, cause: &io::Error) -> &'static str {
    match cause.raw_os_error().map_or(Errno::UnknownErrno, Errno::from_raw) {
        Errno::EADDRINUSE => "; another program has this port, choose another",
        Errno::EADDRNOTAVAIL if address.ip().is_multicast() => {
            "; no network interface has an address of this kind yet: wait for it or set one"
        }
        Errno::EADDRNOTAVAIL => {
            "; it is neither an address of this machine nor a multicast group \
             (224.0.0.0/4, ff00::/8)"
        }
        Errno::ENETUNREACH | Errno::EHOSTUNREACH | Errno::ENODEV => {
            "; no route leads to it: name the network interface, or connect to the network"
        }
        Errno::ENOBUFS => "; too many groups: raise the sysctl net.ipv4.igmp_max_memberships",
        Errno::EACCES => "; ports below 1024 need a privilege",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_where_and_what_to_do() {
        let address = SocketAddr::from(([239, 255, 77, 1], 5004));
        let text = Error::socket("bind", address)(Errno::EADDRINUSE.into()).to_string();
        assert!(text.starts_with("cannot bind 239.255.77.1:5004: "), "{text}");
        assert!(text.ends_with("choose another"), "{text}");
        assert!(!text.contains('\n'));
    }

    #[test]
    fn a_network_may_come_up_and_a_port_stays_taken() {
        let address = SocketAddr::from(([239, 255, 77, 1], 5004));
        let failed = |errno: Errno| Error::socket("join", address)(errno.into()).may_pass();
        assert!([Errno::ENODEV, Errno::ENETUNREACH, Errno::EADDRNOTAVAIL].map(failed) == [true; 3]);
        assert!([Errno::EADDRINUSE, Errno::EACCES, Errno::EMFILE].map(failed) == [false; 3]);
        assert!(Error::InterfaceDown { interface: "eth0".into() }.may_pass());
    }
}
