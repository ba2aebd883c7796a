//! Makes packets that were lost out of repair packets (`docs/repair.md`), as soon as enough of their
//! block has come, in whatever order. Nothing waits here: how long a frame or a sample is waited for
//! is decided where they are put together.

use core::fmt;
use streamsocket_parity::{Decoder, Parity, Shape, Shards};
use streamsocket_wire::repair::{self, Header, PACKETS_MAX, SHARD_MAX};
use streamsocket_wire::rtp::{self, Ssrc, extend_sequence};

/// Media packets kept at first: two frames of 350 kB.
const KEPT_FIRST: usize = 512;

/// Media packets kept at most: the largest block, and as many again that follow it.
const KEPT_MAX: usize = 2 * PACKETS_MAX as usize;

/// Blocks whose repair packets are collected at the same time: the current one, and others whose
/// packets were overtaken.
const BLOCKS_OPEN: usize = 4;

/// Repair packets that a block has room for at first, 100 kB: as many as a frame of 350 kB has. What says
/// that it has more gets room as they come.
const SHARDS_RESERVED_MAX: usize = 64;

/// What was done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Repair packets taken.
    pub packets: u64,
    /// Media packets made out of them that did not come after all.
    pub repaired: u64,
    /// Repair packets, or packets made out of them, that contradict the stream or each other.
    pub malformed: u64,
}

/// The repair of one media stream.
#[derive(Default)]
pub struct Repair {
    /// The first media packet that came: what was sent before we listened is not missed.
    begun: Option<u64>,
    /// The media packets that came last, each at its sequence number modulo the length.
    kept: Vec<KeptPacket>,
    blocks: [Block; BLOCKS_OPEN],
    /// How many of these lack packets: as a rule none, and then they are not looked at.
    lacking: usize,
    arithmetic: Decoder,
    /// Which packets of a block are missing.
    lost: Vec<usize>,
    counts: Counts,
}

#[derive(Clone, Debug, Default)]
struct KeptPacket {
    sequence: Option<u64>,
    /// It was made out of repair packets.
    made: bool,
    /// Its RTP time in network byte order, beside `sequence`: the packet itself has left the processor's caches.
    time: [u8; 4],
    bytes: Vec<u8>,
}

impl KeptPacket {
    /// Whether it is an earlier packet of this one's frame, by its RTP time (RFC 3550 section 5.1): then a frame has
    /// more packets than are kept.
    fn is_earlier_of_frame(&self, sequence: u64, packet: &[u8]) -> bool {
        self.sequence.is_some_and(|kept| kept < sequence) && self.time == time_of(packet)
    }

    fn put(&mut self, sequence: u64, packet: &[u8], made: bool) {
        (self.sequence, self.made, self.time) = (Some(sequence), made, time_of(packet));
        self.bytes.clear();
        self.bytes.extend_from_slice(packet);
    }
}

#[derive(Debug, Default)]
struct Block {
    state: State,
    /// Extended sequence number of its first packet.
    first: u64,
    packets: u16,
    repairs: u16,
    /// Media packets that have not come.
    missing: u16,
    shard_len: usize,
    /// Which repair packets have come.
    indices: Vec<u16>,
    /// Their shards.
    shards: Vec<u8>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Free,
    Open,
    /// Complete, repaired, or not to be trusted.
    Done,
}

impl Block {
    fn covers(&self, sequence: u64) -> bool {
        (self.first..self.first + u64::from(self.packets)).contains(&sequence)
    }

    /// Whether what is missing can be made.
    fn is_ready(&self) -> bool {
        self.state == State::Open && self.indices.len() >= usize::from(self.missing)
    }

    fn add(&mut self, index: u16, shard: &[u8]) {
        // More than are missing would be of no use.
        if !self.is_ready() && !self.indices.contains(&index) {
            self.indices.push(index);
            self.shards.extend_from_slice(shard);
        }
    }

    /// The media packets of it.
    fn sequences(&self) -> impl Iterator<Item = (usize, u64)> + use<> {
        (0..usize::from(self.packets)).zip(self.first..)
    }
}

impl fmt::Debug for Repair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Repair {{ {} kept, {:?} }}", self.kept.len(), self.counts)
    }
}

