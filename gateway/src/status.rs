//! How it goes, for the page and for programs.

use crate::sessions::{Session, Sessions};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;

/// What of a name is not as it is in a path: all but letters, digits and what RFC 3986 calls unreserved.
const IN_PATHS: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Everything.
#[derive(Serialize)]
pub(crate) struct Status {
    sessions: Vec<SessionStatus>,
}

/// Of one session.
#[derive(Serialize)]
struct SessionStatus {
    name: String,
    /// What its paths begin with, relative to the page.
    path: String,
    /// Width and height of the last picture, in pixels.
    size: Option<[u64; 2]>,
    pictures: u64,
    pictures_incomplete: u64,
    packets: u64,
    packets_lost: u64,
    packets_repaired: u64,
    /// What the sender says of its camera.
    note: Option<String>,
}

impl Status {
    pub(crate) fn of(sessions: &Sessions) -> Self {
        Self { sessions: sessions.all().iter().map(|session| SessionStatus::of(session)).collect() }
    }
}

impl SessionStatus {
    fn of(session: &Session) -> Self {
        let counters = &session.counters.video;
        let size = Some(counters.size.get()).filter(|size| *size > 0);
        Self {
            name: session.name.clone(),
            path: path(session),
            size: size.map(|size| [size >> 16, size & 0xFFFF]),
            pictures: counters.frames_received.get(),
            pictures_incomplete: counters.frames_incomplete.get(),
            packets: counters.packets.get(),
            packets_lost: counters.packets_lost.get(),
            packets_repaired: counters.packets_repaired.get(),
            note: counters.note.get(),
        }
    }
}

/// What the paths of a session begin with, without a slash.
pub(crate) fn path(session: &Session) -> String {
    utf8_percent_encode(&session.name, IN_PATHS).to_string()
}
