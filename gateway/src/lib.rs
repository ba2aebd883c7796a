//! Hands sessions on to browsers and to programs that speak HTTP: it joins a session's groups as any receiver does,
//! decodes nothing, and answers requests for pictures.
//!
//! `receiving` joins sessions, each received on a thread of its own, whose `reception` keeps its newest picture;
//! `server` takes connections and `routes` knows the paths. All connections are on one thread, by tokio.
#![forbid(unsafe_code)]

mod admission;
mod announcement;
mod certificate;
pub mod command;
mod configuration;
mod control;
pub mod conversation;
mod description;
mod encryption;
mod guard;
mod login;
mod message;
mod metrics;
mod multipart;
mod ogg;
pub mod options;
mod page;
mod password;
mod picture;
mod places;
mod query;
mod receiving;
mod reception;
mod routes;
mod rtsps;
mod server;
mod sessions;
mod status;
mod wav;
mod websocket;
