//! The gateway, with the daemon before it and programs that speak HTTP behind it.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failure ends the test"
)]
#![allow(clippy::print_stdout, reason = "what a test measured, or why it was not tried")]

mod ages;
mod announced;
mod browser;
mod client;
mod controlling;
mod encryption;
mod kinds;
mod lips;
mod opus;
mod page;
mod proxies;
mod requests;
mod rooms;
mod rtsps;
mod socket;
mod streams;
mod tiers;
