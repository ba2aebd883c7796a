//! What both programs write line by line, to files and to whoever reads their pipes: no event loop ever
//! waits for a reader or a disk.

pub mod lines;
pub mod logger;
pub mod repeat;
