//! Repair packets for blocks of media packets: Reed-Solomon parity (`docs/repair.md`). A receiver
//! that lacks some packets of a block makes them from as many repair packets, whichever have come.

use super::l16::AudioPacket;
use core::fmt;
use core::str::FromStr;
use streamsocket_parity as parity;
use streamsocket_wire::repair::{self, Header, PACKETS_MAX, PAYLOAD_TYPE};
use streamsocket_wire::rtp::{self, RtpTime, Sequence, Ssrc};

/// Packets of sound in a block: 40 ms. Sound that was lost is later by as much, and by up to 15 ms that
/// its repair packets take to leave.
pub const AUDIO_PACKETS: u16 = 8;

/// Repair packets of a block of sound with the usual share: six for eight. Sound is a twentieth of the
/// bytes, its gaps are noticed first, and without pictures between them bursts hit many of its packets.
const AUDIO_REPAIRS: u16 = 6;

/// How much is spent on repair: repair packets in 100 media packets, for large frames. Small ones
/// are given more, since a single burst of losses would take all they have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share(u8);

/// The share that the least number of repair packets is made for.
const SHARE_USUAL: u8 = 20;

/// More than one repair packet for each packet helps nobody whose network still carries them.
const SHARE_MAX: u8 = 100;

/// Repair packets that a frame has at least with the usual share, for `n` media packets:
/// 6 + 2 sqrt(n), rounded up. Of frames of any size then less than 0.5 % are lost at 3 % loss in
/// bursts of 4 packets on average, and less than 0.1 % at 5 % random loss.
fn least(packets: u16) -> u16 {
    let root = (4 * u32::from(packets)).saturating_sub(1).isqrt() + 1;
    6 + u16::try_from(root).unwrap_or(u16::MAX)
}

impl Default for Share {
    fn default() -> Self {
        Self(SHARE_USUAL)
    }
}

impl Share {
    /// No repair.
    pub const NONE: Self = Self(0);

    /// Whether there is none.
    #[must_use]
    pub const fn is_none(self) -> bool {
        self.0 == 0
    }

    /// Repair packets for a frame of so many packets; 0 for one that is too large for a block.
    #[must_use]
    pub fn of_frame(self, packets: usize) -> u16 {
        let Some(packets) = u16::try_from(packets).ok().filter(|n| (1..=PACKETS_MAX).contains(n))
        else {
            return 0;
        };
        let share = u32::from(self.0);
        let by_share = (u32::from(packets) * share).div_ceil(100);
        let usual = share.min(SHARE_USUAL.into());
        let at_least = (u32::from(least(packets)) * usual).div_ceil(SHARE_USUAL.into());
        u16::try_from(by_share.max(at_least))
            .map_or(PACKETS_MAX, |repairs| repairs.min(PACKETS_MAX))
    }

    /// Repair packets for a block of so many packets of sound: [`AUDIO_PACKETS`] as a rule.
    #[must_use]
    pub fn of_sound(self, packets: u16) -> u16 {
        let share = u32::from(self.0) * u32::from(AUDIO_REPAIRS) * u32::from(packets);
        let repairs = share.div_ceil(u32::from(SHARE_USUAL) * u32::from(AUDIO_PACKETS));
        u16::try_from(repairs).unwrap_or(packets).min(packets)
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} %", self.0)
    }
}

/// Not a share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseShareError;

impl fmt::Display for ParseShareError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected repair packets in 100 packets, from 1 to {SHARE_MAX}, or 0 for none")
    }
}

impl core::error::Error for ParseShareError {}

impl FromStr for Share {
    type Err = ParseShareError;

    /// `20`, `20%`, `0` or `off`.
    fn from_str(text: &str) -> Result<Self, ParseShareError> {
        if text == "off" {
            return Ok(Self::NONE);
        }
        let number = text.trim_end_matches('%').trim_end().parse().ok();
        number.filter(|share| *share <= SHARE_MAX).map(Self).ok_or(ParseShareError)
    }
}

/// What a block is of.
#[derive(Clone, Copy, Debug)]
pub struct Block {
    /// Sequence number of its first packet.
    pub first: Sequence,
    /// RTP time of its first packet.
    pub time: RtpTime,
    /// Its packets.
    pub packets: u16,
    /// Repair packets to be made.
    pub repairs: u16,
    /// Bytes of its longest packet.
    pub longest: usize,
}

