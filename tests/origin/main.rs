//! The origin, with the daemon before it, and behind it programs that play, check and pass on what it serves.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failure ends the test"
)]

mod caching;
mod client;
mod clocks;
mod encoders;
mod gaps;
mod in_step;
mod links;
mod marks;
mod names;
mod players;
mod restart;
mod sources;
mod storing;
