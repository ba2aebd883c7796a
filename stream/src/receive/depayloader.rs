//! From packets to what is presented, whatever the payload format. A new format is a variant of each enum here,
//! an arm in each method that matches on it, and a depayloader of its own.

use super::Latest;
use super::jpeg::{self, JpegDepayloader};
use super::l16::L16Depayloader;
use super::opus::{Opus, OpusDepayloader};
use super::refusal::{Reason, Refusals};
use super::sound;
use super::source_packet::SourcePacket;
use streamsocket_media::clock::{Delay, Monotonic};
use streamsocket_wire::payload_format::PayloadFormat;
use streamsocket_wire::sdp::Medium;

/// How much later a lost packet of sound may be repaired: a block is 40 ms of sound, and its
/// repair packets leave within 20, two packets of sound at a time.
pub const REPAIR: Delay = Delay::from_millis(60);

/// The encodings that there is a depayloader for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// JPEG (RFC 2435).
    Jpeg,
    /// L16 (RFC 3551 section 4.5.11).
    L16,
    /// Opus (RFC 7587).
    Opus,
}

impl Encoding {
    /// All of them.
    const ALL: [Self; 3] = [Self::Jpeg, Self::L16, Self::Opus];

    /// That of a payload format of this medium, if it is one of them.
    #[must_use]
    pub fn of(format: &PayloadFormat<'_>, medium: Medium) -> Option<Self> {
        let all = Self::ALL.into_iter();
        all.filter(|it| it.medium() == medium).find(|it| format.is(it.name()))
    }

    /// The name that descriptions call it by.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Jpeg => "JPEG",
            Self::L16 => "L16",
            Self::Opus => "opus",
        }
    }

    /// Pictures or sound.
    #[must_use]
    pub const fn medium(self) -> Medium {
        match self {
            Self::Jpeg => Medium::Video,
            Self::L16 | Self::Opus => Medium::Audio,
        }
    }
}

/// What a depayloader needs to know of its stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Described {
    /// Channels of sound.
    pub channels: u8,
    /// Picture size in pixels, for packets that cannot say it.
    pub size: Option<(u16, u16)>,
    /// Packets that are lost are repaired.
    pub repaired: bool,
}

/// Takes the packets of one stream and puts together what they carry.
#[derive(Debug)]
pub enum Depayloader {
    /// JPEG (RFC 2435).
    Jpeg {
        /// Puts frames together.
        frames: JpegDepayloader,
        /// What the next frame is exchanged for.
        buffer: Vec<u8>,
    },
    /// L16 (RFC 3551 section 4.5.11).
    L16 {
        /// Puts samples in order.
        chunks: L16Depayloader,
        /// What the next samples are exchanged for.
        buffer: Vec<i16>,
    },
    /// Opus (RFC 7587).
    Opus {
        /// Puts packets in order.
        chunks: OpusDepayloader,
        /// What the next packet is exchanged for.
        buffer: Vec<u8>,
    },
}

