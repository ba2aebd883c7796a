//! The sound thread: samples in, to the sound card at the time they are due. The card's own delay
//! counts: what is written now is heard when everything before it has been played.

use crate::clock::monotonic;
use crate::receiver::Shared;
use crate::speaker::Speaker;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender};
use std::time::Duration;
use streamsocket_stream::clock::Monotonic;

/// Packets of sound that may wait: the longest latency in packets of 5 ms, and some.
pub const SOUND_MAX: usize = 1100;

/// Sound that would be heard so much too late or too early, in nanoseconds, is moved: below, nobody
/// notices, and moving is heard.
const RESYNC_NANOS: i64 = 25_000_000;

/// Longest wait for room in the card's buffer: it plays a period in a few milliseconds.
const ROOM_WAIT: Duration = Duration::from_millis(100);

/// Silence is written in pieces of so many samples.
const SILENCE: [i16; 960] = [0; 960];

/// Something to be played.
#[derive(Debug)]
pub enum Sound {
    /// Samples, interleaved.
    Samples {
        /// The samples.
        samples: Vec<i16>,
        /// When the first one is to be heard.
        due: Monotonic,
        /// When it was captured by the sender's wall clock, in nanoseconds since 1970, if known.
        unix: Option<i64>,
    },
    /// Silence in place of what was lost.
    Hole {
        /// Sample frames.
        frames: usize,
        /// When the first one is to be heard.
        due: Monotonic,
    },
}

/// What the user wants to hear.
#[derive(Debug, Default)]
pub struct Volume {
    /// Nothing, for now.
    pub muted: AtomicBool,
    /// The presentation stands still.
    pub paused: AtomicBool,
}

/// Plays until the network thread ends.
pub fn run(
    mut speaker: Speaker,
    sound: &Receiver<Sound>,
    spare: &SyncSender<Vec<i16>>,
    volume: &Volume,
    shared: &Arc<Shared>,
) {
    let mut problem = None;
    while let Ok(next) = sound.recv() {
        let mut player = Playing { speaker: &mut speaker, shared };
        let played = match &next {
            _ if volume.paused.load(Ordering::Relaxed) => Ok(()),
            Sound::Samples { samples, due, unix } => {
                player.samples(samples, *due, *unix, volume.muted.load(Ordering::Relaxed))
            }
            Sound::Hole { frames, due } => player.hole(*frames, *due),
        };
        if let Sound::Samples { samples, .. } = next {
            // The network thread takes a new buffer if this one does not fit the queue.
            let _ = spare.try_send(samples);
        }
        let failed = played.err().map(|error| error.to_string());
        if failed.is_some() && failed != problem {
            log::warn!("sound: {}", failed.as_deref().unwrap_or_default());
        }
        problem = failed;
        shared.counters.audio.underruns.set(speaker.underruns());
    }
}

/// The card, at work.
struct Playing<'a> {
    speaker: &'a mut Speaker,
    shared: &'a Arc<Shared>,
}

type Result = std::result::Result<(), crate::speaker::Error>;

impl Playing<'_> {
    fn samples(
        &mut self,
        samples: &[i16],
        due: Monotonic,
        unix: Option<i64>,
        muted: bool,
    ) -> Result {
        let early = self.early(due)?;
        if early < -RESYNC_NANOS {
            return Ok(());
        }
        if early > RESYNC_NANOS {
            self.silence(self.frames(early))?;
        }
        let counters = &self.shared.counters.audio;
        let late = -self.early(due)?;
        counters.heard(due, late, unix);
        if muted {
            self.silence(samples.len() / usize::from(self.speaker.channels()))
        } else {
            self.write(samples)?;
            let frames = samples.len() / usize::from(self.speaker.channels());
            counters.samples_played.add(frames as u64);
            Ok(())
        }
    }

    fn hole(&mut self, frames: usize, due: Monotonic) -> Result {
        // A hole that is over is none; one at its time keeps what follows in step.
        if self.early(due)? < -RESYNC_NANOS { Ok(()) } else { self.silence(frames) }
    }

    /// How much too early it would be heard, in nanoseconds, were it written now.
    fn early(&mut self, due: Monotonic) -> std::result::Result<i64, crate::speaker::Error> {
        let delay = i128::from(self.speaker.delay_frames()?) * 1_000_000_000;
        let delay = i64::try_from(delay / i128::from(self.speaker.rate().max(1))).unwrap_or(0);
        Ok(due.nanos_since(monotonic()).saturating_sub(delay))
    }

    /// Sample frames in so many nanoseconds, a second's worth at most.
    fn frames(&self, nanos: i64) -> usize {
        let nanos = u64::try_from(nanos.clamp(0, 1_000_000_000)).unwrap_or(0);
        usize::try_from(nanos * u64::from(self.speaker.rate()) / 1_000_000_000).unwrap_or(0)
    }

    fn silence(&mut self, frames: usize) -> Result {
        let mut samples = frames * usize::from(self.speaker.channels());
        while samples > 0 {
            let piece = samples.min(SILENCE.len());
            self.write(&SILENCE[..piece])?;
            samples -= piece;
        }
        Ok(())
    }

    /// Writes all samples, waiting for room. A card that makes none any more loses them.
    fn write(&mut self, mut samples: &[i16]) -> Result {
        while !samples.is_empty() {
            let frames = self.speaker.write(samples)?;
            samples = samples.get(frames * usize::from(self.speaker.channels())..).unwrap_or(&[]);
            if frames == 0 && !self.speaker.wait(ROOM_WAIT)? {
                return Ok(());
            }
        }
        Ok(())
    }
}

/// Without a card: lets everything go by, and notes when it could have been heard.
pub fn discard(sound: &Receiver<Sound>, spare: &SyncSender<Vec<i16>>, shared: &Arc<Shared>) {
    let counters = &shared.counters.audio;
    while let Ok(next) = sound.recv() {
        if let Sound::Samples { samples, due, unix } = next {
            counters.heard(due, monotonic().nanos_since(due).max(0), unix);
            let _ = spare.try_send(samples);
        }
    }
}
