//! The microphone of a session: which card it is now, made to fit the format that the session has.

use super::without::go_on_without;
use crate::capture::devices::{self, Identity};
use crate::capture::error::{Cause, Error};
use crate::capture::frame::AudioPoll;
use crate::capture::microphone::Microphone;
use crate::capture::plug::Plug;
use crate::capture::wait::Wait;
use std::os::fd::RawFd;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;
use streamsocket_media::AudioFormat;
use streamsocket_media::clock::Monotonic;

/// A card that gives no samples for so long is frozen.
const FROZEN_AFTER: Duration = Duration::from_secs(2);

/// What a session that waits for its first card is described with.
const FORMAT_DEFAULT: AudioFormat = AudioFormat { rate: 48_000, channels: 2 };

/// What a user calls a microphone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MicrophoneName {
    /// That of this camera, else the first card.
    Auto(Option<PathBuf>),
    /// By its ALSA name.
    Named(String),
}

/// The microphone of a session.
pub struct LiveMicrophone {
    plug: Plug<Microphone>,
    format: AudioFormat,
    name: String,
    past_overruns: u64,
    heard: Monotonic,
    /// It froze, and has not given a sample since, though it was opened again.
    frozen: Option<Error>,
}

/// Finds and opens the microphone, on whatever thread.
struct Finder {
    name: MicrophoneName,
    /// The session's format, once it has one.
    format: OnceLock<AudioFormat>,
    known: Mutex<Option<Identity>>,
}

impl Finder {
    fn open(&self) -> Result<Microphone, Error> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let name = self.find(known.as_ref())?;
        let identity = devices::identity_of_card(&name);
        let format = self.format.get().copied();
        let opened = Microphone::open(&name, format);
        let again = || {
            // Its card may have another name now.
            let card = devices::card_again(known.as_ref()?)?;
            (card.name != name).then(|| Microphone::open(&card.name, format))
        };
        let microphone = match opened {
            Err(error) if error.cause() == Cause::Absent => again().unwrap_or(Err(error))?,
            opened => opened?,
        };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        *known = identity.or_else(|| devices::identity_of_card(microphone.name()));
        Ok(microphone)
    }

    fn find(&self, known: Option<&Identity>) -> Result<String, Error> {
        let camera = match &self.name {
            MicrophoneName::Named(name) => return Ok(name.clone()),
            MicrophoneName::Auto(camera) => camera,
        };
        let card = known
            .and_then(devices::card_again)
            .or_else(|| devices::card_of_camera(camera.as_deref()?))
            .or_else(|| devices::cards().into_iter().next());
        let absent = || Error::new("no microphone was found").from_cause(Cause::Absent);
        card.map(|card| card.name).ok_or_else(absent)
    }
}

impl LiveMicrophone {
    /// Opens a microphone, or begins without if that is worth waiting for.
    ///
    /// # Errors
    /// As for opening a microphone.
    pub fn open(name: MicrophoneName, wait: Wait, waker: Arc<mio::Waker>) -> Result<Self, Error> {
        let mut label = match &name {
            MicrophoneName::Named(name) => name.clone(),
            MicrophoneName::Auto(_) => "microphone".to_owned(),
        };
        let finder = Arc::new(Finder { name, format: OnceLock::new(), known: None.into() });
        let device = match finder.open() {
            Ok(microphone) => Ok(microphone),
            Err(why) => Err(go_on_without(why, wait)?),
        };
        let mut format = FORMAT_DEFAULT;
        if let Ok(microphone) = &device {
            format = microphone.format();
            microphone.name().clone_into(&mut label);
        }
        format = *finder.format.get_or_init(|| format);
        let plug = Plug::new(device, Arc::new(move || finder.open()), waker);
        Ok(Self { plug, format, name: label, past_overruns: 0, heard: Monotonic(0), frozen: None })
    }

    /// What the session was described with.
    #[must_use]
    pub const fn format(&self) -> AudioFormat {
        self.format
    }

