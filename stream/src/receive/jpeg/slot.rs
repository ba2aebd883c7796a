//! One frame while its fragments arrive: which bytes are there, and the buffer they are in.

use crate::receive::refusal::Reason;
use crate::receive::source_packet::SourcePacket;
use core::ops::Range;
use streamsocket_media::clock::Monotonic;
use streamsocket_wire::jpeg::{Main, Parameters, Payload};
use streamsocket_wire::jpeg_header::{self, HEADER_MAX};
use streamsocket_wire::ntp::NtpTime;
use streamsocket_wire::rtp::ExtendedTime;

/// Coded bytes of a frame at most: what RFC 2435 could name is 16 MiB, no camera needs half of it.
pub const FRAME_MAX: usize = 8 << 20;

/// Runs of bytes between the holes of a frame at most, 32 kB in all: half as many as a block that can be
/// repaired has packets ([`PACKETS_MAX`]), since between any two a packet is missing.
///
/// [`PACKETS_MAX`]: streamsocket_wire::repair::PACKETS_MAX
const RUNS_MAX: usize = streamsocket_wire::repair::PACKETS_MAX as usize / 2 + 1;

/// End of image (ITU-T T.81 B.1.1.3); the sender may leave it away (RFC 2435 section 3.1.9).
const EOI: [u8; 2] = [0xFF, 0xD9];

#[derive(Debug, Default)]
pub(super) struct Slot {
    /// None: the slot is free.
    pub(super) time: Option<ExtendedTime>,
    main: Option<Main>,
    pub(super) picture: Option<Parameters>,
    pub(super) ntp: Option<NtpTime>,
    pub(super) arrival: Monotonic,
    pub(super) latest: Monotonic,
    total: Option<usize>,
    /// Why no picture can be made of it.
    pub(super) unsupported: Option<Reason>,
    /// Bytes of the coded data that are there, in order, none of them touching another: [`RUNS_MAX`].
    received: Vec<Range<usize>>,
    /// Bytes from the beginning that were handed on as growth.
    grown: usize,
    /// `HEADER_MAX` bytes for the file header, then the coded data.
    pub(super) buffer: Vec<u8>,
}

/// What a fragment was to its frame.
pub(super) enum Insertion {
    New,
    Duplicate,
    Contradiction,
}

impl Slot {
    pub(super) fn begin(&mut self, packet: &SourcePacket<'_>) {
        self.time = Some(packet.time);
        self.main = None;
        self.picture = None;
        self.ntp = None;
        self.arrival = packet.arrival;
        self.latest = packet.arrival;
        self.total = None;
        self.unsupported = None;
        self.received.clear();
        self.grown = 0;
        // Once: how many there will be, differs from loss to loss.
        self.received.reserve_exact(RUNS_MAX);
    }

    pub(super) fn insert(
        &mut self,
        packet: &SourcePacket<'_>,
        payload: &Payload<'_>,
        range: Range<usize>,
    ) -> Insertion {
        let main = self.main.get_or_insert(payload.main);
        let same = (main.kind, main.q, main.width, main.height)
            == (payload.main.kind, payload.main.q, payload.main.width, payload.main.height);
        let end = self.total.unwrap_or(FRAME_MAX);
        let reaches = self.received.last().is_some_and(|last| last.end > range.end);
        if !same || range.end > end || (packet.marker && reaches) {
            return Insertion::Contradiction;
        }
        if !self.cover(&range) {
            return Insertion::Duplicate;
        }
        if packet.marker {
            self.total = Some(range.end);
        }
        self.ntp = self.ntp.or(packet.ntp);
        self.latest = self.latest.max(packet.arrival);
        let (start, end) = (HEADER_MAX + range.start, HEADER_MAX + range.end);
        if self.buffer.len() <= start {
            self.buffer.resize(start, 0);
            self.buffer.extend_from_slice(payload.data);
        } else {
            self.buffer.resize(self.buffer.len().max(end), 0);
            self.buffer[start..end].copy_from_slice(payload.data);
        }
        Insertion::New
    }

    /// Marks a range as received, false if any of it was, or if there are too many holes.
    fn cover(&mut self, range: &Range<usize>) -> bool {
        let at = self.received.partition_point(|have| have.start < range.start);
        let next = self.received.get(at).map_or(usize::MAX, |have| have.start);
        let before = at.checked_sub(1).and_then(|before| self.received.get(before));
        let joins_before = before.map(|have| have.end);
        if range.end > next || joins_before.is_some_and(|end| end > range.start) {
            return false;
        }
        match (joins_before == Some(range.start), next == range.end) {
            (true, true) => {
                self.received[at - 1].end = self.received[at].end;
                self.received.remove(at);
            }
            (true, false) => self.received[at - 1].end = range.end,
            (false, true) => self.received[at].start = range.start,
            (false, false) if self.received.len() >= RUNS_MAX => return false,
            (false, false) => self.received.insert(at, range.clone()),
        }
        true
    }

    pub(super) fn is_complete(&self) -> bool {
        self.total.is_some_and(|total| matches!(&self.received[..], [all] if *all == (0..total)))
    }

    /// The bytes of the file, without holes from its beginning on, that have come since this was last asked for, and
    /// where in the file they are. `None` if they are fewer than so many.
    pub(super) fn growth(&mut self, least: usize) -> Option<(usize, &[u8])> {
        let whole = self.received.first().filter(|first| first.start == 0)?.end;
        if whole < self.grown + least {
            return None;
        }
        let start = self.write_header()?;
        let from = if self.grown == 0 { start } else { HEADER_MAX + self.grown };
        self.grown = whole;
        Some((from - start, self.buffer.get(from..HEADER_MAX + whole)?))
    }

    /// Writes the file header in front of the coded data. Returns where it begins.
    fn write_header(&mut self) -> Option<usize> {
        let mut header = [0; HEADER_MAX];
        let len = jpeg_header::emit(self.picture.as_ref()?, &mut header).ok()?;
        let start = HEADER_MAX - len;
        self.buffer[start..HEADER_MAX].copy_from_slice(&header[..len]);
        Some(start)
    }

    /// Writes the file header in front of the coded data and the end marker behind it.
    pub(super) fn finish(&mut self) -> Option<(usize, Parameters)> {
        let start = self.write_header()?;
        let picture = self.picture.take()?;
        self.buffer.truncate(HEADER_MAX + self.total?);
        if !self.buffer.ends_with(&EOI) {
            self.buffer.extend_from_slice(&EOI);
        }
        Some((start, picture))
    }
}
