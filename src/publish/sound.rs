//! How sound leaves: in packets, each as soon as it is full, repair packets behind every block of
//! them.

use super::fec::SoundFec;
use super::transport::Transport;
use streamsocket_media::AudioFormat;
use streamsocket_media::clock::Monotonic;
use streamsocket_net::Datagram;
use streamsocket_stream::send::l16::{AudioPacket, Form};

/// How sound is sent.
#[derive(Clone, Copy, Debug)]
pub struct SoundSending {
    /// What it is sent in.
    pub format: AudioFormat,
    /// What its packets look like.
    pub form: Form,
    /// Longest media packet in bytes, such that its repair packets fit, too.
    pub packet_size: usize,
}

/// The sound of a track on its way out.
pub(super) struct SoundPackets {
    fec: Option<SoundFec>,
    packets: u64,
}

impl SoundPackets {
    pub(super) const fn new(fec: Option<SoundFec>) -> Self {
        Self { fec, packets: 0 }
    }

    /// Packets that left.
    pub(super) const fn packets(&self) -> u64 {
        self.packets
    }

    /// Sends a packet, and the repair packets that are due after it.
    pub(super) fn send(
        &mut self,
        packet: AudioPacket<'_>,
        now: Monotonic,
        transport: &mut Transport,
    ) {
        let datagram = Datagram { header: packet.header, payload: packet.payload };
        transport.send(std::iter::once(datagram));
        transport.count(1, packet.payload.len(), now);
        if let Some(fec) = &mut self.fec {
            fec.send(&packet, transport);
        }
        self.packets += 1;
    }
}

/// Interleaved samples that were captured one after the other.
#[derive(Clone, Copy, Debug)]
pub struct Chunk<'a> {
    /// Whole sample frames.
    pub samples: &'a [i16],
    /// When the first was captured.
    pub capture: Monotonic,
}
