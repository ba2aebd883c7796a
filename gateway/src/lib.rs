//! Hands sessions on to browsers and to programs that speak HTTP: it joins a session's groups as any receiver does,
//! decodes nothing, and answers requests for pictures.
//!
//! `receiving` joins sessions, each received on a thread of its own, whose `reception` keeps its newest picture; `tiers` are
//! joined while somebody watches them. `watching` is what one viewer is sent: `quality` says of which tier, `handover` with
//! which picture that changes.
//! `server` takes connections and `routes` knows the paths. All connections are on one thread, by tokio.
#![forbid(unsafe_code)]

mod announcement;
mod certificate;
pub mod command;
mod configuration;
mod control;
pub mod conversation;
mod description;
mod encryption;
mod handover;
mod hearing;
mod login;
mod message;
mod metrics;
mod multipart;
mod ogg;
pub mod options;
mod page;
mod password;
mod picture;
mod quality;
mod query;
mod receiving;
mod reception;
mod rooms;
mod routes;
mod rtsps;
mod sessions;
mod status;
mod tiers;
mod watching;
mod wav;
mod websocket;
