//! The depayloader of JPEG: puts the fragments of RTP/JPEG frames back together (RFC
//! 2435), whatever their order, straight into the buffer that the decoder reads. Frames come out
//! complete and in order, or not at all.
//!
//! The buffer keeps room in front for the file header of appendix B, so that the coded data is
//! copied once, from the packet to where it stays.

mod slot;

pub use self::slot::FRAME_MAX;

use self::slot::{Insertion, Slot};
use super::refusal::{Reason, Refusals};
use super::source_packet::SourcePacket;
use super::{Latest, REORDER};
use streamsocket_media::clock::{Delay, Monotonic};
use streamsocket_wire::jpeg::{Parameters, Payload, Tables, tables_for_q};
use streamsocket_wire::ntp::NtpTime;
use streamsocket_wire::rtp::ExtendedTime;

/// Frames that are put together at the same time: the current one, and the next ones whose packets
/// overtook it.
const FRAMES_OPEN: usize = 4;

/// Sets of quantization tables kept for Q 128 to 254, which a sender need not repeat.
const TABLES_KEPT: usize = 8;

/// An incomplete frame is given up after this, even if nothing follows it. It holds up nothing until then, and a sender
/// that stood still in the middle of it, as on a machine that was taken its time, has yet to send the rest.
const FRAME_WAIT: Delay = Delay::from_secs(2);

/// Growth of fewer bytes is not handed on: to wake who decodes it takes longer than to decode it.
const GROWTH_MIN: usize = 8 << 10;

/// A complete frame, as it came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReassembledFrame {
    /// Where the JPEG file begins in the buffer handed out with it.
    pub start: usize,
    /// RTP time, extended.
    pub time: ExtendedTime,
    /// Capture time by the sender's wall clock, if the frame carried it.
    pub ntp: Option<NtpTime>,
    /// Arrival of its first packet.
    pub arrival: Monotonic,
    /// Arrival of the packet that completed it.
    pub completed: Monotonic,
    /// Width in pixels, as the headers say it (or the description, beyond 2040).
    pub width: u16,
    /// Height in pixels.
    pub height: u16,
}

/// What has come of a frame that is not complete yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameGrowth<'a> {
    /// RTP time, extended.
    pub time: ExtendedTime,
    /// Arrival of the newest of its packets.
    pub latest: Monotonic,
    /// Where in the JPEG file the bytes are.
    pub offset: usize,
    /// The next bytes of the file.
    pub bytes: &'a [u8],
}

/// What happened to frames and fragments so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Frames handed out.
    pub frames: u64,
    /// Frames given up because packets were missing.
    pub incomplete: u64,
    /// Frames whose headers we cannot make a picture of.
    pub unsupported: u64,
    /// Fragments that made no sense: bad headers, beyond the bounds, contradicting each other.
    pub malformed: u64,
    /// Fragments that came twice.
    pub duplicate: u64,
    /// Fragments of frames that were already handed out or given up.
    pub late: u64,
}

/// Frames out of fragments.
#[derive(Debug)]
pub struct JpegDepayloader {
    open: [Slot; FRAMES_OPEN],
    tables: heapless::Vec<(u8, [[u8; 64]; 2]), TABLES_KEPT>,
    described_size: Option<(u16, u16)>,
    last: Option<ExtendedTime>,
    /// Bytes that each buffer has room for.
    room: usize,
    counts: Counts,
    refusals: Refusals,
}

impl JpegDepayloader {
    /// A depayloader; `described_size` is the picture size in the session description, for streams
    /// whose packets cannot say it (beyond 2040 pixels).
    #[must_use]
    pub fn new(described_size: Option<(u16, u16)>) -> Self {
        Self {
            open: Default::default(),
            tables: heapless::Vec::new(),
            described_size,
            last: None,
            room: 0,
            counts: Counts::default(),
            refusals: Refusals::default(),
        }
    }

    /// What happened so far.
    #[must_use]
    pub const fn counts(&self) -> Counts {
        self.counts
    }

