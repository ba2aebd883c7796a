//! Finds the session that the user has named: by an SDP file, an address, or an announcement (SAP, RFC 2974).

mod asked;
mod candidates;
mod follow;
mod following;
mod listing;
mod probe;
mod relays;
mod sap_listener;
mod tiers;

use self::candidates::{Candidates, Key};
pub use self::follow::{follow, follow_room};
pub use self::following::{Change, is_received_alike};
pub use self::listing::News;
use self::listing::{LISTED_MAX, Listing};
use self::probe::Probe;
pub use self::relays::relay_of_room;
use self::sap_listener::SapListener;
pub use self::tiers::follow_tiers;
use crate::clock::monotonic;
use crate::plan::{Error, Plan, Unicast};
use crate::text::{printable, text_of};
use std::fs::File;
use std::io::Read;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::time::Duration;
use streamsocket_media::clock::Monotonic;
use streamsocket_net::Interface;

/// Most bytes of a description: ours have 1 kB.
const SDP_MAX: u64 = 64 * 1024;

/// How long `--list` listens, and a search goes on before the user is told which sessions there are. Sessions are
/// announced every 5 s.
const LISTENING: Duration = Duration::from_secs(6);

/// Interval at which a search looks whether to stop.
const STEP: Duration = Duration::from_millis(100);

/// Most skipped sessions that the user is told of: more are a flood.
const SAID_MAX: u32 = 16;

/// Which session is to be received.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wanted<'a> {
    /// What the user named: an SDP file, an `rtp://` address, or the name of an announced session. If `None`, any
    /// announced one that is no tier of another.
    pub source: Option<&'a str>,
    /// The tier of that session that is wanted, if not the session itself.
    pub tier: Option<&'a str>,
    /// Packets are wanted from this address only.
    pub only_from: Option<IpAddr>,
}

/// The plan for the session that is wanted. Of several that it may be, the first of which packets come is taken; those
/// that cannot be joined or stay silent are passed over. Returns `Ok(None)` once `stop`, which is asked ten times a
/// second, returns true.
///
/// # Errors
/// One line: what cannot be read, parsed or listened to.
pub fn locate(
    wanted: Wanted<'_>,
    interface: Option<&Interface>,
    mut stop: impl FnMut(Monotonic) -> bool,
) -> Result<Option<Plan>, Error> {
    let from = |plan: Plan| match wanted.only_from {
        Some(source) => plan.only_from(source),
        None => plan,
    };
    if let Some(source) = wanted.source {
        if let Some(address) = source.strip_prefix("rtp://") {
            not_by_tier(source, wanted.tier)?;
            return at_address(address.trim_end_matches('/')).map(from).map(Some);
        }
        if source.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("rtsp://")) {
            not_by_tier(source, wanted.tier)?;
            return asked::describe(source, &shown(source), &mut stop);
        }
        if let Some((scheme, _)) = source.split_once("://") {
            return Err(not_received(source, scheme));
        }
        if Path::new(source).exists() || source.ends_with(".sdp") || source.contains('/') {
            not_by_tier(source, wanted.tier)?;
            return from_file(Path::new(source)).map(from).map(Some);
        }
    }
    let mut search = Search::new(wanted, interface);
    match search.what() {
        Some(what) => log::info!("waiting for {what} to be announced"),
        None => log::info!("waiting for a session to be announced (--help says how to name one)"),
    }
    let mut listener = SapListener::open(interface, monotonic())?;
    let patience = monotonic() + LISTENING;
    while !stop(monotonic()) {
        let mut announced = Vec::new();
        let listing = &mut search.listing;
        let candidates = &mut search.candidates;
        let heard =
            listener.listen(monotonic(), STEP, candidates, &mut |announcement, announcer| {
                listing.hear(announcement, announcer);
                if announced.len() < LISTED_MAX {
                    let plan = listing.plan_of(announcement, announcer);
                    announced.extend(plan.map(|plan| (from(plan), announcer)));
                }
            })?;
        if heard.is_some() {
            return Ok(heard);
        }
        let now = monotonic();
        if let Some(plan) = search.unheard(now) {
            return Ok(Some(plan));
        }
        search.turn(announced, now);
        if now >= patience {
            search.say_what_there_is();
        }
    }
    Ok(None)
}

/// Tiers are announced: a description or an address is of one of them, or of none.
fn not_by_tier(source: &str, tier: Option<&str>) -> Result<(), Error> {
    let Some(tier) = tier else { return Ok(()) };
    let source = printable(source);
    Err(Error(format!(
        "--tier {tier}: it chooses among announced sessions, and '{source}' is not announced; name the session, or \
         take the tier's own description, which 'streamsocket sdp --tier {tier}' prints"
    )))
}