impl Repair {
    /// What was done so far.
    #[must_use]
    pub const fn counts(&self) -> Counts {
        self.counts
    }

    /// Forgets all packets: the source has changed.
    pub fn reset(&mut self) {
        self.begun = None;
        for kept in &mut self.kept {
            kept.sequence = None;
        }
        for block in &mut self.blocks {
            block.state = State::Free;
        }
        self.lacking = 0;
    }

    /// Takes a media packet with its extended sequence number. One too long for a shard cannot be of
    /// a block.
    pub fn keep(&mut self, sequence: u64, packet: &[u8]) {
        if packet.len() > SHARD_MAX {
            return;
        }
        if self.kept.is_empty() {
            self.kept.resize(KEPT_FIRST, KeptPacket::default());
        }
        self.begun = Some(self.begun.map_or(sequence, |begun| begun.min(sequence)));
        let len = self.kept.len();
        if len < KEPT_MAX && self.kept[place(sequence, len)].is_earlier_of_frame(sequence, packet) {
            self.grow((2 * len).min(KEPT_MAX));
        }
        let place = place(sequence, self.kept.len());
        let kept = &mut self.kept[place];
        if kept.sequence >= Some(sequence) {
            // Made too hastily: it was only overtaken by repair packets.
            if kept.sequence == Some(sequence) && core::mem::take(&mut kept.made) {
                self.counts.repaired = self.counts.repaired.saturating_sub(1);
            }
            return;
        }
        kept.put(sequence, packet, false);
        if self.lacking > 0 {
            self.fill(sequence);
        }
    }

    /// Blocks that have lacked this packet lack it no more.
    fn fill(&mut self, sequence: u64) {
        for block in &mut self.blocks {
            if block.state == State::Open && block.covers(sequence) {
                block.missing = block.missing.saturating_sub(1);
                if block.missing == 0 {
                    block.state = State::Done;
                }
            }
        }
        self.count_lacking();
    }

    fn count_lacking(&mut self) {
        self.lacking = self.blocks.iter().filter(|block| block.state == State::Open).count();
    }

    /// Takes a repair packet, of the stream whose extended sequence number has come to `highest`.
    /// What contradicts others of its block is counted and changes nothing.
    pub fn push(&mut self, header: &Header, shard: &[u8], highest: u64) {
        let first = extend_sequence(highest, header.first);
        let end = first + u64::from(header.packets);
        let window = KEPT_MAX as u64;
        if end + window < highest || first > highest + window {
            self.counts.malformed += 1;
            return;
        }
        self.counts.packets += 1;
        // A block in the middle of which we began may lack no more than its repair packets make up for.
        if self.begun.is_none_or(|begun| end <= begun) {
            return;
        }
        let known = |block: &Block| block.state != State::Free && block.first == first;
        let index = self.blocks.iter().position(known);
        let index = index.unwrap_or_else(|| self.open(header, first, shard.len()));
        let block = &mut self.blocks[index];
        let same = (block.packets, block.repairs, block.shard_len);
        if same != (header.packets, header.repairs, shard.len()) {
            self.counts.malformed += 1;
        } else if block.state == State::Open {
            block.add(header.index, shard);
        }
    }

