//! Makes the repair packets (FEC, docs/repair.md) of a frame's packets, or of 40 ms of sound. They
//! go to ports of their own, and where the packets go to a group, to the next one.

use std::ops::Range;
use streamsocket_stream::send::frame_packets::FramePackets;
use streamsocket_stream::send::l16::AudioPacket;
use streamsocket_stream::send::repair::{Block, Encoder, Packets, Share, SoundRepair};
use streamsocket_wire::repair::{PACKETS_MAX, RESERVE};
use streamsocket_wire::rtp::{RtpTime, Sequence};

/// What makes the repair packets of a track of pictures.
pub(super) struct PictureFec {
    share: Share,
    encoder: Encoder,
    /// The frame that repair packets are due for.
    frame: Option<Block>,
    /// Frames with more packets than a block holds, which were sent without.
    too_large: u64,
}

impl PictureFec {
    pub(super) const fn new(share: Share, encoder: Encoder) -> Self {
        Self { share, encoder, frame: None, too_large: 0 }
    }

    /// Whether the frame's bytes are no longer needed.
    pub(super) const fn is_made(&self) -> bool {
        self.frame.is_none()
    }

    /// Frames sent without repair packets, since they have more packets than a block holds.
    pub(super) const fn too_large(&self) -> u64 {
        self.too_large
    }

    /// Prepares for a frame, whose packets become longer by `growth` bytes when they are sealed. Returns the number of its
    /// repair packets and their length in bytes.
    pub(super) fn begin(
        &mut self,
        packets: &FramePackets,
        growth: usize,
        first: Sequence,
        time: RtpTime,
    ) -> (usize, usize) {
        let repairs = self.share.of_frame(packets.len());
        // All packets but the last have the same length.
        let longest = packets.get(0).map_or(0, |packet| packet.len() + growth);
        let count = u16::try_from(packets.len()).unwrap_or(u16::MAX);
        self.too_large += u64::from(count > PACKETS_MAX);
        let block = Block { first, time, packets: count, repairs, longest };
        self.frame = (repairs > 0).then_some(block);
        (repairs.into(), longest + RESERVE)
    }

    /// The repair packets in `range` of the frame that was begun, whose packets must still be there.
    /// They are made when the first of them is due, so that the frame's own packets never wait for
    /// it.
    pub(super) fn make(
        &mut self,
        range: Range<usize>,
        packets: &impl Packets,
    ) -> impl Iterator<Item = &[u8]> + Clone {
        if let Some(block) = self.frame.take_if(|_| !range.is_empty()) {
            if !self.encoder.make(block, packets) {
                self.encoder.clear();
            }
        }
        let encoder = &self.encoder;
        range.map_while(|index| encoder.get(index))
    }
}

/// The packets of a frame, which read from its bytes.
pub(super) struct Frame<'a> {
    pub(super) packets: &'a FramePackets,
    pub(super) bytes: &'a [u8],
}

impl Packets for Frame<'_> {
    #[inline]
    fn packet(&self, index: usize) -> (&[u8], &[u8]) {
        self.packets.get(index).map_or((&[], &[]), |packet| {
            (packet.header, self.bytes.get(packet.payload).unwrap_or_default())
        })
    }
}

/// What makes the repair packets of a track of sound.
pub(super) struct SoundFec(SoundRepair);

impl SoundFec {
    /// Of blocks of so many packets.
    pub(super) const fn new(share: Share, encoder: Encoder, packets: u16) -> Self {
        Self(SoundRepair::new(share, encoder).with_blocks_of(packets))
    }

    /// Takes a packet, and hands on the repair packets that are due after it.
    pub(super) fn push(&mut self, packet: &AudioPacket<'_>, each: impl FnMut(&[u8])) {
        self.0.push(packet, each);
    }
}
