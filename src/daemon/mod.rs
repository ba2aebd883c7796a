//! The one event loop of the daemon, and the only place that knows both the engine and the edges.
//!
//! A session is opened beside the loop (`launch`, `opening`), which has it then (`state`) and turns (`run`): it
//! sends pictures and sound (`video`, `audio`), and follows what changes outside (`watch`, `link`, `describe`,
//! `reload`).

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
