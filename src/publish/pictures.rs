//! How pictures leave: cut into packets, which the pacer spreads over a part of the frame interval,
//! repair packets behind them. A picture is held until the last packet that reads from it has left;
//! then its memory is given back.

use super::fec::{Frame, PictureFec};
use super::seal::SealedPicture;
use super::transport::{Batch, Transport};
use crate::codec::ReadyPicture;
use std::ops::Range;
use streamsocket_media::Unit;
use streamsocket_media::clock::{Monotonic, WallClock};
use streamsocket_net::Datagram;
use streamsocket_srtp::seal::PacketSealer;
use streamsocket_stream::send::bitrate::BitrateLimit;
use streamsocket_stream::send::frame_packets::FramePackets;
use streamsocket_stream::send::pacer::{Load, Pace, Pacer};
use streamsocket_stream::send::payloader::{Error, Out, Payload, Payloader};
use streamsocket_wire::rtp::{self, RtpTime, Sequence};
use streamsocket_wire::sdp::Medium;

/// Initial capacity in packets: a frame of 320 kB. It grows once for larger ones.
const PACKETS_USUAL: usize = 256;

/// Bytes of the IP and UDP headers of a packet (IPv4; 20 more with IPv6).
const IP_OVERHEAD: usize = 28;

/// How pictures are sent.
#[derive(Clone, Copy, Debug)]
pub struct Sending {
    /// Longest media packet in bytes, such that its repair packets fit, too.
    pub packet_size: usize,
    /// How a frame is spread.
    pub pace: Pace,
    /// Id of the time extension, if it is sent.
    pub ntp64_id: Option<u8>,
    /// Milliseconds by which pictures lag behind sound.
    pub av_offset: i16,
    /// Bits a second left for pictures, if there is a limit.
    pub bitrate: Option<u64>,
}

/// What has become of pictures.
#[derive(Clone, Copy, Debug, Default)]
pub struct PictureCounts {
    /// Pictures that left.
    pub sent: u64,
    /// Their packets.
    pub packets: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Pictures with more bytes than their payload format can carry.
    pub too_long: u64,
    /// Pictures that a limit had no room for.
    pub over_bitrate: u64,
    /// Pictures that left without repair packets, since they have more packets than a block.
    pub without_fec: u64,
}

/// The pictures of a track on their way out.
pub(super) struct Pictures {
    /// Delay of the camera before it stamps a picture, in nanoseconds.
    before: i64,
    pacer: Pacer,
    packets: FramePackets,
    /// The number of the first of them.
    first: Sequence,
    /// The picture being sent: its memory is on loan until its packets have left.
    leaving: Option<Unit>,
    seal: Option<SealedPicture>,
    fec: Option<PictureFec>,
    limit: Option<BitrateLimit>,
    counts: PictureCounts,
}

impl Pictures {
    /// Pictures that come about every `interval` nanoseconds.
    pub(super) fn new(
        sending: Sending,
        seal: Option<SealedPicture>,
        fec: Option<PictureFec>,
        interval: i64,
    ) -> Self {
        Self {
            before: i64::from(sending.av_offset) * 1_000_000,
            pacer: Pacer::new(sending.pace, interval),
            packets: FramePackets::with_capacity(PACKETS_USUAL),
            first: Sequence(0),
            leaving: None,
            seal,
            fec,
            limit: sending.bitrate.map(BitrateLimit::new),
            counts: PictureCounts::default(),
        }
    }

    pub(super) fn deadline(&self) -> Option<Monotonic> {
        self.pacer.deadline()
    }

    pub(super) fn counts(&self) -> PictureCounts {
        let without_fec = self.fec.as_ref().map_or(0, PictureFec::too_large);
        PictureCounts { without_fec, ..self.counts }
    }

    /// The number of the first packet of the picture that is being sent, if there is one.
    pub(super) fn leaving(&self) -> Option<Sequence> {
        self.leaving.is_some().then_some(self.first)
    }

    /// How often the sequence number will have rolled over at that number, the next one; `None` if nothing is sealed.
    pub(super) fn rollovers_at(&self, next: Sequence) -> Option<u32> {
        self.seal.as_ref().map(|seal| seal.rollovers_at(next))
    }

    /// Another sealer takes the place of the one before, if there is one, from the next picture on.
    pub(super) fn exchange(&mut self, sealer: PacketSealer) {
        if let Some(seal) = &mut self.seal {
            seal.exchange(sealer);
        }
    }

    /// Changes the way of sending from the next picture on, of pictures that come about every
    /// `interval` nanoseconds.
    pub(super) fn adjust(&mut self, sending: Sending, interval: i64) {
        self.pacer = Pacer::new(sending.pace, interval);
        self.limit = sending.bitrate.map(BitrateLimit::new);
        self.before = i64::from(sending.av_offset) * 1_000_000;
    }

    /// Whether a picture may be sent, by the limit; one that may not is counted.
    pub(super) fn admits(&mut self, now: Monotonic) -> bool {
        let admits = self.limit.as_ref().is_none_or(|limit| limit.admits(now));
        self.counts.over_bitrate += u64::from(!admits);
        admits
    }

