//! The session description (SDP, RFC 8866), made from the session's tracks: the formats that the
//! sources granted and the addresses that they are sent to.

use super::track::TrackId;
use crate::settings::Endpoint;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use streamsocket_media::{AudioFormat, VideoFormat};
use streamsocket_rtsp::target::{encoded, track_url};
use streamsocket_srtp::suite::Suite;
use streamsocket_stream::send::{l16, opus};
use streamsocket_wire::opus::Parameters;
use streamsocket_wire::payload_format::PayloadFormat;
use streamsocket_wire::repair;
use streamsocket_wire::rtp::Ssrc;
use streamsocket_wire::sdp::{self, Framerate, MEDIA_MAX, Media, Medium};

#[cfg(test)]
pub(crate) mod tests;

/// Id of the ntp-64 header extension in all our streams (RFC 8285 section 4.2).
pub const NTP64_ID: u8 = 1;

/// Bits per pixel assumed for the bandwidth before the first frame: cameras' MJPEG takes 1 to 2.5.
const BITS_PER_PIXEL: u64 = 2;

/// Describes the wall clock in the words of RFC 7273 sections 4.1 and 4.8.
#[must_use]
pub const fn reference_clock(synchronised: bool) -> &'static str {
    if synchronised { "ntp=/traceable/" } else { "local" }
}

/// What is described.
#[derive(Clone, Debug)]
pub struct Description {
    /// Name of the session.
    pub name: String,
    /// Canonical name of the sender (RFC 3550 section 6.5.1).
    pub cname: Arc<str>,
    /// Source address of the packets.
    pub origin: IpAddr,
    /// Where they are sent: a group or a host.
    pub group: IpAddr,
    /// Multicast time to live.
    pub ttl: u8,
    /// Session id: the same in all descriptions of this session, and used by no other session of
    /// this machine.
    pub session_id: u64,
    /// Changes so far; the version in the description grows with each.
    pub changes: u64,
    /// Longest media packet in bytes of UDP payload.
    pub packet_size: usize,
    /// Whether repair packets are sent.
    pub fec: bool,
    /// Whether the machine's wall clock is synchronised.
    pub synchronised: bool,
    /// Whether sound is sent in the form that PulseAudio and PipeWire accept.
    pub plain_sound: bool,
    /// What protects it, if anything does.
    pub protected: Option<Suite>,
    /// Where it is asked for one by one, over RTSP: the port, unless nobody can.
    pub rtsp: Option<u16>,
    /// Of a tier: its name, and the id of the session that it is a tier of.
    pub tier: Option<(Arc<str>, u64)>,
    /// The room that it belongs to, if any.
    pub room: Option<String>,
    /// What is sent.
    pub tracks: Vec<Described>,
}

/// A track, as it is described.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    /// What it is in the session.
    pub id: TrackId,
    /// Its format.
    pub format: TrackFormat,
    /// Synchronization source.
    pub ssrc: Ssrc,
    /// Where it is sent.
    pub to: Endpoint,
    /// Its name in the session (RFC 5888).
    mid: String,
    /// Parameters of its format.
    parameters: Option<String>,
}

/// Format of a track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrackFormat {
    /// Pictures.
    Video(VideoFormat),
    /// Sound.
    Audio(AudioFormat),
    /// Sound of this format, as Opus.
    Opus {
        /// What is captured.
        sound: AudioFormat,
        /// Bits a second.
        bits: u32,
    },
}

impl Described {
    /// A track of this format.
    #[must_use]
    pub fn new(id: TrackId, format: TrackFormat, ssrc: Ssrc, to: Endpoint) -> Self {
        let medium = match id.medium {
            Medium::Video => "v",
            Medium::Audio => "a",
        };
        let mid = match id.index {
            0 => medium.to_owned(),
            index => format!("{medium}{}", index + 1),
        };
        let parameters = match format {
            TrackFormat::Video(_) | TrackFormat::Audio(_) => None,
            TrackFormat::Opus { sound, bits } => {
                let parameters = Parameters { stereo: sound.channels > 1, bitrate: Some(bits) };
                Some(parameters.to_string())
            }
        };
        Self { id, format, ssrc, to, mid, parameters }
    }

    /// Its name in the session (RFC 5888).
    #[must_use]
    pub fn mid(&self) -> &str {
        &self.mid
    }
}

