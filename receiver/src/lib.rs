//! The parts of the receiver. Its outputs: pictures decoded and put on a screen, sound played,
//! both recorded untouched, and a status that says how it goes. None of them knows the network.

#![deny(unsafe_code)]

pub mod decode;
pub mod recorder;
pub mod screen;
pub mod snapshot;
pub mod speaker;
pub mod status;
