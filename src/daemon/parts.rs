//! Makes from the settings what sessions consist of: their descriptions, the way of sending, their
//! announcers, and the files that are written.

use super::error::Error;
use crate::capture::hotplug::Hotplug;
use crate::clock::monotonic;
use crate::codec;
use crate::codec::Normaliser;
use crate::publish::announce::{self, Announcer, Reach, Texts};
use crate::publish::description::{Description, NTP64_ID};
use crate::publish::network::{Network, tier_name};
use crate::publish::pictures::Sending;
use crate::publish::sound::{OpusSending, SoundSending};
use crate::replace::replace;
use crate::settings::{Destination, Endpoint, Settings, Tier, TierPictures, VideoSettings};
use mio::Waker;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use streamsocket_journal::lines::Lines;
use streamsocket_media::{AudioFormat, Scale};
use streamsocket_net::{Changes, machine};
use streamsocket_stream::send::l16::{Form, packet_frames};
use streamsocket_stream::send::opus::{PACKET_MS, REPAIR_PACKETS};
use streamsocket_stream::send::repair::AUDIO_PACKETS;
use streamsocket_wire::ntp::NtpTime;
use streamsocket_wire::repair::RESERVE;
use streamsocket_wire::sdp::Medium;

/// The session id is the time of the start in units of 3.8 us: distinct for two sessions that a
/// machine starts within a second (RFC 8866 section 5.2), and exact as a double.
const SESSION_ID_SHIFT: u32 = 14;

/// The description of a session, without its tracks.
pub(super) fn describe(
    settings: &Settings,
    network: &Network,
    name: &str,
    cname: &Arc<str>,
    unix_began: i64,
) -> Description {
    Description {
        name: name.to_owned(),
        cname: Arc::clone(cname),
        origin: network.origin,
        group: group(network.destinations()),
        ttl: network.ttl,
        session_id: NtpTime::from_unix_nanos(unix_began).0 >> SESSION_ID_SHIFT,
        changes: 0,
        packet_size: packet_size(settings),
        fec: !settings.repair.is_none(),
        synchronised: machine::is_synchronised(),
        plain_sound: settings.announce_sound,
        protected: settings.protection.as_ref().map(|it| it.suite),
        rtsp: None,
        tier: None,
        room: settings.room.clone(),
        tracks: Vec::new(),
    }
}

/// Where a session goes, as its description has it.
fn group(to: &[Destination]) -> IpAddr {
    to.first().map_or(Endpoint::nowhere().rtp.ip(), Destination::address)
}

/// That of the `nth` tier, from 1 on, of the session that is described as `whole`.
pub(super) fn describe_tier(
    whole: &Description,
    network: &Network,
    tier: &str,
    nth: u64,
) -> Description {
    let group = group(network.place(Some(tier), Medium::Video, 0));
    Description {
        name: tier_name(&whole.name, tier),
        group,
        session_id: whole.session_id + nth,
        tier: Some((tier.into(), whole.session_id)),
        tracks: Vec::new(),
        ..whole.clone()
    }
}

/// What makes the pictures of `video` sendable, as they are or for a tier.
pub(super) fn normaliser(
    name: &str,
    video: &VideoSettings,
    tier: Option<(&str, TierPictures)>,
    waker: Arc<Waker>,
) -> Normaliser {
    let options = match tier {
        None => codec::Options {
            quality: video.quality,
            requality: video.requality,
            scale: Scale::Full,
        },
        Some((_, pictures)) => codec::Options {
            quality: pictures.quality,
            requality: Some(pictures.quality),
            scale: pictures.scale,
        },
    };
    Normaliser::new(branch_name(name, tier.map(|tier| tier.0)), options, waker)
}

/// What messages call a branch of the source `name`.
pub(super) fn branch_name(name: &str, tier: Option<&str>) -> String {
    match tier {
        None => name.to_owned(),
        Some(tier) => format!("{name}, tier {tier}"),
    }
}

/// Longest media packet in bytes of UDP payload, such that its repair packets fit the size asked
/// for.
pub(super) fn packet_size(settings: &Settings) -> usize {
    let reserve = if settings.repair.is_none() { 0 } else { RESERVE };
    settings.packet_size.saturating_sub(reserve)
}

/// How to send pictures beside something that takes so many bits a second.
pub(super) fn sending(settings: &Settings, video: &VideoSettings, beside: u64) -> Sending {
    Sending {
        packet_size: packet_size(settings),
        pace: settings.pace,
        ntp64_id: Some(NTP64_ID),
        av_offset: video.av_offset,
        bitrate: settings.max_bitrate.map(|rate| left_for_pictures(rate, beside)),
    }
}

/// How to send sound in this format.
pub(super) fn sound_sending(settings: &Settings, format: AudioFormat) -> SoundSending {
    let form = Form::new(settings.announce_sound, NTP64_ID);
    SoundSending { format, form, packet_size: packet_size(settings) }
}

/// How to send the sound of a tier, as an encoder makes it that is late by so many sample frames.
pub(super) const fn opus_sending(format: AudioFormat, lookahead: u32) -> OpusSending {
    OpusSending { format, lookahead, ntp64_id: Some(NTP64_ID) }
}

