//! The engine: everything between a captured picture and packets, and between packets and a frame that is
//! due, as plain state machines. Time and bytes come in as arguments, values go out. There is no socket,
//! no file, no thread and no clock in here.
//!
//! The path of a frame: [`send::payloader`] has it cut into packets, a JPEG by [`send::jpeg`];
//! [`send::pacer`] says when each batch leaves. At the other end [`receive::peer`] and
//! [`receive::source`] say which packets are the stream's and in which order; [`receive::depayloader`]
//! has them put together, a JPEG by [`receive::jpeg`]; [`receive::timeline`] says when the frame is due,
//! and [`receive::jitter`] how much latency that takes. Sound takes the same path through [`send::l16`]
//! and [`receive::l16`], and [`receive::playout`] keeps the sound card in step. [`session`] is what
//! both ends tell each other about it.
#![forbid(unsafe_code)]

pub mod receive;
pub mod send;
pub mod session;
