//! A track: one source of RTP packets (SSRC), from pictures or samples to every sink, with its
//! RTCP. A session is a list of them.

use super::beginning::{Beginning, Sealed};
use super::fec::{PictureFec, SoundFec};
use super::pictures::{PictureCounts, Pictures, Sending};
use super::seal::{ReportSeal, SealedPicture, packet_sealer};
use super::sink::Sink;
use super::sound::{Chunk, OpusSending, SoundPackets, SoundSending};
use super::transport::{Instant, Transport};
use crate::codec::ReadyPicture;
use std::sync::Arc;
use streamsocket_media::AudioFormat;
use streamsocket_media::clock::{Monotonic, WallClock};
use streamsocket_net::Interface;
use streamsocket_srtp::protection::Protection;
use streamsocket_stream::send::frame_packets::FramePackets;
use streamsocket_stream::send::jpeg::JpegPayloader;
use streamsocket_stream::send::l16::{AudioPacket, Form, L16Payloader, L16Stream};
use streamsocket_stream::send::opus::{FrameTime, OpusPayloader, OpusStream, REPAIR_PACKETS};
use streamsocket_stream::send::payloader::{self, Out, Payload, Payloader};
use streamsocket_stream::send::repair::{AUDIO_PACKETS, Encoder, Share};
use streamsocket_stream::send::rtp_clock::VideoClock;
use streamsocket_wire::rtp::{RtpTime, Sequence, Ssrc};
use streamsocket_wire::sdp::Medium;

#[cfg(test)]
mod tests;

/// What a track is in its session, whatever its SSRC: by this a reload knows it again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrackId {
    /// Pictures or sound.
    pub medium: Medium,
    /// Its number among those of its medium, from 0.
    pub index: usize,
    /// Its tier, unless it is sent as it comes.
    pub tier: Option<Arc<str>>,
}

/// A track.
pub struct Track {
    id: TrackId,
    payloader: Payloader,
    way: Way,
    transport: Transport,
}

/// What differs between the media: pictures wait for the pacer, sound leaves as it comes.
enum Way {
    Pictures(Box<Pictures>),
    Sound(Box<SoundPackets>),
}

/// What a track is made of, opened.
pub struct OpenedTrack {
    /// What it is.
    pub id: TrackId,
    /// The numbers that it begins with.
    pub beginning: Beginning,
    /// How it is sent.
    pub sending: Outgoing,
    /// Its sinks and RTCP.
    pub transport: Transport,
    /// What makes its repair packets, if there are any.
    pub fec: Option<(Share, Encoder)>,
    /// What protects it, if anything does.
    pub protection: Option<Protection>,
}

/// How a track is sent.
#[derive(Clone, Copy, Debug)]
pub enum Outgoing {
    /// Pictures that come about every `interval` nanoseconds.
    Pictures {
        /// How.
        sending: Sending,
        /// Nanoseconds from one to the next.
        interval: i64,
    },
    /// Sound.
    Sound(SoundSending),
    /// Sound that is encoded.
    Opus(OpusSending),
}

impl OpenedTrack {
    /// Whether to its viewers it is this track, going on.
    #[must_use]
    pub fn continues(&self, track: &Track) -> bool {
        let places = self.transport.sinks().iter().map(Sink::destination);
        self.id == track.id
            && self.beginning.ssrc == track.ssrc()
            && places.eq(track.transport.sinks().iter().map(Sink::destination))
    }

    /// The track, which begins at `now`. It continues with the numbers in `kept` if they are of its
    /// SSRC.
    #[must_use]
    pub fn begin(self, kept: Option<Beginning>, now: Monotonic) -> Track {
        let Self { id, beginning, sending, mut transport, fec, protection } = self;
        let beginning = kept.filter(|it| it.ssrc == beginning.ssrc).unwrap_or(beginning);
        let before = beginning.sealed.unwrap_or_default();
        let seal = protection.as_ref().and_then(|it| packet_sealer(it, before));
        transport.protect(protection.and_then(|it| ReportSeal::new(&it, before)));
        let payloader = make_payloader(beginning, sending, now);
        let way = match sending {
            Outgoing::Pictures { sending, interval } => {
                let fec = fec.map(|(share, encoder)| PictureFec::new(share, encoder));
                let seal = seal.map(SealedPicture::new);
                Way::Pictures(Box::new(Pictures::new(sending, seal, fec, interval)))
            }
            Outgoing::Sound(_) | Outgoing::Opus(_) => {
                let packets = match sending {
                    Outgoing::Opus(_) => REPAIR_PACKETS,
                    _ => AUDIO_PACKETS,
                };
                let fec = fec.map(|(share, encoder)| SoundFec::new(share, encoder, packets));
                Way::Sound(Box::new(SoundPackets::new(seal, fec)))
            }
        };
        Track { id, payloader, way, transport }
    }
}

