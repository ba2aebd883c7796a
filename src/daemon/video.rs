//! The video stream: from the source through the normaliser, the packetizer and the pacer to every
//! destination.

use super::beginning::Beginning;
use super::rate::RealRate;
use crate::capture::source::VideoSource;
use crate::capture::{Error, VideoPoll};
use crate::codec::{Normaliser, Picture};
use crate::publish::output::Output;
use crate::publish::repair::VideoRepair;
use crate::publish::transport::{Instant, Transport};
use crate::statistics::{OVER_BITRATE, VideoStatistics};
use std::collections::BTreeMap;
use std::ops::Range;
use streamsocket_media::Unit;
use streamsocket_media::clock::{Monotonic, WallClock};
use streamsocket_net::{Datagram, Interface};
use streamsocket_stream::send::bitrate::BitrateLimit;
use streamsocket_stream::send::clock::VideoClock;
use streamsocket_stream::send::pacer::{Load, Pace, Pacer};
use streamsocket_stream::send::packets::Packets;
use streamsocket_stream::send::video::{Packetizer, Stamp};
use streamsocket_wire::rtp::{self, RtpTime, Sequence, Ssrc};

/// Initial capacity in packets: a frame of 320 kB. It grows once for larger ones.
const PACKETS_USUAL: usize = 256;

/// The video stream of a session.
pub(super) struct Video {
    source: VideoSource,
    name: String,
    ended: bool,
    /// The source may have more: this turn took as many as it may.
    more: bool,
    normaliser: Normaliser,
    /// Whether viewers were told that there are no pictures.
    away: bool,
    clock: VideoClock,
    /// Delay of the camera before it stamps a picture, in nanoseconds.
    before: i64,
    packetizer: Packetizer,
    pacer: Pacer,
    packets: Packets,
    /// The frame being sent: its memory is on loan until its packets have left.
    leaving: Option<Unit>,
    pub(super) transport: Transport,
    repair: Option<VideoRepair>,
    limit: Option<BitrateLimit>,
    counts: Counts,
    real_rate: RealRate,
    too_long_said: bool,
}

#[derive(Debug, Default)]
struct Counts {
    captured: u64,
    sent: u64,
    packets: u64,
    bytes: u64,
    too_long: u64,
    over_bitrate: u64,
}

/// Pictures taken from a source in one turn: a pipe or a server that delivers faster than they are
/// sent must not starve the rest of the loop.
const TURN_PICTURES_MAX: usize = 8;

/// The parts of a video stream, opened.
pub(super) struct OpenedVideo {
    pub(super) source: VideoSource,
    pub(super) name: String,
    pub(super) beginning: Beginning,
    pub(super) normaliser: Normaliser,
    pub(super) sending: Sending,
    pub(super) transport: Transport,
    pub(super) repair: Option<VideoRepair>,
}

impl OpenedVideo {
    /// Makes the stream, which begins at `now`. It continues with the numbers in `kept` if they are
    /// of its SSRC.
    pub(super) fn begin(self, kept: Option<Beginning>, now: Monotonic) -> Video {
        let beginning = kept.filter(|it| it.ssrc == self.beginning.ssrc).unwrap_or(self.beginning);
        Video::new(Self { beginning, ..self }, now)
    }
}

/// How pictures are sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sending {
    /// Longest media packet in bytes, such that its repair packets fit, too.
    pub(super) packet_size: usize,
    pub(super) pace: Pace,
    pub(super) ntp64_id: Option<u8>,
    /// Milliseconds by which pictures lag behind sound.
    pub(super) av_offset: i16,
    /// Bits a second left for pictures, if there is a limit.
    pub(super) bitrate: Option<u64>,
}

/// Bytes of the IP and UDP headers of a packet (IPv4; 20 more with IPv6).
const IP_OVERHEAD: usize = 28;

impl Video {
    fn new(opened: OpenedVideo, epoch: Monotonic) -> Self {
        let OpenedVideo { source, name, beginning, normaliser, sending, transport, repair } =
            opened;
        let Beginning { ssrc, sequence, time } = beginning;
        let interval = source.format().reckoned_rate().frame_nanos(1);
        Self {
            source,
            name,
            ended: false,
            more: false,
            normaliser,
            away: false,
            clock: VideoClock::new(epoch, time),
            before: i64::from(sending.av_offset) * 1_000_000,
            packetizer: Packetizer::new(ssrc, sequence, sending.packet_size, sending.ntp64_id),
            pacer: Pacer::new(sending.pace, interval),
            packets: Packets::with_capacity(PACKETS_USUAL),
            leaving: None,
            transport,
            repair,
            limit: sending.bitrate.map(BitrateLimit::new),
            counts: Counts::default(),
            real_rate: RealRate::default(),
            too_long_said: false,
        }
    }

    /// The session begins at `epoch`.
    pub(super) const fn begin(&mut self, epoch: Monotonic) {
        self.source.begin(epoch);
    }

