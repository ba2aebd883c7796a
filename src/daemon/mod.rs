//! The daemon's event loop: it brings sources, tracks and sessions together.
//!
//! `launch` and `opening` open everything beside the loop; `state` holds it; `run` is the loop. There are inputs
//! (`input`: `video`, `audio`), each a source whose pictures go through branches (`branch`) to tracks, or whose
//! samples go to tracks, as they are or encoded (`encoded`), and sessions (`session`), which describe and announce tracks. In each turn every input sends
//! what it has, and every track its RTCP (`rtcp`). The loop knows descriptors by what they mean (`registry`), and
//! follows changes of devices, network, clock and configuration (`watch`, `link`, `describe`, `reload` with
//! `change`).

mod audio;
mod branch;
mod change;
mod contribution;
mod describe;
mod encoded;
mod error;
mod figures;
mod input;
mod kept;
mod keys;
mod launch;
mod link;
mod opening;
mod parts;
mod rate;
mod reference_clock;
mod registry;
mod reload;
mod rtcp;
mod run;
mod selection;
mod serve;
mod served;
mod service;
mod session;
mod set_up;
mod state;
mod video;
mod watch;
mod watched;

pub use error::Error;
pub use launch::start;
pub use state::Daemon;