    /// Frames that no picture could be made of, and fragments that made no sense, by reason.
    #[must_use]
    pub const fn refusals(&self) -> &Refusals {
        &self.refusals
    }

    fn malformed(&mut self) {
        self.counts.malformed += 1;
        self.refusals.add(Reason::Malformed);
    }

    /// Forgets all frames and tables: the source has changed.
    pub fn reset(&mut self) {
        for slot in &mut self.open {
            slot.time = None;
        }
        self.tables.clear();
        self.last = None;
    }

    /// Takes a packet, a fragment of a frame. Bad ones are counted and change nothing.
    pub fn push(&mut self, packet: &SourcePacket<'_>) {
        if self.last.is_some_and(|last| packet.time <= last) {
            self.counts.late += 1;
            return;
        }
        let Ok(payload) = Payload::parse(packet.payload) else {
            self.malformed();
            return;
        };
        let start = usize::try_from(payload.main.offset).unwrap_or(usize::MAX);
        let end = start.saturating_add(payload.data.len());
        if payload.data.is_empty() || end > FRAME_MAX {
            self.malformed();
            return;
        }
        let Some(index) = self.slot(packet.time) else {
            self.counts.late += 1;
            return;
        };
        let slot = &mut self.open[index];
        if slot.time.is_none() {
            slot.begin(packet);
        }
        match slot.insert(packet, &payload, start..end) {
            Insertion::New => {
                if payload.main.offset == 0 {
                    let picture = self.first_headers(&payload);
                    let slot = &mut self.open[index];
                    slot.unsupported = picture.err().or(slot.unsupported);
                    slot.picture = picture.ok();
                }
            }
            Insertion::Duplicate => self.counts.duplicate += 1,
            Insertion::Contradiction => self.malformed(),
        }
    }

    /// The next frame that is complete, in order. Its buffer is exchanged for `spare`, whose
    /// contents are lost; nothing is allocated once buffers have grown to the frames' size.
    pub fn poll(
        &mut self,
        now: Monotonic,
        latest: Latest<'_>,
        spare: &mut Vec<u8>,
    ) -> Option<ReassembledFrame> {
        loop {
            let index = self.oldest()?;
            if self.open[index].is_complete() {
                if let Some(frame) = self.take(index, spare) {
                    return Some(frame);
                }
            } else if now >= self.waits_until(index, latest) {
                self.abandon(index);
            } else {
                return None;
            }
        }
    }