/// The media packets of a block.
pub trait Packets {
    /// The packet at an index: its header, and its payload.
    fn packet(&self, index: usize) -> (&[u8], &[u8]);
}

/// Packets that have come one by one, one behind the other.
#[derive(Default)]
struct Taken {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Packets for Taken {
    fn packet(&self, index: usize) -> (&[u8], &[u8]) {
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        (&self.bytes[start..self.ends[index]], &[])
    }
}

/// The shards of packets.
struct Shards<'a, P>(&'a P);

impl<P: Packets> parity::Shards for Shards<'_, P> {
    fn copy(&self, index: usize, offset: usize, out: &mut [u8]) {
        let (header, payload) = self.0.packet(index);
        repair::emit_shard_part(header, payload, offset, out);
    }
}

/// Makes the repair packets of one media stream. Memory grows to what the largest block needs, and
/// stays.
pub struct Encoder {
    ssrc: Ssrc,
    media: Ssrc,
    sequence: Sequence,
    arithmetic: parity::Encoder,
    block: Option<Block>,
    /// The packets of the block so far.
    taken: Taken,
    /// The finished packets, one behind the other, all of the same length.
    packets: Vec<u8>,
    packet_len: usize,
}

impl fmt::Debug for Encoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { ssrc, media, block, taken, .. } = self;
        let taken = taken.ends.len();
        write!(f, "Encoder {{ {ssrc:?} for {media:?}, {block:?}, {taken} taken }}")
    }
}

impl Encoder {
    /// An encoder of the stream `ssrc`, which repairs `media`; both begin with numbers by chance.
    #[must_use]
    pub fn new(ssrc: Ssrc, first: Sequence, media: Ssrc) -> Self {
        Self {
            ssrc,
            media,
            sequence: first,
            arithmetic: parity::Encoder::default(),
            block: None,
            taken: Taken::default(),
            packets: Vec::new(),
            packet_len: 0,
        }
    }

    /// Makes the repair packets of a block that is there. False if there is nothing to make or the block is too
    /// large, or has a longer packet than it says: what was made before is still there then.
    #[must_use]
    pub fn make(&mut self, block: Block, packets: &impl Packets) -> bool {
        let fits = |index| {
            let (header, payload) = packets.packet(index);
            header.len() + payload.len() <= block.longest
        };
        if !is_possible(block) || !(0..block.packets.into()).all(fits) {
            return false;
        }
        let shape = parity::Shape {
            originals: block.packets.into(),
            repairs: block.repairs.into(),
            shard_len: repair::shard_len(block.longest),
        };
        self.frame(block, shape.shard_len);
        let (len, made) = (self.packet_len, &mut self.packets);
        let mut each = |index: usize, offset: usize, bytes: &[u8]| {
            let begin = index * len + HEADERS + offset;
            made[begin..begin + bytes.len()].copy_from_slice(bytes);
        };
        self.arithmetic.encode(shape, &Shards(packets), &mut each)
    }

    /// Begins a block whose packets come one by one; what was begun before is forgotten, what was made is
    /// there until this one is complete. False if there is nothing to make or the block is too large: then
    /// nothing will come of it.
    pub fn begin(&mut self, block: Block) -> bool {
        self.taken.bytes.clear();
        self.taken.ends.clear();
        self.block = Some(block).filter(|block| is_possible(*block));
        self.block.is_some()
    }

    /// Takes the next packet of the block, header and payload. True if it was the last: the repair
    /// packets are there.
    pub fn push(&mut self, header: &[u8], payload: &[u8]) -> bool {
        let Some(block) = self.block else { return false };
        if header.len() + payload.len() > block.longest {
            // Longer than was said: this block goes without.
            self.block = None;
            return false;
        }
        self.taken.bytes.extend_from_slice(header);
        self.taken.bytes.extend_from_slice(payload);
        self.taken.ends.push(self.taken.bytes.len());
        if self.taken.ends.len() < block.packets.into() {
            return false;
        }
        self.block = None;
        let taken = core::mem::take(&mut self.taken);
        let made = self.make(block, &taken);
        self.taken = taken;
        made
    }

