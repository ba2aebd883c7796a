//! Opens packets and reports: the receiver's side.

use crate::derive::Purpose;
use crate::master_key::MasterKey;
use crate::packet::{Head, rtcp_source};
use crate::search::Search;
use crate::suite::Suite;
use crate::transform::{ENCRYPTED, Transform};
use crate::window::{PACKET_WORDS, REPORT_WORDS, Window};

/// Sources whose packets are followed at a time: the one that is received, which is [kept](PacketOpener::keep), the one
/// that takes its place, and what else was sealed with the key.
const SOURCES_MAX: usize = 4;

/// Sources of reports at a time: 24 bytes each. Only what was sealed with the key makes one.
const REPORTERS_MAX: usize = 256;

/// Why a packet or a report was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It is no packet of RTP or RTCP.
    Malformed,
    /// One with its number has come before, or it is older than what is remembered. Nothing of it was authenticated.
    Replayed,
    /// It is not authentic.
    Forged,
    /// Its source is not known, and its roll-over counter is not 0: it may be [searched](PacketOpener::search) for.
    Unknown,
}

/// What is known of a source.
struct Known<const WORDS: usize> {
    ssrc: u32,
    window: Window<WORDS>,
}

/// Known sources, the one that was heard last in front.
struct Sources<const WORDS: usize> {
    known: Vec<Known<WORDS>>,
    max: usize,
    /// The one that keeps its place whatever comes.
    kept: Option<u32>,
}

impl<const WORDS: usize> Sources<WORDS> {
    const fn new(max: usize) -> Self {
        Self { known: Vec::new(), max, kept: None }
    }

    fn get(&mut self, ssrc: u32) -> Option<&mut Known<WORDS>> {
        let at = self.known.iter().position(|it| it.ssrc == ssrc)?;
        self.known[..=at].rotate_right(1);
        self.known.first_mut()
    }

    fn add(&mut self, ssrc: u32, window: Window<WORDS>) {
        self.known.retain(|it| it.ssrc != ssrc);
        if self.known.len() >= self.max {
            let kept = self.kept;
            let oldest = self.known.iter().rposition(|it| Some(it.ssrc) != kept);
            oldest.map(|at| self.known.remove(at));
        }
        self.known.insert(0, Known { ssrc, window });
    }
}

/// Opens the packets of the sources of a stream.
pub struct PacketOpener {
    transform: Transform,
    sources: Sources<PACKET_WORDS>,
}

impl PacketOpener {
    /// With this key.
    #[must_use]
    pub fn new(master: &MasterKey, suite: Suite) -> Self {
        let transform = Transform::new(master, suite, Purpose::Rtp);
        Self { transform, sources: Sources::new(SOURCES_MAX) }
    }

    /// Opens a packet into `out`, which it replaces. Costs one hash at most.
    ///
    /// # Errors
    /// See [`Refused`]; `out` is void then.
    pub fn open(&mut self, packet: &[u8], out: &mut Vec<u8>) -> Result<(), Refused> {
        self.open_marking(packet, out, true)
    }

    /// Opens a packet that did not come but was made: it may still come.
    ///
    /// # Errors
    /// See [`Refused`].
    pub fn open_made(&mut self, packet: &[u8], out: &mut Vec<u8>) -> Result<(), Refused> {
        self.open_marking(packet, out, false)
    }

    fn open_marking(
        &mut self,
        packet: &[u8],
        out: &mut Vec<u8>,
        marks: bool,
    ) -> Result<(), Refused> {
        let head = Head::parse(packet).ok_or(Refused::Malformed)?;
        let Some(known) = self.sources.get(head.ssrc) else {
            // A source begins so; others have to be searched for.
            let index = head.sequence.into();
            if !self.transform.open(packet, head, index, out) {
                return Err(Refused::Unknown);
            }
            if marks {
                self.sources.add(head.ssrc, Window::new(index));
            }
            return Ok(());
        };
        let index = nearest(known.window.highest(), head.sequence);
        if known.window.has(index) {
            return Err(Refused::Replayed);
        }
        if !self.transform.open(packet, head, index, out) {
            return Err(Refused::Forged);
        }
        if marks {
            known.window.mark(index);
        }
        Ok(())
    }

