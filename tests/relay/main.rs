//! The relay, with publishers of all kinds before it and viewers behind it.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failure ends the test"
)]
#![allow(clippy::print_stdout, reason = "what a test measured")]

mod cameras;
mod exact;
mod harm;
mod in_step;
mod kills;
mod leaving;
mod limits;
mod links;
mod ours;
mod players;
mod proxy;
mod pusher;
mod relaying;
mod reloading;
mod rooms;
mod viewers;
