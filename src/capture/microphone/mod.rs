//! A microphone: one ALSA capture device, read without blocking at the card's own rate, and every
//! read stamped with the time at which its first sample was captured. Nothing is resampled here: what a
//! card has in another shape than is sent, ALSA converts.
//!
//! ALSA's `IO` object is made anew for each read, as the byte view of the device: it is a flag and
//! a pointer, while keeping one would borrow the device from its owner, and the `i16` view looks
//! up (and allocates) the format each time. Samples are little-endian by format.

mod offer;
mod refusal;

pub(crate) use offer::{Offer, offers};

use super::error::Error;
use super::frame::AudioPoll;
use alsa::pcm::{PCM, State, Status};
use alsa::poll::{Descriptors, pollfd};
use std::os::fd::RawFd;
use std::time::Duration;
use streamsocket_media::AudioFormat;
use streamsocket_media::clock::{Monotonic, sample_nanos};

/// An overrun is said again only after a quiet time like this: one a second is one piece of news.
const OVERRUN_QUIET: Duration = Duration::from_secs(30);

/// A time stamp this far from the event loop's clock is of another clock.
const STAMP_OFF_MAX: Duration = Duration::from_secs(2);

/// The newest samples that are left for the next time: `snd-usb-audio` counts a packet, a millisecond
/// of sound, before it has copied it (`retire_capture_urb`), and who reads in between gets what the
/// buffer held before.
const UNSETTLED: Duration = Duration::from_millis(1);

/// What a driver may report to be on its way beyond what can be read. More is a driver's mistake.
const UNDERWAY_MAX: Duration = Duration::from_millis(20);

/// An open microphone.
#[derive(Debug)]
pub struct Microphone {
    pcm: PCM,
    name: String,
    format: AudioFormat,
    period: usize,
    /// ALSA converts: what the card has must be fetched before it is counted.
    converts: bool,
    /// Sample frames.
    unsettled: usize,
    /// Interleaved little-endian samples as ALSA gives them, one buffer's worth.
    bytes: Vec<u8>,
    /// What is watched. Empty for plugins whose descriptors cannot be.
    descriptors: Vec<RawFd>,
    polled: Vec<pollfd>,
    /// For plugins that nothing paces: they are read by the clock.
    pace: Option<Pace>,
    overruns: u64,
    overrun_said: Option<Monotonic>,
    foreign_clock_said: bool,
    /// The turn in which all was read that there was, less than a period.
    drained: Option<Monotonic>,
}

/// Reading by the clock.
#[derive(Clone, Copy, Debug)]
struct Pace {
    start: Monotonic,
    /// Sample frames read since.
    frames: u64,
}

impl Microphone {
    /// Opens a capture device by its ALSA name (`hw:CARD=Camera,DEV=0`, `plughw:1`, `default`) and
    /// sets it to 16-bit samples at this rate and channel count, or at the best that it has; ALSA
    /// converts if the card has others.
    ///
    /// # Errors
    /// There is no such device, it may not be opened, another program uses it, or it has no format
    /// that is understood here: one line that says which and what to do.
    pub fn open(name: &str, format: Option<AudioFormat>) -> Result<Self, Error> {
        let opened = offer::open(name, format)?;
        let polled = opened.pcm.get().unwrap_or_default();
        let watchable = !polled.is_empty() && polled.iter().all(|it| can_be_watched(it.fd));
        let descriptors =
            if watchable { polled.iter().map(|it| it.fd).collect() } else { Vec::new() };
        let pace = (!watchable).then_some(Pace { start: Monotonic(0), frames: 0 });
        Ok(Self {
            pcm: opened.pcm,
            name: name.to_owned(),
            format: opened.format,
            period: opened.period,
            converts: opened.converts,
            unsettled: usize::try_from(frames_in(UNSETTLED, opened.format.rate)).unwrap_or(0),
            bytes: vec![0; opened.buffer * 2 * usize::from(opened.format.channels)],
            descriptors,
            polled,
            pace,
            overruns: 0,
            overrun_said: None,
            foreign_clock_said: false,
            drained: None,
        })
    }

    /// Begins to capture.
    ///
    /// # Errors
    /// The device does not start.
    pub fn start(&mut self, now: Monotonic) -> Result<(), Error> {
        self.pace = self.pace.map(|_| Pace { start: now, frames: 0 });
        // A card that is gone answers with an error, which is no state.
        if self.pcm.state_raw() == State::Running as i32 {
            return Ok(());
        }
        self.pcm.start().map_err(|error| refusal::failed(&self.name, "start", &error))
    }

    /// What it delivers.
    #[must_use]
    pub const fn format(&self) -> AudioFormat {
        self.format
    }

    /// The ALSA name it was opened by.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Sample frames that come at a time, about 10 ms. Room for less makes for more calls.
    #[must_use]
    pub const fn period_frames(&self) -> usize {
        self.period
    }

