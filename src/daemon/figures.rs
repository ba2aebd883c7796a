//! What a session sends, logged at its start, and its statistics.

use super::audio::AudioInput;
use super::branch::Branch;
use super::input::Input;
use super::state::Daemon;
use super::video::VideoInput;
use crate::clock::monotonic;
use crate::publish::network::Network;
use crate::publish::output::Sent;
use crate::publish::track::Track;
use crate::settings::Destination;
use crate::statistics::{DestinationStatistics, Statistics};
use std::net::SocketAddr;
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
        let mut sent: Vec<(SocketAddr, Sent, Option<String>)> = Vec::new();
        for track in self.tracks() {
            for (index, (to, more, why)) in track.transport().sent().enumerate() {
                let fault = || why.map(str::to_owned);
                match sent.get_mut(index) {
                    Some((_, all, failing)) => {
                        *all += more;
                        *failing = failing.take().or_else(fault);
                    }
                    None => sent.push((to, more, fault())),
                }
            }
        }
        let destinations = sent.into_iter().map(|(address, sent, failing)| DestinationStatistics {
            address: address.to_string(),
            packets: sent.packets,
            bytes: sent.bytes,
            packets_dropped: sent.dropped,
            failing,
        });
        Statistics {
            unix_nanos: self.wall.clock.unix_nanos(now),
            uptime_seconds: now.since(self.began).as_secs_f64(),
            name: self.name.clone(),
            destinations: destinations.collect(),
            viewers: self.viewers(),
            viewer_list: Vec::new(),
            video: self.inputs.iter().find_map(|input| match input {
                Input::Video(it) => it.branches.first().map(|branch| it.statistics(branch, now)),
                Input::Audio(_) => None,
            }),
            audio: self.inputs.iter().find_map(|input| match input {
                Input::Audio(it) => it.tracks.first().map(|track| it.statistics(track)),
                Input::Video(_) => None,
            }),
        }
    }
}

/// Logs what is sent and where.
pub(super) fn say_what_is_sent(daemon: &Daemon) {
    let network = &daemon.network;
    for input in &daemon.inputs {
        match input {
            Input::Video(input) => input.branches.iter().for_each(|it| say_pictures(input, it)),
            Input::Audio(input) => input.tracks.iter().for_each(|it| say_sound(input, it)),
        }
    }
    let by = network.interface.as_ref().map(|interface| format!(" by {}", interface.name));
    let by = by.unwrap_or_default();
    for session in &daemon.sessions {
        for to in network.place(session.tier(), 0) {
            log::info!("'{}' goes to {}{by}", session.description.name, to.video.rtp);
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

fn say_sound(input: &AudioInput, track: &Track) {
    let audio = input.statistics(track);
    let channels = if audio.channels == 1 { "mono" } else { "stereo" };
    log::info!("audio: {}, {} Hz {channels}", audio.source, audio.rate);
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
