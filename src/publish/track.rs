//! A track: one source of RTP packets (SSRC), from pictures or samples to every sink, with its
//! RTCP. A session is a list of them.

use super::beginning::Beginning;
use super::fec::{PictureFec, SoundFec};
use super::pictures::{PictureCounts, Pictures, Sending};
use super::sink::Sink;
use super::sound::{Chunk, SoundPackets, SoundSending};
use super::transport::{Instant, Transport};
use crate::codec::Picture;
use std::sync::Arc;
use streamsocket_media::clock::{Monotonic, WallClock};
use streamsocket_net::Interface;
use streamsocket_stream::send::clock::VIDEO_RATE;
use streamsocket_stream::send::repair::{Encoder, Share};
use streamsocket_stream::send::video;
use streamsocket_wire::rtp::Ssrc;
use streamsocket_wire::sdp::Medium;

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
    packets: Packets,
    transport: Transport,
}

/// What differs between the media: pictures wait for the pacer, sound leaves as it comes.
enum Packets {
    Pictures(Box<Pictures>),
    Sound { sound: Box<SoundPackets>, rate: u32 },
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
    /// Its FEC, if there is one.
    pub fec: Option<(Share, Encoder)>,
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
        let Self { id, beginning, sending, transport, fec } = self;
        let beginning = kept.filter(|it| it.ssrc == beginning.ssrc).unwrap_or(beginning);
        let packets = match sending {
            Outgoing::Pictures { sending, interval } => {
                let fec = fec.map(|(share, encoder)| PictureFec::new(share, encoder));
                let pictures = Pictures::new(beginning, sending, fec, interval, now);
                Packets::Pictures(Box::new(pictures))
            }
            Outgoing::Sound(sending) => {
                let fec = fec.map(|(share, encoder)| SoundFec::new(share, encoder));
                let sound = Box::new(SoundPackets::new(beginning, sending, fec));
                Packets::Sound { sound, rate: sending.format.rate }
            }
        };
        Track { id, packets, transport }
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
        match &self.packets {
            Packets::Pictures(pictures) => pictures.ssrc(),
            Packets::Sound { sound, .. } => sound.ssrc(),
        }
    }

    /// RTP ticks a second.
    #[must_use]
    pub const fn clock_rate(&self) -> u32 {
        match &self.packets {
            Packets::Pictures(_) => VIDEO_RATE,
            Packets::Sound { rate, .. } => *rate,
        }
    }

    /// The numbers that a track continues with that takes its place.
    #[must_use]
    pub fn kept(&self, now: Monotonic) -> Beginning {
        let ssrc = self.ssrc();
        match &self.packets {
            Packets::Pictures(it) => Beginning { ssrc, sequence: it.sequence(), time: it.rtp(now) },
            Packets::Sound { sound: it, .. } => {
                Beginning { ssrc, sequence: it.sequence(), time: it.rtp(now) }
            }
        }
    }

    /// `now` on the track's clock and on the wall clock.
    #[must_use]
    pub fn instant(&self, now: Monotonic, wall: &WallClock) -> Instant {
        let time = match &self.packets {
            Packets::Pictures(pictures) => pictures.rtp(now),
            Packets::Sound { sound, .. } => sound.rtp(now),
        };
        (time, wall.ntp(now))
    }

    /// Sends RTCP BYE: nothing follows.
    pub fn bye(&mut self, now: Monotonic, wall: &WallClock, cname: &str) {
        let instant = self.instant(now, wall);
        self.transport.bye(instant, cname);
    }

    /// When to [send](Self::send_due) again.
    #[must_use]
    pub fn deadline(&self) -> Option<Monotonic> {
        match &self.packets {
            Packets::Pictures(pictures) => pictures.deadline(),
            Packets::Sound { .. } => None,
        }
    }

    /// Changes the way of sending from the next picture or packet on. Sound changes its longest
    /// packet only.
    pub fn adjust(&mut self, outgoing: Outgoing, now: Monotonic) {
        match (&mut self.packets, outgoing) {
            (Packets::Pictures(pictures), Outgoing::Pictures { sending, interval }) => {
                pictures.finish(now, &mut self.transport);
                pictures.adjust(sending, interval);
            }
            (Packets::Sound { sound, .. }, Outgoing::Sound(sending)) => {
                sound.resize(sending.packet_size);
            }
            (Packets::Pictures(_), Outgoing::Sound(_))
            | (Packets::Sound { .. }, Outgoing::Pictures { .. }) => {}
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
        match &mut self.packets {
            Packets::Pictures(pictures) => pictures.admits(now),
            Packets::Sound { .. } => true,
        }
    }

    /// Begins to send a picture; the rest of the one before is sent at once.
    ///
    /// # Errors
    /// The picture is longer than its payload format has room for.
    pub fn send_picture(
        &mut self,
        picture: Picture,
        now: Monotonic,
        wall: &WallClock,
    ) -> Result<(), video::Error> {
        match &mut self.packets {
            Packets::Pictures(it) => it.begin(picture, now, wall, &mut self.transport),
            Packets::Sound { .. } => Ok(()),
        }
    }

    /// Sends samples.
    pub fn send_samples(&mut self, chunk: Chunk<'_>, now: Monotonic, wall: &WallClock) {
        if let Packets::Sound { sound, .. } = &mut self.packets {
            sound.push(chunk, now, wall, &mut self.transport);
        }
    }

    /// The next samples need not follow those before.
    pub fn mark_discontinuity(&mut self) {
        if let Packets::Sound { sound, .. } = &mut self.packets {
            sound.mark_discontinuity();
        }
    }

    /// Sends what is due.
    pub fn send_due(&mut self, now: Monotonic) {
        if let Packets::Pictures(pictures) = &mut self.packets {
            pictures.send_due(now, &mut self.transport);
        }
    }

    /// Sends all that is left at once: nothing follows.
    pub fn finish(&mut self, now: Monotonic, wall: &WallClock) {
        match &mut self.packets {
            Packets::Pictures(pictures) => pictures.finish(now, &mut self.transport),
            Packets::Sound { sound, .. } => sound.flush(now, wall, &mut self.transport),
        }
    }

    /// What has become of its pictures; of sound: of its packets.
    #[must_use]
    pub fn counts(&self) -> PictureCounts {
        match &self.packets {
            Packets::Pictures(pictures) => pictures.counts(),
            Packets::Sound { sound, .. } => {
                PictureCounts { packets: sound.packets(), ..PictureCounts::default() }
            }
        }
    }

    /// By how much the card is faster than it says, in parts per million, once that is known.
    #[must_use]
    pub fn ppm(&self) -> Option<i32> {
        match &self.packets {
            Packets::Pictures(_) => None,
            Packets::Sound { sound, .. } => sound.ppm(),
        }
    }
}
