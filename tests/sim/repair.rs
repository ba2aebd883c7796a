//! Loss and repair: the real payloaders, repair and reassembly, with one process of losses across all
//! streams of a session. Packets are short, so that many frames are tried; what decides is how many a
//! frame has.

use crate::world::{Chance, MS, SECOND, Time};
use streamsocket_media::clock::{Monotonic, WallClock};
use streamsocket_stream::receive::depayloader::REPAIR;
use streamsocket_stream::receive::jpeg::JpegDepayloader;
use streamsocket_stream::receive::l16::L16Depayloader;
use streamsocket_stream::receive::repair::Repair;
use streamsocket_stream::receive::sound::Chunk;
use streamsocket_stream::receive::source_packet::SourcePacket;
use streamsocket_stream::send::frame_packets::FramePackets;
use streamsocket_stream::send::jpeg::{CaptureTime, JpegPayloader};
use streamsocket_stream::send::l16::{L16Payloader, L16Stream};
use streamsocket_stream::send::repair::{Block, Encoder, Share, SoundRepair};
use streamsocket_wire::jpeg::{Parameters, Sampling};
use streamsocket_wire::jpeg_scan::Scanned;
use streamsocket_wire::ntp::NtpTime;
use streamsocket_wire::repair::Header;
use streamsocket_wire::rtp::{self, RtpTime, Sequence, Ssrc};

const VIDEO: Ssrc = Ssrc(1);
const AUDIO: Ssrc = Ssrc(2);
const RATE: u32 = 8000;
const INTERVAL: Time = 33_333_333;
/// Bytes of a packet: headers, and a little.
const PACKET: usize = 260;

/// How packets are lost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Loss {
    pub(crate) name: &'static str,
    /// Lost packets in 1000.
    pub(crate) per_mille: i64,
    /// Packets of a burst on average; 1: each by itself.
    pub(crate) burst: i64,
    /// One packet in so many comes up to 5 ms later; 0: none.
    pub(crate) reordered: i64,
    /// One packet in so many comes twice; 0: none.
    pub(crate) doubled: i64,
}

impl Loss {
    pub(crate) const fn new(name: &'static str, per_mille: i64, burst: i64) -> Self {
        Self { name, per_mille, burst, reordered: 0, doubled: 0 }
    }
}

/// Packets that are lost, one after the other (Gilbert).
struct Process {
    loss: Loss,
    losing: bool,
    chance: Chance,
}

impl Process {
    fn loses(&mut self) -> bool {
        const WHOLE: i64 = 1_000_000_000;
        let Loss { per_mille, burst, .. } = self.loss;
        if burst == 1 {
            return self.chance.below(1000) < per_mille;
        }
        let (leave, share) = (WHOLE / burst, WHOLE / 1000 * per_mille);
        let enter = i128::from(share) * i128::from(leave) / i128::from(WHOLE - share);
        let bound = if self.losing { leave } else { i64::try_from(enter).unwrap() };
        self.losing ^= self.chance.below(WHOLE) < bound;
        self.losing
    }
}

/// What came of it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) frames: u64,
    pub(crate) frames_intact: u64,
    pub(crate) samples: u64,
    pub(crate) samples_intact: u64,
    /// Repair packets in 100 packets of picture.
    pub(crate) overhead: u64,
}

impl Outcome {
    pub(crate) fn frames_percent(&self) -> f64 {
        100.0 * self.frames_intact as f64 / self.frames as f64
    }

