//! The stages of a protected stream (SRTP): what the packets of a picture take, to be sealed and to be opened.

use streamsocket_srtp::master_key::{MASTER_LEN, MasterKey};
use streamsocket_srtp::open::PacketOpener;
use streamsocket_srtp::seal::PacketSealer;
use streamsocket_srtp::suite::Suite;

/// Bytes of a packet that the daemon has apart from the picture: the headers of RTP with its extension, and of RTP/JPEG.
const HEADER_LEN: usize = 36;

/// Times that the numbers of the packets that are opened have rolled over: more than none, so that a packet is before each.
const ROLLOVERS: u32 = 1;

/// Both ends of a protected stream, in one suite.
pub(crate) struct Sealing {
    packets: Vec<Vec<u8>>,
    sealer: PacketSealer,
    sealed: Vec<u8>,
    /// The packets of one picture, sealed.
    came: Vec<Vec<u8>>,
    key: MasterKey,
    suite: Suite,
    opened: Vec<u8>,
}

impl Sealing {
    pub(crate) fn new(suite: Suite, packets: &[Vec<u8>]) -> Self {
        let key = MasterKey::new(&[7; MASTER_LEN]);
        let mut first = PacketSealer::new(&key, suite, ROLLOVERS);
        let came = packets.iter().map(|packet| {
            let mut sealed = Vec::new();
            first.seal(packet, &[], &mut sealed);
            sealed
        });
        Self {
            came: came.collect(),
            packets: packets.to_vec(),
            sealer: PacketSealer::new(&key, suite, 0),
            sealed: Vec::new(),
            key,
            suite,
            opened: Vec::new(),
        }
    }

    /// As if the numbers rolled over with each picture: no index comes twice.
    pub(crate) fn seal(&mut self) {
        self.sealed.clear();
        for packet in &self.packets {
            let (header, payload) = packet.split_at(HEADER_LEN);
            self.sealer.seal(header, payload, &mut self.sealed);
        }
        let plain: usize = self.packets.iter().map(Vec::len).sum();
        assert_eq!(self.sealed.len(), plain + self.packets.len() * self.sealer.growth());
    }

    /// As if each picture were the first: with keys that are derived anew, which is a hundredth of it.
    pub(crate) fn open(&mut self) {
        let mut opener = PacketOpener::new(&self.key, self.suite);
        if let Some(packet) = self.came.first() {
            opener.learn(packet, ROLLOVERS);
        }
        for packet in &self.came {
            assert_eq!(opener.open(packet, &mut self.opened), Ok(()), "it was sealed so");
        }
        assert_eq!(self.packets.last(), Some(&self.opened));
    }
}