    /// Begins a picture. What is left of the one before is forgotten: [send](Self::send_rest) it
    /// first.
    pub(super) fn begin(
        &mut self,
        picture: ReadyPicture,
        payloader: &mut Payloader,
        wall: &WallClock,
        transport: &mut Transport,
        now: Monotonic,
    ) -> Result<(), Error> {
        let ReadyPicture { unit, scanned } = picture;
        let (first, capture) = (payloader.sequence(), unit.capture.offset(-self.before));
        let mut out = Out { frame: &mut self.packets, each: &mut |_| {} };
        let pushed = payloader.push(Payload::Jpeg(&scanned), capture, wall, &mut out);
        self.counts.too_long += u64::from(pushed.is_err());
        let capture = pushed?;
        let load = self.load(first, payloader.rtp_time(capture));
        self.first = first;
        self.pacer.begin(now, capture, load);
        transport.begin(Medium::Video);
        if let Some(limit) = &mut self.limit {
            limit.count(now, load.bytes + (load.media + load.repairs) * IP_OVERHEAD);
        }
        self.counts.sent += 1;
        self.counts.packets += self.packets.len() as u64;
        self.counts.bytes += unit.bytes.len() as u64;
        self.leaving = Some(unit);
        Ok(())
    }

    /// Sends what is due.
    pub(super) fn send_due(&mut self, now: Monotonic, transport: &mut Transport) {
        let due = self.pacer.due(now);
        self.send(due, now, transport);
    }

    /// Sends the rest of the present picture at once.
    pub(super) fn send_rest(&mut self, now: Monotonic, transport: &mut Transport) {
        let rest = self.pacer.flush();
        self.send(rest, now, transport);
    }

    /// Sends the rest of the present picture at once, and gives its memory back.
    pub(super) fn finish(&mut self, now: Monotonic, transport: &mut Transport) {
        self.send_rest(now, transport);
        self.leaving = None;
    }

    /// What the pacer has to know of the picture in `packets`.
    fn load(&mut self, first: Sequence, time: RtpTime) -> Load {
        let media = self.packets.len();
        let growth = self.seal.as_ref().map_or(0, SealedPicture::growth);
        let fec = self.fec.as_mut();
        let begun = fec.map(|fec| fec.begin(&self.packets, growth, first, time));
        let (repairs, len) = begun.unwrap_or_default();
        let plain: usize = self.packets.range(0..media).map(|packet| packet.len()).sum();
        if let Some(seal) = &mut self.seal {
            seal.begin(media, plain);
        }
        Load { media, repairs, bytes: plain + media * growth + repairs * len }
    }

    /// Sends media packets: sealed, if there is a seal, and as they are to those for whom their connection seals them.
    fn send_media(
        &mut self,
        range: Range<usize>,
        media: usize,
        now: Monotonic,
        transport: &mut Transport,
    ) {
        let Self { seal, packets, leaving, .. } = self;
        let bytes = leaving.as_ref().map_or(&[][..], |unit| &unit.bytes);
        let plain = |range| {
            packets.range(range).map(|packet| Datagram {
                header: packet.header,
                payload: bytes.get(packet.payload).unwrap_or_default(),
            })
        };
        let first = transport.has_new();
        if let Some(seal) = seal {
            seal.seal_to(if first { media } else { range.end }, packets, bytes);
        }
        let sealed = |range| seal.as_ref().map(|seal| seal.datagrams(range));
        if first {
            transport.send_first(&Batch { plain: plain(0..media), sealed: sealed(0..media) });
        }
        if !range.is_empty() {
            transport.send(&Batch { plain: plain(range.clone()), sealed: sealed(range.clone()) });
            let octets = packets.range(range.clone());
            let octets = octets.map(|packet| packet.len() - rtp::HEADER_LEN).sum();
            transport.count(range.len(), octets, now);
        }
    }

    fn send(&mut self, range: Range<usize>, now: Monotonic, transport: &mut Transport) {
        let media = self.packets.len();
        let repairs = range.start.max(media) - media..range.end.max(media) - media;
        let range = range.start.min(media)..range.end.min(media);
        if self.leaving.is_some() {
            self.send_media(range.clone(), media, now, transport);
        }
        let bytes = self.leaving.as_ref().map_or(&[][..], |unit| &unit.bytes);
        if let Some(fec) = self.fec.as_mut().filter(|_| !repairs.is_empty()) {
            match &mut self.seal {
                Some(seal) => {
                    seal.seal_to(media, &self.packets, bytes);
                    transport.send_fec(fec.make(repairs, seal));
                }
                None => {
                    let frame = Frame { packets: &self.packets, bytes };
                    transport.send_fec(fec.make(repairs, &frame));
                }
            }
        }
        // The camera needs its buffer back as soon as nothing is read from it any more.
        let made = self.fec.as_ref().is_none_or(PictureFec::is_made);
        if self.pacer.deadline().is_none() || range.end >= media && made {
            self.leaving = None;
        }
    }
}
