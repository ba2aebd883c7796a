//! What a session sends, logged at its start, and its statistics.

use super::branch::Branch;
use super::input::Input;
use super::state::Daemon;
use super::video::VideoInput;
use crate::clock::monotonic;
use crate::publish::network::Network;
use crate::publish::track::Track;
use crate::settings::Destination;
use crate::statistics::{
    AudioStatistics, DestinationStatistics, MediumStatistics, ProtectionStatistics, SCHEMA,
    Statistics, TrackStatistics, by_destination,
};
use streamsocket_media::clock::Monotonic;
use streamsocket_net::Interface;

impl Daemon {
    pub(super) fn write_stats(&mut self, now: Monotonic) {
        let Some(lines) = &self.stats else { return };
        let Ok(mut report) = serde_json::to_vec(&self.statistics(now)) else { return };
        report.push(b'\n');
        lines.push(report);
    }

    /// The statistics so far, without the list of viewers.
    #[must_use]
    pub fn statistics(&self, now: Monotonic) -> Statistics {
        let mut tracks: Vec<_> = self.inputs.iter().flat_map(|input| figures(input, now)).collect();
        tracks.sort_by_key(|track| track.tier.is_some());
        Statistics {
            schema: SCHEMA,
            unix_nanos: self.wall.clock.unix_nanos(now),
            uptime_seconds: now.since(self.began).as_secs_f64(),
            name: self.name.clone(),
            room: self.settings.room.clone(),
            paused: self.paused,
            destinations: by_destination(&tracks),
            relay: self.relay_statistics(),
            rtsp: self.serving_statistics(),
            protection: self.settings.protection.as_ref().map(|it| ProtectionStatistics {
                suite: it.suite.name(),
                reports_refused: self.tracks().map(|it| it.transport().reports_refused()).sum(),
            }),
            viewers: self.viewers(),
            viewer_list: Vec::new(),
            tracks,
        }
    }
}

/// Statistics of the tracks of an input.
fn figures(input: &Input, now: Monotonic) -> Vec<TrackStatistics> {
    match input {
        Input::Video(input) => {
            let branches = input.branches.iter();
            let video = |it| MediumStatistics::Video(input.statistics(it, now));
            branches.map(|branch| of_track(&branch.track, video(branch))).collect()
        }
        Input::Audio(input) => {
            let audio = |track| MediumStatistics::Audio(input.statistics(track));
            let tracks = input.tracks.iter().map(|track| of_track(track, audio(track)));
            let encoded = input.encoded.iter().map(|it| {
                of_track(&it.track, MediumStatistics::Audio(input.encoded_statistics(it)))
            });
            tracks.chain(encoded).collect()
        }
    }
}

fn of_track(track: &Track, medium: MediumStatistics) -> TrackStatistics {
    let destinations = track.transport().sinks().iter().map(|sink| {
        let sent = sink.sent();
        DestinationStatistics {
            address: sink.destination().to_string(),
            packets: sent.packets,
            bytes: sent.bytes,
            packets_dropped: sent.dropped,
            failing: sink.fault().map(str::to_owned),
        }
    });
    TrackStatistics {
        medium,
        tier: track.id().tier.as_deref().map(str::to_owned),
        ssrc: track.ssrc().0,
        destinations: destinations.collect(),
    }
}

/// Logs what is sent and where.
pub(super) fn say_what_is_sent(daemon: &Daemon) {
    let network = &daemon.network;
    for input in &daemon.inputs {
        match input {
            Input::Video(input) => input.branches.iter().for_each(|it| say_pictures(input, it)),
            Input::Audio(input) => {
                input.tracks.iter().for_each(|it| say_sound(it, &input.statistics(it)));
                let encoded = input.encoded.iter();
                encoded.for_each(|it| say_sound(&it.track, &input.encoded_statistics(it)));
            }
        }
    }
    let by = network.interface.as_ref().map(|interface| format!(" by {}", interface.name));
    let by = by.unwrap_or_default();
    let protection = daemon.settings.protection.as_ref();
    let sealed = protection.map(|it| format!(", protected by {}", it.suite)).unwrap_or_default();
    let room = daemon.settings.room.as_ref();
    let room = room.map(|room| format!(", in the room '{room}'")).unwrap_or_default();
    for session in &daemon.sessions {
        for to in network.all(session.tier()) {
            log::info!("'{}' goes to {}{by}{sealed}{room}", session.description.name, to.video.rtp);
        }
    }
    warn_of_wireless(network, daemon.settings.max_bitrate.is_some());
}

fn say_pictures(input: &VideoInput, branch: &Branch) {
    let video = input.statistics(branch, monotonic());
    let rate = branch.format().rate.map(|rate| format!(" at {rate} frames/s")).unwrap_or_default();
    let tier = branch.track.id().tier.as_ref();
    let tier = tier.map(|tier| format!(", tier {tier}")).unwrap_or_default();
    log::info!("video{tier}: {}, {}x{}{rate}", video.source, video.width, video.height);
}

fn say_sound(track: &Track, audio: &AudioStatistics) {
    let channels = if audio.channels == 1 { "mono" } else { "stereo" };
    let tier = track.id().tier.as_ref().map(|tier| format!(", tier {tier}")).unwrap_or_default();
    let opus = audio.opus_kbit.map(|kbit| format!(", Opus of {kbit} kbit/s")).unwrap_or_default();
    log::info!("audio{tier}: {}, {} Hz {channels}{opus}", audio.source, audio.rate);
}

/// Warns of Wi-Fi, where multicast goes to everybody at the lowest rate and unacknowledged.
fn warn_of_wireless(network: &Network, limited: bool) {
    let interface = network.interface.as_ref().filter(|interface| interface.wireless);
    let group = network.destinations().iter().any(Destination::is_multicast);
    let Some(Interface { name, .. }) = interface.filter(|_| group) else { return };
    if limited {
        log::info!("{name} is wireless: frames beyond --max-bitrate are left out");
    } else {
        log::warn!(
            "{name} is wireless, where multicast is slow and lossy: set --max-bitrate, such as 5M, which leaves out whole frames, use a cable, or send to one host with --to"
        );
    }
}
