//! The engine: everything between a captured frame and packets, and between packets and a frame
//! that is due, as plain state machines. Time and bytes come in as arguments, values go out.
//! There is no socket, no file, no thread and no clock in here.
//!
//! The path of a frame: [`send::video`] cuts it into packets, [`send::pacer`] says when each batch
//! leaves; at the other end [`receive::source`] orders sequence numbers, [`receive::video`] puts
//! the frame together, [`receive::timeline`] says when it is due and [`receive::jitter`] how long that
//! has to be. Sound takes the same path through [`send::audio`] and [`receive::audio`], and
//! [`receive::playout`] keeps the sound card in step. [`session`] is what both ends tell each other about it.
#![forbid(unsafe_code)]

pub mod receive;
pub mod send;
pub mod session;
