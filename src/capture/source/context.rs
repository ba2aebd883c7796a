//! What opening a source needs to know of the session.

use crate::capture::format::VideoFormat;
use std::sync::Arc;
use streamsocket_stream::clock::Monotonic;

/// What opening a source needs to know besides what the user chose.
#[derive(Clone, Debug)]
pub struct Context {
    /// When the session begins: files and generators start here.
    pub epoch: Monotonic,
    /// Nanoseconds since 1970 minus CLOCK_MONOTONIC.
    pub unix_offset: i64,
    /// Wakes the loop when the JPEG worker has a picture.
    pub waker: Arc<mio::Waker>,
    /// What comes on standard input, if a session reads it and [hands it over](super::VideoSource::inherit).
    pub standard_input: Option<VideoFormat>,
}
