//! Opens a daemon's parts beside the loop: the groups, the sources and the sockets, each of which
//! may take seconds or never answer. The loop turns them into inputs when they begin, so that those
//! of a session that continues get its numbers and clocks as they are then.

use super::audio::OpenedAudio;
use super::branch::{OpenedBranch, Patience};
use super::encoded::OpenedEncoded;
use super::error::Error;
use super::input::OpenedInput;
use super::kept::KeptTracks;
use super::parts::{self, describe, describe_tier};
use super::selection::Selection;
use super::video::OpenedVideo;
use crate::clock::{monotonic, unix_offset_nanos};
use crate::codec::SoundEncoder;
use crate::publish::beginning::{Beginning, Sealed};
use crate::publish::description::{Described, Description, TrackFormat, bandwidth};
use crate::publish::network::{self, Network};
use crate::publish::sink::{self, Sink, Sinks};
use crate::publish::track::{OpenedTrack, Outgoing, TrackId};
use crate::publish::transport::Transport;
use crate::settings::{
    Endpoint, InputSettings, Settings, Tier, TierPictures, TierSound, VideoSettings,
};
use crate::source::{self, AudioSource, Context, OpenInput, Source, VideoSource};
use mio::Waker;
use std::sync::Arc;
use streamsocket_convert::opus;
use streamsocket_media::{AudioFormat, VideoFormat};
use streamsocket_stream::send::opus::room;
use streamsocket_stream::send::repair::{Encoder, Share};
use streamsocket_stream::session::feedback::BANDWIDTH_DEFAULT;
use streamsocket_wire::rtp::Ssrc;
use streamsocket_wire::sdp::Medium;

#[cfg(test)]
mod tests;

/// What to open, and what a session that continues keeps.
pub(super) struct Order {
    pub(super) settings: Settings,
    pub(super) name: String,
    pub(super) cname: Arc<str>,
    /// Wakes the loop when a picture or a device is ready.
    pub(super) waker: Arc<Waker>,
    pub(super) kept: KeptTracks,
    /// Format of standard input, if the session is reading it: nobody else may meanwhile.
    pub(super) standard_input: Option<VideoFormat>,
    /// The session's network, if its groups are kept.
    pub(super) network: Option<Network>,
}

/// The parts of a daemon, opened.
pub(super) struct Opened {
    pub(super) network: Network,
    /// Of the session, then of its tiers.
    pub(super) descriptions: Vec<Description>,
    pub(super) inputs: Vec<OpenedInput>,
}

/// Opens everything in the order.
pub(super) fn open(order: &Order) -> Result<Opened, Error> {
    let Order { settings, name, cname, waker, standard_input, .. } = order;
    // Finding a group takes a second: what can be refused at once was refused before.
    let network = network::find(settings, name, order.network.as_ref())
        .map_err(|error| Error(error.to_string()))?;
    let (epoch, unix_offset) = (monotonic(), unix_offset_nanos());
    let standard_input = *standard_input;
    let context = Context { epoch, unix_offset, waker: Arc::clone(waker), standard_input };
    let sources = source::open(settings, &context)?;
    let unix_began = monotonic().0 + unix_offset;
    let whole = describe(settings, &network, name, cname, unix_began);
    let tiers = settings.tiers.iter().zip(1..);
    let tiers = tiers.map(|(tier, nth)| describe_tier(&whole, &network, &tier.name, nth));
    let descriptions = std::iter::once(whole.clone()).chain(tiers).collect();
    let formats = sources.iter().filter_map(|opened| match &opened.source {
        Source::Audio(source) => Some(source.format()),
        Source::Video(_) => None,
    });
    let sounds: Vec<_> = formats.collect();
    if let (Some((tier, _)), true) = (settings.tiers_of_sound().next(), sounds.is_empty()) {
        return Err(Error(format!(
            "--tier {tier}: there is no sound for it: no microphone was found ('streamsocket devices' lists what there is)"
        )));
    }
    let mut opening = TrackOpener { order, network: &network, descriptions, sounds };
    let inputs = sources.into_iter().map(|source| opening.input(source));
    let inputs = inputs.collect::<Result<_, _>>()?;
    let descriptions = opening.descriptions;
    Ok(Opened { network, descriptions, inputs })
}

/// Opens tracks, and describes them.
struct TrackOpener<'a> {
    order: &'a Order,
    network: &'a Network,
    descriptions: Vec<Description>,
    /// Formats of all sounds.
    sounds: Vec<AudioFormat>,
}

