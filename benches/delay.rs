//! How long packets are under way: whoever sends one writes the time into its last bytes, by the clock that the kernel
//! notes arrivals by.

use std::time::{SystemTime, UNIX_EPOCH};

/// Bytes of the time.
const TIME_LEN: usize = 8;

/// Packets that are shorter have no time: that of the last part of a picture may be.
const WITH_TIME: usize = 100;

/// Microseconds beyond which delays are not told apart.
const MOST: usize = 1 << 16;

/// Writes the time into the last bytes of packets.
#[allow(clippy::disallowed_methods, reason = "it measures in real time")]
pub fn stamp<'a>(packets: impl IntoIterator<Item = &'a mut [u8]>) {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time after 1970");
    let nanos = u64::try_from(since.as_nanos()).expect("a time before 2554");
    for packet in packets.into_iter().filter(|it| it.len() >= WITH_TIME) {
        let at = packet.len() - TIME_LEN;
        packet[at..].copy_from_slice(&nanos.to_be_bytes());
    }
}

/// Delays of packets, counted in steps of a microsecond.
#[derive(Clone, Debug)]
pub struct Delays(Vec<u32>);

impl Default for Delays {
    fn default() -> Self {
        Self(vec![0; MOST + 1])
    }
}

impl Delays {
    /// Takes what a packet says, which has arrived at that time (nanoseconds since 1970). One that says nothing sensible
    /// has no time in it.
    pub fn take(&mut self, packet: &[u8], arrival: i64) {
        /// A second.
        const SENSIBLE: std::ops::Range<i64> = 0..1_000_000_000;
        let Some(time) = packet.last_chunk().filter(|_| packet.len() >= WITH_TIME) else { return };
        let delay = arrival.wrapping_sub(i64::from_be_bytes(*time));
        if SENSIBLE.contains(&delay) {
            let micros = usize::try_from(delay / 1000).unwrap_or(MOST);
            self.0[micros.min(MOST)] += 1;
        }
    }

    /// What so many per mille of the packets do not exceed, in microseconds; none if no packet had a time.
    #[must_use]
    pub fn at(&self, per_mille: u64) -> Option<usize> {
        let all: u64 = self.0.iter().copied().map(u64::from).sum();
        let mut seen = 0;
        self.0.iter().position(|count| {
            seen += u64::from(*count);
            seen > 0 && seen * 1000 >= all * per_mille
        })
    }

    /// Forgets all of them.
    pub fn clear(&mut self) {
        self.0.fill(0);
    }
}
