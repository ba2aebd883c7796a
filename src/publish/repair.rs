//! Makes repair packets of the packets of a frame, or of 40 ms of sound, and sends them to groups
//! and ports of their own (docs/repair.md).

use super::output::Output;
use std::ops::Range;
use streamsocket_net::{Datagram, Interface};
use streamsocket_stream::send::audio::AudioPacket;
use streamsocket_stream::send::packets::Packets;
use streamsocket_stream::send::repair::{Block, Encoder, Share, SoundRepair};
use streamsocket_wire::repair::{PACKETS_MAX, RESERVE};
use streamsocket_wire::rtp::{RtpTime, Sequence};

/// The sockets for a stream's repair packets, and how many were sent.
pub(crate) struct Way {
    outputs: Vec<Output>,
    packets: u64,
}

impl Way {
    pub(crate) fn outputs(&self) -> &[Output] {
        &self.outputs
    }

    /// Sends from another interface or address from now on.
    pub(crate) fn reopen(&mut self, interface: &Interface, ttl: u8) -> Result<(), String> {
        self.outputs.iter_mut().map(|it| it.reopen(interface, ttl)).fold(Ok(()), Result::and)
    }

    /// Repair packets sent.
    pub(crate) const fn packets(&self) -> u64 {
        self.packets
    }

    fn send<'a>(&mut self, made: impl Iterator<Item = &'a [u8]> + Clone) {
        let batch = made.map(|packet| Datagram { header: packet, payload: &[] });
        self.packets += batch.clone().count() as u64;
        for output in &mut self.outputs {
            output.send(&mut batch.clone());
        }
    }
}

/// The repair of a video stream.
pub(crate) struct VideoRepair {
    share: Share,
    encoder: Encoder,
    pub(crate) way: Way,
    /// The frame that repair packets are due for.
    frame: Option<Block>,
    /// Frames with more packets than a block holds, which were sent without repair.
    too_large: u64,
}

impl VideoRepair {
    pub(crate) const fn new(share: Share, encoder: Encoder, outputs: Vec<Output>) -> Self {
        Self { share, encoder, way: Way { outputs, packets: 0 }, frame: None, too_large: 0 }
    }

    /// Whether the frame's bytes are no longer needed.
    pub(crate) const fn is_made(&self) -> bool {
        self.frame.is_none()
    }

    /// Frames sent without repair, since they have more packets than a block holds.
    pub(crate) const fn too_large(&self) -> u64 {
        self.too_large
    }

    /// Prepares for a frame. Returns the number of its repair packets and their length in bytes.
    pub(crate) fn begin(
        &mut self,
        packets: &Packets,
        first: Sequence,
        time: RtpTime,
    ) -> (usize, usize) {
        let repairs = self.share.of_frame(packets.len());
        // All packets but the last have the same length.
        let longest = packets.get(0).map_or(0, |packet| packet.len());
        let count = u16::try_from(packets.len()).unwrap_or(u16::MAX);
        self.too_large += u64::from(count > PACKETS_MAX);
        let block = Block { first, time, packets: count, repairs, longest };
        self.frame = (repairs > 0).then_some(block);
        (repairs.into(), longest + RESERVE)
    }

    /// Sends the repair packets in `range` of the frame that was begun, whose `bytes` must still be
    /// there. They are made when the first of them is due, so that the frame's own packets never
    /// wait for it.
    pub(crate) fn send(&mut self, range: Range<usize>, packets: &Packets, bytes: &[u8]) {
        if range.is_empty() {
            return;
        }
        if let Some(block) = self.frame.take() {
            self.encoder.clear();
            self.encoder.begin(block);
            for packet in packets.range(0..block.packets.into()) {
                let payload = bytes.get(packet.payload).unwrap_or_default();
                self.encoder.push(packet.header, payload);
            }
        }
        let encoder = &self.encoder;
        self.way.send(range.map_while(|index| encoder.get(index)));
    }
}

/// The repair of a sound stream.
pub(crate) struct AudioRepair {
    repair: SoundRepair,
    pub(crate) way: Way,
}

impl AudioRepair {
    pub(crate) const fn new(share: Share, encoder: Encoder, outputs: Vec<Output>) -> Self {
        let way = Way { outputs, packets: 0 };
        Self { repair: SoundRepair::new(share, encoder), way }
    }

    /// Takes a packet that was sent, and sends the repair packets that are due after it.
    pub(crate) fn send(&mut self, packet: &AudioPacket<'_>) {
        let way = &mut self.way;
        self.repair.push(packet, |made| way.send(std::iter::once(made)));
    }
}
