//! What a session looks like from outside: the addresses that it sends to, its description and
//! announcement, its tracks with their sinks and RTCP, and the viewers that report to it.

pub mod beginning;
pub mod description;
mod fec;
pub mod group;
pub mod network;
pub mod pictures;
pub mod relay;
mod seal;
pub mod sink;
pub mod sound;
pub mod track;
pub mod transport;
pub mod viewers;

pub use streamsocket_station::{announce, identity, outbox, output, unicast};
