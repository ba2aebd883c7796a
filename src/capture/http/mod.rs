//! Pictures from a camera that speaks HTTP/1.1 (RFC 9112) and gives JPEGs, one after the other: with
//! multipart around them, in whatever spelling, or without. It is our splitter that finds them, so that
//! boundaries and the lengths of parts do not matter.
//!
//! Looking a name up, connecting and asking are done beside the loop ([`open`]); what then comes is read by
//! the loop ([`HttpPictures`]). What is said on a connection is a stage that knows neither sockets nor
//! clocks ([`Exchange`]), on top of stages for the head and the body; addresses and passwords are as for RTSP
//! (`streamsocket_rtsp`).

mod body;
mod connection;
mod exchange;
mod head;
mod pictures;

pub use body::Body;
pub(super) use connection::said;
pub use exchange::{Ended, Exchange, Step};
pub use head::{Head, HeadReader, Taken, Unreadable};
pub use pictures::{HttpPictures, Opened, Wanted, open};
