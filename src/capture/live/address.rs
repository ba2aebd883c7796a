//! An IP camera: one that could not be reached when the session began, or has been lost, is waited for. What
//! a child reads, the child connects to again once it has been there.

use super::reached::{Reached, Sound, reach};
use crate::capture::child::{self, ChildAudio, ChildInput, Probe, VideoSettings};
use crate::capture::error::{Cause, Error};
use crate::capture::frame::{AudioPoll, VideoPoll};
use crate::capture::plug::{Plug, Waits};
use crate::capture::rtsp::{self, Beside};
use std::os::fd::RawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use streamsocket_media::clock::Monotonic;
use streamsocket_media::{AudioFormat, VideoFormat};

/// Waits between attempts: each is some connections, and perhaps two programs, which its network has to bear.
const WAITS: Waits = Waits {
    first: Duration::from_millis(500),
    soon: Duration::from_secs(10),
    longest: Duration::from_secs(10),
};

/// What the session is described with, unless the user said it.
const SIZE_DEFAULT: (u16, u16) = (1280, 720);

/// What the session is described with; ffmpeg makes it of what comes.
const FORMAT: AudioFormat = AudioFormat { rate: 48_000, channels: 2 };

/// Pictures from an address.
pub struct LivePictures {
    plug: Plug<Reached>,
    format: VideoFormat,
    address: ChildInput,
    /// It is asked for one picture after the other.
    still: bool,
    /// What became of the connections before this one.
    returns: u64,
    dropped: u64,
}

/// Sound from an address that is waited for.
pub struct LiveSound {
    plug: Plug<ChildAudio>,
    address: ChildInput,
    /// The camera was there, and has no sound: it is not asked again.
    silent: Arc<AtomicBool>,
}

impl LivePictures {
    /// Goes on with pictures that have been reached; what sound comes with them goes to `beside`.
    #[must_use]
    pub fn begin(
        address: &ChildInput,
        pictures: Reached,
        settings: VideoSettings,
        beside: Beside,
        waker: Arc<mio::Waker>,
    ) -> Self {
        let format = pictures.format();
        let sounds = (Arc::default(), beside);
        Self::new(address, Ok(pictures), format, settings, sounds, waker)
    }

    /// What sound comes with pictures that are read here.
    #[must_use]
    pub fn sound(&self) -> rtsp::Sound {
        self.plug.device().map_or(rtsp::Sound::Nothing, Reached::sound)
    }

    /// Waits for the pictures of an address that could not be reached for this reason. `sound` is told what is
    /// found.
    #[must_use]
    pub fn wait_for(
        address: &ChildInput,
        why: Error,
        settings: VideoSettings,
        sound: Arc<Sound>,
        waker: Arc<mio::Waker>,
    ) -> Self {
        let (width, height) = settings.size.unwrap_or(SIZE_DEFAULT);
        let format = VideoFormat { width, height, rate: settings.rate };
        let sounds = (sound, Beside::default());
        Self::new(address, Err(why), format, settings, sounds, waker)
    }

    fn new(
        address: &ChildInput,
        reached: Result<Reached, Error>,
        format: VideoFormat,
        settings: VideoSettings,
        (sound, beside): (Arc<Sound>, Beside),
        waker: Arc<mio::Waker>,
    ) -> Self {
        let asked = address.clone();
        let open = move || reach(&asked, &settings, &sound, &beside);
        let plug = Plug::trying(reached, WAITS, Arc::new(open), waker);
        Self { plug, format, address: address.clone(), still: false, returns: 0, dropped: 0 }
    }

    /// What the session was described with.
    #[must_use]
    pub const fn format(&self) -> VideoFormat {
        self.format
    }

    /// The descriptor to watch, and a number that changes with it.
    #[must_use]
    pub fn descriptor(&self) -> (Option<RawFd>, u64) {
        (self.plug.device().and_then(Reached::descriptor), self.plug.count())
    }

    /// Why there are no pictures, if so: one line.
    #[must_use]
    pub fn why_away(&self) -> Option<String> {
        let lost = self.plug.device().and_then(Reached::why_away).map(str::to_owned);
        let away = self.plug.why().filter(|why| why.cause() != Cause::Still);
        away.map(ToString::to_string).or(lost)
    }

    /// Whether there are no pictures.
    #[must_use]
    pub fn is_away(&self) -> bool {
        match self.plug.device() {
            Some(device) => device.why_away().is_some(),
            None => self.plug.why().is_none_or(|why| why.cause() != Cause::Still),
        }
    }

