//! The sound thread: samples in, to the sound card at the time they are due. The card's own delay
//! counts: what is written now is heard when everything before it has been played. It is played a little
//! faster or slower, so that the card keeps in step with the sender.

mod discard;
mod output;

pub use self::discard::discard;
pub use self::output::Output;
use crate::output_counters::AudioOutput;
use crate::shared::Shared;
use crate::speaker::Error;
use log::Level;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::time::Duration;
use streamsocket_media::clock::{Delay, Monotonic, sample_nanos};
use streamsocket_stream::receive::conceal::Conceal;
use streamsocket_stream::receive::output_delay::OutputDelay;
use streamsocket_stream::receive::playout::{Playout, Step};
use streamsocket_stream::receive::resample::Stretch;
use streamsocket_subscribe::clock::monotonic;
use streamsocket_subscribe::counters::Presentation;
use streamsocket_subscribe::latency::Origin;
use streamsocket_subscribe::queue::Sound;

/// Longest wait for room in the card's buffer: it plays a period in a few milliseconds.
const ROOM_WAIT: Duration = Duration::from_millis(100);

/// Sample frames of silence that are made at a time.
const SILENCE_FRAMES: usize = 480;

/// A thread that is to run may be kept waiting for so long: the card needs its samples as much earlier.
const WAKE: Delay = Delay::from_millis(5);

/// Each time the card has run dry it gets its samples so much earlier, up to a bound.
const DRY: Delay = Delay::from_millis(5);
const DRY_MAX: Delay = Delay::from_millis(50);

/// After so long without another one is forgotten.
const FORGIVEN: Delay = Delay::from_secs(300);

/// Two readings of the clock around that of the card's position this close were not interrupted; a busy machine interrupts often, but not so often in a row.
const UNDISTURBED: Delay = Delay::from_micros(500);
const READINGS_MAX: usize = 4;

/// In so many seconds a session finds its latency, and sound its place.
const SETTLING_SECONDS: u64 = 4;

/// Silence that the card is given at a time when nothing else has come: what comes then has to wait
/// for it.
const BRIDGE: Delay = Delay::from_millis(1);

/// Silence that starts a card: the two periods that it waits for, and some.
const START: Delay = Delay::from_millis(12);

/// A thread that has not run for so long was stopped: that the card has run dry says nothing of the
/// card.
const STOPPED: Delay = Delay::from_millis(250);

/// Wait for sound while the card stands still.
const IDLE: Duration = Duration::from_millis(100);

const SECOND: Delay = Delay::from_secs(1);

/// What the user wants to hear.
#[derive(Debug, Default)]
pub struct Volume {
    /// Nothing, for now.
    pub muted: AtomicBool,
    /// The presentation stands still.
    pub paused: AtomicBool,
}