    pub(crate) fn samples_percent(&self) -> f64 {
        100.0 * self.samples_intact as f64 / self.samples as f64
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum To {
    Video,
    Audio,
    VideoRepair,
    AudioRepair,
}

/// Both ends.
struct Link {
    process: Process,
    /// On their way: arrival, in which order they were sent, where to.
    under_way: Vec<(Time, u64, To, Vec<u8>)>,
    sent: u64,
    video: (JpegDepayloader, Repair, Vec<u8>),
    audio: (L16Depayloader, Repair, Vec<i16>),
    highest: [u64; 2],
    data: Vec<u8>,
    outcome: Outcome,
}

impl Link {
    fn send(&mut self, now: Time, to: To, bytes: Vec<u8>) {
        self.sent += 1;
        if self.process.loses() {
            return;
        }
        let Process { loss, chance, .. } = &mut self.process;
        if loss.doubled > 0 && chance.below(loss.doubled) == 0 {
            self.under_way.push((now + MS, self.sent, to, bytes.clone()));
        }
        let late = loss.reordered > 0 && chance.below(loss.reordered) == 0;
        let delay = if late { chance.below(5 * MS) } else { 0 };
        self.under_way.push((now + delay, self.sent, to, bytes));
    }

    /// Everything that arrives before `end`.
    fn deliver(&mut self, end: Time) {
        self.under_way.sort_unstable_by_key(|(at, number, ..)| (*at, *number));
        let later = self.under_way.partition_point(|(at, ..)| *at < end);
        let left = self.under_way.split_off(later);
        for (at, _, to, bytes) in core::mem::replace(&mut self.under_way, left) {
            let packet = rtp::Packet::parse(&bytes).unwrap();
            let header = packet.header();
            let stream = usize::from(matches!(to, To::Audio | To::AudioRepair));
            let repair = if stream == 0 { &mut self.video.1 } else { &mut self.audio.1 };
            if let To::Video | To::Audio = to {
                let sequence = rtp::extend_sequence(self.highest[stream], header.sequence);
                self.highest[stream] = self.highest[stream].max(sequence);
                repair.keep(sequence, &bytes);
                self.take(to, sequence, &bytes, at);
            } else {
                let (header, shard) = Header::parse(packet.payload()).unwrap();
                repair.push(&header, shard, self.highest[stream]);
            }
            let mut made = Vec::new();
            let (repair, ssrc, media) = match stream {
                0 => (&mut self.video.1, VIDEO, To::Video),
                _ => (&mut self.audio.1, AUDIO, To::Audio),
            };
            repair.poll(ssrc, &mut |sequence, bytes| made.push((sequence, bytes.to_vec())));
            for (sequence, bytes) in made {
                self.take(media, sequence, &bytes, at);
            }
            self.hand_on(Monotonic(at));
        }
    }

    fn take(&mut self, to: To, sequence: u64, bytes: &[u8], at: Time) {
        let packet = rtp::Packet::parse(bytes).unwrap();
        let (header, payload, arrival) = (packet.header(), packet.payload(), Monotonic(at));
        let (time, marker, ntp) = (header.time.into(), header.marker, None);
        let packet = SourcePacket { sequence, time, marker, ntp, payload, arrival };
        if to == To::Video {
            self.video.0.push(&packet);
        } else {
            self.audio.0.push(&packet);
        }
    }

    fn hand_on(&mut self, now: Monotonic) {
        let (depayloader, _, buffer) = &mut self.video;
        while let Some(frame) = depayloader.poll(now, &|_| None, buffer) {
            let number = u64::try_from(frame.time.0 / 3000).unwrap();
            self.data[..8].copy_from_slice(&mark(number));
            let end = buffer.len() - 2;
            assert!(buffer[..end].ends_with(&self.data), "frame {number} is another");
            self.outcome.frames_intact += 1;
        }
        let (depayloader, _, samples) = &mut self.audio;
        while let Some(chunk) = depayloader.poll(now, &|_| None, samples) {
            if let Chunk::Samples { .. } = chunk {
                self.outcome.samples_intact += samples.len() as u64;
            }
        }
    }
}

/// Tells frames apart, without a byte that means something in a JPEG.
fn mark(number: u64) -> [u8; 8] {
    number.to_be_bytes().map(|byte| byte & 0x7F)
}

/// Bytes of coded data that make so many packets.
fn data_of(packets: usize, cutter: &mut JpegPayloader, arena: &mut FramePackets) -> Vec<u8> {
    let mut len = packets * (PACKET - 80);
    loop {
        cutter.packetize(&frame(len), STAMP, arena).unwrap();
        match arena.len() {
            made if made == packets => return vec![0x33; len],
            made if made < packets => len += 20,
            _ => len -= 20,
        }
    }
}

const STAMP: CaptureTime = CaptureTime { time: RtpTime(0), ntp: NtpTime(0) };

fn frame(len: usize) -> Scanned {
    let (sampling, tables) = (Sampling::S422, [[5; 64], [9; 64]]);
    let picture = Parameters { width: 640, height: 480, sampling, restart_interval: 0, tables };
    Scanned { picture, data: 0..len, ended: true }
}

/// Sends so many frames of so many packets, with sound between them.
pub(crate) fn run(packets: usize, share: &str, loss: Loss, frames: u64, seed: u64) -> Outcome {
    let share: Share = share.parse().unwrap();
    let mut cutter = JpegPayloader::new(VIDEO, Sequence(0), PACKET, None);
    let mut arena = FramePackets::default();
    let data = data_of(packets, &mut cutter, &mut arena);
    let mut cutter = JpegPayloader::new(VIDEO, Sequence(0), PACKET, None);
    let chance = Chance::new(seed);
    let mut link = Link {
        process: Process { loss, losing: false, chance },
        under_way: Vec::new(),
        sent: 0,
        video: (JpegDepayloader::new(None), Repair::default(), Vec::new()),
        audio: (L16Depayloader::new(1).with_repair(REPAIR), Repair::default(), Vec::new()),
        // Extended sequence numbers begin one cycle up.
        highest: [1 << 16; 2],
        data,
        outcome: Outcome { frames, ..Outcome::default() },
    };
    let mut video = Encoder::new(Ssrc(3), Sequence(0), VIDEO);
    let mut audio = Sound::new(share);
    let repairs = usize::from(share.of_frame(packets));
    link.outcome.overhead = 100 * repairs as u64 / packets as u64;
    for number in 1..=frames {
        let begin = INTERVAL * i64::try_from(number).unwrap();
        link.data[..8].copy_from_slice(&mark(number));
        let time = RtpTime(u32::try_from(number * 3000 % (1 << 32)).unwrap());
        let first = cutter.sequence();
        cutter
            .packetize(&frame(link.data.len()), CaptureTime { time, ..STAMP }, &mut arena)
            .unwrap();
        let longest = arena.get(0).unwrap().len();
        let (k, m) = (u16::try_from(packets).unwrap(), u16::try_from(repairs).unwrap());
        video.begin(Block { first, time, packets: k, repairs: m, longest });
        let gap = INTERVAL / 2 / i64::try_from(packets + repairs).unwrap();
        let mut at = begin;
        for index in 0..packets + repairs {
            audio.until(at, &mut link);
            if let Some(packet) = arena.get(index) {
                let payload = &link.data[packet.payload];
                video.push(packet.header, payload);
                link.send(at, To::Video, [packet.header, payload].concat());
            } else {
                link.send(at, To::VideoRepair, video.get(index - packets).unwrap().to_vec());
            }
            at += gap;
        }
        audio.until(begin + INTERVAL, &mut link);
        link.deliver(begin + INTERVAL);
    }
    link.deliver(Time::MAX);
    link.hand_on(Monotonic(Time::MAX));
    link.outcome
}

/// The sound's sender.
struct Sound {
    payloader: L16Payloader,
    repair: SoundRepair,
    wall: WallClock,
    next: Time,
}

impl Sound {
    fn new(share: Share) -> Self {
        let stream = L16Stream { ssrc: AUDIO, rate: RATE, channels: 1, ntp64_id: None };
        Self {
            payloader: L16Payloader::new(stream, Sequence(0), RtpTime(0)),
            repair: SoundRepair::new(share, Encoder::new(Ssrc(4), Sequence(0), AUDIO)),
            wall: WallClock::new(Monotonic(0), SECOND),
            next: INTERVAL,
        }
    }

    fn until(&mut self, end: Time, link: &mut Link) {
        let Self { payloader, repair, wall, next } = self;
        while *next <= end {
            let now = *next;
            // Two packets at a time, as the daemon gets them of a card.
            *next += 10 * MS;
            payloader.push(&[7; 80], Monotonic(now), wall, |packet| {
                link.outcome.samples += 40;
                link.send(now, To::Audio, [packet.header, packet.payload].concat());
                repair.push(&packet, |made| link.send(now, To::AudioRepair, made.to_vec()));
            });
        }
    }
}
