//! How sound leaves: the packets of a chunk in one system call, the repair packets that are due with them in a
//! second one. A daemon that has much to catch up with wakes its receivers once then, not once a packet.

use super::fec::SoundFec;
use super::transport::{Batch, Transport};
use streamsocket_media::AudioFormat;
use streamsocket_media::clock::Monotonic;
use streamsocket_net::{BATCH_MAX, Datagram};
use streamsocket_srtp::seal::PacketSealer;
use streamsocket_stream::send::l16::{AudioPacket, Form};
use streamsocket_wire::rtp::Sequence;
use streamsocket_wire::sdp::Medium;

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

/// How Opus is sent, which is encoded elsewhere.
#[derive(Clone, Copy, Debug)]
pub struct OpusSending {
    /// What is captured.
    pub format: AudioFormat,
    /// By how many sample frames what is decoded is later than what was encoded.
    pub lookahead: u32,
    /// Id of the time extension, if it is to be sent.
    pub ntp64_id: Option<u8>,
}

/// The sound of a track on its way out.
pub(super) struct SoundPackets {
    seal: Option<PacketSealer>,
    fec: Option<SoundFec>,
    packets: u64,
    media: Packets,
    /// Sealed, if there is a seal.
    sealed: Packets,
    repairs: Packets,
}

impl SoundPackets {
    pub(super) fn new(seal: Option<PacketSealer>, fec: Option<SoundFec>) -> Self {
        let [media, sealed, repairs] = [const { Packets::new() }; 3];
        Self { seal, fec, packets: 0, media, sealed, repairs }
    }

    /// Packets that left.
    pub(super) const fn packets(&self) -> u64 {
        self.packets
    }

    /// How often the sequence number will have rolled over at that number, the next one; `None` if nothing is sealed.
    pub(super) fn rollovers_at(&self, next: Sequence) -> Option<u32> {
        self.seal.as_ref().map(|seal| seal.rollovers_at(next.0))
    }

    /// Another sealer takes the place of the one before, if there is one, from the next packet on.
    pub(super) fn exchange(&mut self, sealer: PacketSealer) {
        self.seal = self.seal.take().map(|_| sealer);
    }

    /// Takes a packet, and makes the repair packets that are due after it. They leave with
    /// [`send`](Self::send), or here if there are many.
    pub(super) fn push(
        &mut self,
        packet: AudioPacket<'_>,
        now: Monotonic,
        transport: &mut Transport,
    ) {
        let Self { seal, fec, packets, media, sealed, repairs } = self;
        media.push(packet.header, packet.payload);
        transport.count(1, packet.payload.len(), now);
        *packets += 1;
        let sent = match seal {
            Some(seal) => {
                AudioPacket { header: sealed.push_sealed(&packet, seal), payload: &[], ..packet }
            }
            None => packet,
        };
        if let Some(fec) = fec {
            fec.push(&sent, |made| repairs.push(made, &[]));
        }
        if media.is_full() || repairs.is_full() {
            self.send(transport);
        }
    }

    /// Sends what there is.
    pub(super) fn send(&mut self, transport: &mut Transport) {
        let Self { seal, media, sealed, repairs, .. } = self;
        if !media.ends.is_empty() {
            transport.begin(Medium::Audio);
            let sealed_too = seal.as_ref().map(|_| sealed.datagrams());
            transport.send(&Batch { plain: media.datagrams(), sealed: sealed_too });
            media.clear();
            sealed.clear();
        }
        if !repairs.ends.is_empty() {
            transport.send_fec(repairs.packets());
            repairs.clear();
        }
    }
}

/// Packets that leave together, one behind the other: at most [`BATCH_MAX`], each of a datagram's length, so that
/// less than 400 kB are held. A chunk of 85 ms takes 16 kB.
struct Packets {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Packets {
    const fn new() -> Self {
        Self { bytes: Vec::new(), ends: Vec::new() }
    }

    fn push(&mut self, header: &[u8], payload: &[u8]) {
        self.bytes.extend_from_slice(header);
        self.bytes.extend_from_slice(payload);
        self.ends.push(self.bytes.len());
    }

    /// Seals a packet, and returns what it has become.
    fn push_sealed(&mut self, packet: &AudioPacket<'_>, seal: &mut PacketSealer) -> &[u8] {
        let start = self.bytes.len();
        seal.seal(packet.header, packet.payload, &mut self.bytes);
        self.ends.push(self.bytes.len());
        self.bytes.get(start..).unwrap_or_default()
    }

    /// Whether it is a system call's worth.
    fn is_full(&self) -> bool {
        self.ends.len() >= BATCH_MAX
    }

    fn packets(&self) -> impl Iterator<Item = &[u8]> + Clone {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, &end)| self.bytes.get(start..end).unwrap_or_default())
    }

    fn datagrams(&self) -> impl Iterator<Item = Datagram<'_>> + Clone {
        self.packets().map(|packet| Datagram { header: packet, payload: &[] })
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
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