    /// Takes over what the source of the previous stream has read.
    pub(super) fn inherit(&mut self, before: &mut Self) {
        self.source.inherit(&mut before.source);
    }

    pub(super) const fn ssrc(&self) -> Ssrc {
        self.packetizer.ssrc()
    }

    /// The numbers that a stream continues with.
    pub(super) fn kept(&self, now: Monotonic) -> Beginning {
        let ssrc = self.packetizer.ssrc();
        Beginning { ssrc, sequence: self.packetizer.sequence(), time: self.clock.rtp(now) }
    }

    /// Sends the rest of the present frame at once.
    pub(super) fn finish(&mut self, now: Monotonic) {
        let rest = self.pacer.flush();
        self.send(rest, now);
        self.leaving = None;
    }

    /// Changes the way of sending from the next frame on.
    pub(super) fn adjust(&mut self, normaliser: Normaliser, sending: Sending, now: Monotonic) {
        self.finish(now);
        let Beginning { ssrc, sequence, .. } = self.kept(now);
        self.packetizer = Packetizer::new(ssrc, sequence, sending.packet_size, sending.ntp64_id);
        self.pacer = Pacer::new(sending.pace, self.source.format().reckoned_rate().frame_nanos(1));
        self.limit = sending.bitrate.map(BitrateLimit::new);
        self.before = i64::from(sending.av_offset) * 1_000_000;
        self.normaliser = normaliser;
    }

    /// A device has come or gone.
    pub(super) const fn rescan(&mut self, now: Monotonic) {
        self.source.rescan(now);
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) const fn source(&self) -> &VideoSource {
        &self.source
    }

    /// Whether the source has ended and the last packet was sent.
    pub(super) fn is_over(&self) -> bool {
        self.ended && self.normaliser.is_idle() && self.pacer.deadline().is_none()
    }

    pub(super) fn deadline(&self) -> Option<Monotonic> {
        let asleep = self.ended || self.waits();
        let source = if asleep { None } else { self.source.deadline() };
        let source = if self.more && !asleep { Some(Monotonic(0)) } else { source };
        [source, self.pacer.deadline()].into_iter().flatten().min()
    }

    /// Whether the source is left alone until a picture is converted; the worker wakes the loop
    /// then.
    fn waits(&self) -> bool {
        self.source.can_wait() && self.normaliser.is_full()
    }

    /// Takes what the source has, and sends what is due.
    pub(super) fn turn(&mut self, now: Monotonic, wall: &WallClock) -> Result<(), Error> {
        while let Some(picture) = self.normaliser.take() {
            self.leave(picture, now, wall);
        }
        let mut left = TURN_PICTURES_MAX;
        while left > 0 && !self.ended && !self.waits() {
            match self.source.poll(now)? {
                VideoPoll::Unit(unit) => {
                    left -= 1;
                    self.take(unit, now, wall)?;
                }
                VideoPoll::Idle => break,
                VideoPoll::End => self.ended = true,
            }
        }
        self.more = left == 0;
        let due = self.pacer.due(now);
        self.send(due, now);
        if self.away != self.source.is_away() {
            self.away = !self.away;
            self.transport.tell(now);
        }
        Ok(())
    }

    /// Sends from another interface or address from now on.
    pub(super) fn reopen(&mut self, interface: &Interface, ttl: u8) -> Result<(), String> {
        let media = self.transport.reopen(interface, ttl);
        media.and(self.repair.as_mut().map_or(Ok(()), |repair| repair.way.reopen(interface, ttl)))
    }

    /// `now` on the stream's clock and on the wall clock.
    pub(super) fn instant(&self, now: Monotonic, wall: &WallClock) -> Instant {
        (self.clock.rtp(now), wall.ntp(now))
    }

    /// The sockets, media and repair, each list in the order of the destinations.
    pub(super) fn outputs(&self) -> impl Iterator<Item = &[Output]> {
        let repair = self.repair.as_ref().map(|repair| repair.way.outputs());
        std::iter::once(self.transport.outputs()).chain(repair)
    }

    /// Takes a picture from the source.
    fn take(&mut self, unit: Unit, now: Monotonic, wall: &WallClock) -> Result<(), Error> {
        self.counts.captured += 1;
        self.real_rate.count(now);
        // Before its conversion, which may take long.
        let may_be_left_out = unit.dependency.may_be_left_out();
        if may_be_left_out && self.limit.as_ref().is_some_and(|limit| !limit.admits(now)) {
            self.counts.over_bitrate += 1;
            return Ok(());
        }
        if let Some(picture) = self.normaliser.push(unit)? {
            self.leave(picture, now, wall);
        }
        Ok(())
    }