    /// What has come of the next frame since this was last asked for, as far as nothing is missing before it. To be asked
    /// for after [`poll`](Self::poll), which hands out what is complete.
    pub fn growth(&mut self) -> Option<FrameGrowth<'_>> {
        let slot = &mut self.open[self.oldest()?];
        let (time, latest) = (slot.time?, slot.latest);
        let (offset, bytes) = slot.growth(GROWTH_MIN)?;
        Some(FrameGrowth { time, latest, offset, bytes })
    }

    /// When to poll again even if nothing arrives.
    #[must_use]
    pub fn deadline(&self, latest: Latest<'_>) -> Option<Monotonic> {
        Some(self.waits_until(self.oldest()?, latest))
    }

    fn oldest(&self) -> Option<usize> {
        let open = self.open.iter().enumerate();
        open.filter_map(|(index, slot)| Some((slot.time?, index))).min().map(|(_, index)| index)
    }

    /// The slot of the frame with this time, or a free one; the oldest frame gives way, but not to
    /// one that is older still.
    fn slot(&mut self, time: ExtendedTime) -> Option<usize> {
        let same = self.open.iter().position(|slot| slot.time == Some(time));
        let free = || self.open.iter().position(|slot| slot.time.is_none());
        if let Some(index) = same.or_else(free) {
            return Some(index);
        }
        let index = self.oldest().filter(|index| self.open[*index].time < Some(time))?;
        self.abandon(index);
        Some(index)
    }

    /// When a frame is given up that is not complete by then: for the sake of those behind it.
    fn waits_until(&self, index: usize, latest: Latest<'_>) -> Monotonic {
        let slot = &self.open[index];
        let wait = slot.latest + FRAME_WAIT;
        let behind = self.open.iter().filter(|it| it.time > slot.time && it.is_complete());
        let ends = behind.map(|behind| {
            let end = behind.latest + REORDER;
            behind.time.and_then(latest).map_or(end, |latest| latest.min(end))
        });
        ends.min().map_or(wait, |end| wait.min(end))
    }

    fn abandon(&mut self, index: usize) {
        let slot = &mut self.open[index];
        if let Some(reason) = slot.unsupported {
            self.counts.unsupported += 1;
            self.refusals.add(reason);
        } else if self.last.is_some() || slot.picture.is_some() {
            self.counts.incomplete += 1;
        } // Else we joined in the middle of it: nothing of it was lost.
        self.last = self.last.max(slot.time);
        slot.time = None;
    }

    fn take(&mut self, index: usize, spare: &mut Vec<u8>) -> Option<ReassembledFrame> {
        let slot = &mut self.open[index];
        let time = slot.time.take()?;
        self.last = Some(time);
        let Some((start, picture)) = slot.finish() else {
            self.counts.unsupported += 1;
            self.refusals.add(slot.unsupported.unwrap_or(Reason::Malformed));
            return None;
        };
        self.counts.frames += 1;
        core::mem::swap(&mut slot.buffer, spare);
        let frame = ReassembledFrame {
            start,
            time,
            ntp: slot.ntp,
            arrival: slot.arrival,
            completed: slot.latest,
            width: picture.width,
            height: picture.height,
        };
        self.make_room(spare.len());
        Some(frame)
    }

    /// Gives all buffers room for frames half as large again as one of `len` bytes, before they are needed:
    /// where packets get lost, more frames are open than otherwise.
    fn make_room(&mut self, len: usize) {
        self.room = if len > self.room { len + len / 2 } else { self.room };
        for Slot { buffer, .. } in &mut self.open {
            buffer.reserve_exact(self.room.saturating_sub(buffer.len()));
        }
    }

    /// From the first fragment of a frame, what its file header needs, or why that cannot be made.
    fn first_headers(&mut self, payload: &Payload<'_>) -> Result<Parameters, Reason> {
        let main = &payload.main;
        let tables = self.quantization(main.q, payload.tables.as_ref())?;
        let sampling = main.sampling().ok_or(Reason::Kind(main.kind))?;
        let said = |size: &(u16, u16)| size.0 != 0 && size.1 != 0;
        let described = || self.described_size.filter(said);
        let (width, height) = main.size().or_else(described).ok_or(Reason::Size)?;
        let restart_interval = payload.restart.as_ref().map_or(0, |restart| restart.interval);
        Ok(Parameters { width, height, sampling, restart_interval, tables })
    }

    /// The tables of a frame (RFC 2435 sections 3.1.4, 3.1.8 and 4.2). In-band tables are kept for
    /// frames that only name them.
    fn quantization(
        &mut self,
        q: u8,
        in_band: Option<&Tables<'_>>,
    ) -> Result<[[u8; 64]; 2], Reason> {
        if q < 128 {
            return tables_for_q(q).ok_or(Reason::Q(q));
        }
        let in_band = in_band.ok_or(Reason::Malformed)?;
        if in_band.data.is_empty() {
            let kept = self.tables.iter().find(|(id, _)| *id == q);
            return kept.map(|(_, tables)| *tables).ok_or(Reason::Tables(0));
        }
        let tables = in_band.luma_and_chroma().ok_or(Reason::Tables(in_band.data.len()))?;
        if q != 255 {
            self.tables.retain(|(id, _)| *id != q);
            if self.tables.is_full() {
                self.tables.remove(0);
            }
            let kept = self.tables.push((q, tables));
            debug_assert!(kept.is_ok(), "there is room after a removal");
        }
        Ok(tables)
    }
}

#[cfg(test)]
mod tests;
