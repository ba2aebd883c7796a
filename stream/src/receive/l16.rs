//! The depayloader of L16 (RFC 3551 section 4.5.11): packets to samples.

use super::sound::{Payloads, SoundDepayloader};
use streamsocket_wire::pcm;

/// Samples of a packet at most: 16 kB, beyond any MTU.
const SAMPLES_MAX: usize = 8192;

/// L16 of so many channels.
#[derive(Clone, Copy, Debug)]
pub struct L16 {
    channels: usize,
}

/// Ordered samples out of packets.
pub type L16Depayloader = SoundDepayloader<L16>;

impl L16Depayloader {
    /// A depayloader for sample frames of `channels` samples.
    #[must_use]
    pub fn new(channels: u8) -> Self {
        Self::of(L16 { channels: usize::from(channels.max(1)) })
    }
}

impl Payloads for L16 {
    type Item = i16;

    const USUAL: usize = 750;

    fn frames(&self, payload: &[u8]) -> Option<usize> {
        let samples = payload.len() / 2;
        let whole = payload.len() % (2 * self.channels) == 0;
        ((1..=SAMPLES_MAX).contains(&samples) && whole).then_some(samples / self.channels)
    }

    fn read(&self, payload: &[u8], out: &mut Vec<i16>) {
        out.resize(payload.len() / 2, 0);
        // There is room for all of it.
        let _ = pcm::decode(payload, out);
    }
}
