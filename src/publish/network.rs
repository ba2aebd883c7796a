//! Chooses the interface, the group and the source address when a session begins, and waits for a
//! network that is not up yet if the user wants that.

use crate::publish::group;
use crate::settings::{self, Destination, PORT_DEFAULT, Settings, Wait};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd;
use std::time::Duration;
use streamsocket_net::{Changes, Interface, SendSocket};
use streamsocket_wire::sdp::Medium;

/// Interval of checks while waiting: the kernel does not report every change.
const LOOK: Duration = Duration::from_secs(1);

/// The destinations of what a daemon sends, and the interface that leads to them.
#[derive(Clone)]
pub(crate) struct Network {
    pub(crate) interface: Option<Interface>,
    /// Those of the session: of the first track of each medium, of the second, and so on.
    pub(crate) places: Vec<Vec<Destination>>,
    /// Those of its sound, if it has groups of its own: who takes a tier takes no other pictures with the sound.
    pub(crate) sounds: Vec<Vec<Destination>>,
    /// Those of its tiers, by their names.
    pub(crate) tiers: Vec<(String, Vec<Destination>)>,
    pub(crate) origin: IpAddr,
    pub(crate) ttl: u8,
}

impl Network {
    /// The destinations of the session.
    pub(crate) fn destinations(&self) -> &[Destination] {
        self.places.first().map_or(&[], Vec::as_slice)
    }

    /// Those of a tier, or of the track `index` of a medium.
    pub(crate) fn place(&self, tier: Option<&str>, medium: Medium, index: usize) -> &[Destination] {
        let place = match (tier, medium) {
            (Some(tier), _) => self.tiers.iter().find(|it| it.0 == tier).map(|it| &it.1),
            (None, Medium::Audio) => self.sounds.get(index).or_else(|| self.places.get(index)),
            (None, Medium::Video) => self.places.get(index),
        };
        place.map_or(&[], Vec::as_slice)
    }

    /// All of those of a tier's pictures, or of the session's.
    pub(crate) fn all(&self, tier: Option<&str>) -> impl Iterator<Item = &Destination> {
        let further = if tier.is_none() { self.places.len() } else { 1 };
        (0..further).flat_map(move |index| self.place(tier, Medium::Video, index))
    }

    /// The interface in its present state, if it is up and has an address. While none is known,
    /// that of the default route, which may exist by now.
    pub(crate) fn usable(&self) -> Option<Interface> {
        let Some(known) = &self.interface else { return Interface::default_route() };
        let mut found = Interface::named(&known.name).ok()?;
        let kept = known.address.filter(|kept| found.addresses.contains(&IpAddr::V4(*kept)));
        found.address = kept.or(found.address);
        (found.up && !found.addresses.is_empty()).then_some(found)
    }
}

/// Why a destination cannot be reached: one line.
#[derive(Debug)]
pub struct NoWay {
    line: String,
    /// Whether it may become reachable without a change of the configuration.
    pub may_pass: bool,
}

impl fmt::Display for NoWay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.line)
    }
}

impl From<streamsocket_net::Error> for NoWay {
    fn from(error: streamsocket_net::Error) -> Self {
        Self { line: error.to_string(), may_pass: error.may_pass() }
    }
}

/// The network of the session `name`. Without a configured destination this takes a second to find
/// a free group, and one for each tier, unless they are those that are `known` already.
///
/// # Errors
/// No interface leads to the destination, or there is no room for all tracks.
pub(crate) fn find(
    settings: &Settings,
    name: &str,
    known: Option<&Network>,
) -> Result<Network, NoWay> {
    let interface = interface(settings)?;
    say_what_is_passed_over(settings, interface.as_ref());
    let Found { places, sounds, tiers } = destinations(settings, name, interface.as_ref(), known)?;
    let address = interface.as_ref().and_then(|interface| interface.address);
    let only_ipv6 = interface.as_ref().and_then(Interface::only_ipv6);
    let first = places.first().and_then(|place| place.first()).map(|to| to.video.rtp);
    let origin = match (first, address) {
        (Some(to), Some(address)) if to.is_ipv4() && to.ip().is_multicast() => IpAddr::V4(address),
        (Some(to), None) if to.is_ipv6() && to.ip().is_multicast() => {
            only_ipv6.map_or_else(|| source_address(to), IpAddr::V6)
        }
        (Some(to), _) => source_address(to),
        (None, Some(address)) => IpAddr::V4(address),
        (None, None) => only_ipv6.map_or(IpAddr::from([127, 0, 0, 1]), IpAddr::V6),
    };
    Ok(Network { interface, places, sounds, tiers, origin, ttl: settings.ttl })
}

type Places = Vec<Vec<Destination>>;

