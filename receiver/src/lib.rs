//! The receiver as a library: what a [subscription](streamsocket_subscribe) yields is decoded, shown, played and
//! recorded.
//!
//! Its threads meet at bounded queues and share nothing else but counters: the subscription owns the sockets and their
//! event loop, [`picture`] decodes, [`sound`] feeds the sound card, [`recording`] writes the file, and [`snapshot`]
//! single pictures; the main thread, [`player`], owns the window and presents what is due.
#![deny(unsafe_code)]

pub mod command;
pub mod decoding;
pub mod level;
pub mod mix;
mod naming;
pub mod options;
pub mod outlets;
pub mod output_counters;
pub mod picture;
pub mod player;
pub mod publisher;
pub mod recorder;
pub mod recording;
pub mod screen;
pub mod shared;
pub mod snapshot;
pub mod sound;
pub mod speaker;
pub mod statistics;
pub mod status;
