//! Packets that come within a connection, until all that were read with them are handed on together. Its memory is taken
//! once.

use streamsocket_net::{BATCH_MAX, Datagram};

/// Bytes at most: what one message to the kernel can carry, twice.
const BYTES_MAX: usize = 128 << 10;

/// Packets of one track, in their order.
#[derive(Debug)]
pub(crate) struct Batch {
    bytes: Vec<u8>,
    /// Where each packet ends.
    ends: Vec<usize>,
}

impl Default for Batch {
    fn default() -> Self {
        Self { bytes: Vec::with_capacity(BYTES_MAX), ends: Vec::with_capacity(BATCH_MAX) }
    }
}

impl Batch {
    /// Adds a packet; false if there is no room, until it is [emptied](Self::clear).
    pub(crate) fn push(&mut self, packet: &[u8]) -> bool {
        if self.ends.len() == BATCH_MAX || self.bytes.len() + packet.len() > BYTES_MAX {
            return false;
        }
        self.bytes.extend_from_slice(packet);
        self.ends.push(self.bytes.len());
        true
    }

    /// The packets.
    pub(crate) fn packets(&self) -> impl Iterator<Item = Datagram<'_>> + Clone {
        let begins = std::iter::once(0).chain(self.ends.iter().copied());
        let pieces = begins.zip(&self.ends).map(|(begin, end)| &self.bytes[begin..*end]);
        pieces.map(|header| Datagram { header, payload: &[] })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_come_out_as_they_went_in_and_no_memory_is_added() {
        let mut batch = Batch::default();
        let capacity = (batch.bytes.capacity(), batch.ends.capacity());
        for round in 0..3_usize {
            let mut count = 0;
            while batch.push(&vec![7; 1 + (count + round) % 1400]) {
                count += 1;
            }
            let lengths: Vec<_> = batch.packets().map(|it| it.header.len()).collect();
            let expected: Vec<_> = (0..count).map(|it| 1 + (it + round) % 1400).collect();
            assert_eq!(lengths, expected);
            assert!(count == BATCH_MAX || count > 90, "{count}");
            batch.clear();
            assert!(batch.is_empty() && batch.packets().count() == 0);
        }
        assert_eq!((batch.bytes.capacity(), batch.ends.capacity()), capacity);
        assert!(batch.push(&[]) && !batch.is_empty());
    }
}
