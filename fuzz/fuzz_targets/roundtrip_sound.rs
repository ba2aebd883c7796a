//! Sound through a network that drops, doubles and reorders: what is heard at a time is what was captured
//! then, and nothing is missing where nothing is lost, or repair packets make up for all that is.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use streamsocket_fuzz::{Fate, arrived};
use streamsocket_media::clock::{Delay, Monotonic, WallClock, sample_nanos};
use streamsocket_stream::receive::l16::L16Depayloader;
use streamsocket_stream::receive::repair::Repair;
use streamsocket_stream::receive::sound::Chunk;
use streamsocket_stream::receive::source::{Admission, Source};
use streamsocket_stream::receive::source_packet::SourcePacket as Received;
use streamsocket_stream::send::l16::{L16Payloader, L16Stream};
use streamsocket_stream::send::repair::{AUDIO_PACKETS, Encoder, Share, SoundRepair};
use streamsocket_wire::ntp::NtpTime;
use streamsocket_wire::repair::Header;
use streamsocket_wire::rtp::{self, ExtendedTime, RtpTime, Sequence, Ssrc};

const MEDIA: Ssrc = Ssrc(5);
const REPAIR_TYPE: u8 = 98;
const RATES: [u32; 4] = [8_000, 16_000, 44_100, 48_000];
/// Packets of a run at most: three times as many as are held back.
const PACKETS_MAX: usize = 96;

#[derive(Arbitrary, Debug)]
struct Input {
    rate: u8,
    is_stereo: bool,
    first: u16,
    base: u32,
    share: u8,
    /// Sample frames that come from the card at once.
    pieces: Vec<u8>,
    network: Vec<Fate>,
}

impl Input {
    fn stream(&self) -> L16Stream {
        let (rate, channels) = (RATES[usize::from(self.rate % 4)], 1 + u8::from(self.is_stereo));
        L16Stream { ssrc: MEDIA, rate, channels, ntp64_id: Some(1) }
    }

    fn sample(&self, index: usize) -> i16 {
        (index as i16).wrapping_mul(31).wrapping_add(7)
    }
}

/// The packets that are sent, repair packets among them, and how many are of sound.
fn send(input: &Input) -> (Vec<Vec<u8>>, usize) {
    let stream = input.stream();
    let channels = usize::from(stream.channels);
    let share: Share = (input.share % 101).to_string().parse().expect("a share");
    let encoder = Encoder::new(Ssrc(6), Sequence(0), MEDIA);
    let (mut repair, wall) = (SoundRepair::new(share, encoder), WallClock::new(Monotonic(0), 0));
    let mut payloader = L16Payloader::new(stream, Sequence(input.first), RtpTime(input.base));
    let (mut packets, mut media, mut frames) = (Vec::new(), 0, 0);
    for piece in &input.pieces {
        let piece = usize::from(*piece) * 4;
        let samples: Vec<_> = (frames * channels..(frames + piece) * channels).collect();
        let samples: Vec<_> = samples.into_iter().map(|index| input.sample(index)).collect();
        let capture = Monotonic(sample_nanos(frames as u64, stream.rate));
        payloader.push(&samples, capture, &wall, |packet| {
            media += 1;
            packets.push([packet.header, packet.payload].concat());
            repair.push(&packet, |made| packets.push(made.to_vec()));
        });
        frames += piece;
        if media >= PACKETS_MAX {
            break;
        }
    }
    (packets, media)
}

struct Receiver<'a> {
    input: &'a Input,
    source: Source,
    repair: Repair,
    depayloader: L16Depayloader,
    /// Where sound goes on, in extended RTP time.
    next: Option<ExtendedTime>,
    heard: u64,
    missed: u64,
}

