//! The decoding thread: JPEG files in, pictures out, in order. What is not due yet waits as a file, a tenth of the size
//! of its picture. A picture that is not fetched in time is dropped.

mod early;
mod work;

use self::early::Early;
use self::work::Work;
use crate::output_counters::VideoOutput;
use crate::shared::Shared;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, TrySendError};
use std::time::Duration;
use streamsocket_decode::{DecodedPicture, Decoder, PartDecoder};
use streamsocket_media::clock::{Delay, Monotonic};
use streamsocket_subscribe::clock::monotonic;
use streamsocket_subscribe::memory::{Budget, Claim, Need};
use streamsocket_subscribe::queue::{FrameDrain, QueuedFrame, QueuedGrowth, ToDecode};

/// Most decoded pictures in the queue: as many as come in `AHEAD` at 120 frames a second, and one on its way.
pub const DECODED_MAX: usize = 8;

/// Most bytes of decoded pictures in the queue: three of the largest at 4:2:0.
const DECODED_BYTES: usize = 96 << 20;

/// Most unused pictures that are kept for reuse: each that was shown comes back when the next is decoded. Those of a
/// moment when many waited are freed.
const FREE_MAX: usize = 3;

/// How long before it is due a picture is decoded: a slow machine takes 30 ms for a large one, and may be kept from it
/// for as long again.
pub const AHEAD: Duration = Duration::from_millis(60);

/// A frame that is late by this is not decoded if others wait.
const LATE: Delay = Delay::from_millis(50);

/// Interval at which a wait looks whether the program ends.
const STEP: Duration = Duration::from_millis(50);

/// A decoded picture, with the frame that it was made from.
pub struct Decoded {
    /// The picture.
    pub picture: DecodedPicture,
    /// The frame.
    pub frame: QueuedFrame,
    /// Its share of the queue's bytes.
    pub claim: Claim,
}

/// Waits until a frame that is due at `due` is to be decoded. Returns whether that took any time.
fn wait_for(due: Monotonic, shared: &Shared) -> bool {
    let mut waited = false;
    loop {
        let wait = due.since(monotonic()).saturating_sub(AHEAD);
        if wait.is_zero() || shared.quit.load(Ordering::Relaxed) {
            return waited;
        }
        std::thread::park_timeout(wait.min(STEP));
        waited = true;
    }
}

/// Memory for pictures.
struct Memory<'a> {
    free: Vec<DecodedPicture>,
    spare: &'a Receiver<DecodedPicture>,
    need: Need,
}

impl Memory<'_> {
    /// For the next picture.
    fn take(&mut self) -> DecodedPicture {
        let Self { free, spare, need } = self;
        free.extend(spare.try_iter());
        free.retain(|picture| !need.is_exceeded(picture.bytes()));
        free.truncate(FREE_MAX);
        free.pop().unwrap_or_default()
    }

    fn give_back(&mut self, picture: DecodedPicture) {
        self.free.push(picture);
    }
}

/// Decodes what comes by the queue.
struct Decoding<'a> {
    queue: &'a FrameDrain,
    memory: Memory<'a>,
    early: Early,
    decoder: Decoder,
    counters: &'a VideoOutput,
    undecodable: bool,
}

impl Decoding<'_> {
    fn grow(&mut self, growth: QueuedGrowth) {
        // Of a frame that is late nothing more is decoded, should others wait.
        if monotonic() - growth.due <= LATE {
            self.early.take(&growth, || self.memory.take());
        }
        // If it is full, there are enough of them.
        let _ = self.queue.growth_spares.try_send(growth.bytes);
    }

    /// The next frame, and whether the queue was empty before it came; `None` if the queue was closed.
    fn next(&mut self) -> Option<(QueuedFrame, bool)> {
        let mut idle = false;
        loop {
            let message = match self.queue.messages.try_recv() {
                Ok(message) => message,
                Err(TryRecvError::Empty) => {
                    idle = true;
                    self.queue.messages.recv().ok()?
                }
                Err(TryRecvError::Disconnected) => return None,
            };
            match message {
                ToDecode::Growth(growth) => self.grow(growth),
                ToDecode::Frame(frame) => return Some((frame, idle)),
            }
        }
    }

    /// The first frame that is not late, or the last one: after the program was stopped, many are late.
    fn newest_in_time(&mut self, first: QueuedFrame) -> QueuedFrame {
        let mut frame = first;
        while monotonic() - frame.due > LATE {
            match self.queue.messages.try_recv() {
                Ok(ToDecode::Frame(next)) => {
                    self.counters.frames_late.add(1);
                    frame = next;
                }
                Ok(ToDecode::Growth(growth)) => self.grow(growth),
                Err(_) => break,
            }
        }
        frame
    }

    /// The picture of a frame; `None` if there is none to be had.
    fn decode(&mut self, frame: &QueuedFrame) -> Option<DecodedPicture> {
        let file = frame.jpeg.get(frame.start..).unwrap_or_default();
        let picture = self.early.finish(frame.id, file).or_else(|| self.decode_whole(file))?;
        self.undecodable = false;
        self.memory.need.note(picture.bytes());
        Some(picture)
    }

    fn decode_whole(&mut self, file: &[u8]) -> Option<DecodedPicture> {
        let mut picture = self.memory.take();
        let Err(error) = self.decoder.decode(file, &mut picture) else { return Some(picture) };
        self.counters.frames_undecodable.add(1);
        if !std::mem::replace(&mut self.undecodable, true) {
            log::warn!("frames cannot be decoded: {error}");
        }
        self.memory.give_back(picture);
        None
    }
}

/// Decodes until the network thread ends. `spare` returns pictures for reuse, and `wake` is called when one is ready.
///
/// # Errors
/// If libjpeg-turbo cannot be set up.
pub fn run(
    queue: &FrameDrain,
    decoded: &SyncSender<Decoded>,
    spare: &Receiver<DecodedPicture>,
    wake: &dyn Fn(),
    shared: &Arc<Shared>,
) -> Result<(), String> {
    let counters = &shared.output.video;
    let free = Vec::with_capacity(DECODED_MAX + FREE_MAX);
    let mut decoding = Decoding {
        queue,
        memory: Memory { free, spare, need: Need::default() },
        early: Early::new(PartDecoder::new().map_err(|error| error.to_string())?),
        decoder: Decoder::new().map_err(|error| error.to_string())?,
        counters,
        undecodable: false,
    };
    let budget = Budget::new(DECODED_BYTES);
    let mut work = Work::default();
    while let Some((frame, idle)) = decoding.next() {
        let frame = decoding.newest_in_time(frame);
        let idle = idle | wait_for(frame.due, shared);
        let stopped = shared.input.stopped.get().map(Monotonic);
        work.next(frame.origin.undelayed, stopped, idle);
        let Some(picture) = decoding.decode(&frame) else { continue };
        let now = monotonic();
        let taken = now - frame.queued.max(frame.due - AHEAD);
        if let Some(needed) = work.took(taken, now) {
            shared.input.video.presentation.work.set(needed.nanos());
        }
        log::trace!(target: "decoded", "wall={:?} at={}", frame.origin.wall.map(|wall| wall.0), now.0);
        let Some(claim) = budget.claim(picture.bytes()) else {
            counters.frames_late.add(1);
            decoding.memory.give_back(picture);
            continue;
        };
        match decoded.try_send(Decoded { picture, frame, claim }) {
            Ok(()) => wake(),
            Err(TrySendError::Full(refused)) => {
                counters.frames_late.add(1);
                decoding.memory.give_back(refused.picture);
            }
            Err(TrySendError::Disconnected(_)) => break,
        }
    }
    Ok(())
}
