//! What a session sends, logged at its start, and its statistics.

use super::audio::Audio;
use super::state::Daemon;
use super::video::Video;
use crate::clock::monotonic;
use crate::publish::network::Network;
use crate::publish::output::Sent;
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
        let video = self.video.as_ref().map(Video::outputs);
        let audio = self.audio.as_ref().map(Audio::outputs);
        for outputs in video.into_iter().flatten().chain(audio.into_iter().flatten()) {
            for (index, output) in outputs.iter().enumerate() {
                let fault = || output.fault().map(str::to_owned);
                match sent.get_mut(index) {
                    Some((_, all, failing)) => {
                        *all += output.sent();
                        *failing = failing.take().or_else(fault);
                    }
                    None => sent.push((output.destination(), output.sent(), fault())),
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
            video: self.video.as_ref().map(|video| video.statistics(now)),
            audio: self.audio.as_ref().map(Audio::statistics),
        }
    }
}

/// Logs what is sent and where.
pub(super) fn say_what_is_sent(daemon: &Daemon) {
    let network = &daemon.network;
    if let Some(video) = daemon.video.as_ref().map(|video| video.statistics(monotonic())) {
        let rate = daemon.video.as_ref().and_then(|video| video.source().format().rate);
        let rate = rate.map(|rate| format!(" at {rate} frames/s")).unwrap_or_default();
        log::info!("video: {}, {}x{}{rate}", video.source, video.width, video.height);
    }
    if let Some(audio) = daemon.audio.as_ref().map(Audio::statistics) {
        let channels = if audio.channels == 1 { "mono" } else { "stereo" };
        log::info!("audio: {}, {} Hz {channels}", audio.source, audio.rate);
    }
    for to in &network.destinations {
        let by = network.interface.as_ref().map(|interface| format!(" by {}", interface.name));
        log::info!("'{}' goes to {}{}", daemon.name, to.video.rtp, by.unwrap_or_default());
    }
    warn_of_wireless(network, daemon.settings.max_bitrate.is_some());
}

/// Warns of Wi-Fi, where multicast goes to everybody at the lowest rate and unacknowledged.
fn warn_of_wireless(network: &Network, limited: bool) {
    let interface = network.interface.as_ref().filter(|interface| interface.wireless);
    let group = network.destinations.iter().any(Destination::is_multicast);
    let Some(Interface { name, .. }) = interface.filter(|_| group) else { return };
    if limited {
        log::info!("{name} is wireless: frames beyond --max-bitrate are left out");
    } else {
        log::warn!(
            "{name} is wireless, where multicast is slow and lossy: set --max-bitrate, such as 5M, which leaves out whole frames, use a cable, or send to one host with --to"
        );
    }
}
