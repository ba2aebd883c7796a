//! A track of a camera's session: what it carries, and its packets with their times.

use streamsocket_media::AudioFormat;
use streamsocket_media::clock::Monotonic;
use streamsocket_stream::receive::arrival::ArrivalClock;
use streamsocket_stream::receive::source::{Admission, Source};
use streamsocket_stream::receive::source_packet::SourcePacket;
use streamsocket_wire::payload_format::PayloadFormat;
use streamsocket_wire::rtp;
use streamsocket_wire::sdp::{Media, Medium};

/// What a track carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// JPEGs, and their size, if it is described.
    Jpeg(Option<(u16, u16)>),
    /// Samples of 16 bits.
    L16(AudioFormat),
    /// Samples of 8 bits by the one law or the other (ITU-T G.711).
    Pcmu(AudioFormat),
    Pcma(AudioFormat),
}

impl Content {
    /// Format of sound.
    pub(super) const fn sound(self) -> Option<AudioFormat> {
        match self {
            Self::Jpeg(_) => None,
            Self::L16(format) | Self::Pcmu(format) | Self::Pcma(format) => Some(format),
        }
    }
}

/// A track.
#[derive(Debug)]
pub(super) struct Track {
    pub(super) content: Content,
    payload_type: u8,
    /// Those of its packets and of its reports within the connection, once it was granted.
    pub(super) channels: Option<[u8; 2]>,
    source: Source,
    clock: ArrivalClock,
}

impl Track {
    /// A track in this format, of which nothing is granted yet.
    pub(super) fn new(format: &PayloadFormat<'_>, content: Content) -> Self {
        let (source, clock) =
            (Source::new(format.clock_rate), ArrivalClock::new(format.clock_rate));
        let channels = None;
        Self { content, payload_type: format.number, channels, source, clock }
    }

    /// Whether its packets come by this channel; by the other one come reports, which say nothing that is needed here.
    pub(super) fn comes_by(&self, channel: u8) -> bool {
        self.channels.is_some_and(|[packets, _]| packets == channel)
    }

    /// Passes the packet in these bytes on, if it is the source's. False if more may wait, `None` if it is none of the
    /// track's.
    pub(super) fn admit(&mut self, bytes: &[u8], now: Monotonic, each: Each<'_>) -> Option<bool> {
        let packet = rtp::Packet::parse(bytes).ok()?;
        let header = packet.header();
        if header.payload_type != self.payload_type {
            return None;
        }
        let (sequence, time) = match self.source.admit(&header, now) {
            Admission::Admitted { sequence, time } => (sequence, time),
            Admission::NewSource { sequence, time } => {
                self.clock.reset();
                (sequence, time)
            }
            Admission::Refused => return Some(true),
        };
        self.clock.observe(time, now);
        let undelayed = self.clock.undelayed(time).unwrap_or(now).min(now);
        let (marker, payload) = (header.marker, packet.payload());
        let packet = SourcePacket { sequence, time, marker, ntp: None, payload, arrival: now };
        Some(each(self.content, &packet, undelayed))
    }
}

/// Takes packets.
pub(super) type Each<'a> = &'a mut dyn FnMut(Content, &SourcePacket<'_>, Monotonic) -> bool;

/// What a medium carries, if it is read here.
pub(super) fn content<'a>(media: &'a Media<'_>) -> Option<(&'a PayloadFormat<'a>, Content)> {
    media.formats.iter().find_map(|format| {
        let sound = AudioFormat { rate: format.clock_rate, channels: format.channels };
        let usual = (1..=2).contains(&sound.channels) && (4_000..=192_000).contains(&sound.rate);
        let content = match media.medium {
            Medium::Video if format.is("JPEG") => Content::Jpeg(media.size),
            Medium::Audio if format.is("L16") && usual => Content::L16(sound),
            Medium::Audio if format.is("PCMU") && usual => Content::Pcmu(sound),
            Medium::Audio if format.is("PCMA") && usual => Content::Pcma(sound),
            _ => return None,
        };
        Some((format, content))
    })
}
