//! Media and repair packets of the network: what is made of them was sent so, as long as nobody forges,
//! and is a packet of the stream if somebody does. Memory follows what has come.
#![no_main]

use libfuzzer_sys::fuzz_target;
use peak_alloc::PeakAlloc;
use std::collections::HashMap;
use streamsocket_seeds::{Step, Steps};
use streamsocket_stream::receive::repair::Repair;
use streamsocket_stream::send::repair::{Block, Encoder};
use streamsocket_wire::repair::{Header, PACKETS_MAX, SHARD_MAX, emit_shard, parse_shard};
use streamsocket_wire::rtp::{self, RtpTime, Sequence, Ssrc};

#[global_allocator]
static ALLOCATED: PeakAlloc = PeakAlloc;

const MEDIA: Ssrc = Ssrc(0x5353_0001);

/// What a single packet may cost, in bytes: places for twice the largest block of the longest shards, which
/// the arithmetic wants even if one packet is missing.
const MEMORY_FREE: usize = 32 << 20;

/// What a byte that has come may cost: its packet is kept, as is its shard, in buffers that have doubled.
const MEMORY_OF_BYTE: usize = 8;

/// What a step is.
const KIND: u8 = 0x03;
const MEDIA_PACKET: u8 = 0;
const REPAIR_PACKET: u8 = 1;
const BLOCK: u8 = 2;
/// A repair packet may claim to be of a block of any size; else of a small one, which is done fast.
const LARGE: u8 = 0x80;
/// A media packet is ahead of what is expected by its pause.
const AHEAD: u8 = 0x40;

struct Receiver {
    repair: Repair,
    highest: u64,
    /// What was sent, and whether nothing was forged so far.
    sent: HashMap<u64, Vec<u8>>,
    honest: bool,
    begun: bool,
    bytes: usize,
}

impl Receiver {
    fn take(&mut self, step: &Step<'_>) {
        match step.kind & KIND {
            MEDIA_PACKET => {
                let ahead = if step.kind & AHEAD == 0 { 1 } else { u64::from(step.pause) * 64 };
                self.highest += ahead.max(1);
                let packet = media(self.highest, step.bytes);
                self.keep(self.highest, &packet);
                self.sent.insert(self.highest, packet);
            }
            REPAIR_PACKET => self.forge(step),
            BLOCK => self.block(step.bytes),
            _ => {
                self.repair.reset();
                self.begun = false;
            }
        }
        self.poll();
    }

    fn keep(&mut self, sequence: u64, packet: &[u8]) {
        self.bytes += packet.len();
        self.begun = true;
        self.repair.keep(sequence, packet);
    }

    fn push(&mut self, payload: &[u8]) {
        let Ok((header, shard)) = Header::parse(payload) else { return };
        assert!(
            header.packets > 0 && header.packets <= PACKETS_MAX && header.index < header.repairs
        );
        assert!(shard.len() <= SHARD_MAX && shard.len() % 2 == 0);
        let mut emitted = [0; 12];
        header.emit(&mut emitted).expect("a header has 12 bytes");
        assert_eq!(emitted[..], payload[..12]);
        self.bytes += payload.len();
        // Others are not taken.
        if header.media == MEDIA {
            self.repair.push(&header, shard, self.highest);
        }
    }

    /// A repair packet of somebody else.
    fn forge(&mut self, step: &Step<'_>) {
        let mut payload = step.bytes.to_vec();
        if let (Some(media), true) = (payload.get_mut(..4), step.pause != 0) {
            media.copy_from_slice(&MEDIA.0.to_be_bytes());
        }
        if step.kind & LARGE == 0 {
            // The upper bytes of both counts.
            [6, 8]
                .iter()
                .for_each(|at| payload.iter_mut().skip(*at).take(1).for_each(|it| *it = 0));
        }
        self.honest = false;
        self.push(&payload);
    }

