//! Seals what a track sends (SRTP, RFC 3711): packets between the payloader and repair, which is over sealed packets,
//! so that nothing is encrypted twice and a forged repair packet makes no packet that is authentic; reports on their
//! way out, and those of viewers are opened.

use super::beginning::Sealed;
use std::ops::Range;
use streamsocket_net::Datagram;
use streamsocket_srtp::open::ReportOpener;
use streamsocket_srtp::protection::Protection;
use streamsocket_srtp::seal::{PacketSealer, ReportSealer};
use streamsocket_stream::send::frame_packets::FramePackets;
use streamsocket_stream::send::repair::Packets;
use streamsocket_wire::rtp::Sequence;

/// What seals the packets of a track that has sealed so much before.
pub(super) fn packet_sealer(protection: &Protection, before: Sealed) -> Option<PacketSealer> {
    let key = protection.keys.first()?;
    Some(PacketSealer::new(key, protection.suite, before.rollovers))
}

/// The packets of a picture, sealed one behind the other as they become due: its bytes are read once, and the memory
/// stays for the next one.
pub(super) struct SealedPicture {
    sealer: PacketSealer,
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl SealedPicture {
    pub(super) const fn new(sealer: PacketSealer) -> Self {
        Self { sealer, bytes: Vec::new(), ends: Vec::new() }
    }

    /// Bytes by which a packet becomes longer.
    pub(super) const fn growth(&self) -> usize {
        self.sealer.growth()
    }

    /// How often the sequence number will have rolled over at that number, the next one.
    pub(super) const fn rollovers_at(&self, next: Sequence) -> u32 {
        self.sealer.rollovers_at(next.0)
    }

    /// Another sealer takes the place of this one, from the next packet on.
    pub(super) fn exchange(&mut self, sealer: PacketSealer) {
        self.sealer = sealer;
    }

    /// Begins a picture whose packets have so many bytes before they are sealed.
    pub(super) fn begin(&mut self, packets: usize, bytes: usize) {
        self.bytes.clear();
        self.ends.clear();
        self.bytes.reserve(bytes + packets * self.growth());
        self.ends.reserve(packets);
    }

    /// Seals packets that are not sealed yet, up to this one.
    pub(super) fn seal_to(&mut self, end: usize, packets: &FramePackets, picture: &[u8]) {
        for packet in packets.range(self.ends.len()..end) {
            let payload = picture.get(packet.payload).unwrap_or_default();
            self.sealer.seal(packet.header, payload, &mut self.bytes);
            self.ends.push(self.bytes.len());
        }
    }

    fn get(&self, index: usize) -> &[u8] {
        let start = index.checked_sub(1).map_or(Some(0), |before| self.ends.get(before).copied());
        let range = start.zip(self.ends.get(index)).map(|(start, end)| start..*end);
        range.and_then(|range| self.bytes.get(range)).unwrap_or_default()
    }

    /// Sealed packets.
    pub(super) fn datagrams(
        &self,
        range: Range<usize>,
    ) -> impl Iterator<Item = Datagram<'_>> + Clone {
        range.map(|index| Datagram { header: self.get(index), payload: &[] })
    }
}

impl Packets for SealedPicture {
    fn packet(&self, index: usize) -> (&[u8], &[u8]) {
        (self.get(index), &[])
    }
}

/// Seals reports, and opens those of viewers.
pub struct ReportSeal {
    sealer: ReportSealer,
    protection: Protection,
    /// One for each key.
    openers: Vec<ReportOpener>,
    sealed: Vec<u8>,
    opened: Vec<u8>,
    refused: u64,
}

impl ReportSeal {
    /// For a track that has sealed so many reports before.
    #[must_use]
    pub fn new(protection: &Protection, before: Sealed) -> Option<Self> {
        let Protection { keys, suite } = protection;
        let sealer = ReportSealer::new(keys.first()?, *suite, before.reports);
        let openers = keys.iter().map(|key| ReportOpener::new(key, *suite)).collect();
        let (sealed, opened, protection) = (Vec::new(), Vec::new(), protection.clone());
        Some(Self { sealer, protection, openers, sealed, opened, refused: 0 })
    }

    /// Seals with another key from now on. What has come with keys that stay does not come again.
    pub(super) fn exchange(&mut self, protection: &Protection) {
        let Protection { keys, suite } = protection;
        let Some(first) = keys.first() else { return };
        self.sealer = ReportSealer::new(first, *suite, self.sealer.sealed());
        let before = std::mem::take(&mut self.openers);
        let mut before: Vec<_> = self.protection.keys.iter().zip(before).collect();
        let mut opener = |key| {
            let same = before.iter().position(|(known, _)| *known == key);
            let same = same.map(|at| before.swap_remove(at).1);
            same.unwrap_or_else(|| ReportOpener::new(key, *suite))
        };
        self.openers = keys.iter().map(&mut opener).collect();
        self.protection = protection.clone();
    }

    /// The sealed form of a report.
    pub(super) fn seal(&mut self, report: &[u8]) -> Option<&[u8]> {
        self.sealer.seal(report, &mut self.sealed).then_some(&self.sealed[..])
    }

    /// What a viewer reports, if that is authentic; if not, it is counted.
    pub(super) fn open(&mut self, report: &[u8]) -> Option<&[u8]> {
        let Self { openers, opened, .. } = self;
        let authentic = openers.iter_mut().any(|opener| opener.open(report, opened).is_ok());
        self.refused += u64::from(!authentic);
        authentic.then_some(&self.opened[..])
    }

    /// Reports that have been sealed.
    pub(super) const fn sealed(&self) -> u32 {
        self.sealer.sealed()
    }

    /// Reports that were replayed, forged, or sealed with another key.
    #[must_use]
    pub const fn refused(&self) -> u64 {
        self.refused
    }
}