    /// Whether there is a block of which packets can be made.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.lacking > 0 && self.blocks.iter().any(Block::is_ready)
    }

    /// Hands the packets that could be made to `each`, with their extended sequence numbers.
    pub fn poll(&mut self, media: Ssrc, each: &mut dyn FnMut(u64, &[u8])) {
        for index in 0..BLOCKS_OPEN {
            if self.blocks[index].is_ready() {
                self.make(index, media, each);
            }
        }
        self.count_lacking();
    }

    /// A place for a new block: that of the oldest.
    fn open(&mut self, header: &Header, first: u64, shard_len: usize) -> usize {
        let wanted = (2 * usize::from(header.packets)).next_power_of_two().min(KEPT_MAX);
        if wanted > self.kept.len() {
            self.grow(wanted.max(KEPT_FIRST));
        }
        let age = |block: &Block| (block.state != State::Free).then_some(block.first);
        let oldest = (0..BLOCKS_OPEN).min_by_key(|index| age(&self.blocks[*index])).unwrap_or(0);
        let kept = &self.kept;
        let block = &mut self.blocks[oldest];
        (block.first, block.packets, block.repairs) = (first, header.packets, header.repairs);
        block.shard_len = shard_len;
        block.indices.clear();
        block.shards.clear();
        // Room before it is needed: how much is, differs from loss to loss.
        let room = usize::from(header.repairs).min(SHARDS_RESERVED_MAX);
        block.indices.reserve(room);
        block.shards.reserve(room * shard_len);
        let missing = block.sequences().filter(|(_, it)| find(kept, *it).is_none()).count();
        block.missing = u16::try_from(missing).unwrap_or(u16::MAX);
        block.state = if missing == 0 { State::Done } else { State::Open };
        self.count_lacking();
        oldest
    }

    fn grow(&mut self, len: usize) {
        let before = core::mem::replace(&mut self.kept, vec![KeptPacket::default(); len]);
        for kept in before {
            if let Some(sequence) = kept.sequence {
                self.kept[place(sequence, len)] = kept;
            }
        }
    }

    /// Makes what is missing in a block.
    fn make(&mut self, index: usize, media: Ssrc, each: &mut dyn FnMut(u64, &[u8])) {
        let Self { kept, blocks, arithmetic, lost, counts, .. } = self;
        let block = &mut blocks[index];
        block.state = State::Done;
        lost.clear();
        for (index, sequence) in block.sequences() {
            match find(kept, sequence) {
                Some(packet) if repair::shard_len(packet.len()) > block.shard_len => {
                    counts.malformed += 1;
                    return;
                }
                Some(_) => {}
                None => lost.push(index),
            }
        }
        // No more of them than are needed: the others would only cost time.
        let Some(indices) = block.indices.get(..lost.len()) else { return };
        let Some(shards) = block.shards.get(..lost.len() * block.shard_len) else { return };
        let shape = Shape {
            originals: block.packets.into(),
            repairs: block.repairs.into(),
            shard_len: block.shard_len,
        };
        let come = Come { kept, first: block.first };
        let parity = Parity { indices, shards };
        let Some(restored) = arithmetic.decode(shape, &come, lost, parity) else { return };
        for (index, shard) in lost.iter().zip(restored.chunks_exact(block.shard_len)) {
            let sequence = block.first + *index as u64;
            match packet_in(shard, media, sequence) {
                Some(packet) => {
                    counts.repaired += 1;
                    let place = place(sequence, kept.len());
                    let kept = &mut kept[place];
                    if kept.sequence < Some(sequence) {
                        kept.put(sequence, packet, true);
                    }
                    each(sequence, packet);
                }
                None => counts.malformed += 1,
            }
        }
    }
}

/// The shards of the packets of a block that have come.
struct Come<'a> {
    kept: &'a [KeptPacket],
    first: u64,
}

impl Shards for Come<'_> {
    fn copy(&self, index: usize, offset: usize, out: &mut [u8]) {
        let packet = find(self.kept, self.first + index as u64).unwrap_or_default();
        repair::emit_shard_part(packet, &[], offset, out);
    }
}

/// The packet of a restored shard, if it is the one that it should be.
fn packet_in(shard: &[u8], media: Ssrc, sequence: u64) -> Option<&[u8]> {
    let bytes = repair::parse_shard(shard).ok()?;
    let header = rtp::Packet::parse(bytes).ok()?.header();
    let expected = sequence & u64::from(u16::MAX) == u64::from(header.sequence.0);
    (expected && header.ssrc == media).then_some(bytes)
}

/// The RTP time of a packet (RFC 3550 section 5.1).
fn time_of(packet: &[u8]) -> [u8; 4] {
    packet.get(4..8).and_then(|time| time.try_into().ok()).unwrap_or_default()
}

fn place(sequence: u64, len: usize) -> usize {
    usize::try_from(sequence % len.max(1) as u64).unwrap_or(0)
}

fn find(kept: &[KeptPacket], sequence: u64) -> Option<&[u8]> {
    let kept = kept.get(place(sequence, kept.len()))?;
    (kept.sequence == Some(sequence)).then_some(&kept.bytes[..])
}

#[cfg(test)]
mod tests;