/// What makes the packets of a track that begins at `now`.
fn make_payloader(beginning: Beginning, sending: Outgoing, now: Monotonic) -> Payloader {
    let Beginning { ssrc, sequence, time, .. } = beginning;
    match sending {
        Outgoing::Pictures { sending: Sending { packet_size, ntp64_id, .. }, .. } => {
            let payloader = JpegPayloader::new(ssrc, sequence, packet_size, ntp64_id);
            Payloader::Jpeg { payloader, clock: VideoClock::new(now, time) }
        }
        Outgoing::Sound(SoundSending { format, form, packet_size }) => {
            let Form { payload_type, ntp64_id } = form;
            let AudioFormat { rate, channels } = format;
            let stream = L16Stream { ssrc, rate, channels, ntp64_id };
            let payloader = L16Payloader::new(stream, sequence, time);
            let mut payloader = Payloader::L16(payloader.with_payload_type(payload_type));
            payloader.resize(packet_size);
            payloader
        }
        Outgoing::Opus(OpusSending { format, lookahead, ntp64_id }) => {
            let AudioFormat { rate, channels } = format;
            let stream = OpusStream { ssrc, rate, channels, lookahead, ntp64_id };
            Payloader::Opus(OpusPayloader::new(stream, sequence, time))
        }
    }
}

impl Track {
    /// What it is in its session.
    #[must_use]
    pub const fn id(&self) -> &TrackId {
        &self.id
    }

    /// Its sinks and RTCP.
    #[must_use]
    pub const fn transport(&self) -> &Transport {
        &self.transport
    }

    /// The same, to be acted on.
    pub const fn transport_mut(&mut self) -> &mut Transport {
        &mut self.transport
    }

    /// Synchronization source.
    #[must_use]
    pub const fn ssrc(&self) -> Ssrc {
        self.payloader.ssrc()
    }

    /// RTP ticks a second.
    #[must_use]
    pub const fn clock_rate(&self) -> u32 {
        self.payloader.format().clock_rate
    }

    /// The numbers that a track continues with that takes its place.
    #[must_use]
    pub fn kept(&self, now: Monotonic) -> Beginning {
        let (ssrc, sequence) = (self.payloader.ssrc(), self.payloader.sequence());
        Beginning { ssrc, sequence, time: self.payloader.rtp_time(now), sealed: self.sealed() }
    }

    /// How often the sequence number of the next packet has rolled over; `None` if nothing is sealed.
    #[must_use]
    pub fn rollovers(&self) -> Option<u32> {
        let next = self.payloader.sequence();
        match &self.way {
            Way::Pictures(pictures) => pictures.rollovers_at(next),
            Way::Sound(sound) => sound.rollovers_at(next),
        }
    }

    fn sealed(&self) -> Option<Sealed> {
        let reports = self.transport.reports_sealed();
        self.rollovers().map(|rollovers| Sealed { rollovers, reports })
    }

    /// Seals with another key from the next picture or packet of sound on. Numbers go on, so that nothing is lost to
    /// viewers who have both keys.
    pub fn protect(&mut self, protection: &Protection, now: Monotonic) {
        match &mut self.way {
            Way::Pictures(pictures) => pictures.finish(now, &mut self.transport),
            Way::Sound(sound) => sound.send(&mut self.transport),
        }
        // What is left has been sealed by now.
        let Some(before) = self.sealed() else { return };
        let Some(sealer) = packet_sealer(protection, before) else { return };
        match &mut self.way {
            Way::Pictures(pictures) => pictures.exchange(sealer),
            Way::Sound(sound) => sound.exchange(sealer),
        }
        self.transport.seal_with(protection);
    }

    /// Serves whom a track serves one by one that this one goes on as, and knows who receives it.
    pub fn take_over(&mut self, before: &mut Self) {
        if self.id == before.id && self.ssrc() == before.ssrc() {
            self.transport.take_over(&mut before.transport);
        }
    }

    /// Where a viewer begins who joins now: the sequence number of the first packet of the picture that is being sent,
    /// or of the next one, or of the next packet of sound, and the RTP time of `at`.
    #[must_use]
    pub fn begins(&self, at: Monotonic) -> (Sequence, RtpTime) {
        let leaving = match &self.way {
            Way::Pictures(pictures) => pictures.leaving(),
            Way::Sound(_) => None,
        };
        let sequence = leaving.unwrap_or_else(|| self.payloader.sequence());
        (sequence, self.payloader.rtp_time(at))
    }

    /// `now` on the track's clock and on the wall clock.
    #[must_use]
    pub fn instant(&self, now: Monotonic, wall: &WallClock) -> Instant {
        (self.payloader.rtp_time(now), wall.ntp(now))
    }

    /// Sends RTCP BYE: nothing follows.
    pub fn bye(&mut self, now: Monotonic, wall: &WallClock, cname: &str) {
        let instant = self.instant(now, wall);
        self.transport.bye(instant, cname);
    }

    /// When to [send](Self::send_due) again.
    #[must_use]
    pub fn deadline(&self) -> Option<Monotonic> {
        match &self.way {
            Way::Pictures(pictures) => pictures.deadline(),
            Way::Sound(_) => None,
        }
    }

