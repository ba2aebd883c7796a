//! The depayloader of Opus (RFC 7587): a packet is what the codec has made, and says how long it is.

use super::sound::{Payloads, SoundDepayloader};
use streamsocket_wire::opus::frames;

/// Bytes of a packet at most: beyond any MTU, and 20 ms at 256 kbit/s have 640.
const BYTES_MAX: usize = 8192;

/// Packets of Opus.
#[derive(Clone, Copy, Debug)]
pub struct Opus;

/// Ordered packets, and what is missing between them in sample frames at 48 kHz.
pub type OpusDepayloader = SoundDepayloader<Opus>;

impl Payloads for Opus {
    type Item = u8;

    const USUAL: usize = 1500;

    fn frames(&self, payload: &[u8]) -> Option<usize> {
        frames(payload).filter(|_| payload.len() <= BYTES_MAX)
    }

    fn read(&self, payload: &[u8], out: &mut Vec<u8>) {
        out.clear();
        out.extend_from_slice(payload);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::receive::REORDER;
    use crate::receive::sound::Chunk;
    use crate::receive::source_packet::SourcePacket;
    use streamsocket_media::clock::Monotonic;
    use streamsocket_wire::rtp::ExtendedTime;

    /// The first byte of 20 ms of CELT, and of 60 ms of SILK.
    const MS_20: u8 = 31 << 3;
    const MS_60: u8 = 11 << 3;

    #[test]
    fn packets_come_out_as_they_are_and_a_loss_is_a_hole_of_its_length() {
        let mut sound = OpusDepayloader::of(Opus);
        for (sequence, time, payload) in
            [(1, 0, &[MS_60, 1][..]), (3, 2880 + 960, &[MS_20, 3]), (4, 2880 + 1920, &[MS_20])]
        {
            let time = ExtendedTime(time);
            sound.push(&SourcePacket { sequence, time, payload, ..SourcePacket::default() });
        }
        let (mut out, mut seen) = (Vec::new(), Vec::new());
        let now = Monotonic(REORDER.nanos());
        while let Some(chunk) = sound.poll(now, &|_| None, &mut out) {
            seen.push(match chunk {
                Chunk::Samples { time, .. } => (time.0, Some(out.clone())),
                Chunk::Hole { time, frames } => {
                    assert_eq!(frames, 960);
                    (time.0, None)
                }
            });
        }
        let packet = |time, bytes: &[u8]| (time, Some(bytes.to_vec()));
        let expected = [
            packet(0, &[MS_60, 1]),
            (2880, None),
            packet(3840, &[MS_20, 3]),
            packet(4800, &[MS_20]),
        ];
        assert_eq!(seen, expected);
        let counts = sound.counts();
        assert_eq!((counts.packets, counts.frames, counts.frames_lost), (3, 4800, 960));
    }

    #[test]
    fn what_is_no_packet_is_malformed() {
        let mut sound = OpusDepayloader::of(Opus);
        for payload in [&[][..], &[MS_20 | 3, 0], &[MS_20; BYTES_MAX + 1]] {
            sound.push(&SourcePacket { sequence: 1, payload, ..SourcePacket::default() });
        }
        assert_eq!(sound.counts().malformed, 3);
    }
}
