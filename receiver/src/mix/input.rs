//! A place in the mix, which plays as a card of the sender's own would.

use super::mixer::{Mixer, State};
use super::table::{CHANNELS, HELD_MAX, PERIOD, RATE};
use crate::sound::Output;
use crate::speaker::Error;
use std::sync::{Arc, PoisonError};
use std::time::Duration;
use streamsocket_media::clock::Delay;
use streamsocket_stream::receive::resample::{self, Stretch};
use streamsocket_subscribe::clock::monotonic;

/// A place in the mix. Dropped, it is free again.
pub struct Input {
    mixer: Arc<Mixer>,
    place: usize,
    rate: u32,
    channels: u8,
    /// From the sender's rate to that of the mix, if they differ.
    converter: Option<Stretch>,
    /// With the channels of the mix.
    wide: Vec<i16>,
    /// With its rate as well.
    converted: Vec<i16>,
}

impl Input {
    /// A place for a sender whose sound has so many sample frames a second and channels. It waits until the card is open;
    /// `None` if there is none, or once `stop`, which is asked ten times a second, returns true.
    #[must_use]
    pub fn open(
        mixer: &Arc<Mixer>,
        rate: u32,
        channels: u8,
        stop: impl Fn() -> bool,
    ) -> Option<Self> {
        if !mixer.has_card(stop) {
            return None;
        }
        let input = Self::new(Arc::clone(mixer), rate, channels);
        input.map_err(|error| log::warn!("no sound: {error}")).ok()
    }

    fn new(mixer: Arc<Mixer>, rate: u32, channels: u8) -> Result<Self, resample::Error> {
        let place = mixer.state().table.add();
        let mut input = Self {
            mixer,
            place,
            rate,
            channels,
            converter: None,
            wide: Vec::new(),
            converted: Vec::new(),
        };
        if rate != RATE {
            let channels = u8::try_from(CHANNELS).unwrap_or(2);
            input.converter = Some(Stretch::between(channels, rate, RATE)?);
        }
        Ok(input)
    }

    /// Sample frames of the mix, as so many of the sender's.
    fn own(&self, frames: usize) -> i64 {
        let frames = u64::try_from(frames).unwrap_or(0) * u64::from(self.rate) / u64::from(RATE);
        i64::try_from(frames).unwrap_or(0)
    }

    /// Sample frames that there is room for, of the sender's.
    fn room(&self) -> i64 {
        let held = self.mixer.state().table.held(self.place);
        self.own(HELD_MAX - held.min(HELD_MAX))
    }

    /// The samples as the mix takes them.
    fn widen(&mut self, samples: &[i16]) {
        self.wide.clear();
        match self.channels {
            1 => self.wide.extend(samples.iter().flat_map(|sample| [*sample; CHANNELS])),
            channels => {
                let frames = samples.chunks_exact(usize::from(channels));
                self.wide.extend(frames.flat_map(|frame| [frame[0], frame[1]]));
            }
        }
    }
}

impl Output for Input {
    fn rate(&self) -> u32 {
        self.rate
    }

    fn channels(&self) -> u8 {
        self.channels
    }

    fn buffer_frames(&self) -> i64 {
        self.own(HELD_MAX)
    }

    fn period_frames(&self) -> i64 {
        self.own(PERIOD)
    }

    fn underruns(&self) -> u64 {
        self.mixer.state().table.underruns(self.place)
    }

    fn is_running(&self) -> bool {
        self.mixer.state().table.is_playing(self.place)
    }

    fn write(&mut self, samples: &[i16]) -> Result<usize, Error> {
        let channels = usize::from(self.channels.max(1));
        let room = usize::try_from(self.room()).unwrap_or(0);
        let frames = (samples.len() / channels).min(room);
        self.widen(&samples[..frames * channels]);
        let ready = match &mut self.converter {
            Some(converter) => {
                self.converted.clear();
                converter.stretch(&self.wide, 0, &mut self.converted);
                &self.converted
            }
            None => &self.wide,
        };
        self.mixer.state().table.push(self.place, ready);
        Ok(frames)
    }

    fn free_frames(&mut self) -> Result<i64, Error> {
        Ok(self.room())
    }

    fn delay_frames(&mut self) -> Result<i64, Error> {
        let behind = self.converter.as_ref().map_or(0, Stretch::delay_frames);
        let state = self.mixer.state();
        let held = state.table.held(self.place) + behind;
        let heard = state.heard.map_or(Delay::ZERO, |heard| heard - monotonic());
        drop(state);
        let ahead = heard.nanos() * i64::from(self.rate) / 1_000_000_000;
        Ok((self.own(held) + ahead).max(0))
    }

    fn wait(&mut self, timeout: Duration) -> Result<bool, Error> {
        let is_full =
            |state: &mut State| state.table.held(self.place) + PERIOD > HELD_MAX && !state.quit;
        let waited = self.mixer.changed.wait_timeout_while(self.mixer.state(), timeout, is_full);
        let (_state, waited) = waited.unwrap_or_else(PoisonError::into_inner);
        Ok(!waited.timed_out())
    }

    fn stop(&mut self) -> Result<(), Error> {
        self.mixer.state().table.clear(self.place);
        Ok(())
    }
}

impl Drop for Input {
    fn drop(&mut self) {
        self.mixer.state().table.remove(self.place);
    }
}
