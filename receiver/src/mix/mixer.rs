//! The thread that mixes, and what it shares with those who are mixed.

use super::table::{CHANNELS, PERIOD, RATE, Table};
use crate::sound::Output;
use crate::speaker::Error;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use streamsocket_media::clock::{Delay, Monotonic, sample_nanos};
use streamsocket_subscribe::clock::monotonic;

/// What a card is asked to play, in sample frames a second.
pub const MIX_RATE: u32 = RATE;

/// The channels that it is asked to play.
pub const MIX_CHANNELS: u8 = 2;

/// What the card holds at most: the two periods that it starts with, and what a thread that is to run may be kept
/// waiting for.
const HELD: Delay = Delay::from_millis(15);

/// Each time the card has run dry it holds so much more, up to a bound.
const DRY: Delay = Delay::from_millis(5);
const HELD_LONGEST: Delay = Delay::from_millis(65);

/// How long to wait before a card that has failed is tried again, and until it is asked whether to end.
const LOOK: Duration = Duration::from_millis(100);

/// Two readings of the clock around that of the card's position this close were not interrupted.
const UNDISTURBED: Delay = Delay::from_micros(500);
const READINGS_MAX: usize = 4;

/// The card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Card {
    /// It is being opened, which a sound server may take its time for.
    Opening,
    /// It plays.
    Open,
    /// There is none.
    Absent,
}

pub(super) struct State {
    pub(super) table: Table,
    card: Card,
    /// When the next sample frame that is mixed will be heard.
    pub(super) heard: Option<Monotonic>,
    pub(super) quit: bool,
}

/// What is mixed, and on what it is played.
pub struct Mixer {
    state: Mutex<State>,
    /// There is room, or news of the card.
    pub(super) changed: Condvar,
}

impl Mixer {
    /// One that nobody plays into, whose card is being opened.
    #[must_use]
    pub fn new() -> Arc<Self> {
        let state =
            State { table: Table::default(), card: Card::Opening, heard: None, quit: false };
        Arc::new(Self { state: Mutex::new(state), changed: Condvar::new() })
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the card is open; whether there is one. `stop`, which is asked ten times a second, ends the wait.
    pub(super) fn has_card(&self, stop: impl Fn() -> bool) -> bool {
        let mut state = self.state();
        while state.card == Card::Opening && !stop() && !state.quit {
            let waited = self.changed.wait_timeout(state, LOOK);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        state.card == Card::Open && !state.quit
    }

    /// Ends [`run`](Self::run).
    pub fn quit(&self) {
        self.state().quit = true;
        self.changed.notify_all();
    }

    /// Plays what is mixed on the card that `open` opens, until it is to end. The card goes on with silence when nothing
    /// comes: when what is mixed next will be heard is always known.
    pub fn run<O: Output>(&self, open: impl FnOnce() -> Option<O>) {
        let speaker = open();
        self.state().card = if speaker.is_some() { Card::Open } else { Card::Absent };
        self.changed.notify_all();
        if let Some(mut speaker) = speaker {
            let mut playing = Playing::new(&speaker);
            while !self.state().quit {
                match playing.turn(&mut speaker, self) {
                    Ok(()) => playing.problem = None,
                    Err(error) => playing.say(&error),
                }
            }
            let _ = speaker.stop();
            return;
        }
        let mut state = self.state();
        while !state.quit {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// The card, at work.
struct Playing {
    /// What the card holds at most, in sample frames.
    held_max: i64,
    underruns: u64,
    out: Vec<i16>,
    problem: Option<String>,
}

impl Playing {
    fn new(speaker: &impl Output) -> Self {
        let held_max = frames(HELD).min(speaker.buffer_frames());
        let out = vec![0; PERIOD * CHANNELS];
        Self { held_max, underruns: speaker.underruns(), out, problem: None }
    }

    /// Mixes a period, as soon as the card has played one.
    fn turn(&mut self, speaker: &mut impl Output, mixer: &Mixer) -> Result<(), Error> {
        let period = i64::try_from(PERIOD).unwrap_or(0);
        let held = speaker.buffer_frames() - speaker.free_frames()?;
        let above = held - (self.held_max - period);
        if above > 0 {
            std::thread::park_timeout(span(above).duration());
            return Ok(());
        }
        {
            let mut state = mixer.state();
            state.table.mix(&mut self.out);
            state.heard = state.heard.map(|heard| heard + span(period));
        }
        mixer.changed.notify_all();
        let mut rest = &self.out[..];
        while !rest.is_empty() {
            let taken = speaker.write(rest)?;
            rest = rest.get(taken * CHANNELS..).unwrap_or_default();
            if taken == 0 && !speaker.wait(LOOK)? {
                break;
            }
        }
        let heard = heard_next(speaker)?;
        mixer.state().heard = Some(heard);
        self.allow_for(speaker.underruns(), speaker.buffer_frames());
        Ok(())
    }

    /// A card that has run dry is kept fuller from now on.
    fn allow_for(&mut self, underruns: u64, buffer: i64) {
        if std::mem::replace(&mut self.underruns, underruns) != underruns {
            let more = self.held_max + frames(DRY);
            self.held_max = more.min(frames(HELD_LONGEST)).min(buffer);
        }
    }

    fn say(&mut self, error: &Error) {
        let text = error.to_string();
        if self.problem.as_ref() != Some(&text) {
            log::warn!("sound: {text}");
        }
        self.problem = Some(text);
        std::thread::park_timeout(LOOK);
    }
}

/// When what is written next will be heard.
fn heard_next(speaker: &mut impl Output) -> Result<Monotonic, Error> {
    let mut best = (Delay::MAX, monotonic());
    for _ in 0..READINGS_MAX {
        let before = monotonic();
        let delay = span(speaker.delay_frames()?);
        let taken = monotonic() - before;
        best = best.min((taken, before + (delay + taken / 2)));
        if taken <= UNDISTURBED {
            break;
        }
    }
    Ok(best.1)
}

/// How long so many sample frames of the mix play.
fn span(frames: i64) -> Delay {
    Delay::from_nanos(sample_nanos(u64::try_from(frames).unwrap_or(0), RATE))
}

/// Sample frames of the mix in so much time.
pub(super) fn frames(span: Delay) -> i64 {
    span.nanos() * i64::from(RATE) / 1_000_000_000
}
