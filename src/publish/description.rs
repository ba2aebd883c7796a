//! The session description (SDP, RFC 8866), made from the formats that the sources granted and the
//! addresses that the session is sent to.

use crate::settings::{Destination, Endpoint};
use std::net::IpAddr;
use streamsocket_media::{AudioFormat, VideoFormat};
use streamsocket_stream::send::audio;
use streamsocket_wire::payload_format::PayloadFormat;
use streamsocket_wire::repair;
use streamsocket_wire::rtp::Ssrc;
use streamsocket_wire::sdp::{self, Framerate, Media, Medium};

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
    pub cname: String,
    /// Source address of the packets.
    pub origin: IpAddr,
    /// Where they are sent.
    pub to: Destination,
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
    pub repair: bool,
    /// Whether the machine's wall clock is synchronised.
    pub synchronised: bool,
    /// Whether sound is sent in the form that PulseAudio and PipeWire accept.
    pub plain_sound: bool,
    /// Format and SSRC of the pictures.
    pub video: Option<(VideoFormat, Ssrc)>,
    /// Format and SSRC of the sound.
    pub audio: Option<(AudioFormat, Ssrc)>,
}

impl Description {
    /// Changes the longest packet, which may change what is said of the packets of sound.
    pub fn resize(&mut self, packet_size: usize) {
        if std::mem::replace(&mut self.packet_size, packet_size) != packet_size {
            self.changes += 1;
        }
    }

    /// The description as text.
    ///
    /// # Errors
    /// If the session has more media than a description holds, which cannot happen with one of
    /// each.
    pub fn text(&self) -> Result<String, std::fmt::Error> {
        let mut media = heapless::Vec::new();
        if let Some((format, ssrc)) = self.video {
            media.push(self.video_media(format, ssrc)).map_err(|_| std::fmt::Error)?;
        }
        if let Some((format, ssrc)) = self.audio {
            media.push(self.audio_media(format, ssrc)).map_err(|_| std::fmt::Error)?;
        }
        let multicast = self.to.is_multicast();
        let session = sdp::Session {
            name: &self.name,
            info: Some("Camera and microphone"),
            tool: Some(concat!("streamsocket ", env!("CARGO_PKG_VERSION"))),
            session_id: self.session_id,
            version: self.session_id + self.changes,
            origin: self.origin,
            group: self.to.address(),
            ttl: multicast.then_some(self.ttl),
            sources: multicast.then_some(self.origin).into_iter().collect(),
            rtcp_unicast: true,
            media,
        };
        let mut text = String::new();
        session.write(&mut text)?;
        Ok(text)
    }

    /// The description of the sound alone, if it is sent in the form that PulseAudio and PipeWire
    /// accept. PulseAudio 16.1 rejects lines that end in CR, PipeWire 0.3.65 a second medium.
    ///
    /// # Errors
    /// As [`text`](Self::text).
    pub fn sound_text(&self) -> Result<Option<String>, std::fmt::Error> {
        if !self.plain_sound || self.audio.is_none() {
            return Ok(None);
        }
        let alone = Self { video: None, ..self.clone() };
        Ok(Some(alone.text()?.replace('\r', "")))
    }

    /// Estimated bit rate of the pictures, by which receivers pace their reports.
    #[must_use]
    pub fn video_bandwidth(&self) -> Option<u64> {
        let (format, _) = self.video?;
        let pixels = u64::from(format.width) * u64::from(format.height);
        let rate = format.reckoned_rate();
        let frames = u64::from(rate.numerator);
        Some(pixels * BITS_PER_PIXEL * frames / u64::from(rate.denominator.max(1)))
    }

    fn video_media(&self, format: VideoFormat, ssrc: Ssrc) -> Media<'_> {
        let millis = format
            .rate
            .map(|rate| u64::from(rate.numerator) * 1000 / u64::from(rate.denominator.max(1)));
        let mut media = self.media(Medium::Video, self.to.video, PayloadFormat::JPEG, ssrc);
        let bits = self.video_bandwidth();
        media.bandwidth_kbit = bits.and_then(|bits| u32::try_from(bits / 1000).ok());
        media.framerate = millis.and_then(|it| u32::try_from(it).ok()).map(Framerate);
        media.size = Some((format.width, format.height));
        media.mid = Some("v");
        media
    }

    fn audio_media(&self, format: AudioFormat, ssrc: Ssrc) -> Media<'_> {
        let AudioFormat { rate: clock_rate, channels, .. } = format;
        let form = audio::Form::new(self.plain_sound, NTP64_ID);
        let l16 = PayloadFormat::l16(form.payload_type, clock_rate, channels);
        let mut media = self.media(Medium::Audio, self.to.audio, l16, ssrc);
        media.ntp64_id = form.ntp64_id;
        let frames = audio::packet_frames(clock_rate, channels, self.packet_size);
        media.ptime_ms = whole_millis(frames, clock_rate);
        media.mid = Some("a");
        media
    }

    fn media<'a>(
        &'a self,
        medium: Medium,
        to: Endpoint,
        format: PayloadFormat<'a>,
        ssrc: Ssrc,
    ) -> Media<'a> {
        let repair = sdp::Repair { payload_type: repair::PAYLOAD_TYPE, to: to.fec };
        Media {
            repair: self.repair.then_some(repair),
            ntp64_id: Some(NTP64_ID),
            ssrc: Some(ssrc),
            cname: Some(&self.cname),
            clock: Some(reference_clock(self.synchronised)),
            ..Media::of(medium, to.rtp.port(), format)
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_a_packet_is_said_if_it_is_whole() {
        assert_eq!(whole_millis(240, 48_000), Some(5));
        assert_eq!(whole_millis(220, 44_100), Some(5));
        assert_eq!(whole_millis(48, 48_000), Some(1));
        assert_eq!(whole_millis(240, 96_000), None);
        assert_eq!(whole_millis(1, 48_000), None);
    }
}
