//! What the thread that stores a session is told.

use bytes::Bytes;
use std::time::Duration;
use streamsocket_archive::Event;
use streamsocket_cmaf::segmenter::{Part, Segment};
use tokio::sync::oneshot;

/// What is stored of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keep {
    /// All of it.
    All,
    /// What is marked, and so much before that.
    Marked(Duration),
}

/// What the thread is told.
#[derive(Debug)]
pub(super) enum Message {
    Part { track: &'static str, part: Part, init: Bytes },
    Segment { track: &'static str, segment: Segment },
    Mark(Event, oneshot::Sender<Result<(), String>>),
}

/// Bytes that wait with it.
pub(super) fn len(message: &Message) -> usize {
    match message {
        Message::Part { part, .. } => part.bytes.len(),
        Message::Segment { .. } | Message::Mark(..) => 0,
    }
}
