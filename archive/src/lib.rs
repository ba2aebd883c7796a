//! Segments that are kept, with an index of them.
#![forbid(unsafe_code)]
