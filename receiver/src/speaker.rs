//! Sound out: an ALSA card fed without blocking. What to play when, and what to do about a drifting
//! clock, is the caller's; here are only the card's buffer and its state.

use core::fmt;
use core::time::Duration;

use alsa::pcm::{Access, Format, Frames, HwParams, PCM, State};
use alsa::{Direction, Output, ValueOr};

/// An open sound card, playing 16-bit samples.
pub struct Speaker {
    pcm: PCM,
    rate: u32,
    channels: u8,
    period: i64,
    buffer: i64,
    underruns: u64,
}

impl Speaker {
    /// Opens the card or plugin `name` ("default", "hw:1,0", ...) at this rate and channel count.
    /// One that cannot play them as they are is opened through ALSA's converter.
    ///
    /// # Errors
    /// [`Error::Open`] if there is no such card or it is in use, [`Error::Parameters`] if it plays
    /// nothing of the kind. Sound is never essential: the caller says so and goes on without.
    pub fn open(name: &str, rate: u32, channels: u8) -> Result<Self, Error> {
        // Else alsa-lib writes every step of its search for a card to the terminal.
        let messages = Output::local_error_handler().ok();
        let opened = Self::open_as(name, rate, channels).or_else(|error| match error {
            Error::Parameters { .. } => {
                log::debug!("speaker {name}: {error}; trying ALSA's converter");
                Self::open_as(&format!("plug:'{name}'"), rate, channels).map_err(|_| error)
            }
            other => Err(other),
        });
        if opened.is_err() {
            if let Some(messages) = messages {
                messages.borrow_mut().buffer_string(|text| {
                    log::debug!("speaker {name}: {}", String::from_utf8_lossy(text).trim_end());
                });
            }
        }
        opened
    }

    fn open_as(name: &str, rate: u32, channels: u8) -> Result<Self, Error> {
        let pcm = PCM::new(name, Direction::Playback, true)
            .map_err(|source| Error::Open { name: name.to_owned(), source })?;
        let parameters =
            |source| Error::Parameters { name: name.to_owned(), rate, channels, source };
        let (period, buffer) = configure(&pcm, rate, channels).map_err(parameters)?;
        let (period, buffer) = (frames(period), frames(buffer));
        Ok(Self { pcm, rate, channels, period, buffer, underruns: 0 })
    }

    /// Frames a second.
    #[must_use]
    pub const fn rate(&self) -> u32 {
        self.rate
    }

    /// Channels, interleaved.
    #[must_use]
    pub const fn channels(&self) -> u8 {
        self.channels
    }

    /// Frames that the card's buffer holds.
    #[must_use]
    pub const fn buffer_frames(&self) -> i64 {
        self.buffer
    }

    /// Frames that the card takes at a time.
    #[must_use]
    pub const fn period_frames(&self) -> i64 {
        self.period
    }

    /// How often the card ran dry.
    #[must_use]
    pub const fn underruns(&self) -> u64 {
        self.underruns
    }

    /// Whether the card is playing: it is after two periods have been written, until it runs dry
    /// or is stopped.
    #[must_use]
    pub fn is_running(&self) -> bool {
        // A card that is gone answers with an error, which is no state.
        self.pcm.state_raw() == State::Running as i32
    }

    /// Queues whole frames of interleaved samples; returns how many frames were taken, 0 when the
    /// buffer is full. A card that ran dry is made ready again and counted.
    ///
    /// # Errors
    /// [`Error::Device`]: the card has gone.
    pub fn write(&mut self, samples: &[i16]) -> Result<usize, Error> {
        let whole = samples.len() - samples.len() % usize::from(self.channels.max(1));
        let samples = &samples[..whole];
        if samples.is_empty() {
            return Ok(0);
        }
        match self.write_once(samples) {
            Err(error) if error.errno() == EAGAIN => Ok(0),
            Err(error) => {
                self.recover(error)?;
                self.write_once(samples).map_err(Error::Device)
            }
            Ok(frames) => Ok(frames),
        }
    }

    /// Frames that can be written now.
    ///
    /// # Errors
    /// [`Error::Device`]: the card has gone.
    pub fn free_frames(&mut self) -> Result<i64, Error> {
        match self.pcm.avail_update() {
            Ok(free) => Ok(frames(free).clamp(0, self.buffer)),
            Err(error) => self.recover(error).map(|()| self.buffer),
        }
    }

    /// Frames between a sample written now and the loudspeaker; 0 for an empty card at rest.
    ///
    /// # Errors
    /// [`Error::Device`]: the card has gone.
    pub fn delay_frames(&mut self) -> Result<i64, Error> {
        match self.pcm.delay() {
            Ok(delay) => Ok(frames(delay).max(0)),
            Err(error) => self.recover(error).map(|()| 0),
        }
    }

