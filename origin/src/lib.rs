//! Encodes sessions for the Internet, segments and stores them, and serves them to players by HLS.
//!
//! `receiving` joins sessions, each received on a thread of its own, whose `intake` says when pictures and samples were
//! captured (`timeline`) and hands them to the encoders: `pictures` are decoded once and encoded by each `tier`, and `sound`. What these make a
//! `track` cuts into parts and segments, and `storage` keeps, on a thread of its own. `routes` knows the paths: `live` and
//! `stored` (and `hours`, for its time line) answer, `access` says who may, by `token`, and `marks` keep moments. All connections are on one thread, by
//! tokio.
#![forbid(unsafe_code)]

mod access;
mod answer;
mod asked;
pub mod command;
mod complaint;
mod configuration;
mod hours;
mod intake;
mod live;
mod marks;
mod metrics;
mod names;
pub mod options;
mod page;
mod pictures;
mod receiving;
mod routes;
mod secret;
mod session;
mod sound;
mod status;
mod storage;
mod stored;
mod tier;
mod timeline;
mod token;
mod track;
