//! What a session is made of, opened beside the loop: the group that is found for it, its sources and
//! its sockets. Each of them may take seconds, or never answer. What needs no more than memory is made
//! of it by the loop, when the streams begin, so that a session that goes on hands them its numbers and
//! its clocks as they are then.

use super::audio::OpenedAudio;
use super::beginning::Beginning;
use super::error::Error;
use super::parts::{describe, normaliser, sending};
use super::video::OpenedVideo;
use crate::capture::source::{self, Context};
use crate::capture::{AudioFormat, VideoFormat};
use crate::clock::{monotonic, unix_offset_nanos};
use crate::publish::description::{Description, NTP64_ID};
use crate::publish::network;
use crate::publish::network::Network;
use crate::publish::output::Output;
use crate::publish::repair::{AudioRepair, VideoRepair};
use crate::publish::transport::Transport;
use crate::settings::{Endpoint, Settings};
use mio::Waker;
use std::sync::Arc;
use streamsocket_net::ReceiveSocket;
use streamsocket_stream::send::audio::Form;
use streamsocket_stream::send::repair::{Encoder, Share};
use streamsocket_stream::session::feedback::BANDWIDTH_DEFAULT;
use streamsocket_wire::rtp::Ssrc;

/// What is to be opened, and what of a session that goes on stays.
pub(super) struct Order {
    pub(super) settings: Settings,
    pub(super) name: String,
    pub(super) cname: String,
    /// Wakes the loop when there is a picture or a device.
    pub(super) waker: Arc<Waker>,
    pub(super) kept: Kept,
}

/// What streams keep when their sources are opened anew.
#[derive(Clone, Copy, Default)]
pub(super) struct Kept {
    pub(super) video: Option<Ssrc>,
    pub(super) audio: Option<(AudioFormat, Ssrc)>,
    /// The session reads standard input, which nobody else may meanwhile.
    pub(super) standard_input: Option<VideoFormat>,
}

/// A session that can begin.
pub(super) struct Opened {
    pub(super) network: Network,
    pub(super) description: Description,
    pub(super) video: Option<OpenedVideo>,
    pub(super) audio: Option<OpenedAudio>,
}

/// Opens everything that the order names.
pub(super) fn open(order: &Order) -> Result<Opened, Error> {
    let Order { settings, name, cname, waker, kept } = order;
    // A group is listened to for a second: whatever can be refused was refused before.
    let network = network::find(settings, name).map_err(|error| Error(error.to_string()))?;
    let (epoch, unix_offset) = (monotonic(), unix_offset_nanos());
    let standard_input = kept.standard_input;
    let context = Context { epoch, unix_offset, waker: Arc::clone(waker), standard_input };
    let sources = source::open(settings, &context)?;
    let unix_began = monotonic().0 + unix_offset;
    let mut description = describe(settings, &network, name, cname, unix_began);
    let sound = sources.audio.as_ref().map(|(source, _)| source.format());
    let sending = sending(settings, sound);
    let mut video = None;
    if let Some((source, name)) = sources.video {
        let beginning = Beginning::new(kept.video)?;
        let endpoints: Vec<_> = network.destinations.iter().map(|to| to.video).collect();
        description.video = Some((source.format(), beginning.ssrc));
        let bandwidth = description.video_bandwidth().unwrap_or(BANDWIDTH_DEFAULT);
        let transport = transport(&network, &endpoints, beginning.ssrc, bandwidth, false)?;
        let repair = repair(&network, &endpoints, beginning.ssrc, settings.repair)?
            .map(|(share, encoder, outputs)| VideoRepair::new(share, encoder, outputs));
        let normaliser = normaliser(&name, settings, Arc::clone(waker));
        video =
            Some(OpenedVideo { source, name, beginning, normaliser, sending, transport, repair });
    }
    let mut audio = None;
    if let Some((source, name)) = sources.audio {
        // Sound of another kind is another stream.
        let same = kept.audio.filter(|(format, _)| *format == source.format());
        let beginning = Beginning::new(same.map(|(_, ssrc)| ssrc))?;
        let endpoints: Vec<_> = network.destinations.iter().map(|to| to.audio).collect();
        description.audio = Some((source.format(), beginning.ssrc));
        let transport =
            transport(&network, &endpoints, beginning.ssrc, BANDWIDTH_DEFAULT, video.is_some())?;
        let repair = repair(&network, &endpoints, beginning.ssrc, settings.repair)?
            .map(|(share, encoder, outputs)| AudioRepair::new(share, encoder, outputs));
        let form = Form::new(settings.announce_sound, NTP64_ID);
        let packet_size = sending.packet_size;
        audio = Some(OpenedAudio { source, name, beginning, form, packet_size, transport, repair });
    }
    Ok(Opened { network, description, video, audio })
}

/// What repair of the stream to these endpoints needs, if it is wanted.
fn repair(
    network: &Network,
    endpoints: &[Endpoint],
    media: Ssrc,
    share: Share,
) -> Result<Option<(Share, Encoder, Vec<Output>)>, Error> {
    if share.is_none() {
        return Ok(None);
    }
    let mut outputs = Vec::new();
    for to in endpoints {
        let output = Output::open_repair(*to, network.interface.as_ref(), network.ttl);
        outputs.push(output.map_err(|error| Error(error.to_string()))?);
    }
    let Beginning { ssrc, sequence, .. } = Beginning::new(None)?;
    Ok(Some((share, Encoder::new(ssrc, sequence, media), outputs)))
}

/// The sockets of the stream to these endpoints. If another stream goes the same way, which says what goes
/// wrong on it, this one is `quiet`.
fn transport(
    network: &Network,
    endpoints: &[Endpoint],
    ssrc: Ssrc,
    bandwidth: u64,
    quiet: bool,
) -> Result<Transport, Error> {
    let interface = network.interface.as_ref();
    let mut outputs = Vec::new();
    let mut groups = Vec::new();
    for to in endpoints {
        let output = Output::open(*to, interface, network.ttl);
        outputs.push(output.map_err(|error| Error(error.to_string()))?.quietly(quiet));
        if to.rtcp.ip().is_multicast() {
            match ReceiveSocket::open(to.rtcp, interface, None) {
                Ok(socket) => groups.push(socket),
                Err(error) => log::warn!("reports of players to the group are not heard: {error}"),
            }
        }
    }
    Ok(Transport::new(ssrc, bandwidth, outputs, groups))
}