/// Bits a second that go with the pictures of the session, or of a tier of it, whose sound is captured in this format.
pub(super) fn beside(settings: &Settings, sound: Option<AudioFormat>, tier: Option<&Tier>) -> u64 {
    let Some(format) = sound else { return 0 };
    let Some(tier) = tier else {
        let frames = packet_frames(format.rate, format.channels, packet_size(settings));
        let bytes = u64::from(frames) * u64::from(format.channels) * 2;
        let bits = 8 * with_repair(bytes, AUDIO_PACKETS, settings);
        return u64::from(format.rate) * bits / u64::from(frames);
    };
    tier.sound.map_or(0, |sound| {
        let packets = u64::from(1000 / PACKET_MS);
        let bytes = u64::from(sound.bits(format.channels)) / 8 / packets;
        8 * packets * with_repair(bytes, REPAIR_PACKETS, settings)
    })
}

/// Bytes that a packet of so many bytes of sound takes, with its headers and its part of the repair packets of a block.
fn with_repair(bytes: u64, block: u16, settings: &Settings) -> u64 {
    let packet = bytes + SOUND_HEADERS;
    let repairs = u64::from(settings.repair.of_sound(block)) * (packet + RESERVE as u64);
    packet + repairs / u64::from(block)
}

/// What a limit for everything leaves for pictures: sound and its repair take precedence.
fn left_for_pictures(rate: u64, sound: u64) -> u64 {
    if sound > rate {
        let (kbit, limit) = (sound / 1000, rate / 1000);
        log::warn!("sound alone takes {kbit} kbit/s, more than --max-bitrate has ({limit})");
    }
    rate.saturating_sub(sound).max(BITRATE_LEFT_MIN)
}

/// Header bytes of a packet of sound: RTP, its extension, UDP and IP.
const SOUND_HEADERS: u64 = 12 + 16 + 28;

/// Fewest bits a second for pictures: below the rate of the sound, one now and then.
const BITRATE_LEFT_MIN: u64 = 50_000;

/// What announces a session that goes to `group`, if it is to be announced.
pub(super) fn announcer(
    settings: &Settings,
    texts: Texts<'_>,
    network: &Network,
    group: IpAddr,
) -> Result<Option<Announcer>, Error> {
    if !settings.announce || !group.is_multicast() {
        return Ok(None);
    }
    let (origin, interface) = (network.origin, network.interface.as_ref());
    let reach = Reach { origin, interface, ttl: announce::ttl(group, network.ttl) };
    Announcer::new(texts, reach, monotonic()).map(Some).map_err(Error)
}

/// Says so if an announcement is wanted and there is none: that of the session, or of its sound.
pub(super) fn say_what_is_not_announced(settings: &Settings, whole: &Description) {
    let announced = settings.announce && whole.group.is_multicast();
    // What goes to a relay is announced there.
    if settings.announce && !announced && settings.relay.is_none() {
        // Its tiers go to the same host.
        let tiers = settings.tiers.first().map(|tier| {
            format!(", for a tier with its name, such as 'streamsocket sdp --tier {}'", tier.name)
        });
        log::info!(
            "not announced, since it does not go to a group: viewers need its description ('streamsocket sdp'{})",
            tiers.unwrap_or_default()
        );
    }
    let sound = whole.tracks.iter().any(|track| track.id.medium == Medium::Audio);
    if announced && settings.announce_sound && !sound {
        log::warn!("--announce pulse: there is no sound that could be announced");
    }
    if announced && settings.announce_sound && settings.protection.is_some() {
        log::warn!(
            "--announce pulse: PulseAudio and PipeWire cannot open what is protected, and are told nothing"
        );
    }
}

/// Writes the description to a file, atomically, so that no player reads half of it. A pipe or a
/// device is written to directly; `-` is standard output. Their readers may be slow: what is
/// returned holds the text until they have read it, and writes it even if dropped.
pub(super) fn write_sdp(path: &Path, sdp: &str) -> Result<Option<Lines>, Error> {
    let failed = |error| Error(format!("--sdp {}: {error}", path.display()));
    if path == Path::new("-") || path.metadata().is_ok_and(|there| !there.is_file()) {
        let lines = Lines::open(path, "lines of --sdp").map_err(failed)?;
        lines.push(sdp);
        lines.finish();
        return Ok(Some(lines));
    }
    replace(path, sdp.as_bytes()).map_err(failed)?;
    Ok(None)
}

pub(super) fn open_stats(path: &Path) -> Result<Lines, Error> {
    Lines::open(path, "statistics")
        .map_err(|error| Error(format!("--stats {}: {error}", path.display())))
}

/// Without these events the network is checked when sending fails.
pub(super) fn open_changes() -> Option<Changes> {
    let opened = Changes::open();
    opened.map_err(|error| log::debug!("no news of the network can be heard: {error}")).ok()
}

/// Without these events devices are looked for once a second.
pub(super) fn open_hotplug() -> Option<Hotplug> {
    let opened = Hotplug::open();
    opened.map_err(|error| log::debug!("no news of devices can be heard: {error}")).ok()
}