impl TrackOpener<'_> {
    fn input(&mut self, opened: OpenInput) -> Result<OpenedInput, Error> {
        let OpenInput { index, name, source } = opened;
        let order = self.order;
        match (source, order.settings.inputs.get(index)) {
            (Source::Video(source), Some(InputSettings::Video(video))) => {
                Ok(OpenedInput::Video(self.video(index, source, name, video)?))
            }
            (Source::Audio(source), _) => Ok(OpenedInput::Audio(self.audio(source, name)?)),
            (Source::Video(_), _) => Err(Error("pictures of no input: a bug".into())),
        }
    }

    fn video(
        &mut self,
        index: usize,
        source: VideoSource,
        name: String,
        video: &VideoSettings,
    ) -> Result<OpenedVideo, Error> {
        let settings = &self.order.settings;
        let nth = self.described(Medium::Video);
        let tiers = settings.tiers_of(video);
        let mut branches = Vec::new();
        for tier in std::iter::once(None).chain(tiers.iter().copied().map(Some)) {
            let pictures = tier.map(|tier| tier.1);
            let format = pictures.map_or(source.format(), |it| tier_format(source.format(), it));
            let whole =
                settings.tiers.iter().find(|it| Some(it.name.as_str()) == tier.map(|it| it.0));
            let beside = parts::beside(settings, self.sounds.get(nth).copied(), whole);
            let sending = parts::sending(settings, video, beside);
            let interval = format.reckoned_rate().frame_nanos(1);
            let id =
                TrackId { medium: Medium::Video, index: nth, tier: tier.map(|tier| tier.0.into()) };
            let outgoing = Outgoing::Pictures { sending, interval };
            let track = self.track(id, TrackFormat::Video(format), outgoing)?;
            let waker = Arc::clone(&self.order.waker);
            let normaliser = parts::normaliser(&name, video, tier, waker);
            let selection = pictures.and_then(|pictures| pictures.fps);
            let selection = selection.and_then(|fps| Selection::new(fps, source.format().rate));
            let patience = match tier {
                None => Patience::Newest,
                Some(_) if tiers.len() == 1 => Patience::One,
                Some(_) => Patience::None,
            };
            let name = parts::branch_name(&name, tier.map(|tier| tier.0));
            let on_demand = tier.is_some_and(|tier| tier.1.on_demand);
            branches.push(OpenedBranch {
                name,
                selection,
                normaliser,
                patience,
                on_demand,
                format,
                track,
            });
        }
        Ok(OpenedVideo { index, source, name, branches })
    }

    fn audio(&mut self, source: AudioSource, name: String) -> Result<OpenedAudio, Error> {
        let (nth, format) = (self.described(Medium::Audio), source.format());
        let id = TrackId { medium: Medium::Audio, index: nth, tier: None };
        let settings = &self.order.settings;
        let sending = parts::sound_sending(settings, format);
        let track = self.track(id, TrackFormat::Audio(format), Outgoing::Sound(sending))?;
        // All tiers are of the first one.
        let tiers = settings.tiers_of_sound().filter(|_| nth == 0);
        let encoded = tiers.map(|(tier, sound)| self.encoded(tier, sound, format));
        let encoded = encoded.collect::<Result<_, _>>()?;
        Ok(OpenedAudio { source, name, tracks: vec![track], encoded })
    }

    /// The sound of a tier.
    fn encoded(
        &mut self,
        tier: &str,
        sound: TierSound,
        format: AudioFormat,
    ) -> Result<OpenedEncoded, Error> {
        let AudioFormat { rate, channels } = format;
        if let Some(unfit) = Tier::unfit(tier, rate) {
            return Err(Error(unfit));
        }
        let failed = |error: &dyn std::fmt::Display| Error(format!("--tier {tier}: {error}"));
        let bits = sound.bits(channels);
        let order = opus::Order { rate, channels, bits };
        let encoder = opus::Encoder::new(order).map_err(|error| failed(&error))?;
        let sending = parts::opus_sending(format, encoder.lookahead());
        let room = room(parts::packet_size(&self.order.settings));
        let waker = Arc::clone(&self.order.waker);
        let encoder = SoundEncoder::start(encoder, room, waker).map_err(|error| failed(&error))?;
        let id = TrackId { medium: Medium::Audio, index: 0, tier: Some(tier.into()) };
        let track =
            self.track(id, TrackFormat::Opus { sound: format, bits }, Outgoing::Opus(sending))?;
        Ok(OpenedEncoded { encoder, bits, track })
    }

    /// Tracks of the session so far that are of this medium.
    fn described(&self, medium: Medium) -> usize {
        let tracks = self.descriptions.first().map_or(&[][..], |whole| &whole.tracks);
        tracks.iter().filter(|track| track.id.medium == medium).count()
    }

    fn track(
        &mut self,
        id: TrackId,
        format: TrackFormat,
        sending: Outgoing,
    ) -> Result<OpenedTrack, Error> {
        let sound = match format {
            TrackFormat::Video(_) => None,
            TrackFormat::Audio(sound) | TrackFormat::Opus { sound, .. } => Some(sound),
        };
        let protection = self.order.settings.protection.clone();
        // Indices of SRTP go on with an SSRC only while it is sealed.
        let kept = self.order.kept.ssrc(&id, sound, protection.is_some());
        let mut beginning = Beginning::new(kept).map_err(Error)?;
        let numbers = self.order.kept.of(&id).filter(|it| Some(it.ssrc) == kept);
        beginning.sealed = numbers.and_then(|it| it.sealed).map(Sealed::beyond);
        let place = self.network.place(id.tier.as_deref(), id.medium, id.index).iter();
        let endpoints = place.map(|to| match id.medium {
            Medium::Video => to.video,
            Medium::Audio => to.audio,
        });
        let endpoints: Vec<Endpoint> = endpoints.collect();
        let of = |it: &&mut Description| it.tier.as_ref().map(|it| &it.0) == id.tier.as_ref();
        let mut quiet = false;
        if let Some(description) = self.descriptions.iter_mut().find(of) {
            quiet = is_heard_of(description, &id);
            // Without a destination of its own it goes to who asks for it, and to a relay.
            let to = endpoints.first().copied().unwrap_or(Endpoint::nowhere());
            description.tracks.push(Described::new(id.clone(), format, beginning.ssrc, to));
        }
        let share = self.order.settings.repair;
        let sinks = self.sinks(&endpoints, quiet)?;
        let bits = match format {
            TrackFormat::Video(format) => bandwidth(format),
            TrackFormat::Audio(_) | TrackFormat::Opus { .. } => BANDWIDTH_DEFAULT,
        };
        let transport = Transport::new(beginning.ssrc, bits, sinks);
        let fec = fec(share, beginning.ssrc)?;
        Ok(OpenedTrack { id, beginning, sending, transport, fec, protection })
    }

    /// Sinks at these endpoints. `quiet` ones leave it to those of another track to log errors.
    fn sinks(&self, endpoints: &[Endpoint], quiet: bool) -> Result<Sinks, Error> {
        let opening = sink::SinkOptions {
            interface: self.network.interface.as_ref(),
            ttl: self.network.ttl,
            fec: !self.order.settings.repair.is_none(),
            quiet,
        };
        let mut sinks = Sinks::default();
        for to in endpoints {
            let sink = Sink::udp(*to, opening).map_err(|error| Error(error.to_string()))?;
            sinks.attach(sink).map_err(|error| Error(error.to_string()))?;
        }
        Ok(sinks)
    }
}

/// Whether errors of this track are those of another one that is described already, which goes to
/// the same place and logs them.
fn is_heard_of(description: &Description, id: &TrackId) -> bool {
    description.tracks.iter().any(|other| other.id.index == id.index)
}

/// What the repair packets of a track take, if they are wanted.
fn fec(share: Share, media: Ssrc) -> Result<Option<(Share, Encoder)>, Error> {
    if share.is_none() {
        return Ok(None);
    }
    let Beginning { ssrc, sequence, .. } = Beginning::new(None).map_err(Error)?;
    Ok(Some((share, Encoder::new(ssrc, sequence, media))))
}

/// Format of a tier's pictures.
fn tier_format(source: VideoFormat, tier: TierPictures) -> VideoFormat {
    let [width, height] = [source.width, source.height].map(|side| tier.scale.side(side));
    let slower = tier.fps.filter(|fps| {
        let given = source.reckoned_rate();
        fps.frame_nanos(1) > given.frame_nanos(1)
    });
    VideoFormat { width, height, rate: slower.or(source.rate) }
}
