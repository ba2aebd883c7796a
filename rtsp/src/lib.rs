//! RTSP (RFC 2326) without sockets or clocks: bytes and times come in, bytes and values go out.
//!
//! - [`splitter`]: takes a connection's bytes apart into messages and interleaved packets.
//! - [`message`]: a request or an answer, with its [`headers`]; [`transport`]: what a `Transport` header offers or grants;
//!   [`target`]: what a URL asks for.
//! - [`conversation`]: the server's side of a connection, up to what is asked for; [`answer`]: what
//!   it says to that.
//! - [`publication`]: how far a client is that sends a session itself, at the server.
//! - [`player`]: the client's side, from a description to packets, on top of [`client`], which asks one thing after
//!   the other; [`address`] and [`credentials`] are what an address says, of HTTP as well.
//! - [`users`], [`digest`], [`failures`]: who may (RFC 7616, RFC 8760).
//!
//! The messages are our own, by httparse. rtsp-types, which was tried, keeps one value of each
//! header, and two `WWW-Authenticate` are needed; its parameters of `Transport` panic on some input.

pub mod address;
pub mod answer;
pub mod client;
pub mod conversation;
pub mod credentials;
pub mod digest;
pub mod failures;
pub mod headers;
pub mod message;
pub mod player;
pub mod publication;
pub mod splitter;
pub mod target;
pub mod transport;
pub mod users;

/// The port of RTSP that needs no privilege, as everybody has it.
pub const PORT: u16 = 8554;
