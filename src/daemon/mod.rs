//! The daemon's event loop, the only place that knows both the engine and the edges.
//!
//! `launch` and `opening` open a session beside the loop; `state` holds it; `run` is the loop. In
//! each turn it sends pictures and sound (`video`, `audio`) and RTCP (`rtcp`), and it follows
//! changes of devices, network, clock and configuration (`watch`, `link`, `describe`, `reload`).

mod audio;
mod beginning;
mod change;
mod describe;
mod error;
mod figures;
mod launch;
mod link;
mod opening;
mod parts;
mod rate;
mod reload;
mod rtcp;
mod run;
mod service;
mod state;
mod tokens;
mod video;
mod wall;
mod watch;
mod watched;

pub use error::Error;
pub use launch::start;
pub use state::Daemon;
