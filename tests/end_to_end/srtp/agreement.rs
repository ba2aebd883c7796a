//! Our SRTP and libsrtp2's: what the one seals the other opens, of any packets that there may be, and what the one refuses
//! the other does.

use super::oracle::{Does, Kind, Oracle};
use streamsocket_net::machine;
use streamsocket_srtp::master_key::MasterKey;
use streamsocket_srtp::open::{PacketOpener, ReportOpener};
use streamsocket_srtp::seal::{PacketSealer, ReportSealer};
use streamsocket_srtp::suite::Suite;

/// Packets of a stream, whose sequence number grows by [`STEP_MAX`] at most: it rolls over three times and more.
const PACKETS: usize = 1500;
const STEP_MAX: u64 = 300;

/// Packets whose order is changed: within what both remember.
const SHUFFLED: usize = 8;

/// Reports of a stream.
const REPORTS: usize = 200;

/// The longest payload.
const PAYLOAD_MAX: u64 = 1400;

/// Times that a sequence number had rolled over before; the last but one is where 32 bits of an index end, and the last
/// one the last that leaves room.
const ROLLOVERS: [u32; 5] = [0, 1, 5, 0xFFFE, 0xFFFF_FF00];

const SSRC: u32 = 0xDECA_FBAD;

/// SplitMix64.
struct Chance(u64);

impl Chance {
    const fn draw(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ mixed >> 31) % below
    }

    fn bytes(&mut self, len: u64) -> Vec<u8> {
        std::iter::repeat_with(|| u8::try_from(self.draw(256)).unwrap())
            .take(usize::try_from(len).unwrap())
            .collect()
    }

    fn key(&mut self) -> MasterKey {
        MasterKey::new(self.bytes(30).first_chunk().unwrap())
    }

    fn shuffle<T>(&mut self, all: &mut [T]) {
        for end in (1..all.len()).rev() {
            let other = usize::try_from(self.draw(end as u64 + 1)).unwrap();
            all.swap(end, other);
        }
    }

    /// A packet with any marker, payload type and time, with sources and an extension at times (RFC 3550 section 5.1).
    fn packet(&mut self, sequence: u16) -> Vec<u8> {
        let sources = if self.draw(4) == 0 { self.draw(16) } else { 0 };
        let extended = self.draw(3) == 0;
        let first = 0x80 | u8::from(extended) << 4 | u8::try_from(sources).unwrap();
        let second = u8::try_from(self.draw(256)).unwrap();
        let mut packet = [&[first, second], &sequence.to_be_bytes()[..]].concat();
        packet.extend(self.bytes(4));
        packet.extend(SSRC.to_be_bytes());
        packet.extend(self.bytes(4 * sources));
        if extended {
            let words = self.draw(6);
            packet.extend([0xBE, 0xDE, 0, u8::try_from(words).unwrap()]);
            packet.extend(self.bytes(4 * words));
        }
        let len = if self.draw(10) == 0 { self.draw(3) } else { self.draw(PAYLOAD_MAX + 1) };
        packet.extend(self.bytes(len));
        packet
    }

    /// A report of any length, of any source (RFC 3550 section 6.4).
    fn report(&mut self) -> Vec<u8> {
        let words = 1 + self.draw(60);
        let kind = 200 + u8::try_from(self.draw(8)).unwrap();
        let mut report = vec![0x80, kind, 0, u8::try_from(words).unwrap()];
        report.extend(self.bytes(4 * words));
        report
    }

    /// A stream's packets in order. The first few stay below the wrap, so that the first one may be any of them.
    fn stream(&mut self) -> Vec<Vec<u8>> {
        let mut sequence = u16::try_from(self.draw(0x8000)).unwrap();
        let mut packets = Vec::new();
        for _ in 0..PACKETS {
            packets.push(self.packet(sequence));
            let step = if self.draw(2) == 0 { 1 } else { 1 + self.draw(STEP_MAX) };
            sequence = sequence.wrapping_add(u16::try_from(step).unwrap());
        }
        packets
    }

    /// Sealed packets as a network brings them: reordered, some of them twice, some changed. Each with what it is to be
    /// opened to.
    fn brought(&mut self, sealed: Vec<(Vec<u8>, Vec<u8>)>) -> Vec<(Vec<u8>, Option<Vec<u8>>)> {
        let mut sealed = sealed;
        // The first one stays the first, which tells the counter.
        sealed[1..].chunks_mut(SHUFFLED).for_each(|few| self.shuffle(few));
        let mut brought = Vec::new();
        for (number, (packet, plain)) in sealed.into_iter().enumerate() {
            if number > 0 && self.draw(8) == 0 {
                let mut changed = packet.clone();
                let at = usize::try_from(self.draw(packet.len() as u64)).unwrap();
                // Version, sequence number and source say what is looked for, not what is found.
                let at = if matches!(at, 0 | 2 | 3 | 8..=11) { packet.len() - 1 } else { at };
                changed[at] ^= 1 << self.draw(8);
                brought.push((changed, None));
            }
            brought.push((packet.clone(), Some(plain)));
            if self.draw(8) == 0 {
                brought.push((packet, None));
            }
        }
        brought
    }
}