/// Estimated bit rate of pictures, by which receivers pace their reports.
#[must_use]
pub fn bandwidth(format: VideoFormat) -> u64 {
    let pixels = u64::from(format.width) * u64::from(format.height);
    let rate = format.reckoned_rate();
    let frames = u64::from(rate.numerator);
    pixels * BITS_PER_PIXEL * frames / u64::from(rate.denominator.max(1))
}

impl Description {
    /// Changes the longest packet, which may change what is said of the packets of sound.
    pub fn resize(&mut self, packet_size: usize) {
        if std::mem::replace(&mut self.packet_size, packet_size) != packet_size {
            self.changes += 1;
        }
    }

    /// Changes the room that the session belongs to.
    pub fn move_to(&mut self, room: Option<&str>) {
        if self.room.as_deref() != room {
            self.room = room.map(str::to_owned);
            self.changes += 1;
        }
    }

    /// The description as text.
    ///
    /// # Errors
    /// If the session has more tracks than a description holds, which settings do not allow.
    pub fn text(&self) -> Result<String, std::fmt::Error> {
        self.text_of(self.tracks.iter(), &|_| None)
    }

    /// The description, with how often the sequence numbers of its protected tracks have rolled over by now.
    ///
    /// # Errors
    /// As [`text`](Self::text).
    pub fn text_with(
        &self,
        rollovers: &dyn Fn(&Described) -> Option<u32>,
    ) -> Result<String, std::fmt::Error> {
        self.text_of(self.tracks.iter(), rollovers)
    }

    /// The description of the sound alone, if it is sent in the form that PulseAudio and PipeWire
    /// accept. PulseAudio 16.1 rejects lines that end in CR, PipeWire 0.3.65 a second medium.
    ///
    /// # Errors
    /// As [`text`](Self::text).
    pub fn sound_text(&self) -> Result<Option<String>, std::fmt::Error> {
        let is_plain = |track: &&Described| matches!(track.format, TrackFormat::Audio(_));
        let sound = self.tracks.iter().find(is_plain);
        let plain = self.plain_sound && self.protected.is_none();
        let Some(sound) = sound.filter(|_| plain) else { return Ok(None) };
        Ok(Some(self.text_of(std::iter::once(sound), &|_| None)?.replace('\r', "")))
    }

    /// The description for who asks for it over RTSP at `base`, from an address of this family: where packets go is
    /// settled for each track. Of a protected session `keys` are what is told of the tracks' keys, in their order.
    ///
    /// # Errors
    /// As [`text`](Self::text).
    pub fn served_text(
        &self,
        base: &str,
        ipv6: bool,
        keys: &[impl AsRef<str>],
    ) -> Result<String, std::fmt::Error> {
        let anywhere = if ipv6 { IpAddr::from([0_u16; 8]) } else { IpAddr::from([0, 0, 0, 0]) };
        let controls: Vec<_> = self.tracks.iter().map(|it| track_url(base, &it.mid)).collect();
        let mut media = heapless::Vec::new();
        for (index, (track, control)) in self.tracks.iter().zip(&controls).enumerate() {
            let mut served = self.media(track);
            served.key = keys.get(index).map(AsRef::as_ref);
            (served.port, served.group, served.control) = (0, None, Some(control.as_str()));
            served.repair = served.repair.map(|it| sdp::Repair { to: (anywhere, 0).into(), ..it });
            media.push(served).map_err(|_| std::fmt::Error)?;
        }
        let session = sdp::Session {
            group: anywhere,
            ttl: None,
            sources: sdp::Sources::new(),
            rtcp_unicast: false,
            rtsp: None,
            control: Some(base),
            ..self.session(None, media)
        };
        let mut text = String::new();
        session.write(&mut text)?;
        Ok(text)
    }

    /// Where it is asked for one by one, over RTSP.
    fn rtsp_url(&self) -> Option<String> {
        let host = SocketAddr::new(self.origin, self.rtsp?);
        Some(match &self.tier {
            None => format!("rtsp://{host}/"),
            Some((tier, _)) => {
                let name = self.name.strip_suffix(&**tier).and_then(|it| it.strip_suffix(", "));
                let name = name.unwrap_or(&self.name);
                format!("rtsp://{host}/{}/{}", encoded(name), encoded(tier))
            }
        })
    }