/// The error for an address of another scheme than RTP.
fn not_received(source: &str, scheme: &str) -> Error {
    let hint = match scheme {
        "rtsps" | "http" | "https" => {
            format!(
                "cameras with such an address are sent on by 'streamsocket --video {}'",
                shown(source)
            )
        }
        _ => "expected rtsp://HOST/, rtp://ADDRESS:PORT, an SDP file, or the name of a session"
            .into(),
    };
    Error(format!("{}: a receiver takes no {}://; {hint}", shown(source), printable(scheme)))
}

/// An address without user and password, for people.
#[must_use]
pub fn shown(source: &str) -> String {
    let (scheme, rest) = source.split_once("://").unwrap_or(("", source));
    let host = rest.find('/').map_or(rest, |end| &rest[..end]);
    let without = host.rsplit_once('@').map_or(rest, |(user, _)| &rest[user.len() + 1..]);
    printable(&format!("{scheme}://{without}"))
}

/// A search for a session.
struct Search<'a> {
    /// The name to look for; if `None`, any.
    name: Option<String>,
    /// The tier to look for; if `None`, a session that is no tier of another unless it is named.
    tier: Option<String>,
    interface: Option<&'a Interface>,
    candidates: Candidates<Probe>,
    said: u32,
    listing: Listing,
    /// The user was told which sessions there are.
    told: bool,
}

impl<'a> Search<'a> {
    fn new(wanted: Wanted<'_>, interface: Option<&'a Interface>) -> Self {
        let (candidates, listing) = (Candidates::new(), Listing::default());
        let (name, tier) = (wanted.source.map(printable), wanted.tier.map(printable));
        Self { name, tier, interface, candidates, said: 0, listing, told: false }
    }

    /// What is looked for, in words; `None` if any session will do.
    fn what(&self) -> Option<String> {
        match (&self.name, &self.tier) {
            (Some(name), Some(tier)) => Some(format!("the tier '{tier}' of the session '{name}'")),
            (Some(name), None) => Some(format!("the session '{name}'")),
            (None, Some(tier)) => Some(format!("a session with the tier '{tier}'")),
            (None, None) => None,
        }
    }

    /// Whether a session is what is looked for.
    fn wants(&self, plan: &Plan) -> bool {
        let named = |name: &String| match &self.tier {
            Some(tier) => plan.name == *name || plan.name == format!("{name}, {tier}"),
            None => plan.name == *name,
        };
        let tier = self.tier.is_none() && self.name.is_some() || self.tier == plan.tier;
        tier && self.name.as_ref().is_none_or(named)
    }

    /// Tells the user, once, which sessions are announced, if a certain one is looked for.
    fn say_what_there_is(&mut self) {
        let Some(what) = self.what().filter(|_| !self.told) else { return };
        self.told = true;
        match self.listing.names() {
            Some(names) => {
                log::warn!("{what} is not announced, but {names}; waiting for it");
            }
            None => log::warn!(
                "{what} is not announced, and no other one: is its sender on and in the same network, and is \
                 --interface the one that leads to it? Waiting for it"
            ),
        }
    }

    /// Tries sessions that were announced, and gives up those that stay silent.
    fn turn(&mut self, announced: Vec<(Plan, IpAddr)>, now: Monotonic) {
        while let Some(key) = self.candidates.silent(now) {
            self.say(&key, "nothing comes from it");
        }
        for (plan, announcer) in announced {
            let Some(address) = plan.address() else { continue };
            let key = Key { name: plan.name.clone(), address, announcer };
            if self.wants(&plan) && self.candidates.wants(&key, now) {
                let probe = Probe::open(plan, self.interface);
                if let Err(error) = &probe {
                    self.say(&key, &format!("it cannot be joined: {error}"));
                }
                self.candidates.begin(key, probe.ok(), now);
            }
        }
    }

    /// A session whose group has been silent for a while, and which its announcer serves over RTSP as well.
    fn unheard(&mut self, now: Monotonic) -> Option<Plan> {
        let (key, probe) = self.candidates.unheard(now)?;
        let served = probe.plan().unicast.as_ref().filter(|it| it.server.ip() == key.announcer);
        let is_there = |it: &&Unicast| asked::is_there(it.server_by(self.interface));
        served.filter(is_there).map(|_| probe.plan().clone())
    }

    /// Tells the user why a session is passed over.
    fn say(&mut self, key: &Key, why: &str) {
        self.said += 1;
        let Key { name, address, announcer } = key;
        if self.said <= SAID_MAX {
            log::warn!(
                "the session '{name}' at {address}, announced by {announcer}, is passed over: {why}; \
                 waiting for another"
            );
        }
        if self.said == SAID_MAX {
            log::warn!("more sessions that are passed over are not named");
        }
    }
}

/// Passes the sessions that are announced within a few seconds to `each`, as they come.
///
/// # Errors
/// One line, if announcements cannot be listened to, or what `each` returns.
pub fn list(
    interface: Option<&Interface>,
    each: &mut dyn FnMut(News) -> Result<(), Error>,
) -> Result<(), Error> {
    let (mut listener, mut none) = (SapListener::open(interface, monotonic())?, Candidates::new());
    let mut listing = Listing::default();
    let end = monotonic() + LISTENING;
    while monotonic() < end {
        let mut news = Vec::new();
        listener.listen(monotonic(), STEP, &mut none, &mut |announcement, announcer| {
            news.extend(listing.hear(announcement, announcer));
        })?;
        news.into_iter().try_for_each(&mut *each)?;
    }
    Ok(())
}

