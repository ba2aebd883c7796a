//! Encodes the sound of a tier to Opus, on a thread of its own: a packet takes a tenth of a millisecond on a PC and ten
//! times as long on a small board, while the loop has pictures to send.

use crate::worker::{Error, Kind, Worker};
use std::sync::Arc;
use streamsocket_convert::opus::Encoder;
use streamsocket_stream::send::opus::FrameTime;

/// Frames of 20 ms that may wait: what a machine that has stood still for a second has to catch up with. They have 250
/// kB in stereo, and fewer take no memory.
const KIND: Kind = Kind { name: "Opus", queue: 64 };

/// The longest packet of 20 ms (RFC 6716 section 3.4, requirement 2).
const PACKET_MAX: usize = 1275;

/// The stage between samples and the packets of their track.
pub struct SoundEncoder {
    worker: Worker<Frame, Frame>,
    /// Frames that were sent, to be filled again.
    spares: Vec<Frame>,
    /// Bytes of a packet at most.
    room: usize,
    /// Frames that found no room.
    busy: u64,
    /// It was said that something could not be encoded: it would recur with each frame.
    said: bool,
}

/// Some samples, and what was made of them.
struct Frame {
    samples: Vec<i16>,
    at: FrameTime,
    /// As long as it may be.
    packet: Vec<u8>,
    made: Result<usize, streamsocket_convert::opus::Error>,
}

impl SoundEncoder {
    /// A stage for this encoder, whose packets have so many bytes at most. `waker` is woken when one is ready.
    ///
    /// # Errors
    /// The system cannot start another thread.
    pub fn start(mut encoder: Encoder, room: usize, waker: Arc<mio::Waker>) -> Result<Self, Error> {
        let worker = Worker::start(KIND, waker, move |mut frame: Frame| {
            frame.made = encoder.encode(&frame.samples, &mut frame.packet);
            frame
        })?;
        let spares = Vec::with_capacity(KIND.queue);
        Ok(Self { worker, spares, room: room.min(PACKET_MAX), busy: 0, said: false })
    }

    /// Packets have so many bytes at most from the next frame on.
    pub fn resize(&mut self, room: usize) {
        self.room = room.min(PACKET_MAX);
    }

    /// Takes a frame. Without room for it, it is left out and counted.
    ///
    /// # Errors
    /// The thread has ended.
    pub fn push(&mut self, samples: &[i16], at: FrameTime) -> Result<(), Error> {
        if self.worker.is_dead() {
            return Err(Error::Ended(KIND));
        }
        let mut frame = self.spares.pop().unwrap_or_else(|| Frame::new(samples.len(), at));
        frame.samples.clear();
        frame.samples.extend_from_slice(samples);
        frame.packet.resize(self.room, 0);
        frame.at = at;
        if let Err(frame) = self.worker.submit(frame) {
            self.busy += 1;
            self.spares.push(frame);
        }
        Ok(())
    }

    /// Hands on what has been encoded meanwhile, in order.
    pub fn take(&mut self, mut each: impl FnMut(&[u8], FrameTime)) {
        while let Some(frame) = self.worker.take() {
            match &frame.made {
                Ok(len) => each(frame.packet.get(..*len).unwrap_or_default(), frame.at),
                Err(error) => {
                    self.busy += 1;
                    if !std::mem::replace(&mut self.said, true) {
                        log::warn!("{error}: sound is left out");
                    }
                }
            }
            self.spares.push(frame);
        }
    }

    /// Whether nothing is being encoded, or never will be.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.worker.outstanding() == 0 || self.worker.is_dead()
    }

    /// Frames that were left out.
    #[must_use]
    pub const fn left_out(&self) -> u64 {
        self.busy
    }
}

impl Frame {
    fn new(samples: usize, at: FrameTime) -> Self {
        let (samples, packet) = (Vec::with_capacity(samples), Vec::with_capacity(PACKET_MAX));
        Self { samples, at, packet, made: Ok(0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::worker::tests::Loop;
    use streamsocket_convert::opus::Order;
    use streamsocket_media::clock::Monotonic;
    use streamsocket_wire::rtp::RtpTime;

    #[test]
    fn frames_come_back_in_order_and_those_without_room_are_counted() {
        let mut event_loop = Loop::new();
        let encoder = Encoder::new(Order { rate: 48_000, channels: 1, bits: 64_000 }).unwrap();
        let waker = Arc::clone(&event_loop.waker);
        let mut sound = SoundEncoder::start(encoder, 100, waker).unwrap();
        let at = |n| FrameTime { time: RtpTime(n), capture: Monotonic(0), begins: false };
        let (mut pushed, mut times) = (0, Vec::new());
        // Faster than they can be encoded.
        while sound.left_out() == 0 {
            sound.push(&[1000; 960], at(pushed)).unwrap();
            pushed += 1;
        }
        sound.resize(60);
        let mut lengths = Vec::new();
        while !sound.is_idle() {
            event_loop.wait();
            sound.take(|packet, at| {
                lengths.push(packet.len());
                times.push(at.time.0);
            });
        }
        assert!(times.into_iter().eq(0..pushed - 1) && sound.left_out() == 1);
        assert!(lengths.iter().all(|len| *len == 100), "{lengths:?}");
        sound.push(&[1000; 960], at(pushed)).unwrap();
        sound.push(&[1000; 961], at(pushed)).unwrap();
        let mut later = Vec::new();
        while !sound.is_idle() {
            event_loop.wait();
            sound.take(|packet, _| later.push(packet.len()));
        }
        assert_eq!((later, sound.left_out()), (vec![60], 2));
    }
}
