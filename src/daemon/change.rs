//! Reads a changed configuration, and opens beside the loop what it names.

use super::error::Error;
use super::input::OpenedInput;
use super::opening::{self, Opened, Order};
use super::parts;
use super::session::Session;
use crate::beside::Work;
use crate::options::StreamOptions;
use crate::publish::description::Description;
use crate::publish::network::Network;
use crate::settings::{self, Settings, Wait};
use std::sync::Arc;
use std::time::Duration;
use streamsocket_control::overrides::Overrides;
use streamsocket_journal::lines::Lines;
use streamsocket_media::clock::Monotonic;

#[cfg(test)]
mod tests;

/// Time limit for opening: an address may take 45 s to answer. After it a driver hangs, and its
/// thread is abandoned.
pub(super) const OPENING_MAX: Duration = Duration::from_secs(55);

/// A reload in progress.
pub(super) struct Reloading {
    pub(super) work: Work<Result<Option<Changed>, Error>>,
    /// What is to be otherwise than the options say, if it can be opened.
    pub(super) overrides: Overrides,
    pub(super) until: Monotonic,
}

/// The sessions so far, as the reload needs them.
pub(super) struct Before {
    pub(super) options: StreamOptions,
    /// Nothing is open: everything is to be opened, changed or not.
    pub(super) paused: bool,
    /// With the settings so far.
    pub(super) order: Order,
    pub(super) network: Network,
    pub(super) descriptions: Vec<Description>,
    /// The highest session id that any session has had.
    pub(super) last_id: u64,
    /// Pictures are drawn here, with a quality that is fixed when the source is opened.
    pub(super) drawn: bool,
}

/// A changed configuration and what it needs, opened.
pub(super) struct Changed {
    pub(super) settings: Settings,
    /// New sources and sockets, unless only the way of sending changes.
    pub(super) opened: Option<(Network, Vec<OpenedInput>)>,
    pub(super) sessions: Vec<Session>,
    /// The new destination of statistics, if it changes.
    pub(super) stats: Option<Option<Lines>>,
    /// The description is to be written to another file.
    pub(super) moved: bool,
}

impl Reloading {
    /// When the reload is given up.
    pub(super) const fn deadline(&self) -> Monotonic {
        self.until
    }
}

/// Reads the configuration and opens what it needs; `None` if nothing has changed.
pub(super) fn reread(before: Before) -> Result<Option<Changed>, Error> {
    let Before { options, paused, mut order, network, mut descriptions, last_id, drawn } = before;
    let checked = settings::load(options).and_then(|it| it.verify().map(|()| it));
    let new = checked.map_err(|error| Error(error.to_string()))?;
    let old = order.settings;
    if new == old && !paused {
        return Ok(None);
    }
    if new.name != old.name {
        return Err(Error("name: a session gets another one by a restart only".into()));
    }
    let qualities = |it: &Settings| it.videos().map(|video| video.quality).collect::<Vec<_>>();
    let light =
        !paused && old.sent_as(&new) == new && !(drawn && qualities(&old) != qualities(&new));
    // A paused one has none to be waited for.
    order.settings = if paused { new.clone() } else { asked(&new) };
    // Groups that were found are kept, and all others follow from the settings.
    order.network = Some(network.clone())
        .filter(|_| new.to == old.to && new.is_relayed_only() == old.is_relayed_only());
    let mut opened = None;
    if light {
        let size = parts::packet_size(&new);
        descriptions.iter_mut().for_each(|description| {
            description.resize(size);
            description.move_to(new.room.as_deref());
        });
    } else {
        let Opened { network, descriptions: mut next, inputs } = opening::open(&order)?;
        renumber(&mut next, &descriptions, last_id);
        descriptions = next;
        opened = Some((network, inputs));
    }
    let network = opened.as_ref().map_or(&network, |(network, _)| network);
    let sessions = descriptions.into_iter().map(|it| Session::open(it, &new, network));
    let sessions: Vec<_> = sessions.collect::<Result<_, _>>()?;
    if let Some(whole) = sessions.first() {
        parts::say_what_is_not_announced(&new, &whole.description);
    }
    let stats = (new.stats != old.stats)
        .then(|| new.stats.as_deref().map(parts::open_stats).transpose())
        .transpose()?;
    // What was there is of before the pause.
    let moved = paused || new.sdp != old.sdp;
    Ok(Some(Changed { settings: new, opened, sessions, stats, moved }))
}

/// Gives sessions that go on their numbers, and new ones such as none has ever had, of which
/// `last` is the highest: viewers would take the one for the other (RFC 8866 section 5.2).
fn renumber(next: &mut [Description], old: &[Description], last: u64) {
    let tier = |it: &Description| it.tier.as_ref().map(|it| Arc::clone(&it.0));
    let Some(whole) = old.first() else { return };
    let mut free = last_id(old, last);
    for description in next {
        let before = old.iter().find(|old| tier(old) == tier(description));
        if before.is_none() {
            free += 1;
        }
        description.session_id = before.map_or(free, |before| before.session_id);
        description.changes = before.unwrap_or(whole).changes + 1;
        if let Some((_, of)) = &mut description.tier {
            *of = whole.session_id;
        }
    }
}

/// The highest id of these sessions, and of those before, of which it was `before`.
pub(super) fn last_id<'a>(sessions: impl IntoIterator<Item = &'a Description>, before: u64) -> u64 {
    sessions.into_iter().map(|it| it.session_id).fold(before, u64::max)
}

/// The settings to open with while the session still has its own devices.
fn asked(new: &Settings) -> Settings {
    let mut asked = new.clone();
    if asked.wait == Wait::Never {
        // To wait for the device that this session is about to release.
        asked.wait = Wait::Busy;
    }
    asked
}
