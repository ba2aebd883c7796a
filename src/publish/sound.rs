//! How sound leaves: the packets of a chunk in one system call, the repair packets that are due with them in a
//! second one. A daemon that has much to catch up with wakes its receivers once then, not once a packet.

use super::fec::SoundFec;
use super::transport::Transport;
use streamsocket_media::AudioFormat;
use streamsocket_media::clock::Monotonic;
use streamsocket_net::{BATCH_MAX, Datagram};
use streamsocket_stream::send::l16::{AudioPacket, Form};
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

/// The sound of a track on its way out.
pub(super) struct SoundPackets {
    fec: Option<SoundFec>,
    packets: u64,
    media: Batch,
    repairs: Batch,
}

impl SoundPackets {
    pub(super) fn new(fec: Option<SoundFec>) -> Self {
        Self { fec, packets: 0, media: Batch::default(), repairs: Batch::default() }
    }

    /// Packets that left.
    pub(super) const fn packets(&self) -> u64 {
        self.packets
    }

    /// Takes a packet, and makes the repair packets that are due after it. They leave with
    /// [`send`](Self::send), or here if there are many.
    pub(super) fn push(
        &mut self,
        packet: AudioPacket<'_>,
        now: Monotonic,
        transport: &mut Transport,
    ) {
        let Self { fec, packets, media, repairs } = self;
        media.push(packet.header, packet.payload);
        transport.count(1, packet.payload.len(), now);
        *packets += 1;
        if let Some(fec) = fec {
            fec.push(&packet, |made| repairs.push(made, &[]));
        }
        if media.is_full() || repairs.is_full() {
            self.send(transport);
        }
    }

    /// Sends what there is.
    pub(super) fn send(&mut self, transport: &mut Transport) {
        if !self.media.ends.is_empty() {
            let datagram = |packet| Datagram { header: packet, payload: &[] };
            transport.begin(Medium::Audio);
            transport.send(self.media.packets().map(datagram));
            self.media.clear();
        }
        if !self.repairs.ends.is_empty() {
            transport.send_fec(self.repairs.packets());
            self.repairs.clear();
        }
    }
}

/// Packets that leave together, one behind the other: at most [`BATCH_MAX`], each of a datagram's length, so that
/// less than 400 kB are held. A chunk of 85 ms takes 16 kB.
#[derive(Default)]
struct Batch {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Batch {
    fn push(&mut self, header: &[u8], payload: &[u8]) {
        self.bytes.extend_from_slice(header);
        self.bytes.extend_from_slice(payload);
        self.ends.push(self.bytes.len());
    }

    /// Whether it is a system call's worth.
    fn is_full(&self) -> bool {
        self.ends.len() >= BATCH_MAX
    }

    fn packets(&self) -> impl Iterator<Item = &[u8]> + Clone {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, &end)| self.bytes.get(start..end).unwrap_or_default())
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