    /// Waits until a period can be written, at most for `timeout`. True if it can.
    ///
    /// # Errors
    /// [`Error::Device`]: the card has gone.
    pub fn wait(&mut self, timeout: Duration) -> Result<bool, Error> {
        let millis = u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX);
        match self.pcm.wait(Some(millis)) {
            Ok(room) => Ok(room),
            Err(error) => self.recover(error).map(|()| true),
        }
    }

    /// Begins to play what is queued, without waiting for the second period.
    ///
    /// # Errors
    /// [`Error::Device`]: nothing is queued, or the card has gone.
    pub fn start(&mut self) -> Result<(), Error> {
        if self.is_running() {
            return Ok(());
        }
        self.pcm.start().map_err(Error::Device)
    }

    /// Falls silent at once, forgets what is queued, and is ready to be written to.
    ///
    /// # Errors
    /// [`Error::Device`]: the card has gone.
    pub fn stop(&mut self) -> Result<(), Error> {
        self.pcm.drop().and_then(|()| self.pcm.prepare()).map_err(Error::Device)
    }

    fn write_once(&self, samples: &[i16]) -> alsa::Result<usize> {
        self.pcm.io_i16()?.writei(samples)
    }

    fn recover(&mut self, error: alsa::Error) -> Result<(), Error> {
        if error.errno() == EPIPE {
            self.underruns += 1;
        }
        self.pcm.try_recover(error, true).map_err(Error::Device)
    }
}

/// ALSA counts in C's `long`.
#[allow(clippy::useless_conversion, reason = "it has 32 bits on 32-bit ARM")]
fn frames(count: Frames) -> i64 {
    i64::from(count)
}

fn configure(pcm: &PCM, rate: u32, channels: u8) -> alsa::Result<(Frames, Frames)> {
    let hardware = HwParams::any(pcm)?;
    hardware.set_access(Access::RWInterleaved)?;
    hardware.set_format(Format::s16())?;
    hardware.set_channels(u32::from(channels))?;
    hardware.set_rate(rate, ValueOr::Nearest)?;
    hardware.set_period_time_near(PERIOD_MICROS, ValueOr::Nearest)?;
    hardware.set_buffer_time_near(BUFFER_MICROS, ValueOr::Nearest)?;
    pcm.hw_params(&hardware)?;
    let (period, buffer) = (hardware.get_period_size()?, hardware.get_buffer_size()?);
    let software = pcm.sw_params_current()?;
    software.set_start_threshold((START_PERIODS * period).min(buffer))?;
    software.set_avail_min(period)?;
    pcm.sw_params(&software)?;
    Ok((period, buffer))
}

/// Why there is no sound.
#[derive(Debug)]
pub enum Error {
    /// There is no such card, or another program has it.
    Open {
        /// As it was asked for.
        name: String,
        /// ALSA's reason.
        source: alsa::Error,
    },
    /// The card plays no such rate or number of channels.
    Parameters {
        /// As it was asked for.
        name: String,
        /// Frames a second.
        rate: u32,
        /// Channels.
        channels: u8,
        /// ALSA's reason.
        source: alsa::Error,
    },
    /// The card stopped working.
    Device(alsa::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open { name, source } if source.errno() == EBUSY => {
                write!(
                    f,
                    "sound card {name} is in use by another program: close it or choose another"
                )
            }
            Self::Open { name, source } => write!(
                f,
                "no sound card {name} ({}): `aplay -L` lists what there is",
                reason(*source)
            ),
            Self::Parameters { name, rate, channels, source } => write!(
                f,
                "sound card {name} does not play {channels} channels at {rate} Hz ({}): choose another",
                reason(*source)
            ),
            Self::Device(source) => write!(f, "sound card stopped working: {}", reason(*source)),
        }
    }
}

/// The system's words; alsa's own Display puts the C function in front.
fn reason(error: alsa::Error) -> String {
    std::io::Error::from_raw_os_error(error.errno()).to_string()
}

impl core::error::Error for Error {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Open { source, .. } | Self::Parameters { source, .. } | Self::Device(source) => {
                Some(source)
            }
        }
    }
}

/// 5 ms, as long as a packet: the caller is woken when there is room for one.
const PERIOD_MICROS: u32 = 5_000;
/// 200 ms, with a latency that allows it, survive a busy Pi; how much of it is filled decides the
/// latency, not its size.
const BUFFER_MICROS: u32 = 200_000;
/// Playing starts with one period in the card and the next one queued.
const START_PERIODS: Frames = 2;

const EAGAIN: i32 = nix::errno::Errno::EAGAIN as i32;
const EPIPE: i32 = nix::errno::Errno::EPIPE as i32;
const EBUSY: i32 = nix::errno::Errno::EBUSY as i32;