/// The seed of this run, which is printed, or `SRTP_SEED`.
fn seed() -> u64 {
    let named = std::env::var("SRTP_SEED").ok().map(|it| it.parse().unwrap());
    let seed = named.unwrap_or_else(|| machine::random().unwrap().into());
    println!("SRTP_SEED={seed}");
    seed
}

/// Each suite that this libsrtp2 has, with each counter that a stream may begin with, and a seed for it.
fn each_case(test: &str, mut case: impl FnMut(Suite, u32, Chance)) {
    let mut chance = Chance(seed());
    for suite in Suite::ALL {
        for rollovers in ROLLOVERS {
            let key = MasterKey::new(&[0; 30]);
            if Oracle::new(test, Does::Open, (&key, suite), (SSRC, 0)).is_some() {
                case(suite, rollovers, Chance(chance.draw(u64::MAX)));
            }
        }
    }
}

#[test]
fn what_we_seal_libsrtp_opens() {
    const TEST: &str = "what_we_seal_libsrtp_opens";
    each_case(TEST, |suite, rollovers, mut chance| {
        let key = chance.key();
        let mut sealer = PacketSealer::new(&key, suite, rollovers);
        let seal = |plain: Vec<u8>| {
            let mut sealed = Vec::new();
            // Header and payload may be divided anywhere behind the header.
            sealer.seal(&plain, &[], &mut sealed);
            assert_eq!(sealed.len(), plain.len() + suite.tag_len());
            (sealed, plain)
        };
        let sealed = chance.stream().into_iter().map(seal).collect();
        let mut libsrtp = Oracle::new(TEST, Does::Open, (&key, suite), (SSRC, rollovers)).unwrap();
        for (packet, plain) in chance.brought(sealed) {
            assert_eq!(libsrtp.apply(Kind::Rtp, &packet).ok(), plain, "{suite} {rollovers}");
        }
        let sealed_before = u32::try_from(chance.draw(1 << 30)).unwrap();
        let mut sealer = ReportSealer::new(&key, suite, sealed_before);
        for _ in 0..REPORTS {
            let (plain, mut sealed) = (chance.report(), Vec::new());
            assert!(sealer.seal(&plain, &mut sealed));
            assert_eq!(libsrtp.apply(Kind::Rtcp, &sealed), Ok(plain), "{suite}");
            assert!(libsrtp.apply(Kind::Rtcp, &sealed).is_err(), "a replay");
        }
    });
}

#[test]
fn what_libsrtp_seals_we_open() {
    const TEST: &str = "what_libsrtp_seals_we_open";
    each_case(TEST, |suite, rollovers, mut chance| {
        let key = chance.key();
        let mut libsrtp = Oracle::new(TEST, Does::Seal, (&key, suite), (SSRC, rollovers)).unwrap();
        let seal = |plain: Vec<u8>| (libsrtp.apply(Kind::Rtp, &plain).unwrap(), plain);
        let sealed: Vec<_> = chance.stream().into_iter().map(seal).collect();
        let mut opener = PacketOpener::new(&key, suite);
        let (first, mut opened) = (&sealed[0].0, Vec::new());
        let search = opener.search(first).unwrap();
        let found = search.among(rollovers.saturating_sub(100)..rollovers.saturating_add(100));
        assert_eq!(found, Some(rollovers));
        opener.learn(first, rollovers);
        for (packet, plain) in chance.brought(sealed) {
            let got = opener.open(&packet, &mut opened).ok().map(|()| opened.clone());
            assert_eq!(got, plain, "{suite} {rollovers}");
        }
        let mut opener = ReportOpener::new(&key, suite);
        for _ in 0..REPORTS {
            let plain = chance.report();
            let sealed = libsrtp.apply(Kind::Rtcp, &plain).unwrap();
            assert_eq!(opener.open(&sealed, &mut opened), Ok(()), "{suite}");
            assert_eq!(opened, plain);
            assert!(opener.open(&sealed, &mut opened).is_err(), "a replay");
        }
    });
}