    /// The search for the roll-over counter of a packet's source; `None` if it is no packet.
    #[must_use]
    pub fn search(&self, packet: &[u8]) -> Option<Search> {
        let newest = Head::parse(packet).and_then(|head| self.newest(head.ssrc)).unwrap_or(0);
        // What is older than what has come is somebody's recording of it.
        let first = u32::try_from(newest >> 16).unwrap_or(u32::MAX);
        Search::new(&self.transform, packet, first)
    }

    /// A source that is not known here goes on with this key behind this index, which it has had with another one. So does
    /// one that had this key before, so long ago that all of that is too old to come again.
    pub fn follow(&mut self, ssrc: u32, newest: u64) {
        let known = self.newest(ssrc);
        if known.is_none_or(|known| known + Window::<PACKET_WORDS>::LEN <= newest) {
            self.sources.add(ssrc, Window::new(newest));
        }
    }

    /// A search has found the counter at this packet, which may be [opened](Self::open) now.
    pub fn learn(&mut self, packet: &[u8], rollovers: u32) {
        let Some(head) = Head::parse(packet) else { return };
        let index = u64::from(rollovers) << 16 | u64::from(head.sequence);
        // Meanwhile the source may have been heard again: it never goes back.
        if self.newest(head.ssrc).is_none_or(|newest| newest < index) {
            self.sources.add(head.ssrc, Window::behind(index));
        }
    }

    /// This is the source that is received: it stays known, whatever others come. Whoever has recorded the beginning of
    /// streams with this key can make as many others as he likes.
    pub fn keep(&mut self, ssrc: u32) {
        self.sources.kept = Some(ssrc);
    }

    /// The index of the newest packet of a source, of which the upper 32 bits are the roll-over counter.
    #[must_use]
    pub fn newest(&self, ssrc: u32) -> Option<u64> {
        let known = self.sources.known.iter().find(|it| it.ssrc == ssrc);
        known.map(|it| it.window.highest())
    }
}

/// The index with this sequence number that is nearest to another one (RFC 3711 section 3.3.1).
fn nearest(to: u64, sequence: u16) -> u64 {
    let cycle = to & !0xFFFF | u64::from(sequence);
    let [below, above] = [cycle.checked_sub(1 << 16), Some(cycle + (1 << 16))];
    let all = [Some(cycle), below, above].into_iter().flatten();
    all.min_by_key(|it| it.abs_diff(to)).unwrap_or(cycle)
}

/// Opens reports, of whichever sources.
pub struct ReportOpener {
    transform: Transform,
    sources: Sources<REPORT_WORDS>,
}

impl ReportOpener {
    /// With this key.
    #[must_use]
    pub fn new(master: &MasterKey, suite: Suite) -> Self {
        let transform = Transform::new(master, suite, Purpose::Rtcp);
        Self { transform, sources: Sources::new(REPORTERS_MAX) }
    }

    /// Opens a report into `out`, which it replaces.
    ///
    /// # Errors
    /// See [`Refused`]; `out` is void then.
    pub fn open(&mut self, packet: &[u8], out: &mut Vec<u8>) -> Result<(), Refused> {
        let ssrc = rtcp_source(packet).ok_or(Refused::Malformed)?;
        let word = self.transform.word(packet).ok_or(Refused::Malformed)?;
        let index = u64::from(word & !ENCRYPTED);
        let known = self.sources.get(ssrc);
        if known.as_ref().is_some_and(|known| known.window.has(index)) {
            return Err(Refused::Replayed);
        }
        if !self.transform.open_rtcp(packet, ssrc, word, out) {
            return Err(Refused::Forged);
        }
        match known {
            Some(known) => known.window.mark(index),
            None => self.sources.add(ssrc, Window::new(index)),
        }
        Ok(())
    }
}