    /// Begins to send a picture; the rest of the previous frame is sent at once.
    fn leave(&mut self, picture: Picture, now: Monotonic, wall: &WallClock) {
        let Picture { unit, scanned } = picture;
        let rest = self.pacer.flush();
        self.send(rest, now);
        let capture = self.clock.advance_to(unit.capture.offset(-self.before));
        let stamp = Stamp { time: self.clock.rtp(capture), ntp: wall.ntp(capture) };
        let first = self.packetizer.sequence();
        if let Err(error) = self.packetizer.packetize(&scanned, stamp, &mut self.packets) {
            self.counts.too_long += 1;
            if !std::mem::replace(&mut self.too_long_said, true) {
                log::warn!("{}: {error}", self.name);
            }
            return;
        }
        self.too_long_said = false;
        let load = self.load(first, stamp.time);
        self.pacer.begin(now, capture, load);
        if let Some(limit) = &mut self.limit {
            limit.count(now, load.bytes + (load.media + load.repairs) * IP_OVERHEAD);
        }
        self.counts.sent += 1;
        self.counts.packets += self.packets.len() as u64;
        self.counts.bytes += unit.bytes.len() as u64;
        self.leaving = Some(unit);
        let due = self.pacer.due(now);
        self.send(due, now);
    }

    /// What the pacer has to know of the frame in `packets`.
    fn load(&mut self, first: Sequence, time: RtpTime) -> Load {
        let media = self.packets.len();
        let repair = self.repair.as_mut();
        let (repairs, len) =
            repair.map_or((0, 0), |repair| repair.begin(&self.packets, first, time));
        let bytes: usize = self.packets.range(0..media).map(|packet| packet.len()).sum();
        Load { media, repairs, bytes: bytes + repairs * len }
    }

    /// Why none of the pictures could be sent, if so.
    pub(super) fn useless(&self) -> Option<String> {
        let Counts { captured, sent: 0, .. } = self.counts else { return None };
        let (reason, more) = (self.normaliser.refused()?, self.normaliser.conversion());
        Some(format!(
            "{}: none of {captured} pictures can be sent ({reason}); convert them first: \
             ffmpeg -i FILE{more} -c:v mjpeg -q:v 3 -huffman default -pix_fmt yuvj420p NEW.mjpeg",
            self.name
        ))
    }

    fn send(&mut self, range: Range<usize>, now: Monotonic) {
        let media = self.packets.len();
        let repairs = range.start.max(media) - media..range.end.max(media) - media;
        let range = range.start.min(media)..range.end.min(media);
        if let (Some(unit), false) = (&self.leaving, range.is_empty()) {
            self.transport.send(self.packets.range(range.clone()).map(|packet| Datagram {
                header: packet.header,
                payload: unit.bytes.get(packet.payload).unwrap_or_default(),
            }));
            let packets = self.packets.range(range.clone());
            let octets = packets.map(|packet| packet.len() - rtp::HEADER_LEN).sum();
            self.transport.count(range.len(), octets, now);
        }
        if let Some(repair) = &mut self.repair {
            let bytes = self.leaving.as_ref().map_or(&[][..], |unit| &unit.bytes);
            repair.send(repairs, &self.packets, bytes);
        }
        // The camera needs its buffer back as soon as nothing is read from it any more.
        let made = self.repair.as_ref().is_none_or(VideoRepair::is_made);
        if self.pacer.deadline().is_none() || range.end >= media && made {
            self.leaving = None;
        }
    }

    pub(super) fn statistics(&self, now: Monotonic) -> VideoStatistics {
        let format = self.source.format();
        let mut dropped: BTreeMap<_, _> = self.source.losses().into_iter().collect();
        for (name, count) in self.normaliser.dropped() {
            *dropped.entry(name).or_default() += count;
        }
        dropped.insert("too_long", self.counts.too_long);
        dropped.insert(OVER_BITRATE, self.counts.over_bitrate);
        // Frames in memory come as fast as they can be sent.
        let at_will = matches!(self.source, VideoSource::Preloaded(_));
        let frames_dropped = dropped.into_iter().filter(|(_, count)| *count > 0);
        VideoStatistics {
            source: self.source.name().unwrap_or(&self.name).to_owned(),
            away: self.source.why_away(),
            returns: self.source.returns(),
            width: format.width,
            height: format.height,
            rate: format.rate.map(|it| f64::from(it.numerator) / f64::from(it.denominator.max(1))),
            real_rate: self.real_rate.at(now).filter(|_| !at_will),
            frames_captured: self.counts.captured,
            frames_sent: self.counts.sent,
            frames_dropped: frames_dropped.map(|(name, count)| (name.to_owned(), count)).collect(),
            frames_rewritten: self.normaliser.made().0,
            frames_encoded: self.normaliser.made().1,
            stamps_refused: self.source.stamps_refused(),
            packets: self.counts.packets,
            bytes: self.counts.bytes,
            repair_packets: self.repair.as_ref().map_or(0, |repair| repair.way.packets()),
            frames_unrepairable: self.repair.as_ref().map_or(0, VideoRepair::too_large),
        }
    }
}
