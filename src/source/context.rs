//! What opening a source depends on besides the settings.

use crate::settings::Settings;
use std::sync::Arc;
use streamsocket_media::clock::Monotonic;
use streamsocket_media::{FrameRate, VideoFormat};

/// Default rate of sources without one.
pub(super) const RATE_DEFAULT: FrameRate = FrameRate { numerator: 30, denominator: 1 };

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

/// What every source of a session is opened with.
#[derive(Clone, Copy)]
pub(super) struct SourceOpener<'a> {
    pub(super) settings: &'a Settings,
    pub(super) context: &'a Context,
}

impl SourceOpener<'_> {
    pub(super) fn waker(&self) -> Arc<mio::Waker> {
        Arc::clone(&self.context.waker)
    }
}