/// The destinations of a session and of its tiers.
struct Found {
    places: Places,
    sounds: Places,
    tiers: Vec<(String, Vec<Destination>)>,
}

/// The destinations of the session and of its tiers.
fn destinations(
    settings: &Settings,
    name: &str,
    interface: Option<&Interface>,
    known: Option<&Network>,
) -> Result<Found, NoWay> {
    let names = settings.tiers.iter().map(|tier| tier.name.clone());
    let apart = known.map_or(sound_apart(settings), |known| !known.sounds.is_empty());
    let (places, sounds, tiers) = configured(settings, apart)?;
    if !places.is_empty() || settings.is_relayed_only() {
        return Ok(Found { places, sounds, tiers: names.zip(tiers).collect() });
    }
    let found = |name: &str, chosen: &[Destination]| -> Result<Vec<Destination>, NoWay> {
        let group = group::find(name, interface, chosen).map_err(|error| NoWay {
            line: format!("{error}; choose an --interface, or send to one host with --to"),
            may_pass: error.may_pass(),
        })?;
        Ok(vec![Destination::new(group, PORT_DEFAULT)])
    };
    // A search would find a group in use that is this session's own.
    let first = match known {
        Some(known) => known.destinations().to_vec(),
        None => found(name, &[])?,
    };
    let (places, sounds, _) = arranged(settings, &first, 0, apart)?;
    let mut chosen = [places.concat(), sounds.concat()].concat();
    let mut tiers = Vec::new();
    for tier in names {
        let before = known
            .map(|known| known.place(Some(&tier), Medium::Video, 0))
            .filter(|it| !it.is_empty());
        // Further tracks of the session may have come, which take the groups above its own.
        let free = |it: &&[Destination]| !it.iter().any(|to| to.shares_groups(&chosen));
        let place = match before.filter(free) {
            Some(before) => before.to_vec(),
            None => found(&tier_name(name, &tier), &chosen)?,
        };
        chosen.extend_from_slice(&place);
        tiers.push((tier, place));
    }
    Ok(Found { places, sounds, tiers })
}

/// Name of a tier's session.
pub(crate) fn tier_name(session: &str, tier: &str) -> String {
    format!("{session}, {tier}")
}

/// The destinations of so many sessions and tracks as the settings have: the places of the session's
/// tracks, of its sound, if that has places of its own, then those of the tiers. Without a configured destination there
/// are none.
fn configured(settings: &Settings, apart: bool) -> Result<(Places, Places, Places), NoWay> {
    if settings.to.is_empty() {
        return Ok((Vec::new(), Vec::new(), Vec::new()));
    }
    let tiers = u16::try_from(settings.tiers.len()).unwrap_or(u16::MAX);
    arranged(settings, &settings.to, tiers, apart)
}

/// The same for a session at these addresses, and so many tiers.
fn arranged(
    settings: &Settings,
    to: &[Destination],
    tiers: u16,
    apart: bool,
) -> Result<(Places, Places, Places), NoWay> {
    let own = tracks(settings);
    let apart = apart && to.iter().any(Destination::is_multicast);
    let sounds = if apart { settings.audios().count() } else { 0 };
    let all = own.saturating_add(tiers).saturating_add(u16::try_from(sounds).unwrap_or(u16::MAX));
    let mut places = settings::places(to, all).map_err(no_room)?;
    let mut sounds = places.split_off(own.into());
    let tiers = sounds.split_off(sounds.len() - usize::from(tiers));
    Ok((places, sounds, tiers))
}

/// Whether a session that begins has its sound in groups of its own: there are tiers of its pictures. One that goes on leaves
/// it where it is.
fn sound_apart(settings: &Settings) -> bool {
    settings.tiers.iter().any(|tier| tier.pictures.is_some())
}

/// Tracks of the medium that has most.
fn tracks(settings: &Settings) -> u16 {
    let most = settings.videos().count().max(settings.audios().count());
    u16::try_from(most).unwrap_or(u16::MAX).max(1)
}

fn no_room(error: settings::Error) -> NoWay {
    NoWay { line: error.to_string(), may_pass: false }
}

/// Checks that every destination can be reached now. Sends nothing, and listens to no group.
///
/// # Errors
/// A destination cannot be reached.
pub fn try_ways(settings: &Settings, name: &str) -> Result<(), NoWay> {
    let interface = interface(settings)?;
    let own = Destination::new(group::first(name, interface.as_ref()), PORT_DEFAULT);
    let own = (settings.to.is_empty() && settings.relay.is_none()).then_some(own);
    let (places, sounds, tiers) = configured(settings, sound_apart(settings))?;
    for to in places.into_iter().chain(sounds).chain(tiers).flatten().chain(own) {
        for address in [to.video.rtp, to.video.rtcp] {
            drop(SendSocket::open(address, interface.as_ref(), settings.ttl)?);
        }
    }
    Ok(())
}

