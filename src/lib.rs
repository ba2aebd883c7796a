//! The daemon as a library: capture edges, the event loop that drives the engine, and control.
//!
//! What a frame passes through on its way: [`capture`] takes it from a device, a file or a
//! generator, whichever [`source`] opened, and stamps it; [`codec`] makes it a picture that RTP can
//! carry; `streamsocket_stream::send` makes packets of it; [`publish`] hands them
//! to `streamsocket_net`, and [`serve`] knows those who are served one by one; [`daemon`] owns the one event loop and the one clock that drive all of it.
#![deny(unsafe_code)]

pub mod beside;
pub mod capture;
pub mod codec;
pub mod command;
pub mod daemon;
pub mod keys;
pub mod notify;
pub mod options;
pub mod publish;
pub mod replace;
pub mod serve;
pub mod service_file;
pub mod settings;
pub mod source;
pub mod statistics;
pub mod trial;
pub mod users;
pub mod worker;

pub use streamsocket_station::{clock, signals};