impl Receiver<'_> {
    fn take(&mut self, bytes: &[u8]) {
        let packet = rtp::Packet::parse(bytes).expect("ours is well formed");
        let header = packet.header();
        if header.payload_type == REPAIR_TYPE {
            let (header, shard) = Header::parse(packet.payload()).expect("ours is well formed");
            if let Some(highest) = self.source.highest() {
                self.repair.push(&header, shard, highest);
            }
        } else {
            let (sequence, time) = match self.source.admit(&header, Monotonic(0)) {
                Admission::Admitted { sequence, time } => (sequence, time),
                Admission::NewSource { sequence, time } => {
                    self.repair.reset();
                    self.depayloader.reset();
                    self.next = None;
                    (sequence, time)
                }
                Admission::Refused => return,
            };
            self.repair.keep(sequence, bytes);
            self.push(&packet, sequence, time);
        }
        let mut made = Vec::new();
        self.repair.poll(MEDIA, &mut |sequence, bytes| made.push((sequence, bytes.to_vec())));
        for (sequence, bytes) in made {
            let packet = rtp::Packet::parse(&bytes).expect("what is made is a packet");
            let time = self.source.extend(packet.header().time).expect("there is a source");
            self.push(&packet, sequence, time);
        }
    }

    fn push(&mut self, packet: &rtp::Packet<'_>, sequence: u64, time: ExtendedTime) {
        let ntp = packet.extension().and_then(|extension| extension.ntp64(1));
        let (payload, arrival) = (packet.payload(), Monotonic(0));
        self.depayloader.push(&Received { sequence, time, marker: false, ntp, payload, arrival });
        self.poll(Monotonic(0));
    }

    fn poll(&mut self, now: Monotonic) {
        let mut samples = Vec::new();
        while let Some(chunk) = self.depayloader.poll(now, &|_| None, &mut samples) {
            let (time, frames) = match chunk {
                Chunk::Samples { time, ntp, .. } => {
                    self.check(time, ntp, &samples);
                    let frames = samples.len() / usize::from(self.input.stream().channels);
                    self.heard += frames as u64;
                    (time, frames)
                }
                Chunk::Hole { time, frames } => {
                    self.missed += frames as u64;
                    (time, frames)
                }
            };
            assert!(self.next.is_none_or(|next| next == time), "{chunk:?}");
            self.next = Some(time.offset(frames as i64));
        }
    }

    /// These are the samples that were captured then.
    fn check(&self, time: ExtendedTime, ntp: Option<NtpTime>, samples: &[i16]) {
        let stream = self.input.stream();
        let frame = (time.0 as u32).wrapping_sub(self.input.base);
        let first = frame as usize * usize::from(stream.channels);
        let expected = (first..).map(|index| self.input.sample(index));
        assert!(samples.iter().copied().eq(expected.take(samples.len())));
        let off =
            ntp.expect("each has its time").unix_nanos() - sample_nanos(frame.into(), stream.rate);
        assert!(off.abs() < 1_000_000, "{off}");
    }
}

/// Which block a packet is of, by sequence numbers.
fn block(packet: &[u8], first: u16) -> usize {
    let packet = rtp::Packet::parse(packet).expect("ours is well formed");
    let sequence = match Header::parse(packet.payload()) {
        Ok((header, _)) if packet.header().payload_type == REPAIR_TYPE => header.first,
        _ => packet.header().sequence,
    };
    usize::from(sequence.0.wrapping_sub(first) / AUDIO_PACKETS)
}

/// Whether so much came of each block that all of it can be made. What is lost of the first one may be
/// from before we listened; one that is not complete has no repair packets.
fn is_promised(input: &Input, packets: &[Vec<u8>], media: usize) -> bool {
    let blocks = media / usize::from(AUDIO_PACKETS);
    let mut came = vec![0; blocks + 1];
    for (index, packet) in packets.iter().enumerate() {
        let of = block(packet, input.first);
        match input.network.get(index).unwrap_or(&Fate::Arrives) {
            Fate::Later(_) => return false,
            Fate::Lost if of == 0 || of == blocks => return false,
            Fate::Lost => {}
            Fate::Arrives | Fate::Again => came[of] += 1,
        }
    }
    came.iter().take(blocks).all(|came| *came >= AUDIO_PACKETS)
}

fuzz_target!(|input: Input| {
    let (packets, media) = send(&input);
    let arrived = arrived(&packets, &input.network);
    let stream = input.stream();
    let mut receiver = Receiver {
        input: &input,
        source: Source::new(stream.rate),
        repair: Repair::default(),
        depayloader: L16Depayloader::new(stream.channels).with_repair(Delay::from_millis(100)),
        next: None,
        heard: 0,
        missed: 0,
    };
    arrived.iter().for_each(|packet| receiver.take(packet));
    receiver.poll(Monotonic(i64::MAX));
    let counts = receiver.depayloader.counts();
    assert_eq!((counts.frames, counts.frames_lost), (receiver.heard, receiver.missed));
    assert_eq!(counts.malformed, 0);
    if is_promised(&input, &packets, media) {
        let frames = u64::from(stream.rate * 5 / 1000) * media as u64;
        assert_eq!((receiver.heard, receiver.missed), (frames, 0));
    }
});
