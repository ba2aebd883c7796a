//! The decoding thread: JPEG files in, pictures out, in order. What is not due yet waits as a file, a tenth of the size
//! of its picture. A picture that is not fetched in time is dropped.

mod work;

use self::work::Work;
use crate::output_counters::VideoOutput;
use crate::shared::Shared;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, TrySendError};
use std::time::Duration;
use streamsocket_decode::{DecodedPicture, Decoder};
use streamsocket_media::clock::{Delay, Monotonic};
use streamsocket_subscribe::clock::monotonic;
use streamsocket_subscribe::memory::{Budget, Claim, Need};
use streamsocket_subscribe::queue::QueuedFrame;

/// Most decoded pictures in the queue: as many as come in `AHEAD` at 120 frames a second, and one on its way.
pub const DECODED_MAX: usize = 8;

/// Most bytes of decoded pictures in the queue: three of the largest at 4:2:0.
const DECODED_BYTES: usize = 96 << 20;

/// Most unused pictures that are kept for reuse: each that was shown comes back when the next is decoded. Those of a
/// moment when many waited are freed.
const FREE_MAX: usize = 3;

/// How long before it is due a picture is decoded: a slow machine takes 30 ms for a large one, and may be kept from it
/// for as long again.
const AHEAD: Duration = Duration::from_millis(60);

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

/// The next frame, and whether the queue was empty before it came; `None` if the queue was closed.
fn next(frames: &Receiver<QueuedFrame>) -> Option<(QueuedFrame, bool)> {
    match frames.try_recv() {
        Ok(frame) => Some((frame, false)),
        Err(TryRecvError::Empty) => Some((frames.recv().ok()?, true)),
        Err(TryRecvError::Disconnected) => None,
    }
}

/// The first frame that is not late, or the last one: after the program was stopped, many are late.
fn newest_in_time(
    first: QueuedFrame,
    frames: &Receiver<QueuedFrame>,
    counters: &VideoOutput,
) -> QueuedFrame {
    let mut frame = first;
    while monotonic() - frame.due > LATE {
        let Ok(next) = frames.try_recv() else { break };
        counters.frames_late.add(1);
        frame = next;
    }
    frame
}

/// Decodes until the network thread ends. `spare` returns pictures for reuse, and `wake` is called when one is ready.
///
/// # Errors
/// If libjpeg-turbo cannot be set up.
pub fn run(
    frames: &Receiver<QueuedFrame>,
    decoded: &SyncSender<Decoded>,
    spare: &Receiver<DecodedPicture>,
    wake: &dyn Fn(),
    shared: &Arc<Shared>,
) -> Result<(), String> {
    let mut decoder = Decoder::new().map_err(|error| error.to_string())?;
    let counters = &shared.output.video;
    let mut free = Vec::with_capacity(DECODED_MAX + FREE_MAX);
    let (budget, mut need) = (Budget::new(DECODED_BYTES), Need::default());
    let mut undecodable = false;
    let mut work = Work::default();
    while let Some((frame, idle)) = next(frames) {
        let frame = newest_in_time(frame, frames, counters);
        let idle = idle | wait_for(frame.due, shared);
        let stopped = shared.input.stopped.get().map(Monotonic);
        work.next(frame.origin.undelayed, stopped, idle);
        free.extend(spare.try_iter());
        free.retain(|picture: &DecodedPicture| !need.is_exceeded(picture.bytes()));
        free.truncate(FREE_MAX);
        let mut picture = free.pop().unwrap_or_else(DecodedPicture::new);
        let file = frame.jpeg.get(frame.start..).unwrap_or_default();
        if let Err(error) = decoder.decode(file, &mut picture) {
            counters.frames_undecodable.add(1);
            if !undecodable {
                log::warn!("frames cannot be decoded: {error}");
            }
            undecodable = true;
            free.push(picture);
            continue;
        }
        undecodable = false;
        need.note(picture.bytes());
        let now = monotonic();
        let taken = now - frame.queued.max(frame.due - AHEAD);
        if let Some(needed) = work.took(taken, now) {
            shared.input.video.presentation.work.set(needed.nanos());
        }
        log::trace!(target: "decoded", "wall={:?} at={}", frame.origin.wall.map(|wall| wall.0), now.0);
        let Some(claim) = budget.claim(picture.bytes()) else {
            counters.frames_late.add(1);
            free.push(picture);
            continue;
        };
        match decoded.try_send(Decoded { picture, frame, claim }) {
            Ok(()) => wake(),
            Err(TrySendError::Full(refused)) => {
                counters.frames_late.add(1);
                free.push(refused.picture);
            }
            Err(TrySendError::Disconnected(_)) => break,
        }
    }
    Ok(())
}