    /// Changes the way of sending from the next picture or packet on. Sound changes its longest
    /// packet only.
    pub fn adjust(&mut self, outgoing: Outgoing, now: Monotonic) {
        match (&mut self.way, outgoing) {
            (Way::Pictures(pictures), Outgoing::Pictures { sending, interval }) => {
                pictures.finish(now, &mut self.transport);
                pictures.adjust(sending, interval);
                self.payloader.resize(sending.packet_size);
            }
            (Way::Sound(_), Outgoing::Sound(sending)) => self.payloader.resize(sending.packet_size),
            // Who encodes sound makes its packets shorter.
            (Way::Pictures(_), Outgoing::Sound(_))
            | (Way::Sound(_), Outgoing::Pictures { .. })
            | (_, Outgoing::Opus(_)) => {}
        }
    }

    /// Sends from another interface or address from now on.
    ///
    /// # Errors
    /// One line, of the last sink that goes on as before.
    pub fn reopen(&mut self, interface: &Interface, ttl: u8) -> Result<(), String> {
        self.transport.reopen(interface, ttl)
    }

    /// Whether a picture may be sent, by the limit; one that may not is counted.
    pub fn admits(&mut self, now: Monotonic) -> bool {
        match &mut self.way {
            Way::Pictures(pictures) => pictures.admits(now),
            Way::Sound(_) => true,
        }
    }

    /// Begins to send a picture; the rest of the one before is sent at once.
    ///
    /// # Errors
    /// The picture is longer than its payload format has room for.
    pub fn send_picture(
        &mut self,
        picture: ReadyPicture,
        now: Monotonic,
        wall: &WallClock,
    ) -> Result<(), payloader::Error> {
        let Self { payloader, way: Way::Pictures(pictures), transport, .. } = self else {
            return Err(payloader::Error::OtherFormat);
        };
        pictures.send_rest(now, transport);
        pictures.begin(picture, payloader, wall, transport, now)?;
        pictures.send_due(now, transport);
        Ok(())
    }

    /// Sends samples.
    pub fn send_samples(&mut self, chunk: Chunk<'_>, now: Monotonic, wall: &WallClock) {
        let Self { payloader, way: Way::Sound(sound), transport, .. } = self else { return };
        let each = &mut |packet: AudioPacket<'_>| sound.push(packet, now, transport);
        let mut out = Out { frame: &mut FramePackets::default(), each };
        // A payloader of sound takes samples whatever they are.
        let _ = payloader.push(Payload::L16(chunk.samples), chunk.capture, wall, &mut out);
        sound.send(transport);
    }

    /// Takes samples that are to be encoded, and hands on each frame that gets full, with its time.
    pub fn gather(&mut self, chunk: Chunk<'_>, each: impl FnMut(&[i16], FrameTime)) {
        if let Payloader::Opus(payloader) = &mut self.payloader {
            payloader.gather(chunk.samples, chunk.capture, each);
        }
    }

    /// Hands on what is left of them: nothing follows.
    pub fn gather_rest(&mut self, each: impl FnMut(&[i16], FrameTime)) {
        if let Payloader::Opus(payloader) = &mut self.payloader {
            payloader.flush(each);
        }
    }

    /// Sends what a frame was encoded to.
    pub fn send_encoded(&mut self, packet: &[u8], at: FrameTime, now: Monotonic, wall: &WallClock) {
        let Self { payloader, way: Way::Sound(sound), transport, .. } = self else { return };
        let each = &mut |packet: AudioPacket<'_>| sound.push(packet, now, transport);
        let mut out = Out { frame: &mut FramePackets::default(), each };
        // A payloader of Opus takes packets whatever they are.
        let _ = payloader.push(Payload::Opus(packet, at), at.capture, wall, &mut out);
        sound.send(transport);
    }

    /// The next samples need not follow those before.
    pub const fn mark_discontinuity(&mut self) {
        self.payloader.mark_discontinuity();
    }

    /// Sends what is due.
    pub fn send_due(&mut self, now: Monotonic) {
        if let Way::Pictures(pictures) = &mut self.way {
            pictures.send_due(now, &mut self.transport);
        }
    }

    /// Sends all that is left at once: nothing follows.
    pub fn finish(&mut self, now: Monotonic, wall: &WallClock) {
        let Self { payloader, way, transport, .. } = self;
        match way {
            Way::Pictures(pictures) => pictures.finish(now, transport),
            Way::Sound(sound) => {
                let each = &mut |packet: AudioPacket<'_>| sound.push(packet, now, transport);
                payloader.flush(wall, &mut Out { frame: &mut FramePackets::default(), each });
                sound.send(transport);
            }
        }
    }

    /// What has become of its pictures; of sound: of its packets.
    #[must_use]
    pub fn counts(&self) -> PictureCounts {
        match &self.way {
            Way::Pictures(pictures) => pictures.counts(),
            Way::Sound(sound) => {
                PictureCounts { packets: sound.packets(), ..PictureCounts::default() }
            }
        }
    }

    /// By how much the card is faster than it says, in parts per million, once that is known.
    #[must_use]
    pub fn ppm(&self) -> Option<i32> {
        self.payloader.ppm()
    }
}