    /// How often samples were lost because nobody read them in time.
    #[must_use]
    pub const fn overruns(&self) -> u64 {
        self.overruns
    }

    /// The descriptors to watch for readability. None when the device must be polled by time.
    #[must_use]
    pub fn descriptors(&self) -> &[RawFd] {
        &self.descriptors
    }

    /// When to poll, for devices without descriptors.
    #[must_use]
    pub fn deadline(&self) -> Option<Monotonic> {
        let pace = self.pace?;
        let period = u64::try_from(self.period).unwrap_or(u64::MAX);
        Some(pace.start.offset(sample_nanos(pace.frames.saturating_add(period), self.format.rate)))
    }

    /// Tells ALSA that the descriptor with this index in [`descriptors`](Self::descriptors) had
    /// news of any kind: some plugins must clear theirs. Poll afterwards.
    ///
    /// # Errors
    /// The microphone was unplugged, or broke down.
    pub fn handle_event(&mut self, index: usize) -> Result<(), Error> {
        for (position, polled) in self.polled.iter_mut().enumerate() {
            polled.revents = if position == index { polled.events } else { 0 };
        }
        let result = self.pcm.revents(&self.polled);
        result.map(drop).map_err(|error| refusal::failed(&self.name, "go on", &error))
    }

    /// Reads what there is, as much as `out` has room for. Poll until it says
    /// [`AudioPoll::Idle`].
    ///
    /// # Errors
    /// The microphone was unplugged, or broke down: drop it, and open it again when it is back.
    pub fn poll(&mut self, now: Monotonic, out: &mut [i16]) -> Result<AudioPoll, Error> {
        let room = out.len() / usize::from(self.format.channels.max(1));
        if let Some(pace) = self.pace {
            return self.poll_by_time(pace, now, room, out);
        }
        // Less than a period has come: the rest is read when ALSA tells of it. Where the card counts every sample there
        // would always be one more.
        if self.drained == Some(now) {
            return Ok(AudioPoll::Idle);
        }
        if self.converts {
            // What is wrong the status tells, too.
            let _ = self.pcm.avail_update();
        }
        let status = self.pcm.status().map_err(|error| self.gone(&error))?;
        match status.get_state() {
            State::Running | State::Draining => {}
            State::Disconnected => return Err(refusal::unplugged(&self.name)),
            state => return self.restart(state, now),
        }
        let available = usize::try_from(status.get_avail()).unwrap_or(0);
        let available = available.saturating_sub(self.unsettled);
        if available == 0 {
            return Ok(AudioPoll::Idle);
        }
        let capture = self.first_sample(&status, now);
        match self.read(room.min(available), out) {
            Ok(0) => Ok(AudioPoll::Idle),
            Ok(frames) => {
                self.drained = (frames == available && frames < self.period).then_some(now);
                Ok(AudioPoll::Samples { frames, capture })
            }
            Err(error) => match error.errno().abs() {
                libc::EAGAIN => Ok(AudioPoll::Idle),
                libc::EPIPE => self.restart(State::XRun, now),
                libc::ESTRPIPE => self.restart(State::Suspended, now),
                _ => Err(self.gone(&error)),
            },
        }
    }

    /// The part of [`poll`](Self::poll) for plugins that always have samples: as many as the time
    /// since the start is worth, stamped by count.
    fn poll_by_time(
        &mut self,
        pace: Pace,
        now: Monotonic,
        room: usize,
        out: &mut [i16],
    ) -> Result<AudioPoll, Error> {
        if self.deadline().is_none_or(|deadline| now < deadline) {
            return Ok(AudioPoll::Idle);
        }
        let frames = match self.read(room.min(self.period), out) {
            Ok(frames) => frames,
            Err(error) if error.errno().abs() == libc::EAGAIN => 0,
            Err(error) => return Err(self.gone(&error)),
        };
        if frames == 0 {
            // Nothing after all: the next period is a new chance, not this one again at once.
            self.pace = Some(Pace { start: now, frames: 0 });
            return Ok(AudioPoll::Idle);
        }
        let capture = pace.start.offset(sample_nanos(pace.frames, self.format.rate));
        let read = u64::try_from(frames).unwrap_or(0);
        self.pace = Some(Pace { frames: pace.frames.saturating_add(read), ..pace });
        Ok(AudioPoll::Samples { frames, capture })
    }

    /// Reads at most `frames` sample frames into `out`.
    fn read(&mut self, frames: usize, out: &mut [i16]) -> Result<usize, alsa::Error> {
        let frame_bytes = 2 * usize::from(self.format.channels);
        let wanted = (frames * frame_bytes).min(self.bytes.len());
        let frames = self.pcm.io_bytes().readi(&mut self.bytes[..wanted])?;
        let samples = self.bytes[..frames * frame_bytes].chunks_exact(2);
        for (sample, bytes) in out.iter_mut().zip(samples) {
            *sample = i16::from_le_bytes([bytes[0], bytes[1]]);
        }
        Ok(frames)
    }