    fn text_of<'a>(
        &'a self,
        tracks: impl Iterator<Item = &'a Described>,
        rollovers: &dyn Fn(&Described) -> Option<u32>,
    ) -> Result<String, std::fmt::Error> {
        let mut media = heapless::Vec::new();
        for track in tracks {
            let media_now = Media { rollovers: rollovers(track), ..self.media(track) };
            media.push(media_now).map_err(|_| std::fmt::Error)?;
        }
        let rtsp = self.rtsp_url();
        let mut text = String::new();
        self.session(rtsp.as_deref(), media).write(&mut text)?;
        Ok(text)
    }

    fn session<'a>(
        &'a self,
        rtsp: Option<&'a str>,
        media: heapless::Vec<Media<'a>, MEDIA_MAX>,
    ) -> sdp::Session<'a> {
        let multicast = self.group.is_multicast();
        let has = |medium| self.tracks.iter().any(|track| track.id.medium == medium);
        let info = match (&self.tier, has(Medium::Video), has(Medium::Audio)) {
            (Some(_), true, false) => "Camera",
            (Some(_), false, true) => "Microphone",
            _ => "Camera and microphone",
        };
        sdp::Session {
            name: &self.name,
            info: Some(info),
            tool: Some(concat!("streamsocket ", env!("CARGO_PKG_VERSION"))),
            session_id: self.session_id,
            version: self.session_id + self.changes,
            origin: self.origin,
            group: self.group,
            ttl: multicast.then_some(self.ttl),
            sources: multicast.then_some(self.origin).into_iter().collect(),
            rtcp_unicast: true,
            tier: self.tier.as_ref().map(|(name, of)| sdp::Tier { name, of: *of }),
            room: self.room.as_deref(),
            protected: self.protected.map(Suite::name),
            rtsp,
            control: None,
            media,
        }
    }

    fn media<'a>(&'a self, track: &'a Described) -> Media<'a> {
        let mut media = match track.format {
            TrackFormat::Video(format) => video_media(track, format),
            TrackFormat::Audio(format) => self.audio_media(track, format),
            TrackFormat::Opus { .. } => opus_media(track),
        };
        let group = track.to.rtp.ip();
        if group != self.group {
            media.group = Some(group);
        }
        let fec = sdp::Repair { payload_type: repair::PAYLOAD_TYPE, to: track.to.fec };
        media.sealed = self.protected.is_some();
        media.repair = self.fec.then_some(fec);
        media.ssrc = Some(track.ssrc);
        media.cname = Some(&self.cname);
        media.clock = Some(reference_clock(self.synchronised));
        media.mid = Some(&track.mid);
        media
    }

    fn audio_media<'a>(&self, track: &'a Described, format: AudioFormat) -> Media<'a> {
        let AudioFormat { rate: clock_rate, channels, .. } = format;
        let form = l16::Form::new(self.plain_sound, NTP64_ID);
        let l16 = PayloadFormat::l16(form.payload_type, clock_rate, channels);
        let frames = l16::packet_frames(clock_rate, channels, self.packet_size);
        Media {
            ntp64_id: form.ntp64_id,
            ptime_ms: whole_millis(frames, clock_rate),
            ..Media::of(Medium::Audio, track.to.rtp.port(), l16)
        }
    }
}

fn opus_media(track: &Described) -> Media<'_> {
    let fmtp = track.parameters.as_deref();
    let format = PayloadFormat { fmtp, ..PayloadFormat::opus(opus::PAYLOAD_TYPE) };
    Media {
        ntp64_id: Some(NTP64_ID),
        ptime_ms: u16::try_from(opus::PACKET_MS).ok(),
        ..Media::of(Medium::Audio, track.to.rtp.port(), format)
    }
}

fn video_media(track: &Described, format: VideoFormat) -> Media<'_> {
    let millis = format
        .rate
        .map(|rate| u64::from(rate.numerator) * 1000 / u64::from(rate.denominator.max(1)));
    Media {
        ntp64_id: Some(NTP64_ID),
        bandwidth_kbit: u32::try_from(bandwidth(format) / 1000).ok(),
        framerate: millis.and_then(|it| u32::try_from(it).ok()).map(Framerate),
        size: Some((format.width, format.height)),
        ..Media::of(Medium::Video, track.to.rtp.port(), PayloadFormat::JPEG)
    }
}

/// Duration of `frames` sample frames in milliseconds, if it is whole to a twentieth; other
/// durations are not described.
fn whole_millis(frames: u32, rate: u32) -> Option<u16> {
    let (thousands, rate) = (u64::from(frames) * 1000, u64::from(rate.max(1)));
    let millis = (thousands + rate / 2) / rate;
    let whole = millis > 0 && (millis * rate).abs_diff(thousands) <= rate / 20;
    u16::try_from(millis).ok().filter(|_| whole)
}
