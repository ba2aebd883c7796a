//! A session as the loop has it. What is done with it is in the files above this one: each of them does one
//! thing, and none of them is known here.

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
use streamsocket_net::Changes;
use streamsocket_stream::clock::Monotonic;

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
    /// Reports have come that were not all read: no new edge will say so.
    pub(super) reports_left: bool,
    pub(super) announcer: Option<Announcer>,
    /// Ears for devices that come and go, if this machine lets us.
    pub(super) hotplug: Option<Hotplug>,
    /// Ears for links and addresses that change.
    pub(super) changes: Option<Changes>,
    pub(super) network: Network,
    /// Of which devices the descriptors are watched.
    pub(super) watched: Watched,
    pub(super) control: Option<Server>,
    pub(super) stats: Option<Lines>,
    pub(super) notifier: Notifier,
    pub(super) waker: Arc<Waker>,
    pub(super) settings: Settings,
    /// What to read the configuration again with, if there is one.
    pub(super) options: Option<StreamOptions>,
    /// A configuration that is being taken on.
    pub(super) reloading: Option<Reloading>,
    /// Once more, when that is done: a signal has asked for it meanwhile.
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
