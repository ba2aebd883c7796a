//! The UDP sockets of StreamSocket on Linux: a batch of packets out in one system call, a batch
//! of datagrams in, on the interface and in the multicast group that were asked for.
//!
//! - [`SendSocket`]: one destination; gathers headers and payload slices without copying them,
//!   lets the kernel cut equally long packets apart (UDP GSO).
//! - [`UnicastSocket`]: one client of many, who are all sent the same [`Packets`].
//! - [`ReceiveSocket`]: one group or local address; kernel arrival times, UDP GRO, drop counters.
//! - [`machine`]: the clocks and the name of this machine.
//! - [`private_file`]: whether a file with a secret is kept from its other users.
//! - [`Interface`]: the network interfaces of this machine, by name or by address.
//! - [`tcp`]: connections for media.
//! - [`neighbours`]: who is on this machine's own networks.
//! - [`parent_death`]: children that end with us.
//! - [`Changes`]: news that links or addresses have changed.
//!
//! What this is not: it knows nothing of RTP, waits for nothing (every socket is non-blocking and
//! belongs to the caller's event loop; [`tcp::connect`] alone is for a thread beside it) and decides nothing about errors beyond what its methods
//! say.
//!
//! All unsafe code of the crate is in four modules: `message`, the arrays for `sendmmsg` and
//! `recvmmsg`, prepared once, and these two calls; `adjtimex`, that call; `tcp_info`, that option; and `parent_death`, what
//! is done between fork and exec.
#![deny(unsafe_code)]

#[allow(unsafe_code, reason = "a system call that no crate wraps for reading")]
mod adjtimex;
mod changes;
mod datagram;
mod error;
mod interface;
mod lookup;
pub mod machine;
mod membership;
#[allow(unsafe_code, reason = "sendmmsg and recvmmsg work on arrays of pointers")]
mod message;
pub mod neighbours;
#[allow(unsafe_code, reason = "what a child does before it is another program")]
pub mod parent_death;
pub mod private_file;
mod receive;
mod run;
mod send;
pub mod tcp;
#[allow(unsafe_code, reason = "an option of sockets that no crate wraps")]
mod tcp_info;
mod unicast;
mod way;

#[cfg(test)]
mod tests;

pub use changes::Changes;
pub use datagram::{BATCH_MAX, Datagram};
pub use error::Error;
pub use interface::Interface;
pub use receive::{ReceiveSocket, Received, Taken};
pub use send::{SendSocket, Unsent};
pub use unicast::{Filled, Packets, UnicastSocket};
pub use way::Sent;
