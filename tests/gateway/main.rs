//! The gateway, with the daemon before it and programs that speak HTTP behind it.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failure ends the test"
)]

mod browser;
mod client;
mod page;
mod requests;
mod streams;