    /// Its ALSA name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Why there is no sound, if so: one line.
    #[must_use]
    pub fn why_away(&self) -> Option<String> {
        self.plug.why().or(self.frozen.as_ref()).map(ToString::to_string)
    }

    /// Whether there is no sound.
    #[must_use]
    pub const fn is_away(&self) -> bool {
        self.plug.why().is_some() || self.frozen.is_some()
    }

    /// The descriptors to watch, and a number that changes with them.
    #[must_use]
    pub fn descriptors(&self) -> (&[RawFd], u64) {
        (self.plug.device().map_or(&[], Microphone::descriptors), self.plug.count())
    }

    /// Times that samples were lost before they were read.
    #[must_use]
    pub fn overruns(&self) -> u64 {
        self.past_overruns + self.plug.device().map_or(0, Microphone::overruns)
    }

    /// Times that it was opened again.
    #[must_use]
    pub const fn returns(&self) -> u64 {
        self.plug.count().saturating_sub(1)
    }

    /// The session begins now: the card captures from now on, so that nothing is lost while nobody
    /// reads yet.
    pub fn begin(&mut self, now: Monotonic) {
        self.start(now);
    }

    /// Some device has come or gone.
    pub const fn rescan(&mut self, now: Monotonic) {
        self.plug.rescan(now);
    }

    /// When it is next tried to open the device, while it is away and nobody is trying.
    #[must_use]
    pub const fn next_attempt(&self) -> Option<Monotonic> {
        self.plug.deadline()
    }

    /// When to poll even if nothing is readable.
    #[must_use]
    pub fn deadline(&self) -> Option<Monotonic> {
        let due =
            |microphone: &Microphone| microphone.deadline().unwrap_or(self.heard + FROZEN_AFTER);
        self.plug.deadline().or_else(|| self.plug.device().map(due))
    }

    /// The descriptor at this index had an event.
    pub fn handle_event(&mut self, index: usize, now: Monotonic) {
        let handled = self.plug.device_mut().map(|microphone| microphone.handle_event(index));
        if let Some(Err(error)) = handled {
            self.lose(error, now);
        }
    }

    /// The next samples, if there are any. A microphone that is lost is no error: it is waited for.
    pub fn poll(&mut self, now: Monotonic, out: &mut [i16]) -> AudioPoll {
        if self.plug.turn(now) {
            self.arrived(now);
        }
        let Some(microphone) = self.plug.device_mut() else { return AudioPoll::Idle };
        match microphone.poll(now, out) {
            Ok(AudioPoll::Idle) => self.watch(now),
            Ok(polled) => {
                self.heard = now;
                if self.frozen.take().is_some() {
                    log::info!("microphone: {} gives sound again", self.name);
                }
                return polled;
            }
            Err(error) => self.lose(error, now),
        }
        AudioPoll::Idle
    }

    fn arrived(&mut self, now: Monotonic) {
        let Some(microphone) = self.plug.device() else { return };
        microphone.name().clone_into(&mut self.name);
        if self.start(now) && self.frozen.is_none() {
            log::info!("microphone: {}", self.name);
        }
    }

    fn start(&mut self, now: Monotonic) -> bool {
        self.heard = now;
        match self.plug.device_mut().map(|microphone| microphone.start(now)) {
            Some(Err(error)) => {
                self.lose(error, now);
                false
            }
            started => started.is_some(),
        }
    }

    fn watch(&mut self, now: Monotonic) {
        if now.since(self.heard) >= FROZEN_AFTER {
            let why = Error::new(format!("microphone {} has frozen", self.name));
            if self.frozen.replace(why.clone()).is_none() {
                let seconds = FROZEN_AFTER.as_secs();
                log::warn!("{why}: no sound for {seconds} s; opening it again");
            }
            self.past_overruns = self.overruns();
            self.plug.lose(why, now);
        }
    }

    fn lose(&mut self, why: Error, now: Monotonic) {
        if self.plug.device().is_some() {
            log::warn!("{why}; waiting for it to return");
            self.past_overruns = self.overruns();
            self.plug.lose(why, now);
        }
    }
}
