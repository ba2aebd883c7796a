//! The state of a session. The modules that act on it (`run`, `rtcp`, `describe`, `watch`, `link`,
//! `reload`, `service`, `figures`) depend on this one, never the other way round.

use super::audio::Audio;
use super::change::Reloading;
use super::video::Video;
use super::wall::Wall;
use super::watched::Watched;
use crate::capture::hotplug::Hotplug;
use crate::clock::Timer;
use crate::control::server::Server;
use crate::notify::Notifier;
use crate::options::StreamOptions;
use crate::publish::announce::Announcer;
use crate::publish::network::Network;
use crate::settings::Settings;
use crate::signals::Signals;
use mio::{Poll, Waker};
use std::sync::Arc;
use streamsocket_journal::lines::Lines;
use streamsocket_media::clock::Monotonic;
use streamsocket_net::Changes;

/// A session that streams.
pub struct Daemon {
    pub(super) poll: Poll,
    pub(super) timer: Timer,
    pub(super) signals: Signals,
    pub(super) wall: Wall,
    pub(super) name: String,
    pub(super) cname: String,
    pub(super) sdp: String,
    pub(super) began: Monotonic,
    pub(super) tick: Monotonic,
    pub(super) video: Option<Video>,
    pub(super) audio: Option<Audio>,
    /// Reports were left unread, for which no further edge will come.
    pub(super) reports_left: bool,
    pub(super) announcer: Option<Announcer>,
    /// Events of devices, if they can be received.
    pub(super) hotplug: Option<Hotplug>,
    /// Events of links and addresses, if they can be received.
    pub(super) changes: Option<Changes>,
    pub(super) network: Network,
    /// The devices whose descriptors are watched.
    pub(super) watched: Watched,
    pub(super) control: Option<Server>,
    pub(super) stats: Option<Lines>,
    pub(super) notifier: Notifier,
    pub(super) waker: Arc<Waker>,
    pub(super) settings: Settings,
    /// The options to reload the configuration with, if there is one.
    pub(super) options: Option<StreamOptions>,
    /// A reload in progress.
    pub(super) reloading: Option<Reloading>,
    /// Another reload is to follow: a signal asked for it meanwhile.
    pub(super) reload_again: bool,
    pub(super) stopping: bool,
}

impl Daemon {
    /// The session description.
    #[must_use]
    pub fn sdp(&self) -> &str {
        &self.sdp
    }
}
