//! What deploy/ has: DNS, load balancers and caches before two origins, each on a machine of its own.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failure ends the test"
)]

mod bed;
mod chain;
mod kills;
mod players;
mod refused;
mod stored;