/// Blocks until every destination can be reached, if the user wants to wait. `tell` is called with
/// each new reason for the wait.
///
/// # Errors
/// A destination cannot be reached, and waiting is not wanted or does not help.
pub(crate) fn wait_for_ways(
    settings: &Settings,
    name: &str,
    mut tell: impl FnMut(&NoWay),
) -> Result<(), NoWay> {
    let changes = Changes::open().ok();
    let mut told = String::new();
    loop {
        let why = match try_ways(settings, name) {
            Ok(()) => return Ok(()),
            Err(why) if why.may_pass && settings.wait == Wait::Always => why,
            Err(why) => return Err(why),
        };
        if why.line != told {
            log::warn!("{why}; waiting for it");
            tell(&why);
            told.clone_from(&why.line);
        }
        sleep(changes.as_ref());
    }
}

/// Sleeps until something may have changed.
fn sleep(changes: Option<&Changes>) {
    let timeout = PollTimeout::try_from(LOOK).unwrap_or(PollTimeout::ZERO);
    let mut watched: Vec<_> =
        changes.iter().map(|changes| PollFd::new(changes.as_fd(), PollFlags::POLLIN)).collect();
    // An interruption is as good as a change.
    let _ = poll(&mut watched, timeout);
    let _ = changes.is_some_and(Changes::read);
}

fn interface(settings: &Settings) -> Result<Option<Interface>, NoWay> {
    match &settings.interface {
        Some(interface) => Ok(Some(Interface::named(interface)?)),
        // Its players come to this machine's; the way to the relay is the routing table's.
        None if settings.is_relayed_only() => Ok(Interface::default_route()),
        None => choose_interface(&settings.to),
    }
}

/// The interface to use when the user names none: the LAN's for groups, for hosts the one that
/// leads to all of them.
fn choose_interface(to: &[Destination]) -> Result<Option<Interface>, NoWay> {
    let mut own = to.iter().map(|to| source_address(to.video.rtp));
    if let Some(first) = own.next().filter(|_| !has_group(to)) {
        // Hosts in different networks are left to the routing table.
        let same = own.all(|other| other == first);
        let found = || Interface::named(&first.to_string()).ok();
        return Ok(if same { found() } else { Interface::default_route() });
    }
    let chosen = Interface::default_route();
    let Some(Interface { name: tunnel, .. }) = Interface::tunnel_passed_over() else {
        return Ok(chosen);
    };
    if chosen.is_none() {
        let line = format!(
            "{tunnel} is a tunnel, and no other interface leads to a LAN: with --interface {tunnel} it is sent through the tunnel"
        );
        return Err(NoWay { line, may_pass: true });
    }
    Ok(chosen)
}

/// Whether any destination is a group.
fn has_group(to: &[Destination]) -> bool {
    to.is_empty() || to.iter().any(Destination::is_multicast)
}

fn say_what_is_passed_over(settings: &Settings, chosen: Option<&Interface>) {
    if settings.interface.is_some() || settings.relay.is_some() || !has_group(&settings.to) {
        return;
    }
    if let (Some(tunnel), Some(Interface { name, .. })) = (Interface::tunnel_passed_over(), chosen)
    {
        let tunnel = tunnel.name;
        log::info!(
            "{tunnel} is a tunnel: it is sent by {name} instead, unless --interface says otherwise"
        );
    }
}

/// The source address that the routing table gives packets to `to`. Sends nothing.
fn source_address(to: SocketAddr) -> IpAddr {
    let any: IpAddr = if to.is_ipv4() { [0, 0, 0, 0].into() } else { [0_u16; 8].into() };
    let local = std::net::UdpSocket::bind(SocketAddr::new(any, 0))
        .and_then(|socket| socket.connect(to).and_then(|()| socket.local_addr()));
    local.map_or(any, |local| local.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_goes_to_the_places_of_all_its_tracks_and_a_tier_to_its_own() {
        let at = |last| Destination::new([239, 255, 42, last].into(), PORT_DEFAULT);
        let network = Network {
            interface: None,
            places: vec![vec![at(2)], vec![at(4)]],
            sounds: vec![vec![at(6)]],
            tiers: vec![("low".to_owned(), vec![at(8), at(12)])],
            origin: [192, 0, 2, 1].into(),
            ttl: 1,
        };
        assert_eq!(network.all(None).copied().collect::<Vec<_>>(), [at(2), at(4)]);
        assert_eq!(network.all(Some("low")).copied().collect::<Vec<_>>(), [at(8), at(12)]);
        assert_eq!(network.all(Some("high")).count(), 0);
        assert_eq!(network.place(None, Medium::Audio, 0), [at(6)]);
        assert_eq!(network.place(None, Medium::Audio, 1), [at(4)]);
    }
}
