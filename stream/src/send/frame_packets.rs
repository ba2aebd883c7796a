//! The packets of one frame, the same for every destination: of each the header, written once into
//! an arena that is reused, and the part of the frame that follows it. The payload itself stays
//! where the camera put it.

use core::ops::Range;

/// The longest header of a packet: RTP (12), the time extension (16), RTP/JPEG main header (8),
/// restart header (4), quantization table header and two tables (132).
pub const HEADER_MAX: usize = 172;

/// Packets of a frame at most: 8 MiB, twice what the largest MJPEG cameras deliver, at the smallest
/// packet size.
pub const PACKETS_MAX: usize = 16_384;

/// The packets of one frame.
#[derive(Debug, Default)]
pub struct FramePackets {
    headers: Vec<[u8; HEADER_MAX]>,
    entries: Vec<Entry>,
}

#[derive(Clone, Debug)]
struct Entry {
    header_len: usize,
    payload: Range<usize>,
}

/// One packet: its header and where in the frame its payload lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FramePacket<'a> {
    /// RTP header, extension and payload header.
    pub header: &'a [u8],
    /// Bytes of the frame that follow.
    pub payload: Range<usize>,
}

impl FramePacket<'_> {
    /// Length of the UDP payload, in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.header.len() + self.payload.len()
    }

    /// Never: a packet has a header.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl FramePackets {
    /// An arena with room for `count` packets; it grows once when a frame needs more.
    #[must_use]
    pub fn with_capacity(count: usize) -> Self {
        Self { headers: Vec::with_capacity(count), entries: Vec::with_capacity(count) }
    }

    /// Forgets the packets, keeps the memory.
    pub fn clear(&mut self) {
        self.entries.clear();
    }

    /// Appends a packet with this payload; `write` writes its header and returns the length. False
    /// if the frame has too many packets or the header did not fit: the packet is not appended.
    pub fn push<E>(
        &mut self,
        payload: Range<usize>,
        write: impl FnOnce(&mut [u8; HEADER_MAX]) -> Result<usize, E>,
    ) -> bool {
        let index = self.entries.len();
        if index >= PACKETS_MAX {
            return false;
        }
        if index == self.headers.len() {
            self.headers.push([0; HEADER_MAX]);
        }
        let Some(Ok(header_len)) = self.headers.get_mut(index).map(write) else { return false };
        self.entries.push(Entry { header_len: header_len.min(HEADER_MAX), payload });
        true
    }

    /// The number of packets.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// True if there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The packet at `index`.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<FramePacket<'_>> {
        let entry = self.entries.get(index)?;
        let header = self.headers.get(index)?.get(..entry.header_len)?;
        Some(FramePacket { header, payload: entry.payload.clone() })
    }

    /// The packets of a range of indices, in order.
    pub fn range(&self, range: Range<usize>) -> impl Iterator<Item = FramePacket<'_>> + Clone {
        range.map_while(|index| self.get(index))
    }
}