    /// When the first sample that can be read was captured.
    #[allow(clippy::useless_conversion, reason = "the fields have 32 bits on 32-bit machines")]
    fn first_sample(&mut self, status: &Status, now: Monotonic) -> Monotonic {
        let stamp = status.get_htstamp();
        let stamp = Monotonic(i64::from(stamp.tv_sec) * 1_000_000_000 + i64::from(stamp.tv_nsec));
        let off = now.since(stamp).max(stamp.since(now));
        let at = if off <= STAMP_OFF_MAX {
            stamp
        } else {
            if !self.foreign_clock_said {
                self.foreign_clock_said = true;
                let name = &self.name;
                log::warn!("microphone {name} does not stamp its samples: reading times are used");
            }
            now
        };
        let (available, delay) = (i64::from(status.get_avail()), i64::from(status.get_delay()));
        let frames = buffered(available, delay, self.format.rate);
        at.offset(-sample_nanos(frames, self.format.rate))
    }

    /// After an overrun or a suspend: begins anew. What was not read is lost.
    fn restart(&mut self, state: State, now: Monotonic) -> Result<AudioPoll, Error> {
        if state == State::XRun {
            self.overruns += 1;
            if self.overrun_said.is_none_or(|said| now.since(said) > OVERRUN_QUIET) {
                let name = &self.name;
                log::warn!("microphone {name}: samples were lost, they were not read in time");
            }
            self.overrun_said = Some(now);
        }
        if state != State::Prepared {
            self.pcm.prepare().map_err(|error| self.gone(&error))?;
        }
        self.pcm.start().map_err(|error| self.gone(&error))?;
        Ok(AudioPoll::Idle)
    }

    fn gone(&self, error: &alsa::Error) -> Error {
        match error.errno().abs() {
            libc::ENODEV | libc::EBADFD => refusal::unplugged(&self.name),
            _ => refusal::failed(&self.name, "go on", error),
        }
    }
}

/// Sample frames between the converter and the reader: those that can be read, and those that the
/// driver knows to be on their way (it counts them into the delay).
fn buffered(available: i64, delay: i64, rate: u32) -> u64 {
    let underway = u64::try_from(delay.saturating_sub(available)).unwrap_or(0);
    let underway = if underway <= frames_in(UNDERWAY_MAX, rate) { underway } else { 0 };
    u64::try_from(available).unwrap_or(0) + underway
}

/// The sample frames of so much time.
fn frames_in(time: Duration, rate: u32) -> u64 {
    let frames = time.as_nanos() * u128::from(rate) / 1_000_000_000;
    u64::try_from(frames).unwrap_or(u64::MAX)
}

/// Whether epoll takes this descriptor: it refuses files and `/dev/null`, which some plugins hand
/// out for want of a better one.
fn can_be_watched(descriptor: RawFd) -> bool {
    let watch = || {
        let poll = mio::Poll::new()?;
        let mut source = mio::unix::SourceFd(&descriptor);
        poll.registry().register(&mut source, mio::Token(0), mio::Interest::READABLE)
    };
    watch().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_underway_counts_unless_it_is_absurd() {
        assert_eq!(buffered(240, 240, 48000), 240);
        assert_eq!(buffered(240, 288, 48000), 288);
        assert_eq!(buffered(240, 100, 48000), 240, "a delay below the buffered is a mistake");
        assert_eq!(buffered(240, 48000, 48000), 240, "so is a whole second");
        assert_eq!(buffered(-32, -32, 48000), 0);
    }

    #[test]
    fn the_null_device_is_read_by_the_clock() {
        let mut microphone = Microphone::open("null", None).unwrap();
        assert_eq!(microphone.format(), AudioFormat { rate: 48000, channels: 2 });
        assert!(microphone.descriptors().is_empty());
        let start = Monotonic(1_000_000_000);
        microphone.start(start).unwrap();
        let mut out = [1; 4096];
        assert_eq!(microphone.poll(start, &mut out).unwrap(), AudioPoll::Idle);
        let period = microphone.period_frames();
        let mut expected = start;
        for count in 1..=3 {
            let due = microphone.deadline().unwrap();
            let span = sample_nanos(count * u64::try_from(period).unwrap(), 48000);
            assert_eq!(due, start.offset(span));
            let polled = microphone.poll(due, &mut out).unwrap();
            assert_eq!(polled, AudioPoll::Samples { frames: period, capture: expected });
            assert_eq!(microphone.poll(due, &mut out).unwrap(), AudioPoll::Idle);
            expected = due;
        }
    }

    #[test]
    fn a_device_that_is_not_there_is_named() {
        let error = Microphone::open("hw:CARD=Nowhere,DEV=0", None).unwrap_err().to_string();
        assert!(error.starts_with("there is no microphone hw:CARD=Nowhere,DEV=0: "), "{error}");
        assert!(Microphone::open("hw:\0", None).is_err());
    }
}