/// Plays until the network thread ends.
pub fn run<O: Output>(
    speaker: O,
    sound: &Receiver<Sound>,
    spare: &SyncSender<Vec<i16>>,
    volume: &Volume,
    shared: &Arc<Shared>,
) {
    let stretch = match Stretch::new(speaker.channels()) {
        Ok(stretch) => stretch,
        Err(error) => {
            log::warn!("no sound: {error}");
            return discard(sound, spare, shared);
        }
    };
    let mut player = Player::new(speaker, stretch, shared);
    let mut problem = None;
    loop {
        let mut next = match sound.recv_timeout(player.patience()) {
            Ok(next) => next,
            Err(RecvTimeoutError::Disconnected) => return,
            Err(RecvTimeoutError::Timeout) => {
                player.bridge();
                continue;
            }
        };
        let played = match &mut next {
            _ if volume.paused.load(Ordering::Relaxed) => player.pause(),
            Sound::Samples { samples, due, origin, .. } => {
                player.samples(samples, *due, *origin, volume.muted.load(Ordering::Relaxed))
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
        player.tell();
    }
}

/// The card, at work.
struct Player<'a, O> {
    speaker: O,
    playout: Playout,
    stretch: Stretch,
    conceal: Conceal,
    /// What goes to the card.
    out: Vec<i16>,
    silence: Vec<i16>,
    /// How much slower than its own clock the card is made to play, in parts per billion.
    ppb: i64,
    underruns: u64,
    /// Those that a card in time would not have had.
    dry: u64,
    /// When the last of them was, or the last that was forgiven.
    dried: Monotonic,
    /// What lies behind the card's buffer.
    output_delay: OutputDelay,
    /// How much earlier than it is heard sound is needed.
    needed: Delay,
    /// When the thread last ran.
    told: Monotonic,
    jumps: u64,
    counters: &'a AudioOutput,
    presentation: &'a Presentation,
}

type Result = std::result::Result<(), Error>;

impl<'a, O: Output> Player<'a, O> {
    fn new(speaker: O, stretch: Stretch, shared: &'a Shared) -> Self {
        let channels = usize::from(speaker.channels());
        let conceal = Conceal::new(speaker.rate(), speaker.channels());
        let silence = vec![0; SILENCE_FRAMES * channels];
        let out = Vec::with_capacity(2 * SILENCE_FRAMES * channels);
        let playout = Playout::default();
        Self {
            speaker,
            playout,
            stretch,
            conceal,
            out,
            silence,
            ppb: 0,
            underruns: 0,
            dry: 0,
            dried: monotonic(),
            output_delay: OutputDelay::default(),
            needed: Delay::ZERO,
            told: monotonic(),
            jumps: 0,
            counters: &shared.output.audio,
            presentation: &shared.input.audio.presentation,
        }
    }

    fn samples(
        &mut self,
        samples: &mut [i16],
        due: Monotonic,
        origin: Origin,
        muted: bool,
    ) -> Result {
        let frames = samples.len() / usize::from(self.speaker.channels().max(1));
        let span = self.span(frames);
        if !self.speaker.is_running() {
            // Where a card that stands still would be when it plays, nobody knows.
            self.nothing(self.frames(START))?;
        }
        self.playout.follow(due, span);
        let mut early = self.early(due)?;
        let mut step = self.playout.steer(early, span);
        self.say_jump(early);
        if let Step::Wait { silence } = step {
            self.nothing(self.frames(silence))?;
            early = self.early(due)?;
            step = self.playout.steer(early, span);
        }
        let Step::Play { stretch } = step else {
            self.counters.samples_late.add(frames as u64);
            return Ok(());
        };
        self.ppb = stretch;
        let latency = due - origin.undelayed;
        self.output_delay.learn(self.playout.behind(), latency, self.needed);
        let heard = due - early;
        self.presentation.latency.add(origin, due, heard);
        log::trace!(target: "heard", "wall={:?} due={} at={}", origin.wall.map(|wall| wall.0), due.0, heard.0);
        self.conceal.sound(samples);
        if muted {
            samples.fill(0);
        }
        self.counters.samples_played.add(frames as u64);
        self.play(samples)
    }

    /// Says that sound has to be moved; while a session begins that is nothing unusual.
    fn say_jump(&mut self, early: Delay) {
        let jumps = self.playout.jumps();
        if jumps != self.jumps {
            self.jumps = jumps;
            let settled =
                self.counters.samples_played.get() / u64::from(self.speaker.rate().max(1));
            let level = if settled > SETTLING_SECONDS { Level::Info } else { Level::Debug };
            log::log!(level, "sound is moved: it would be {} ms too early", early.millis());
        }
    }

    fn hole(&mut self, frames: usize, due: Monotonic) -> Result {
        // A hole that is over is none; one at its time keeps what follows in step.
        self.playout.follow(due, self.span(frames));
        let early = self.early(due)?;
        let over = self.frames(-early);
        self.nothing(frames.saturating_sub(over))
    }

    /// How long to wait for sound until the card needs something to play.
    fn patience(&mut self) -> Duration {
        if !self.speaker.is_running() {
            return IDLE;
        }
        (self.held().unwrap_or_default() - self.ahead()).duration()
    }

    /// What the card's buffer holds: it runs dry when that is played, whatever lies behind it.
    fn held(&mut self) -> std::result::Result<Delay, Error> {
        let held = self.speaker.buffer_frames() - self.speaker.free_frames()?;
        Ok(self.span(usize::try_from(held).unwrap_or(0)))
    }

    /// Nothing has come in time: the card goes on with silence, which is not heard as its running dry
    /// is. What comes next finds its place anew.
    fn bridge(&mut self) {
        if !self.speaker.is_running() {
            return;
        }
        self.playout.restart();
        if let Err(error) = self.nothing(self.frames(BRIDGE)) {
            log::debug!("sound: {error}");
        }
    }

    /// Falls silent until there is something to play again.
    fn pause(&mut self) -> Result {
        if self.speaker.is_running() {
            self.playout.restart();
            self.speaker.stop()?;
        }
        Ok(())
    }

    /// How much earlier than it plays them the card needs its samples.
    fn ahead(&self) -> Delay {
        let period = usize::try_from(self.speaker.period_frames()).unwrap_or(0);
        let dry = DRY * i64::try_from(self.dry).unwrap_or(0);
        self.span(period) + dry.min(DRY_MAX)
    }

    /// Says how it goes, and how much earlier the card needs its samples.
    fn tell(&mut self) {
        let (underruns, now) = (self.speaker.underruns(), monotonic());
        if underruns != self.underruns {
            if now - self.told < STOPPED {
                self.dry += underruns - self.underruns;
                self.dried = now;
            }
            self.underruns = underruns;
            self.playout.restart();
        }
        if now - self.dried > FORGIVEN {
            self.dry = self.dry.saturating_sub(1);
            self.dried = now;
        }
        self.told = now;
        self.needed = self.ahead() + WAKE + self.output_delay.lead();
        self.presentation.work.set(self.needed.nanos());
        self.counters.underruns.set(underruns);
        self.counters.jumps.set(self.playout.jumps());
        self.counters.rate.set(self.ppb);
    }

    /// How much too early it would be heard, were it played now: after all that the
    /// card and the resampler hold.
    fn early(&mut self, due: Monotonic) -> std::result::Result<Delay, Error> {
        let mut best = (Delay::MAX, Delay::ZERO, Delay::ZERO);
        for _ in 0..READINGS_MAX {
            let before = monotonic();
            let card = usize::try_from(self.speaker.delay_frames()?).unwrap_or(0);
            let taken = monotonic() - before;
            let delay = self.span(card + self.stretch.delay_frames());
            let heard = before + (delay + taken / 2);
            best = best.min((taken, due - heard, self.span(card)));
            if taken <= UNDISTURBED {
                break;
            }
        }
        if self.speaker.is_running() {
            let held = self.held()?;
            self.output_delay.observe(held, best.2);
        }
        Ok(best.1)
    }

    /// Sample frames in so much time, a second's worth at most.
    fn frames(&self, span: Delay) -> usize {
        let nanos = span.clamp(Delay::ZERO, SECOND).nanos().unsigned_abs();
        usize::try_from(nanos * u64::from(self.speaker.rate()) / 1_000_000_000).unwrap_or(0)
    }

    /// How long so many sample frames play.
    fn span(&self, frames: usize) -> Delay {
        Delay::from_nanos(sample_nanos(frames as u64, self.speaker.rate()))
    }

    /// Plays so many sample frames in place of what is missing.
    fn nothing(&mut self, mut frames: usize) -> Result {
        let channels = usize::from(self.speaker.channels());
        while frames > 0 {
            let piece = frames.min(SILENCE_FRAMES);
            let mut silence = std::mem::take(&mut self.silence);
            self.conceal.missing(&mut silence[..piece * channels]);
            let played = self.play(&silence[..piece * channels]);
            self.silence = silence;
            played?;
            self.counters.samples_concealed.add(piece as u64);
            frames -= piece;
        }
        Ok(())
    }

    /// Plays samples at the rate that keeps the card in step, waiting for room. A card that makes none
    /// any more loses them.
    fn play(&mut self, samples: &[i16]) -> Result {
        self.out.clear();
        self.stretch.stretch(samples, self.ppb, &mut self.out);
        let channels = usize::from(self.speaker.channels());
        let mut rest = &self.out[..];
        while !rest.is_empty() {
            let frames = self.speaker.write(rest)?;
            rest = rest.get(frames * channels..).unwrap_or(&[]);
            if frames == 0 && !self.speaker.wait(ROOM_WAIT)? {
                return Ok(());
            }
        }
        Ok(())
    }
}
