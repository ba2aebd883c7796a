//! Sound that a camera sends beside its pictures: who reads the pictures puts it here, and who sends the sound takes it.

use super::track::Content;
use crate::capture::frame::AudioPoll;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use streamsocket_media::AudioFormat;
use streamsocket_media::clock::{Monotonic, sample_nanos};
use streamsocket_wire::g711;

/// Packets that wait at most: a second or two. Of more the oldest are lost.
const PACKETS_MAX: usize = 64;

/// Bytes of a packet at most: 85 ms of 48 kHz stereo. Longer ones are lost.
const PACKET_MAX: usize = 16 << 10;

/// Nothing for so long is no sound.
const SILENCE_NANOS: i64 = 3_000_000_000;

/// Sound beside pictures; clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Beside(Arc<Mutex<Waiting>>);

/// What waits to be sent.
#[derive(Debug, Default)]
struct Waiting {
    /// What it is sent in; none as long as nobody sends it.
    format: Option<AudioFormat>,
    samples: VecDeque<i16>,
    /// Sample frames of each packet that are left, and the capture time of the first.
    packets: VecDeque<(usize, Monotonic)>,
    /// When something was last put, or else first missed.
    put: Option<Monotonic>,
}

impl Beside {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on sound in this format is taken.
    pub fn listen(&self, format: AudioFormat) {
        self.waiting().format = Some(format);
    }

    /// What it is sent in.
    #[must_use]
    pub fn format(&self) -> AudioFormat {
        self.waiting().format.unwrap_or(AudioFormat { rate: 8_000, channels: 1 })
    }

    /// Puts the payload of a packet that comes at `undelayed` if nothing delays it. Of another format than that which
    /// is sent nothing is put.
    pub(super) fn put(&self, content: Content, payload: &[u8], undelayed: Monotonic) {
        let mut waiting = self.waiting();
        let Some(format) = waiting.format.filter(|it| content.sound() == Some(*it)) else { return };
        let channels = usize::from(format.channels);
        let bytes = if matches!(content, Content::L16(_)) { 2 } else { 1 };
        let frames = payload.len() / bytes / channels;
        if frames == 0 || payload.len() > PACKET_MAX {
            return;
        }
        if waiting.packets.len() == PACKETS_MAX {
            let lost = waiting.packets.pop_front().map_or(0, |(frames, _)| frames);
            waiting.samples.drain(..lost * channels);
        }
        let payload = payload.iter().copied().take(frames * channels * bytes);
        match content {
            Content::Pcmu(_) => waiting.samples.extend(payload.map(g711::ulaw)),
            Content::Pcma(_) => waiting.samples.extend(payload.map(g711::alaw)),
            Content::L16(_) | Content::Jpeg(_) => {
                let mut bytes = payload;
                let pair = || Some(i16::from_be_bytes([bytes.next()?, bytes.next()?]));
                waiting.samples.extend(std::iter::from_fn(pair));
            }
        }
        // A packet leaves when its last sample was captured.
        let length = sample_nanos(u64::try_from(frames).unwrap_or(0), format.rate);
        waiting.packets.push_back((frames, undelayed.offset(-length)));
        waiting.put = Some(undelayed);
    }

    /// Whether something waits.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        !self.waiting().packets.is_empty()
    }

    /// Whether nothing has come for a while. One that has just begun to be asked is not silent yet.
    #[must_use]
    pub fn is_silent(&self, now: Monotonic) -> bool {
        now.nanos_since(*self.waiting().put.get_or_insert(now)) > SILENCE_NANOS
    }

    /// Writes interleaved samples that have come to `out`.
    pub fn poll(&self, out: &mut [i16]) -> AudioPoll {
        let mut waiting = self.waiting();
        let Waiting { format: Some(format), samples, packets, .. } = &mut *waiting else {
            return AudioPoll::Idle;
        };
        let channels = usize::from(format.channels);
        let Some((left, capture)) = packets.front_mut() else { return AudioPoll::Idle };
        let frames = (*left).min(out.len() / channels);
        if frames == 0 {
            return AudioPoll::Idle;
        }
        for (to, sample) in out.iter_mut().zip(samples.drain(..frames * channels)) {
            *to = sample;
        }
        let first = *capture;
        *left -= frames;
        *capture = first.offset(sample_nanos(u64::try_from(frames).unwrap_or(0), format.rate));
        if *left == 0 {
            packets.pop_front();
        }
        AudioPoll::Samples { frames, capture: first }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Monotonic = Monotonic(1_000_000_000);
    const STEREO: AudioFormat = AudioFormat { rate: 48_000, channels: 2 };

    fn take(beside: &Beside, room: usize) -> Option<(Vec<i16>, Monotonic)> {
        let mut out = vec![0; room];
        match beside.poll(&mut out) {
            AudioPoll::Samples { frames, capture } => {
                out.truncate(frames * usize::from(beside.format().channels));
                Some((out, capture))
            }
            _ => None,
        }
    }

    #[test]
    fn samples_come_out_as_they_went_in_with_their_times() {
        let beside = Beside::default();
        beside.put(Content::L16(STEREO), &[0, 1, 0, 2], AT);
        assert!(!beside.is_ready(), "nobody sends it");
        beside.listen(STEREO);
        // 48 frames are a millisecond.
        let payload: Vec<u8> = (0..96_u16).flat_map(u16::to_be_bytes).collect();
        beside.put(Content::L16(STEREO), &payload, AT);
        let (first, capture) = take(&beside, 64).unwrap();
        assert_eq!((first[63], capture), (63, AT.offset(-1_000_000)));
        let (rest, capture) = take(&beside, 64).unwrap();
        assert_eq!((rest.len(), rest[0], capture), (32, 64, AT.offset(-1_000_000 + 666_666)));
        assert_eq!(take(&beside, 64), None);
        assert!(!beside.is_silent(AT) && beside.is_silent(AT.offset(SILENCE_NANOS + 1)));
        beside.put(Content::Pcmu(STEREO), &[0xFF, 0x80], AT);
        assert_eq!(take(&beside, 64).unwrap().0, [0, 32_124]);
        // Another format than is sent, half a frame, nothing.
        beside.put(Content::L16(AudioFormat { rate: 8_000, channels: 2 }), &payload, AT);
        beside.put(Content::L16(STEREO), &[1, 2, 3], AT);
        beside.put(Content::L16(STEREO), &vec![0; PACKET_MAX + 4], AT);
        assert!(!beside.is_ready());
    }

    #[test]
    fn sound_is_missed_once_it_could_have_come() {
        let beside = Beside::default();
        beside.listen(STEREO);
        let after = |nanos| AT.offset(nanos);
        assert!(!beside.is_silent(AT) && !beside.is_silent(after(SILENCE_NANOS)));
        assert!(beside.is_silent(after(SILENCE_NANOS + 1)));
        beside.put(Content::L16(STEREO), &[0; 4], after(SILENCE_NANOS + 2));
        assert!(!beside.is_silent(after(SILENCE_NANOS + 3)));
    }

    #[test]
    fn what_nobody_takes_is_bounded() {
        let beside = Beside::default();
        beside.listen(STEREO);
        for packet in 0..1000_u16 {
            beside.put(Content::L16(STEREO), &[packet.to_be_bytes(); 2].concat(), AT);
        }
        assert_eq!(beside.waiting().samples.len(), 2 * PACKETS_MAX);
        assert_eq!(take(&beside, 2).unwrap().0, [936, 936]);
    }
}