    /// Pictures that were dropped as damaged or cut off.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped + self.plug.device().map_or(0, Reached::dropped)
    }

    /// Times that it was lost and reached again.
    #[must_use]
    pub const fn returns(&self) -> u64 {
        self.returns
    }

    /// When it is next tried to reach it, while nobody is trying.
    #[must_use]
    pub const fn next_attempt(&self) -> Option<Monotonic> {
        self.plug.deadline()
    }

    /// When to poll even if nothing is readable.
    #[must_use]
    pub fn deadline(&self) -> Option<Monotonic> {
        self.plug.deadline().or_else(|| self.plug.device()?.deadline())
    }

    /// The next picture, if there is one.
    pub fn poll(&mut self, now: Monotonic) -> VideoPoll {
        if self.plug.turn(now) && !std::mem::take(&mut self.still) {
            self.returns += u64::from(self.plug.count() > 1);
            log::info!("{} gives pictures", self.address);
        }
        match self.plug.device_mut().map(|device| device.poll(now)) {
            Some(Ok(polled)) => polled,
            Some(Err(why)) => {
                self.lose(why, now);
                VideoPoll::Idle
            }
            None => {
                // What was to be asked for the next picture has been lost meanwhile.
                self.still &= self.plug.why().is_some_and(|why| why.cause() == Cause::Still);
                VideoPoll::Idle
            }
        }
    }

    fn lose(&mut self, why: Error, now: Monotonic) {
        self.dropped += self.plug.device().map_or(0, Reached::dropped);
        self.still = why.cause() == Cause::Still;
        if !self.still {
            log::warn!("{why}; trying again");
        }
        // Not at once: who ends a connection after each picture is not to be kept busy with connections.
        self.plug.lose(why, now + WAITS.first);
    }
}

impl LiveSound {
    /// Waits for the sound of an address that could not be reached for this reason. Over HTTP its pictures are
    /// waited for first, which `sound` tells.
    #[must_use]
    pub fn wait_for(
        address: &ChildInput,
        why: Error,
        sound: Arc<Sound>,
        waker: Arc<mio::Waker>,
    ) -> Self {
        let (asked, silent) = (address.clone(), Arc::new(AtomicBool::new(false)));
        let found = Arc::clone(&silent);
        let open = move || {
            match sound.is_possible() {
                None if asked.http().is_some() => {
                    let why = format!("{asked} gives no pictures yet");
                    return Err(Error::new(why).from_cause(Cause::Absent));
                }
                Some(false) => {
                    found.store(true, Ordering::Relaxed);
                    return Err(Error::new(format!("{asked} has no sound")));
                }
                _ => {}
            }
            let probe = child::probe(&asked)?;
            found.store(probe.audio.is_none(), Ordering::Relaxed);
            let probe = Probe { audio: probe.audio.map(|_| FORMAT), ..probe };
            ChildAudio::open(&asked, &probe, Monotonic(0), false)
        };
        let plug = Plug::trying(Err(why), WAITS, Arc::new(open), waker);
        Self { plug, address: address.clone(), silent }
    }

    /// What the session was described with.
    #[must_use]
    pub const fn format(&self) -> AudioFormat {
        FORMAT
    }

    /// The descriptor to watch, and a number that changes with it.
    #[must_use]
    pub fn descriptor(&self) -> (Option<RawFd>, u64) {
        (self.plug.device().and_then(ChildAudio::descriptor), self.plug.count())
    }

    /// Why there is no sound, if so: one line.
    #[must_use]
    pub fn why_away(&self) -> Option<String> {
        let lost = self.plug.device().and_then(ChildAudio::why_away);
        self.plug.why().map(ToString::to_string).or_else(|| lost.map(str::to_owned))
    }

    /// Whether there is no sound.
    #[must_use]
    pub fn is_away(&self) -> bool {
        self.plug.device().is_none_or(|device| device.why_away().is_some())
    }

    fn is_silent(&self) -> bool {
        self.silent.load(Ordering::Relaxed)
    }

    /// When it is next tried to reach it, while nobody is trying.
    #[must_use]
    pub fn next_attempt(&self) -> Option<Monotonic> {
        self.plug.deadline().filter(|_| !self.is_silent())
    }

    /// When to poll even if nothing is readable.
    #[must_use]
    pub fn deadline(&self) -> Option<Monotonic> {
        self.next_attempt().or_else(|| self.plug.device()?.deadline())
    }

    /// The next samples, if there are any.
    pub fn poll(&mut self, now: Monotonic, out: &mut [i16]) -> AudioPoll {
        // What it has found is taken before no more is asked.
        let ended = self.is_silent() && self.plug.deadline().is_some();
        if !ended && self.plug.turn(now) {
            log::info!("{} gives sound", self.address);
        }
        match self.plug.device_mut().map(|device| device.poll(now, out)) {
            Some(Ok(polled)) => polled,
            Some(Err(why)) => {
                log::warn!("{why}; trying again");
                self.plug.lose(why, now);
                AudioPoll::Idle
            }
            None => AudioPoll::Idle,
        }
    }
}
