//! An IP camera that could not be reached when the session began, and is waited for. Once it has been
//! there, it is its child that connects again.

use crate::capture::child::{self, ChildAudio, ChildVideo, Input, Probe, VideoSettings};
use crate::capture::plug::{Plug, Waits};
use crate::capture::{AudioFormat, AudioPoll, Error, FrameRate, VideoFormat, VideoPoll};
use std::os::fd::RawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use streamsocket_stream::clock::Monotonic;

/// Waits between attempts: each is two programs and some connections, which its network has to bear. As
/// for a camera that is lost later.
const WAITS: Waits = Waits {
    first: Duration::from_millis(500),
    soon: Duration::from_secs(10),
    longest: Duration::from_secs(10),
};

/// What the session is described with, unless the user said it.
const SIZE_DEFAULT: (u16, u16) = (1280, 720);
const RATE_DEFAULT: FrameRate = FrameRate { numerator: 25, denominator: 1 };

/// What the session is described with; ffmpeg makes it of what comes.
const FORMAT: AudioFormat = AudioFormat { rate: 48_000, channels: 2 };

/// Pictures from an address that is waited for.
pub struct LivePictures {
    plug: Plug<ChildVideo>,
    format: VideoFormat,
    address: Input,
}

/// Sound from an address that is waited for.
pub struct LiveSound {
    plug: Plug<ChildAudio>,
    address: Input,
    /// The camera was there, and has no sound: it is not asked again.
    silent: Arc<AtomicBool>,
}

impl LivePictures {
    /// Waits for the pictures of an address that could not be reached for this reason.
    #[must_use]
    pub fn wait_for(
        address: &Input,
        why: Error,
        settings: VideoSettings,
        waker: Arc<mio::Waker>,
    ) -> Self {
        let (width, height) = settings.size.unwrap_or(SIZE_DEFAULT);
        let format = VideoFormat { width, height, rate: settings.rate.unwrap_or(RATE_DEFAULT) };
        let asked = address.clone();
        let open = move || ChildVideo::open(&asked, &child::probe(&asked)?, &settings);
        let plug = Plug::waiting(why, WAITS, Arc::new(open), waker);
        Self { plug, format, address: address.clone() }
    }

    /// What the session was described with.
    #[must_use]
    pub const fn format(&self) -> VideoFormat {
        self.format
    }

    /// The descriptor to watch, and a number that changes with it.
    #[must_use]
    pub fn descriptor(&self) -> (Option<RawFd>, u64) {
        (self.plug.device().and_then(ChildVideo::descriptor), self.plug.count())
    }

    /// Why there are no pictures, if so: one line.
    #[must_use]
    pub fn why_away(&self) -> Option<String> {
        let lost = self.plug.device().and_then(ChildVideo::why_away);
        self.plug.why().map(ToString::to_string).or_else(|| lost.map(str::to_owned))
    }

    /// Whether there are no pictures.
    #[must_use]
    pub fn is_away(&self) -> bool {
        self.plug.device().is_none_or(|device| device.why_away().is_some())
    }

    /// Pictures that were dropped as damaged or cut off.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.plug.device().map_or(0, ChildVideo::dropped)
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
        if self.plug.turn(now) {
            log::info!("{} gives pictures", self.address);
        }
        match self.plug.device_mut().map(|device| device.poll(now)) {
            Some(Ok(polled)) => polled,
            Some(Err(why)) => {
                log::warn!("{why}; trying again");
                self.plug.lose(why, now);
                VideoPoll::Idle
            }
            None => VideoPoll::Idle,
        }
    }
}

impl LiveSound {
    /// Waits for the sound of an address that could not be reached for this reason.
    #[must_use]
    pub fn wait_for(address: &Input, why: Error, waker: Arc<mio::Waker>) -> Self {
        let (asked, silent) = (address.clone(), Arc::new(AtomicBool::new(false)));
        let found = Arc::clone(&silent);
        let open = move || {
            let probe = child::probe(&asked)?;
            found.store(probe.audio.is_none(), Ordering::Relaxed);
            let probe = Probe { audio: probe.audio.map(|_| FORMAT), ..probe };
            ChildAudio::open(&asked, &probe, Monotonic(0), false)
        };
        let plug = Plug::waiting(why, WAITS, Arc::new(open), waker);
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
