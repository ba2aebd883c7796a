//! Fragments of pictures, in any order, as the receiver puts them together: what comes out is what went
//! in, in order, and a bad fragment changes nothing.
//!
//! Two depayloaders run side by side. One gets all fragments, the other those that the first has not
//! counted as bad: the same must come out of both.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::collections::BTreeMap;
use streamsocket_fuzz::{is_plain, lies_in};
use streamsocket_media::clock::Monotonic;
use streamsocket_seeds::{Step, Steps};
use streamsocket_stream::receive::jpeg::{Counts, FRAME_MAX, JpegDepayloader, ReassembledFrame};
use streamsocket_stream::receive::source_packet::SourcePacket;
use streamsocket_wire::jpeg::{MAIN_LEN, Payload};
use streamsocket_wire::jpeg_header::HEADER_MAX;
use streamsocket_wire::jpeg_scan::{Unfit, scan};
use streamsocket_wire::ntp::NtpTime;
use streamsocket_wire::rtp::ExtendedTime;

const MARKER: u8 = 0x01;
/// Three bits: which frame.
const FRAME: u8 = 0x0E;
const NEXT_FRAME: u8 = 0x10;
/// The fragment may lie anywhere; else it lies near the begin, where the memory is small.
const FAR: u8 = 0x20;
/// Of the first step: the description says a size.
const DESCRIBED: u8 = 0x40;
/// What is complete is due.
const DUE: u8 = 0x80;

/// By how many frames a fragment is ahead of the current one.
const AHEAD: [i64; 8] = [0, 0, 0, 1, 2, 3, -1, -2];

/// The pieces of a frame that were taken, by where they lie.
type Pieces = BTreeMap<u32, Vec<u8>>;

struct Receiver {
    all: JpegDepayloader,
    good: JpegDepayloader,
    taken: BTreeMap<ExtendedTime, Pieces>,
    now: Monotonic,
    time: i64,
    last: Option<ExtendedTime>,
}

impl Receiver {
    fn take(&mut self, step: &Step<'_>) {
        self.now = self.now.offset(i64::from(step.pause) * 1_000_000);
        self.time += i64::from(step.kind & NEXT_FRAME != 0);
        let mut payload = step.bytes.to_vec();
        if let (Some(high), 0) = (payload.get_mut(1), step.kind & FAR) {
            *high = 0;
        }
        let fragment = SourcePacket {
            sequence: 0,
            time: ExtendedTime(self.time + AHEAD[usize::from((step.kind & FRAME) >> 1)]),
            marker: step.kind & MARKER != 0,
            ntp: (step.pause % 2 == 1).then_some(NtpTime(u64::from(step.kind))),
            payload: &payload,
            arrival: self.now,
        };
        let before = self.all.counts();
        self.all.push(&fragment);
        if bad(&self.all.counts()) == bad(&before) {
            self.good.push(&fragment);
            let parsed = Payload::parse(&payload).expect("it was taken");
            let end = parsed.main.offset as usize + parsed.data.len();
            assert!(!parsed.data.is_empty() && end <= FRAME_MAX);
            let pieces = self.taken.entry(fragment.time).or_default();
            pieces.insert(parsed.main.offset, parsed.data.to_vec());
        }
        self.poll(step.kind & DUE != 0);
    }

    fn poll(&mut self, due: bool) {
        let now = self.now;
        let latest = |_| due.then_some(now);
        let (mut file, mut good) = (Vec::new(), Vec::new());
        loop {
            let frame = self.all.poll(now, &latest, &mut file);
            assert_eq!(frame, self.good.poll(now, &latest, &mut good));
            let Some(frame) = frame else { break };
            assert_eq!(file, good);
            assert!(self.last < Some(frame.time), "{frame:?} after {:?}", self.last);
            self.last = Some(frame.time);
            self.check(&frame, &file);
        }
        assert_eq!(self.all.deadline(&latest), self.good.deadline(&latest));
        assert!(self.all.deadline(&latest).is_none_or(|deadline| deadline > now));
    }

    /// A frame that came out: its pieces as they went in, behind a header that says what it is.
    fn check(&self, frame: &ReassembledFrame, file: &[u8]) {
        assert!(frame.width > 0 && frame.height > 0 && frame.arrival <= frame.completed);
        let header = HEADER_MAX - frame.start;
        let coded = &file[HEADER_MAX..];
        let expected = self.taken[&frame.time].values().flatten();
        assert!(
            coded.iter().take(coded.len() - 2).eq(expected.clone()) || coded.iter().eq(expected)
        );
        assert!(coded.ends_with(&[0xFF, 0xD9]));
        let file = &file[frame.start..];
        match scan(file) {
            Ok(scanned) => {
                assert_eq!(
                    (scanned.picture.width, scanned.picture.height),
                    (frame.width, frame.height)
                );
                assert_eq!(scanned.data.start, header);
                assert!(lies_in(&file[scanned.data], coded));
            }
            // What the sender calls coded data is not looked at: a marker in it is the decoder's.
            Err(unfit) => {
                assert!(matches!(unfit, Unfit::Scans | Unfit::Truncated), "{unfit}");
                assert!(!is_plain(&coded[..coded.len() - 2]), "{unfit}");
            }
        }
    }
}

const fn bad(counts: &Counts) -> u64 {
    counts.malformed + counts.duplicate + counts.late
}

fuzz_target!(|steps: Steps<'_>| {
    let described = steps.0.first().filter(|step| step.kind & DESCRIBED != 0);
    let size = described.map(|step| (u16::from(step.pause) * 16, 1944));
    let mut receiver = Receiver {
        all: JpegDepayloader::new(size),
        good: JpegDepayloader::new(size),
        taken: BTreeMap::new(),
        now: Monotonic(0),
        time: 0,
        last: None,
    };
    for step in &steps.0 {
        if let Ok(payload) = Payload::parse(step.bytes) {
            assert!(lies_in(payload.data, step.bytes));
            assert!(payload.data.len() + MAIN_LEN <= step.bytes.len());
        }
        receiver.take(step);
    }
    receiver.now = Monotonic(i64::MAX);
    receiver.poll(false);
});
