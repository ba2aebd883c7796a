//! How sound leaves: in packets, each as soon as it is full, FEC packets behind every block of them.

use super::beginning::Beginning;
use super::fec::SoundFec;
use super::transport::Transport;
use streamsocket_media::AudioFormat;
use streamsocket_media::clock::{Monotonic, WallClock};
use streamsocket_net::Datagram;
use streamsocket_stream::send::audio::{AudioPacket, Form, Packetizer, Stream};
use streamsocket_wire::rtp::{RtpTime, Sequence, Ssrc};

/// How sound is sent.
#[derive(Clone, Copy, Debug)]
pub struct SoundSending {
    /// What it is sent in.
    pub format: AudioFormat,
    /// What its packets look like.
    pub form: Form,
    /// Longest media packet in bytes, such that its FEC packets fit, too.
    pub packet_size: usize,
}

/// The sound of a track on its way out.
pub(super) struct SoundPackets {
    payloader: Packetizer,
    fec: Option<SoundFec>,
    packets: u64,
}

impl SoundPackets {
    pub(super) fn new(beginning: Beginning, sending: SoundSending, fec: Option<SoundFec>) -> Self {
        let Beginning { ssrc, sequence, time } = beginning;
        let SoundSending { format, form, packet_size } = sending;
        let Form { payload_type, ntp64_id } = form;
        let stream = Stream { ssrc, rate: format.rate, channels: format.channels, ntp64_id };
        let mut payloader = Packetizer::new(stream, sequence, time).with_payload_type(payload_type);
        payloader.resize(packet_size);
        Self { payloader, fec, packets: 0 }
    }

    pub(super) const fn ssrc(&self) -> Ssrc {
        self.payloader.ssrc()
    }

    pub(super) const fn sequence(&self) -> Sequence {
        self.payloader.sequence()
    }

    /// RTP time at any point of the capture clock.
    pub(super) fn rtp(&self, at: Monotonic) -> RtpTime {
        self.payloader.clock().rtp(at)
    }

    /// By how much the card is faster than it says, in parts per million, once that is known.
    pub(super) fn ppm(&self) -> Option<i32> {
        self.payloader.clock().ppm()
    }

    /// Packets that left.
    pub(super) const fn packets(&self) -> u64 {
        self.packets
    }

    /// Changes the longest packet from the next one on.
    pub(super) fn resize(&mut self, packet_size: usize) {
        self.payloader.resize(packet_size);
    }

    pub(super) const fn mark_discontinuity(&mut self) {
        self.payloader.mark_discontinuity();
    }

    /// Sends interleaved samples, the first of which was captured at `capture`.
    pub(super) fn push(
        &mut self,
        chunk: Chunk<'_>,
        now: Monotonic,
        wall: &WallClock,
        transport: &mut Transport,
    ) {
        let Self { payloader, fec, packets } = self;
        payloader.push(chunk.samples, chunk.capture, wall, |packet| {
            send(packet, fec, now, transport);
            *packets += 1;
        });
    }

    /// Sends what is left: the source has ended.
    pub(super) fn flush(&mut self, now: Monotonic, wall: &WallClock, transport: &mut Transport) {
        let Self { payloader, fec, packets } = self;
        payloader.flush(wall, |packet| {
            send(packet, fec, now, transport);
            *packets += 1;
        });
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

fn send(
    packet: AudioPacket<'_>,
    fec: &mut Option<SoundFec>,
    now: Monotonic,
    transport: &mut Transport,
) {
    let datagram = Datagram { header: packet.header, payload: packet.payload };
    transport.send(std::iter::once(datagram));
    transport.count(1, packet.payload.len(), now);
    if let Some(fec) = fec {
        fec.send(&packet, transport);
    }
}