    /// Forgets the repair packets that were made.
    pub fn clear(&mut self) {
        self.packets.clear();
    }

    /// Repair packets that are ready.
    #[must_use]
    pub fn len(&self) -> usize {
        self.packets.len().checked_div(self.packet_len).unwrap_or(0)
    }

    /// True if none is ready.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The repair packet at `index`, with its RTP header.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<&[u8]> {
        let start = index.checked_mul(self.packet_len)?;
        self.packets.get(start..start.checked_add(self.packet_len)?).filter(|it| !it.is_empty())
    }

    /// Writes the headers of the repair packets of a block, with room behind each for its shard.
    fn frame(&mut self, block: Block, shard_len: usize) {
        self.packet_len = HEADERS + shard_len;
        self.packets.resize(usize::from(block.repairs) * self.packet_len, 0);
        for (packet, index) in self.packets.chunks_exact_mut(self.packet_len).zip(0..) {
            let rtp = rtp::Header {
                marker: index + 1 == block.repairs,
                payload_type: PAYLOAD_TYPE,
                sequence: self.sequence,
                time: block.time,
                ssrc: self.ssrc,
                has_extension: false,
            };
            let header = Header {
                media: self.media,
                first: block.first,
                packets: block.packets,
                repairs: block.repairs,
                index,
            };
            let (first, second) = packet.split_at_mut(rtp::HEADER_LEN);
            // There is room for both.
            let _ = rtp.emit(first).and_then(|_| header.emit(second));
            self.sequence = self.sequence.next();
        }
    }
}

/// Bytes of a repair packet before its shard.
const HEADERS: usize = rtp::HEADER_LEN + repair::HEADER_LEN;

const _: () = assert!(PACKETS_MAX as usize <= parity::Shape::SHARDS_MAX);

fn is_possible(block: Block) -> bool {
    let counts = 1..=PACKETS_MAX;
    counts.contains(&block.packets)
        && counts.contains(&block.repairs)
        && block.longest <= u16::MAX.into()
}

/// Repair of sound: blocks of 40 ms, whose repair packets leave two at a time with the
/// packets of the next block, so that one burst of losses does not take them all.
#[derive(Debug)]
pub struct SoundRepair {
    share: Share,
    encoder: Encoder,
    /// Packets of a block.
    packets: u16,
    /// Packets of the block so far.
    taken: u16,
    /// Repair packets of the block before that have left.
    left: usize,
}

/// Repair packets of sound that leave together, unless the block has fewer than twice as many packets: then one by one.
const AUDIO_TOGETHER: usize = 2;

impl SoundRepair {
    /// Repair by so much, with this encoder, of blocks of [`AUDIO_PACKETS`].
    #[must_use]
    pub const fn new(share: Share, encoder: Encoder) -> Self {
        Self { share, encoder, packets: AUDIO_PACKETS, taken: 0, left: 0 }
    }

    /// The same of blocks of so many packets, one at least.
    #[must_use]
    pub const fn with_blocks_of(mut self, packets: u16) -> Self {
        self.packets = if packets == 0 { 1 } else { packets };
        self
    }

    /// Takes notice of a packet that was sent, and hands out the repair packets that are to follow it.
    pub fn push(&mut self, packet: &AudioPacket<'_>, mut send: impl FnMut(&[u8])) {
        if self.taken == 0 {
            let (packets, repairs) = (self.packets, self.share.of_sound(self.packets));
            let longest = packet.header.len() + packet.payload.len();
            let (first, time) = (packet.sequence, packet.time);
            self.encoder.begin(Block { first, time, packets, repairs, longest });
        }
        self.taken = (self.taken + 1) % self.packets;
        if self.encoder.push(packet.header, packet.payload) {
            self.left = 0;
        }
        let together = AUDIO_TOGETHER.min(usize::from(self.packets / 2)).max(1);
        let end = (self.left + together).min(self.encoder.len());
        (self.left..end).filter_map(|index| self.encoder.get(index)).for_each(&mut send);
        self.left = end.max(self.left);
    }
}

#[cfg(test)]
mod tests;
