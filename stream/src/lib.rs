//! The engine: everything between a captured frame and packets, and between packets and a frame
//! that is due, as plain state machines. Time and bytes come in as arguments, values go out.
//! There is no socket, no file, no thread and no clock in here.
#![forbid(unsafe_code)]

pub mod clock;
