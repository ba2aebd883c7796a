//! What is known of those who are served one by one.

use super::state::Daemon;
use crate::publish::relay::Relay;
use crate::publish::viewers::{
    MediumName, TrackName, TrackReception, ViewerStatistics, ViewerTransport, reception,
};
use crate::serve::server::Totals;
use crate::serve::viewings::{SetUp, Viewing};
use crate::statistics::{RelayStatistics, ServingStatistics};
use std::net::SocketAddr;
use streamsocket_media::clock::Monotonic;
use streamsocket_wire::sdp::Medium;

impl Daemon {
    /// Those who are served now. Who has asked for the group is among those who receive that.
    pub(super) fn served(&self) -> impl Iterator<Item = &Viewing> {
        let viewings = self.server.viewings.iter().map(|(_, viewing)| viewing);
        viewings.filter(|it| it.playing && it.transport() != ViewerTransport::Multicast)
    }

    /// One of them, as it is listed.
    pub(super) fn served_viewer(&self, viewing: &Viewing, now: Monotonic) -> ViewerStatistics {
        let (mut name, mut left_out, mut tracks) = (None, 0, Vec::new());
        for set_up in viewing.tracks.iter().filter(|it| !it.repair) {
            let Some((received, left)) = self.received(set_up) else { continue };
            left_out += left;
            let Some(Received { cname, reception }) = received else { continue };
            name = Some(cname).filter(|it| !it.is_empty()).or(name);
            tracks.extend(reception);
        }
        ViewerStatistics {
            address: viewing.peer.to_string(),
            transport: viewing.transport(),
            name: name.or_else(|| viewing.agent.clone()).unwrap_or_default(),
            user: viewing.user.clone(),
            left_out,
            heard_seconds: now.since(viewing.heard).as_secs_f64(),
            tracks,
        }
    }

    /// What a viewer says of a track, and how much of it was left out.
    fn received(&self, set_up: &SetUp) -> Option<(Option<Received>, u64)> {
        let track = self.tracks().find(|track| *track.id() == set_up.track)?;
        let sink = track.transport().unicast().get(set_up.sink?)?;
        let received = sink.viewer().map(|viewer| {
            let cname = String::from_utf8_lossy(&viewer.cname).replace(char::is_control, "?");
            let media = match track.id().medium {
                Medium::Video => MediumName::Video,
                Medium::Audio => MediumName::Audio,
            };
            let tier = track.id().tier.as_deref().map(str::to_owned);
            let name = TrackName { media, tier, ssrc: track.ssrc().0 };
            let reception = viewer.block.map(|block| TrackReception {
                track: name,
                reception: reception(viewer, block, track.clock_rate()),
            });
            Received { cname, reception }
        });
        Some((received, sink.left_out()))
    }

    /// The relay that it is published to.
    pub(super) fn relay_statistics(&self) -> Option<RelayStatistics> {
        let relay = self.relay.as_ref()?;
        let mut totals = Totals::default();
        let sinks = self.tracks().flat_map(|track| track.transport().unicast().iter());
        let own = sinks.filter(|sink| relay.going().iter().any(|it| it.sink == Some(sink.id())));
        own.for_each(|sink| totals.add(sink));
        Some(RelayStatistics {
            url: relay.shown(),
            published: relay.is_on().then(|| relay.by()),
            failing: relay.why().map(str::to_owned),
            packets: totals.sent.packets,
            bytes: totals.sent.bytes,
            packets_dropped: totals.sent.dropped,
            left_out: totals.left_out,
        })
    }

    /// The sum of all of them.
    pub(super) fn serving_statistics(&self) -> Option<ServingStatistics> {
        let host = SocketAddr::new(self.network.origin, self.server.port()?);
        let mut totals = self.server.totals;
        let sinks = self.tracks().flat_map(|track| track.transport().unicast().iter());
        let going = self.relay.as_ref().map_or(&[][..], Relay::going);
        let sinks = sinks.filter(|sink| going.iter().all(|it| it.sink != Some(sink.id())));
        sinks.for_each(|sink| totals.add(sink));
        Some(ServingStatistics {
            url: format!("rtsp://{host}/"),
            viewers: self.served().count(),
            packets: totals.sent.packets,
            bytes: totals.sent.bytes,
            packets_dropped: totals.sent.dropped,
            left_out: totals.left_out,
        })
    }
}

/// What a viewer says of a track.
struct Received {
    cname: String,
    reception: Option<TrackReception>,
}