    /// A block as it is sent: `packets, repairs, length, seed`, then a bit for each packet that is lost.
    fn block(&mut self, bytes: &[u8]) {
        let [packets, repairs, length, seed, lost @ ..] = bytes else { return };
        let first = self.highest + 1;
        let content = |index: u64| {
            let len = usize::from(*length) + usize::from((*seed ^ index as u8) % 4) + 1;
            vec![seed.wrapping_mul(31).wrapping_add(index as u8); len]
        };
        let all: Vec<_> =
            (0..u64::from(*packets)).map(|index| media(first + index, &content(index))).collect();
        let Some(longest) = all.iter().map(Vec::len).max() else { return };
        let mut encoder = Encoder::new(Ssrc(9), Sequence(0), MEDIA);
        let (packets, repairs) = (u16::from(*packets), u16::from(*repairs));
        let block = Block { first: low(first), time: RtpTime(3), packets, repairs, longest };
        let made = encoder.begin(block);
        let knew = self.begun;
        self.highest += u64::from(packets);
        let is_lost = |at: usize| lost.get(at / 8).is_some_and(|bits| bits >> (at % 8) & 1 == 1);
        let (mut missing, mut spare) = (0, 0);
        for (index, (packet, sequence)) in all.iter().zip(first..).enumerate() {
            self.sent.insert(sequence, packet.clone());
            encoder.push(&packet[..12], &packet[12..]);
            if is_lost(index) {
                missing += 1;
            } else {
                self.keep(sequence, packet);
            }
        }
        assert_eq!(made, repairs > 0);
        let before = self.repair.counts().repaired;
        for index in (0..usize::from(repairs)).filter(|index| !is_lost(all.len() + index)) {
            let packet = encoder.get(index).expect("all were made").to_vec();
            self.push(&packet[12..]);
            spare += 1;
        }
        self.poll();
        // What is promised: as many as have been lost are made of as many that have come.
        if self.honest && knew && missing <= spare {
            assert_eq!(self.repair.counts().repaired - before, missing);
        }
    }

    fn poll(&mut self) {
        let Self { repair, sent, honest, .. } = self;
        repair.poll(MEDIA, &mut |sequence, bytes| {
            let header = rtp::Packet::parse(bytes).expect("it is a packet").header();
            assert_eq!((header.ssrc, header.sequence), (MEDIA, low(sequence)));
            assert!(bytes.len() + 2 <= SHARD_MAX);
            if *honest {
                assert_eq!(sent.get(&sequence).map(|packet| &packet[..]), Some(bytes));
            }
        });
        assert!(!repair.is_ready());
    }
}

fn low(sequence: u64) -> Sequence {
    Sequence(sequence as u16)
}

fn media(sequence: u64, payload: &[u8]) -> Vec<u8> {
    let header = rtp::Header {
        marker: false,
        payload_type: 26,
        sequence: low(sequence),
        time: RtpTime(3),
        ssrc: MEDIA,
        has_extension: false,
    };
    let mut packet = vec![0; rtp::HEADER_LEN];
    header.emit(&mut packet).expect("a header has 12 bytes");
    packet.extend(payload);
    packet
}

fuzz_target!(|steps: Steps<'_>| {
    let mut receiver = Receiver {
        repair: Repair::default(),
        highest: (1 << 16) + 1000,
        sent: HashMap::new(),
        honest: true,
        begun: false,
        bytes: 0,
    };
    for step in &steps.0 {
        if let Ok(packet) = parse_shard(step.bytes) {
            let mut shard = vec![0; step.bytes.len()];
            emit_shard(packet, &[], &mut shard).expect("it came in as much");
            assert_eq!(parse_shard(&shard), Ok(packet));
        }
        let before = ALLOCATED.current_usage();
        ALLOCATED.reset_peak_usage();
        receiver.take(step);
        let grown = ALLOCATED.peak_usage().saturating_sub(before);
        assert!(grown <= MEMORY_FREE + MEMORY_OF_BYTE * receiver.bytes, "{grown} bytes");
    }
});
