//! The daemon as a library: capture edges, the event loop that drives the engine, and control.
//!
//! What a frame passes through on its way: [`capture`] takes it from a device, a file or a
//! generator and stamps it; `streamsocket_stream::send` makes packets of it; `streamsocket_net`
//! sends them; `daemon` owns the one event loop and the one clock that drive all of it.
#![deny(unsafe_code)]

pub mod capture;
pub mod jpeg_worker;
