//! The session, as far as opening a source depends on it.

use std::sync::Arc;
use streamsocket_media::VideoFormat;
use streamsocket_media::clock::Monotonic;

/// What opening a source depends on besides the settings.
#[derive(Clone, Debug)]
pub struct Context {
    /// When the session begins: files and generators start here.
    pub epoch: Monotonic,
    /// Nanoseconds since 1970 minus CLOCK_MONOTONIC.
    pub unix_offset: i64,
    /// Wakes the loop when the JPEG worker has a picture.
    pub waker: Arc<mio::Waker>,
    /// Format of standard input, if a running session reads it and [hands it
    /// over](super::VideoSource::inherit).
    pub standard_input: Option<VideoFormat>,
}
