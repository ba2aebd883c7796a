//! Opens a session's parts beside the loop: the group, the sources and the sockets, each of which
//! may take seconds or never answer. The loop makes the streams of them when they begin, so that
//! those of a session that continues get its numbers and clocks as they are then.

use super::audio::OpenedAudio;
use super::beginning::Beginning;
use super::error::Error;
use super::parts::{describe, normaliser, sending};
use super::video::OpenedVideo;
use crate::capture::source::{self, AudioSource, Context, OpenInput, Source, VideoSource};
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
use streamsocket_media::{AudioFormat, VideoFormat};
use streamsocket_net::ReceiveSocket;
use streamsocket_stream::send::audio::Form;
use streamsocket_stream::send::repair::{Encoder, Share};
use streamsocket_stream::session::feedback::BANDWIDTH_DEFAULT;
use streamsocket_wire::rtp::Ssrc;

/// What to open, and what a session that continues keeps.
pub(super) struct Order {
    pub(super) settings: Settings,
    pub(super) name: String,
    pub(super) cname: String,
    /// Wakes the loop when a picture or a device is ready.
    pub(super) waker: Arc<Waker>,
    pub(super) kept: Kept,
}

/// What streams keep when their sources are reopened.
#[derive(Clone, Copy, Default)]
pub(super) struct Kept {
    pub(super) video: Option<Ssrc>,
    pub(super) audio: Option<(AudioFormat, Ssrc)>,
    /// Format of standard input, if the session is reading it: nobody else may meanwhile.
    pub(super) standard_input: Option<VideoFormat>,
}

/// The parts of a session, opened.
pub(super) struct Opened {
    pub(super) network: Network,
    pub(super) description: Description,
    pub(super) video: Option<OpenedVideo>,
    pub(super) audio: Option<OpenedAudio>,
}

/// Opens everything in the order.
pub(super) fn open(order: &Order) -> Result<Opened, Error> {
    let Order { settings, name, cname, waker, kept } = order;
    // Finding a group takes a second: what can be refused at once was refused before.
    let network = network::find(settings, name).map_err(|error| Error(error.to_string()))?;
    let (epoch, unix_offset) = (monotonic(), unix_offset_nanos());
    let standard_input = kept.standard_input;
    let context = Context { epoch, unix_offset, waker: Arc::clone(waker), standard_input };
    let (pictures, sound) = first_of_each(source::open(settings, &context)?);
    let unix_began = monotonic().0 + unix_offset;
    let mut description = describe(settings, &network, name, cname, unix_began);
    let sending = sending(settings, sound.as_ref().map(|(source, _)| source.format()));
    let mut video = None;
    if let Some((source, name)) = pictures {
        let beginning = Beginning::new(kept.video)?;
        let endpoints: Vec<_> = network.destinations.iter().map(|to| to.video).collect();
        description.video = Some((source.format(), beginning.ssrc));
        let bandwidth = description.video_bandwidth().unwrap_or(BANDWIDTH_DEFAULT);
        let transport = transport(&network, &endpoints, beginning.ssrc, bandwidth, false)?;
        let repair = repair(&network, &endpoints, beginning.ssrc, settings.repair)?
            .map(|(share, encoder, outputs)| VideoRepair::new(share, encoder, outputs));
        let chosen = settings.videos().next();
        video = chosen.map(|chosen| {
            let normaliser = normaliser(&name, chosen, Arc::clone(waker));
            OpenedVideo { source, name, beginning, normaliser, sending, transport, repair }
        });
    }
    let mut audio = None;
    if let Some((source, name)) = sound {
        // Sound in another format is another stream.
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

type Named<T> = Option<(T, String)>;

/// The first source of pictures and the first of sound.
fn first_of_each(opened: Vec<OpenInput>) -> (Named<VideoSource>, Named<AudioSource>) {
    let (mut pictures, mut sound) = (None, None);
    for OpenInput { name, source, .. } in opened {
        match source {
            Source::Video(source) if pictures.is_none() => pictures = Some((source, name)),
            Source::Audio(source) if sound.is_none() => sound = Some((source, name)),
            _ => {}
        }
    }
    (pictures, sound)
}

/// What the repair of a stream to these endpoints needs, if it is wanted.
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

/// The sockets of a stream to these endpoints. A `quiet` one leaves it to another stream to log
/// errors.
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
