//! Repair packets on their way: made from the packets of a frame, or of 40 ms of sound, and sent to
//! groups and ports of their own.

use crate::output::Output;
use std::ops::Range;
use streamsocket_net::Datagram;
use streamsocket_stream::send::audio::Packet;
use streamsocket_stream::send::packets::Packets;
use streamsocket_stream::send::repair::{AUDIO_PACKETS, Block, Encoder, Share};
use streamsocket_wire::repair::RESERVE;
use streamsocket_wire::rtp::{RtpTime, Sequence};

/// The repair of one media stream.
pub(super) struct Repair {
    share: Share,
    encoder: Encoder,
    outputs: Vec<Output>,
    /// The frame that packets are to be made for.
    frame: Option<Block>,
    /// Packets of sound since the begin of a block.
    sounds: u16,
    packets: u64,
}

impl Repair {
    pub(super) const fn new(share: Share, encoder: Encoder, outputs: Vec<Output>) -> Self {
        Self { share, encoder, outputs, frame: None, sounds: 0, packets: 0 }
    }

    pub(super) fn outputs(&self) -> &[Output] {
        &self.outputs
    }

    /// Repair packets sent.
    pub(super) const fn packets(&self) -> u64 {
        self.packets
    }

    /// Gets ready for a frame: how many repair packets it will have, and how long they are.
    pub(super) fn begin(
        &mut self,
        packets: &Packets,
        first: Sequence,
        time: RtpTime,
    ) -> (usize, usize) {
        let repairs = self.share.of_frame(packets.len());
        // All are as long as the first, but the last.
        let longest = packets.get(0).map_or(0, |packet| packet.len());
        let count = u16::try_from(packets.len()).unwrap_or(0);
        self.frame =
            (repairs > 0).then_some(Block { first, time, packets: count, repairs, longest });
        (repairs.into(), longest + RESERVE)
    }

    /// Sends the repair packets in `range` of the frame that was begun, whose bytes are there still.
    /// They are made when the first of them is asked for: the frame's own packets never wait for it.
    pub(super) fn send(&mut self, range: Range<usize>, packets: &Packets, bytes: &[u8]) {
        if range.is_empty() {
            return;
        }
        if let Some(block) = self.frame.take().filter(|block| self.encoder.begin(*block)) {
            for packet in packets.range(0..block.packets.into()) {
                let payload = bytes.get(packet.payload).unwrap_or_default();
                self.encoder.push(packet.header, payload);
            }
        }
        self.send_made(range);
    }

    /// A packet of sound was sent. The last of a block makes the repair packets leave.
    pub(super) fn sound(&mut self, packet: Packet<'_>) {
        if self.sounds == 0 {
            let repairs = self.share.of_sound();
            let longest = packet.header.len() + packet.payload.len();
            let (first, time) = (packet.sequence, packet.time);
            self.encoder.begin(Block { first, time, packets: AUDIO_PACKETS, repairs, longest });
        }
        self.sounds = (self.sounds + 1) % AUDIO_PACKETS;
        if self.encoder.push(packet.header, packet.payload) {
            self.send_made(0..self.encoder.len());
        }
    }

    fn send_made(&mut self, range: Range<usize>) {
        let Self { encoder, outputs, packets, .. } = self;
        let made = range.map_while(|index| encoder.get(index));
        let batch = made.map(|packet| Datagram { header: packet, payload: &[] });
        *packets += batch.clone().count() as u64;
        for output in outputs {
            output.send(&mut batch.clone());
        }
    }
}