fn at_address(text: &str) -> Result<Plan, Error> {
    let wrong = |expected: &str| Error(format!("rtp://{text}: {expected}"));
    let (address, query) = text.split_once('?').map_or((text, None), |(at, it)| (at, Some(it)));
    let address: SocketAddr = address
        .trim_end_matches('/')
        .parse()
        .map_err(|_| wrong("expected an address and a port, such as rtp://239.255.42.42:5004"))?;
    if address.port() == 0 || address.port() > u16::MAX - 3 {
        return Err(wrong("the port must lie between 1 and 65532"));
    }
    let sound = |query: &str| {
        let (rate, channels) = query.strip_prefix("audio=")?.split_once('/')?;
        let rate = rate.parse().ok().filter(|rate| (4_000..=192_000).contains(rate))?;
        Some((rate, channels.parse().ok().filter(|channels| (1..=2).contains(channels))?))
    };
    let expected = "expected ?audio=RATE/CHANNELS, such as ?audio=16000/1";
    let sound = query.map(|query| sound(query).ok_or_else(|| wrong(expected))).transpose()?;
    Ok(Plan::at(address, sound))
}

fn from_file(path: &Path) -> Result<Plan, Error> {
    let shown = path.display();
    let failed = |error: std::io::Error| Error(format!("{shown} cannot be read: {error}"));
    let mut text = Vec::new();
    let file = File::open(path).map_err(failed)?;
    // Read with a limit: a device or a pipe has no length to ask for.
    file.take(SDP_MAX + 1).read_to_end(&mut text).map_err(failed)?;
    if text.len() as u64 > SDP_MAX {
        return Err(Error(format!("{shown} is too large to be a session description")));
    }
    Plan::from_sdp(&text_of(&text)).map_err(|error| Error(format!("{shown}: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_cameras_are_not_taken_for_files() {
        let (mut never, none) = (|_: Monotonic| true, None);
        for (source, hint) in [
            ("rtsps://u:p@10.0.0.2/1?a=b@c", "'streamsocket --video rtsps://10.0.0.2/1?a=b@c'"),
            ("http://10.0.0.2/video", "'streamsocket --video http://10.0.0.2/video'"),
            ("udp://10.0.0.2:5004", "expected rtsp://HOST/, rtp://ADDRESS:PORT"),
        ] {
            let wanted = Wanted { source: Some(source), ..Wanted::default() };
            let error = locate(wanted, none, &mut never).unwrap_err().to_string();
            assert!(error.contains(hint) && !error.contains("u:p"), "{error}");
        }
    }

    #[test]
    fn a_tier_is_taken_only_by_its_own_name_or_if_it_is_asked_for() {
        let plan = |name: &str, tier: Option<&str>| Plan {
            name: name.into(),
            tier: tier.map(str::to_owned),
            ..Plan::at("239.1.1.1:5004".parse().unwrap(), None)
        };
        let (door, low) = (plan("Door", None), plan("Door, low", Some("low")));
        for (source, tier, takes_door, takes_low) in [
            (None, None, true, false),
            (Some("Door"), None, true, false),
            (Some("Door, low"), None, false, true),
            (Some("Door"), Some("low"), false, true),
            (Some("Door, low"), Some("low"), false, true),
            (Some("Gate"), Some("low"), false, false),
            (None, Some("low"), false, true),
            (None, Some("mid"), false, false),
        ] {
            let search = Search::new(Wanted { source, tier, only_from: None }, None);
            let takes = (search.wants(&door), search.wants(&low));
            assert_eq!(takes, (takes_door, takes_low), "{source:?} {tier:?}");
        }
        let wanted =
            Wanted { source: Some("rtp://239.1.1.1:5004"), tier: Some("low"), only_from: None };
        let error = locate(wanted, None, |_| true).unwrap_err().to_string();
        assert!(error.starts_with("--tier low: ") && error.contains("sdp --tier low"), "{error}");
    }

    #[test]
    fn an_address_may_say_what_the_sound_is() {
        let plan = at_address("239.1.1.1:6000?audio=16000/1").unwrap();
        let audio = plan.audio.unwrap();
        assert_eq!((audio.rtp.port(), audio.clock_rate, audio.channels), (6002, 16_000, 1));
        assert!(!audio.assumed && at_address("[::1]:6000").unwrap().audio.unwrap().assumed);
        for text in ["x", "239.1.1.1", "1.2.3.4:0", "1.2.3.4:5?audio=1/1", "1.2.3.4:5?video=1"] {
            let error = at_address(text).unwrap_err().to_string();
            assert!(error.starts_with(&format!("rtp://{text}: ")), "{error}");
        }
    }
}
