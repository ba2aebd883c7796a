//! The receiver as a library: what comes off the network is put together, synchronized, decoded,
//! shown, played and recorded.
//!
//! Four threads meet at bounded queues and share nothing else but counters: [`receiver`] owns the
//! sockets and its event loop, [`picture`] decodes, [`sound`] feeds the sound card, [`recording`]
//! writes the file; the main thread, [`player`], owns the window and presents what is due.
#![deny(unsafe_code)]

pub mod clock;
pub mod counters;
pub mod decode;
mod intake;
pub mod locate;
pub mod memory;
mod naming;
pub mod options;
pub mod picture;
pub mod plan;
pub mod player;
pub mod receiver;
pub mod recorder;
pub mod recording;
mod refused;
pub mod screen;
pub mod snapshot;
pub mod sound;
pub mod speaker;
pub mod statistics;
pub mod status;