/// What comes next in a stream. Its buffer may be exchanged for another one, which is overwritten.
#[derive(Debug)]
pub enum Depayloaded<'a> {
    /// A frame, and the buffer that its file is in.
    Jpeg(jpeg::ReassembledFrame, &'a mut Vec<u8>),
    /// Samples, and the buffer that they are in; or a hole.
    L16(sound::Chunk, &'a mut Vec<i16>),
    /// A packet of Opus, and the buffer that it is in; or a hole.
    Opus(sound::Chunk, &'a mut Vec<u8>),
}

impl Depayloader {
    /// A depayloader for a stream of this encoding.
    #[must_use]
    pub fn new(encoding: Encoding, described: Described) -> Self {
        let Described { channels, size, repaired } = described;
        let later = if repaired { REPAIR } else { Delay::ZERO };
        match encoding {
            Encoding::Jpeg => Self::Jpeg { frames: JpegDepayloader::new(size), buffer: Vec::new() },
            Encoding::L16 => {
                let chunks = L16Depayloader::new(channels).with_repair(later);
                Self::L16 { chunks, buffer: Vec::new() }
            }
            Encoding::Opus => {
                let chunks = OpusDepayloader::of(Opus).with_repair(later);
                Self::Opus { chunks, buffer: Vec::new() }
            }
        }
    }

    /// The encoding of its payloads.
    #[must_use]
    pub const fn encoding(&self) -> Encoding {
        match self {
            Self::Jpeg { .. } => Encoding::Jpeg,
            Self::L16 { .. } => Encoding::L16,
            Self::Opus { .. } => Encoding::Opus,
        }
    }

    /// Takes a packet. Bad ones are counted and change nothing.
    pub fn push(&mut self, packet: &SourcePacket<'_>) {
        match self {
            Self::Jpeg { frames, .. } => frames.push(packet),
            Self::L16 { chunks, .. } => chunks.push(packet),
            Self::Opus { chunks, .. } => chunks.push(packet),
        }
    }

    /// Whether what a packet belongs to usually ends with it, so that it is worth to [`poll`](Self::poll).
    #[must_use]
    pub const fn ends_with(&self, packet: &SourcePacket<'_>) -> bool {
        match self {
            Self::Jpeg { .. } => packet.marker,
            Self::L16 { .. } | Self::Opus { .. } => true,
        }
    }

    /// What comes next, if it is there or will not come any more.
    pub fn poll(&mut self, now: Monotonic, latest: Latest<'_>) -> Option<Depayloaded<'_>> {
        match self {
            Self::Jpeg { frames, buffer } => {
                let frame = frames.poll(now, latest, buffer)?;
                Some(Depayloaded::Jpeg(frame, buffer))
            }
            Self::L16 { chunks, buffer } => {
                let chunk = chunks.poll(now, latest, buffer)?;
                Some(Depayloaded::L16(chunk, buffer))
            }
            Self::Opus { chunks, buffer } => {
                let chunk = chunks.poll(now, latest, buffer)?;
                Some(Depayloaded::Opus(chunk, buffer))
            }
        }
    }

    /// What has come of a frame that is not complete yet, to be asked for after [`poll`](Self::poll).
    pub fn growth(&mut self) -> Option<jpeg::FrameGrowth<'_>> {
        match self {
            Self::Jpeg { frames, .. } => frames.growth(),
            Self::L16 { .. } | Self::Opus { .. } => None,
        }
    }

    /// When to poll again even if nothing arrives.
    #[must_use]
    pub fn deadline(&self, latest: Latest<'_>) -> Option<Monotonic> {
        match self {
            Self::Jpeg { frames, .. } => frames.deadline(latest),
            Self::L16 { chunks, .. } => chunks.deadline(latest),
            Self::Opus { chunks, .. } => chunks.deadline(latest),
        }
    }

    /// Forgets everything that is held: the source has changed.
    pub fn reset(&mut self) {
        match self {
            Self::Jpeg { frames, .. } => frames.reset(),
            Self::L16 { chunks, .. } => chunks.reset(),
            Self::Opus { chunks, .. } => chunks.reset(),
        }
    }

    /// What happened to packets of sound so far; nothing, if it is of pictures.
    #[must_use]
    pub const fn sound_counts(&self) -> Option<sound::Counts> {
        match self {
            Self::Jpeg { .. } => None,
            Self::L16 { chunks, .. } => Some(chunks.counts()),
            Self::Opus { chunks, .. } => Some(chunks.counts()),
        }
    }

    /// Packets that came after they had been given up.
    #[must_use]
    pub const fn late(&self) -> u64 {
        match self {
            Self::Jpeg { frames, .. } => frames.counts().late,
            Self::L16 { chunks, .. } => chunks.counts().late,
            Self::Opus { chunks, .. } => chunks.counts().late,
        }
    }

    /// Packets that made no sense.
    #[must_use]
    pub const fn malformed(&self) -> u64 {
        match self {
            Self::Jpeg { frames, .. } => frames.counts().malformed,
            Self::L16 { chunks, .. } => chunks.counts().malformed,
            Self::Opus { chunks, .. } => chunks.counts().malformed,
        }
    }

    /// How much came and cannot be presented.
    #[must_use]
    pub const fn refused(&self) -> u64 {
        match self {
            Self::Jpeg { frames, .. } => frames.refusals().total(),
            Self::L16 { .. } | Self::Opus { .. } => self.malformed(),
        }
    }

    /// What came and cannot be presented, by reason.
    #[must_use]
    pub fn refusals(&self) -> Refusals {
        match self {
            Self::Jpeg { frames, .. } => *frames.refusals(),
            Self::L16 { .. } | Self::Opus { .. } => {
                let mut refusals = Refusals::default();
                refusals.add_many(Reason::Malformed, self.malformed());
                refusals
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DESCRIBED: Described = Described { channels: 1, size: None, repaired: false };

    #[test]
    fn an_encoding_is_known_by_name_and_medium() {
        let of = |name, medium| Encoding::of(&PayloadFormat::new(96, name, 8_000, 1), medium);
        assert_eq!(of("jpeg", Medium::Video), Some(Encoding::Jpeg));
        assert_eq!(of("L16", Medium::Audio), Some(Encoding::L16));
        assert_eq!(of("OPUS", Medium::Audio), Some(Encoding::Opus));
        assert_eq!((of("L16", Medium::Video), of("H264", Medium::Video)), (None, None));
    }

    #[test]
    fn what_a_packet_ends_comes_out_of_its_format() {
        let mut sound = Depayloader::new(Encoding::L16, DESCRIBED);
        let packet = SourcePacket { payload: &[1, 2, 3, 4], ..SourcePacket::default() };
        assert!(sound.ends_with(&packet));
        sound.push(&packet);
        sound.push(&SourcePacket { payload: &[1], ..packet });
        let Some(Depayloaded::L16(sound::Chunk::Samples { .. }, samples)) =
            sound.poll(Monotonic(0), &|_| None)
        else {
            unreachable!("samples have come")
        };
        assert_eq!(*samples, [0x0102, 0x0304]);
        assert_eq!((sound.malformed(), sound.refused(), sound.refusals().total()), (1, 1, 1));

        let mut sound = Depayloader::new(Encoding::Opus, DESCRIBED);
        let opus = SourcePacket { payload: &[31 << 3, 1], ..packet };
        assert!(sound.ends_with(&opus));
        sound.push(&opus);
        let Some(Depayloaded::Opus(_, bytes)) = sound.poll(Monotonic(0), &|_| None) else {
            unreachable!("a packet has come")
        };
        assert_eq!((*bytes).as_slice(), [31 << 3, 1]);
        assert_eq!(sound.sound_counts().unwrap().frames, 960);

        let mut pictures = Depayloader::new(Encoding::Jpeg, DESCRIBED);
        pictures.push(&packet);
        assert!(!pictures.ends_with(&packet) && pictures.poll(Monotonic(0), &|_| None).is_none());
        assert_eq!((pictures.malformed(), pictures.refused()), (1, 1));
    }

    #[test]
    fn repaired_sound_is_waited_for_longer() {
        let deadline = |repaired| {
            let mut sound = Depayloader::new(Encoding::L16, Described { repaired, ..DESCRIBED });
            sound.push(&SourcePacket { payload: &[1, 2], ..SourcePacket::default() });
            sound.deadline(&|_| None).unwrap()
        };
        assert_eq!(deadline(true) - deadline(false), REPAIR);
    }
}
