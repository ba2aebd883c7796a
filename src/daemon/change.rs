//! Reads a changed configuration, and opens beside the loop what it names.

use super::error::Error;
use super::opening::{self, Opened, Order};
use super::parts;
use crate::beside::Work;
use crate::options::StreamOptions;
use crate::publish::announce::{Announcer, Texts};
use crate::publish::description::Description;
use crate::publish::network::Network;
use crate::settings::{self, Settings, Wait};
use std::time::Duration;
use streamsocket_journal::lines::Lines;
use streamsocket_media::clock::Monotonic;

/// Time limit for opening: an address may take 45 s to answer. After it a driver hangs, and its
/// thread is abandoned.
pub(super) const OPENING_MAX: Duration = Duration::from_secs(55);

/// A reload in progress.
pub(super) struct Reloading {
    pub(super) work: Work<Result<Option<Changed>, Error>>,
    pub(super) until: Monotonic,
}

/// The session so far, as the reload needs it.
pub(super) struct Before {
    pub(super) options: StreamOptions,
    /// With the settings of the session so far.
    pub(super) order: Order,
    pub(super) network: Network,
    pub(super) description: Description,
    /// The pictures are drawn here, with a quality that is fixed when the source is opened.
    pub(super) drawn: bool,
}

/// A changed configuration and what it needs, opened.
pub(super) struct Changed {
    pub(super) settings: Settings,
    /// New sources and sockets, unless only the way of sending changes.
    pub(super) opened: Option<Opened>,
    pub(super) announcer: Option<Announcer>,
    /// The new destination of statistics, if it changes.
    pub(super) stats: Option<Option<Lines>>,
    /// The description, if it is to be written to another file.
    pub(super) told: Option<String>,
}

impl Reloading {
    /// When the reload is given up.
    pub(super) const fn deadline(&self) -> Monotonic {
        self.until
    }
}

/// Reads the configuration and opens what it needs; `None` if nothing has changed.
pub(super) fn reread(before: Before) -> Result<Option<Changed>, Error> {
    let Before { options, mut order, network, mut description, drawn } = before;
    let checked = settings::load(options).and_then(|it| it.verify().map(|()| it));
    let new = checked.map_err(|error| Error(error.to_string()))?;
    let old = order.settings;
    if new == old {
        return Ok(None);
    }
    if new.name != old.name {
        return Err(Error("name: a session gets another one by a restart only".into()));
    }
    let qualities = |it: &Settings| it.videos().map(|video| video.quality).collect::<Vec<_>>();
    let light = old.sent_as(&new) == new && !(drawn && qualities(&old) != qualities(&new));
    order.settings = asked(&new, &old, &network);
    let mut opened = if light { None } else { Some(opening::open(&order)?) };
    description.resize(parts::packet_size(&new));
    if let Some(Opened { description: next, .. }) = &mut opened {
        (next.session_id, next.changes) = (description.session_id, description.changes + 1);
    }
    let described = opened.as_ref().map_or(&description, |opened| &opened.description);
    let undescribed = |_| Error("it cannot be described".into());
    let sdp = described.text().map_err(undescribed)?;
    let sound = described.sound_text().map_err(undescribed)?;
    let network = opened.as_ref().map_or(&network, |opened| &opened.network);
    let announcer =
        parts::announcer(&new, Texts { session: &sdp, sound: sound.as_deref() }, network)?;
    let moved = new.stats != old.stats;
    let stats = moved.then(|| new.stats.as_deref().map(parts::open_stats).transpose());
    let stats = stats.transpose()?;
    let told = new.sdp.as_ref().is_some_and(|_| new.sdp != old.sdp).then_some(sdp);
    Ok(Some(Changed { settings: new, opened, announcer, stats, told }))
}

/// The settings to open with while the session still has its own devices and group.
fn asked(new: &Settings, old: &Settings, network: &Network) -> Settings {
    let mut asked = new.clone();
    if new.to == old.to {
        // A group that was found is kept: a search would find it in use, by this session.
        asked.to.clone_from(&network.destinations);
    }
    if asked.wait == Wait::Never {
        // To wait for the device that this session is about to release.
        asked.wait = Wait::Busy;
    }
    asked
}
