//! Makes samples of encoded sound, on the network thread: 20 ms take a tenth of one, and what is queued for the sound
//! thread is then the same, whatever came.

use streamsocket_decode::opus::{CONCEALED_MAX, Decoder, Error};
use streamsocket_media::clock::{Delay, Monotonic, sample_nanos};
use streamsocket_stream::receive::depayloader::Encoding;
use streamsocket_subscribe::latency::Origin;
use streamsocket_subscribe::outlet::{EncodedSound, PacketSamples};
use streamsocket_subscribe::plan::Plan;
use streamsocket_subscribe::presentation_time::PresentationTime;
use streamsocket_wire::opus::{RATE, frames};
use streamsocket_wire::rtp::ExtendedTime;

/// What decodes the sound of a session, if that is encoded.
#[derive(Debug)]
pub struct Decoding {
    decoder: Option<Decoder>,
    /// What the next samples are exchanged for.
    samples: Vec<i16>,
    last: Option<PresentationTime>,
    /// It was said that something could not be decoded: a sender that sends such things sends more.
    said: bool,
}

impl Decoding {
    /// For the sound of this session. Where there is no memory for a decoder there is no sound, which is said.
    #[must_use]
    pub fn of(plan: &Plan) -> Self {
        let encoded = plan.audio.as_ref().filter(|audio| audio.encoding == Encoding::Opus);
        let decoder = encoded.and_then(|audio| {
            let made = Decoder::new(audio.channels);
            made.map_err(|error| log::warn!("no sound: {error}")).ok()
        });
        Self { decoder, samples: Vec::new(), last: None, said: false }
    }

    /// Decodes a packet. In place of one that cannot be decoded comes what may have been in it.
    pub fn packet(&mut self, sound: &EncodedSound<'_>, each: &mut dyn FnMut(PacketSamples<'_>)) {
        let Some(decoder) = &mut self.decoder else { return };
        let EncodedSound { packet, rtp_time, time } = *sound;
        if self.last.is_some_and(|last| last.stamp.source != time.stamp.source) {
            decoder.reset();
        }
        self.last = Some(time);
        let made = decoder.decode(packet, &mut self.samples).or_else(|error| {
            if !std::mem::replace(&mut self.said, true) {
                log::warn!("a packet of sound cannot be decoded: {error}");
            }
            decoder.conceal(frames(packet).unwrap_or(0), &mut self.samples)
        });
        if made.is_ok_and(|frames| frames > 0) {
            each(PacketSamples { buffer: &mut self.samples, rtp_time, time });
        }
    }

    /// Makes what may have been in a hole of so many sample frames, if that is short, or in its beginning. Returns the
    /// rest of the hole, and when it is due.
    pub fn hole(
        &mut self,
        hole: usize,
        due: Monotonic,
        each: &mut dyn FnMut(PacketSamples<'_>),
    ) -> (usize, Monotonic) {
        let Some((decoder, last)) = self.decoder.as_mut().zip(self.last) else {
            return (hole, due);
        };
        let made: Result<usize, Error> =
            decoder.conceal(hole.min(CONCEALED_MAX), &mut self.samples);
        let made = made.unwrap_or(0);
        if made > 0 {
            // Nothing was captured that its latency could be measured by.
            let undelayed = last.origin.undelayed + (due - last.due);
            let time = PresentationTime { due, origin: Origin { wall: None, undelayed }, ..last };
            let rtp_time = ExtendedTime::default();
            each(PacketSamples { buffer: &mut self.samples, rtp_time, time });
        }
        (hole - made, due + Delay::from_nanos(sample_nanos(made as u64, RATE)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use streamsocket_subscribe::presentation_time::Stamp;

    /// 20 ms of silence, in mono.
    const SILENCE: [u8; 3] = [0xF8, 0xFF, 0xFE];
    const DUE: Monotonic = Monotonic(1_000_000_000);
    const MS: i64 = 1_000_000;

    fn decoding(encoding: &str) -> Decoding {
        let text = format!(
            "v=0\ns=x\nc=IN IP4 239.1.1.1\nm=audio 5006 RTP/AVP 99\na=rtpmap:99 {encoding}\n"
        );
        Decoding::of(&Plan::from_sdp(&text).unwrap())
    }

    fn time(due: Monotonic, source: u32) -> PresentationTime {
        let undelayed = due.offset(-40 * MS);
        let stamp = Stamp { capture: None, undelayed, arrival: undelayed, source };
        PresentationTime { due, stamp, origin: Origin { wall: None, undelayed }, delay: None }
    }

    /// How many sample frames come of a packet, and when they are due.
    fn heard(decoding: &mut Decoding, packet: &[u8], source: u32) -> Vec<(usize, Monotonic)> {
        let mut heard = Vec::new();
        let (rtp_time, time) = (ExtendedTime(7), time(DUE, source));
        let sound = EncodedSound { packet, rtp_time, time };
        decoding.packet(&sound, &mut |it| heard.push((it.buffer.len(), it.time.due)));
        heard
    }

    #[test]
    fn packets_become_samples_and_so_do_those_that_are_damaged() {
        let mut decoding = decoding("opus/48000/2");
        assert_eq!(heard(&mut decoding, &SILENCE, 1), [(960, DUE)]);
        // A frame of 10 ms and one of no length in a code for two: 20 ms that cannot be decoded.
        assert_eq!(heard(&mut decoding, &[0xF2], 1), [(960, DUE)]);
        assert_eq!(heard(&mut decoding, &[], 1), []);
        assert_eq!(heard(&mut decoding, &SILENCE, 2), [(960, DUE)]);
    }

    #[test]
    fn the_beginning_of_a_hole_is_concealed() {
        let mut decoding = decoding("opus/48000/2");
        let hole = |decoding: &mut Decoding, frames| {
            let (mut heard, due) = (Vec::new(), DUE.offset(20 * MS));
            let rest = decoding.hole(frames, due, &mut |it| {
                assert_eq!(it.time.origin.undelayed, it.time.due.offset(-40 * MS));
                heard.push((it.buffer.len(), it.time.due));
            });
            (heard, rest)
        };
        let after = |ms| DUE.offset(ms * MS);
        assert_eq!(hole(&mut decoding, 960), (vec![], (960, after(20))), "nothing came before");
        heard(&mut decoding, &SILENCE, 1);
        assert_eq!(hole(&mut decoding, 960), (vec![(960, after(20))], (0, after(40))));
        assert_eq!(hole(&mut decoding, 4800), (vec![(2880, after(20))], (1920, after(80))));
    }

    #[test]
    fn sound_that_is_not_encoded_is_left_alone() {
        let mut decoding = decoding("L16/48000/2");
        assert_eq!(decoding.hole(960, DUE, &mut |_| unreachable!()), (960, DUE));
        assert_eq!(heard(&mut decoding, &SILENCE, 1), []);
    }
}
