//! What a session looks like from outside: the addresses that it sends to, its description and
//! announcement, the sockets and RTCP of its streams, and the viewers that report to it.

pub mod announce;
pub mod description;
pub mod group;
pub mod identity;
pub mod network;
pub mod output;
pub(crate) mod repair;
pub(crate) mod transport;
pub mod viewers;
