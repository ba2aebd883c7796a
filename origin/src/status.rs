//! What there is, as JSON, for the page and for programs.

use crate::names::SOUND;
use crate::session::Session;
use crate::token::encoded;
use serde::Serialize;
use streamsocket_net::machine::unix_nanos;
use streamsocket_subscribe::clock::monotonic;

/// All sessions.
#[derive(Debug, Serialize)]
pub(crate) struct All {
    /// This machine's clock, in milliseconds since 1970.
    pub(crate) now: i64,
    pub(crate) sessions: Vec<One>,
}

/// A session.
#[derive(Debug, Serialize)]
pub(crate) struct One {
    pub(crate) now: i64,
    pub(crate) name: String,
    /// Relative to the root.
    pub(crate) url: String,
    pub(crate) live: bool,
    pub(crate) stored: bool,
    /// Whether it can be marked.
    pub(crate) mark: bool,
    pub(crate) tiers: Vec<Tier>,
    pub(crate) sound: bool,
}

/// A tier.
#[derive(Debug, Serialize)]
pub(crate) struct Tier {
    pub(crate) name: &'static str,
    pub(crate) width: u16,
    pub(crate) height: u16,
    pub(crate) kbit: u64,
}

/// This machine's clock, in milliseconds since 1970.
pub(crate) fn now() -> i64 {
    unix_nanos() / 1_000_000
}

impl One {
    /// Of a session that is received.
    pub(crate) fn of(session: &Session, mark: bool) -> Self {
        let tracks = session.tracks();
        let tier = |track: &std::sync::Arc<crate::track::Track>| {
            let (width, height) = track.shape().size?;
            Some(Tier { name: track.name, width, height, kbit: track.shape().bits / 1000 })
        };
        Self {
            now: now(),
            name: session.name.clone(),
            url: format!("{}/", encoded(&session.name)),
            live: session.is_live(monotonic()),
            stored: session.storage.is_some(),
            mark: mark && session.storage.is_some(),
            tiers: tracks.iter().filter_map(tier).collect(),
            sound: tracks.iter().any(|track| track.name == SOUND && track.begun().is_ok()),
        }
    }

    /// Of one that is only stored.
    pub(crate) fn stored(name: String) -> Self {
        let url = format!("{}/", encoded(&name));
        let (tiers, sound) = (Vec::new(), false);
        Self { now: now(), name, url, live: false, stored: true, mark: false, tiers, sound }
    }
}
