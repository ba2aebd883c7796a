//! The state of a daemon that streams. The modules that act on it (`run`, `rtcp`, `describe`,
//! `watch`, `link`, `reload`, `service`, `figures`) depend on this one, never the other way round.

use super::change::Reloading;
use super::input::Input;
use super::reference_clock::ReferenceClock;
use super::registry::Registry;
use super::session::Session;
use super::watched::Watched;
use crate::capture::hotplug::Hotplug;
use crate::clock::Timer;
use crate::notify::Notifier;
use crate::options::StreamOptions;
use crate::publish::network::Network;
use crate::publish::relay::Relay;
use crate::publish::track::Track;
use crate::serve;
use crate::settings::Settings;
use crate::signals::Signals;
use mio::{Poll, Waker};
use std::sync::Arc;
use streamsocket_control::overrides::Overrides;
use streamsocket_control::server::Server;
use streamsocket_journal::lines::Lines;
use streamsocket_media::clock::Monotonic;
use streamsocket_net::Changes;

/// A daemon that streams.
pub struct Daemon {
    pub(super) poll: Poll,
    pub(super) registry: Registry,
    pub(super) timer: Timer,
    pub(super) signals: Signals,
    pub(super) wall: ReferenceClock,
    pub(super) name: String,
    pub(super) cname: Arc<str>,
    pub(super) began: Monotonic,
    pub(super) tick: Monotonic,
    /// Pictures before sound, as in the settings.
    pub(super) inputs: Vec<Input>,
    /// That of the inputs as they come, then those of the tiers.
    pub(super) sessions: Vec<Session>,
    /// The highest id of a session so far, also of those that have ended.
    pub(super) last_id: u64,
    /// The first session's description, being written to a pipe.
    pub(super) told: Option<Lines>,
    /// Events of devices, if they can be received.
    pub(super) hotplug: Option<Hotplug>,
    /// Events of links and addresses, if they can be received.
    pub(super) changes: Option<Changes>,
    pub(super) network: Network,
    /// The sources whose descriptors are watched.
    pub(super) watched: Watched,
    pub(super) control: Option<Server>,
    /// Those who are served one by one.
    pub(super) server: serve::server::Server,
    /// The relay that the session is published to, if any.
    pub(super) relay: Option<Relay>,
    pub(super) stats: Option<Lines>,
    pub(super) notifier: Notifier,
    pub(super) waker: Arc<Waker>,
    pub(super) settings: Settings,
    /// The options to open everything with again, and to reload the configuration with if they name one.
    pub(super) options: StreamOptions,
    /// What is to be otherwise than they say.
    pub(super) overrides: Overrides,
    /// Nothing is captured until somebody wants it again.
    pub(super) paused: bool,
    /// A reload in progress.
    pub(super) reloading: Option<Reloading>,
    /// Another reload is to follow: a signal asked for it meanwhile.
    pub(super) reload_again: bool,
    pub(super) stopping: bool,
}

impl Daemon {
    /// All tracks.
    pub(super) fn tracks(&self) -> impl Iterator<Item = &Track> {
        self.inputs.iter().flat_map(Input::tracks)
    }

    /// The same, to be acted on.
    pub(super) fn tracks_mut(&mut self) -> impl Iterator<Item = &mut Track> {
        self.inputs.iter_mut().flat_map(Input::tracks_mut)
    }
}
