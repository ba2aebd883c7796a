//! Packets and reports through a network that changes, repeats and reorders them, and whatever else a stranger sends: what
//! was sealed comes out as it was, once, and nothing else comes out at all.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use std::collections::BTreeSet;
use streamsocket_srtp::master_key::{MASTER_LEN, MasterKey};
use streamsocket_srtp::open::{PacketOpener, Refused, ReportOpener};
use streamsocket_srtp::packet::Head;
use streamsocket_srtp::seal::{PacketSealer, ReportSealer};
use streamsocket_srtp::suite::Suite;

/// Steps of a run at most.
const STEPS_MAX: usize = 200;

/// The part of a round of the sequence number that may be missed at a time (RFC 3711 section 3.3.1).
const FAR: u64 = 1 << 15;

/// Packets of a source that may be behind its newest: as many as are remembered.
const BEHIND_MAX: usize = 4000;

#[derive(Arbitrary, Debug)]
enum Step {
    /// The sender goes on, by so many numbers, with this behind its header.
    Seal { ahead: u8, rest: Vec<u8> },
    /// A packet of those that were sealed comes.
    Comes(u16),
    /// One comes with a bit of it changed.
    Changed(u16, u16),
    /// One comes with its end cut off.
    Cut(u16, u16),
    /// Something comes.
    Stranger(Vec<u8>),
    /// A report is sealed, and comes so often.
    Report { rest: Vec<u8>, times: u8 },
    /// Something comes for a report.
    StrangerReport(Vec<u8>),
}

#[derive(Arbitrary, Debug)]
struct Input {
    is_gcm: bool,
    first: u16,
    /// The stream is joined when it has rolled over so often.
    rollovers: u8,
    steps: Vec<Step>,
}

struct Run {
    sealer: PacketSealer,
    reports: ReportSealer,
    opener: PacketOpener,
    report_opener: ReportOpener,
    next: u64,
    /// The highest index that has come.
    newest: Option<u64>,
    /// What was sealed: its index, and what it was before.
    sent: Vec<(u64, Vec<u8>, Vec<u8>)>,
    come: BTreeSet<usize>,
    out: Vec<u8>,
}

impl Run {
    fn new(input: &Input) -> Self {
        let suite = if input.is_gcm { Suite::AeadAes128Gcm } else { Suite::AesCm128HmacSha1_80 };
        let key = MasterKey::new(&[7; MASTER_LEN]);
        Self {
            sealer: PacketSealer::new(&key, suite, input.rollovers.into()),
            reports: ReportSealer::new(&key, suite, 0),
            opener: PacketOpener::new(&key, suite),
            report_opener: ReportOpener::new(&key, suite),
            // Senders begin in the lower half.
            next: u64::from(input.rollovers) << 16 | u64::from(input.first / 2),
            newest: None,
            sent: Vec::new(),
            come: BTreeSet::new(),
            out: Vec::new(),
        }
    }

    fn seal(&mut self, ahead: u8, rest: &[u8]) {
        let index = self.next + u64::from(ahead);
        let mut plain = vec![0x80, 26, 0, 0, 0, 0, 0, 9, 0, 0, 0, 5];
        plain[2..4].copy_from_slice(&(index as u16).to_be_bytes());
        // A part of what is behind the header may be sources and an extension.
        plain[0] |= rest.first().map_or(0, |it| it & 0x1F);
        plain.extend_from_slice(rest);
        let mut sealed = Vec::new();
        let (header, payload) = plain.split_at(Head::parse(&plain).map_or(12, |head| head.len));
        self.sealer.seal(header, payload, &mut sealed);
        if !sealed.is_empty() {
            self.sent.push((index, plain, sealed));
            self.next = index + 1;
        }
    }

    /// The place of a packet that was sealed not long ago.
    fn sent(&self, nth: u16) -> Option<usize> {
        let recent = self.sent.len().min(BEHIND_MAX / 256);
        (recent > 0).then(|| self.sent.len() - 1 - usize::from(nth) % recent)
    }

    fn comes(&mut self, nth: u16) {
        let Some(at) = self.sent(nth) else { return };
        let (index, plain, sealed) = &self.sent[at];
        // Who has missed so much cannot know the counter either.
        let is_far = self.newest.is_some_and(|newest| newest + FAR <= *index);
        let mut opened = self.opener.open(sealed, &mut self.out);
        if opened == Err(Refused::Unknown) || is_far && opened.is_err() {
            let found = self.opener.search(sealed).and_then(|it| it.among(0..400));
            self.opener.learn(sealed, found.expect("a counter of 400 was not found"));
            opened = self.opener.open(sealed, &mut self.out);
        }
        self.newest = self.newest.max(Some(*index));
        let expected = if self.come.insert(at) { Ok(()) } else { Err(Refused::Replayed) };
        assert_eq!(opened, expected);
        if opened.is_ok() {
            assert_eq!(self.out, *plain);
        }
    }

    fn refuses(&mut self, packet: &[u8]) {
        assert!(self.opener.open(packet, &mut self.out).is_err());
        assert!(self.opener.open_made(packet, &mut self.out).is_err());
        if let Some(search) = self.opener.search(packet) {
            assert_eq!(search.among(0..4), None);
        }
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Seal { ahead, rest } => self.seal(*ahead, rest),
            Step::Comes(nth) => self.comes(*nth),
            Step::Changed(nth, bit) => {
                let Some(at) = self.sent(*nth) else { return };
                let mut packet = self.sent[at].2.clone();
                let bit = usize::from(*bit) % (8 * packet.len());
                packet[bit / 8] ^= 1 << (bit % 8);
                self.refuses(&packet);
            }
            Step::Cut(nth, len) => {
                let Some(at) = self.sent(*nth) else { return };
                let packet = self.sent[at].2.clone();
                self.refuses(&packet[..usize::from(*len) % packet.len()]);
            }
            Step::Stranger(bytes) => self.refuses(bytes),
            Step::Report { rest, times } => {
                let plain = [&[0x80, 200, 0, 6, 0, 0, 0, 5][..], rest].concat();
                let mut sealed = Vec::new();
                assert!(self.reports.seal(&plain, &mut sealed));
                for time in 0..times % 3 {
                    let opened = self.report_opener.open(&sealed, &mut self.out);
                    assert_eq!(opened.is_ok(), time == 0);
                    assert!(time > 0 || self.out == plain);
                }
            }
            Step::StrangerReport(bytes) => {
                assert!(self.report_opener.open(bytes, &mut self.out).is_err());
            }
        }
    }
}

fuzz_target!(|input: Input| {
    let mut run = Run::new(&input);
    input.steps.iter().take(STEPS_MAX).for_each(|step| run.step(step));
});
