//! What the threads of the receiver count and measure. One thread writes a number and others read it;
//! reading takes no lock, but for the quantiles.

use crate::clock::unix_offset;
use crate::plan::Plan;
use crate::refused;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use streamsocket_stream::clock::Monotonic;
use streamsocket_stream::receive::refusal::Refusals;
use streamsocket_stream::receive::spread::Spread;

/// A number that one thread writes and others read.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    /// Adds to it.
    pub fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    /// Replaces it.
    pub fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    /// Reads it.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A duration in nanoseconds that one thread measures and others read; nothing before the first.
#[derive(Debug)]
pub struct Gauge(AtomicI64);

impl Default for Gauge {
    fn default() -> Self {
        Self(AtomicI64::new(i64::MIN))
    }
}

impl Gauge {
    /// The newest measurement.
    pub fn set(&self, nanos: i64) {
        self.0.store(nanos.max(i64::MIN + 1), Ordering::Relaxed);
    }

    /// Forgets it.
    pub fn clear(&self) {
        self.0.store(i64::MIN, Ordering::Relaxed);
    }

    /// Follows measurements that vary: the sixteenth part of each new one.
    pub fn average(&self, nanos: i64) {
        self.set(
            self.get()
                .map_or(nanos, |before| before.saturating_add(nanos.saturating_sub(before) / 16)),
        );
    }

    /// Reads it, in nanoseconds.
    #[must_use]
    pub fn get(&self) -> Option<i64> {
        let nanos = self.0.load(Ordering::Relaxed);
        (nanos != i64::MIN).then_some(nanos)
    }

    /// Reads it, in milliseconds.
    #[must_use]
    pub fn millis(&self) -> Option<f64> {
        self.get().map(|nanos| to_f64(nanos) / 1e6)
    }
}

/// A duration that one thread measures again and again and others read quantiles of: of the last
/// minute.
#[derive(Debug, Default)]
pub struct Measured(Mutex<Spread>);

impl Measured {
    /// A measurement.
    pub fn add(&self, nanos: i64, now: Monotonic) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).add(nanos, now);
    }

    /// The duration, in nanoseconds, that at most `above` in 10,000 exceed.
    #[must_use]
    pub fn quantile(&self, above: u64) -> Option<i64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).quantile(above)
    }

    /// The same in milliseconds.
    #[must_use]
    pub fn millis(&self, above: u64) -> Option<f64> {
        self.quantile(above).map(|nanos| to_f64(nanos) / 1e6)
    }
}

/// Quantiles that are reported, as so many in 10,000 above them.
pub(crate) const P50: u64 = 5000;
pub(crate) const P95: u64 = 500;
pub(crate) const P99: u64 = 100;

/// When something is presented: its capture by the sender's wall clock, if that is known, and when it
/// would have come without any delay.
#[derive(Clone, Copy, Debug)]
pub struct Origin {
    /// Nanoseconds since 1970.
    pub wall: Option<i64>,
    /// On our monotonic clock.
    pub undelayed: Monotonic,
}

/// Wall clocks that agree are not this far apart, in nanoseconds.
const CLOCKS_APART_NANOS: i64 = 500_000_000;

/// From capture to presentation.
#[derive(Debug, Default)]
pub struct Latency {
    /// By both machines' wall clocks.
    absolute: Measured,
    /// Beyond the fastest way through the network.
    relative: Measured,
    /// Presentation minus the time it was due, on average.
    pub lateness: Gauge,
}

impl Latency {
    /// What was due at `due` was presented at `at`.
    pub fn add(&self, origin: Origin, due: Monotonic, at: Monotonic) {
        self.lateness.average(at.nanos_since(due));
        let relative = at.nanos_since(origin.undelayed);
        self.relative.add(relative, at);
        if let Some(wall) = origin.wall {
            let absolute = at.0.saturating_add(unix_offset()).saturating_sub(wall);
            // A clock that was just set, the sender does not know for a second.
            if absolute.saturating_sub(relative).saturating_abs() < CLOCKS_APART_NANOS {
                self.absolute.add(absolute, at);
            }
        }
    }

    /// Forgets what was measured while the latency was looked for.
    pub fn reset(&self) {
        for measured in [&self.absolute, &self.relative] {
            measured.0.lock().unwrap_or_else(PoisonError::into_inner).reset();
        }
    }

    /// That which can be believed.
    pub(crate) fn shown(&self, clocks: Clocks) -> &Measured {
        if clocks == Clocks::Unknown { &self.relative } else { &self.absolute }
    }
}

/// What is known of the two machines' wall clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clocks {
    /// Not that they agree: latencies are those beyond the fastest way through the network.
    Unknown,
    /// Both are kept right by somebody.
    Synchronised,
    /// They are one: sender and receiver are the same machine.
    Same,
}

impl Clocks {
    /// As it is reported.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "not known to agree",
            Self::Synchronised => "synchronised",
            Self::Same => "the same machine",
        }
    }
}

/// A line of text that one thread writes now and then and another reads.
#[derive(Debug, Default)]
pub struct Note(Mutex<Option<String>>);

impl Note {
    /// Replaces it.
    pub fn set(&self, text: Option<&str>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = text.map(str::to_owned);
    }

    /// Reads it.
    #[must_use]
    pub fn get(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What came and is not presented, by reason: one thread replaces it now and then and others read it.
#[derive(Debug, Default)]
pub struct Refused(Mutex<Refusals>);

impl Refused {
    /// Replaces it, if it has grown.
    pub fn set(&self, refusals: Refusals) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if *known != refusals {
            *known = refusals;
        }
    }

    /// Reads it.
    #[must_use]
    pub fn get(&self) -> Refusals {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the threads count.
#[derive(Debug, Default)]
pub struct Counters {
    /// Pictures.
    pub video: VideoCounters,
    /// Sound.
    pub audio: AudioCounters,
    /// The latency as it is, and where it is going.
    pub latency: Gauge,
    /// See `latency`.
    pub target: Gauge,
    /// By how much the sender's clock is faster than ours, in parts per billion.
    pub drift: Gauge,
    /// Whether sender and receiver are the same machine, or both have clocks that are kept right.
    pub same_machine: Count,
    /// See `same_machine`.
    pub synchronised: Count,
    /// When the sender or this machine last went on after it had stood still, on the monotonic clock.
    pub stopped: Gauge,
    /// When the sender last reported, on the monotonic clock.
    pub reported: Gauge,
    /// Times that a new source has begun.
    pub sources: Count,
    /// Bytes recorded.
    pub recorded: Count,
    /// Pictures and packets of sound that came and are in no recording, though one was made.
    pub recording_left_out: Count,
    /// Times that the sender's clock went on somewhere else, which was taken out of the recording.
    pub recording_jumps: Count,
    /// Silence in recordings that stands for sound that is missing, in nanoseconds.
    pub recording_silence: Count,
    /// Recordings that ended before they should.
    pub recordings_cut: Count,
    /// Pictures put in files of their own.
    pub snapshots: Count,
    /// Those asked for by an option that could not be.
    pub snapshots_failed: Count,
    /// Datagrams that the kernel had no room for.
    pub kernel_drops: Count,
}

/// Pictures.
#[derive(Debug, Default)]
pub struct VideoCounters {
    /// When the last packet arrived, on the monotonic clock.
    pub arrived: Gauge,
    /// What the sender says about the stream's state.
    pub note: Note,
    /// Packets of the stream.
    pub packets: Count,
    /// Bytes of them.
    pub bytes: Count,
    /// Packets that did not come.
    pub packets_lost: Count,
    /// Of these, packets that could be made out of repair packets.
    pub packets_repaired: Count,
    /// Packets of others, or malformed.
    pub packets_refused: Count,
    /// Packets and frames that came and are not shown.
    pub refused: Refused,
    /// Complete frames.
    pub frames_received: Count,
    /// Frames that missed packets.
    pub frames_incomplete: Count,
    /// Frames that are no JPEG that this program decodes.
    pub frames_undecodable: Count,
    /// Frames that were ready after their time.
    pub frames_late: Count,
    /// Frames presented.
    pub frames_shown: Count,
    /// Width in the upper, height in the lower half.
    pub size: Count,
    /// From capture to screen.
    pub latency: Latency,
    /// Time from complete to decoded that only a few in ten thousand exceed.
    pub work: Gauge,
    /// Time that it takes to show a picture.
    pub showing: Gauge,
    /// Interarrival jitter.
    pub jitter: Gauge,
}

/// Sound.
#[derive(Debug, Default)]
pub struct AudioCounters {
    /// When the last packet arrived, on the monotonic clock.
    pub arrived: Gauge,
    /// What the sender says about the stream's state.
    pub note: Note,
    /// Packets of the stream.
    pub packets: Count,
    /// Packets that did not come.
    pub packets_lost: Count,
    /// Of these, packets that could be made out of repair packets.
    pub packets_repaired: Count,
    /// Packets that came and are not played.
    pub refused: Refused,
    /// Packets of others, malformed, or longer than any sound needs.
    pub packets_refused: Count,
    /// Sample frames received.
    pub samples: Count,
    /// Sample frames missing.
    pub samples_lost: Count,
    /// Sample frames played.
    pub samples_played: Count,
    /// From capture to loudspeaker.
    pub latency: Latency,
    /// Time that the sound card needs its samples ahead.
    pub work: Gauge,
    /// Sample frames that came after their time.
    pub samples_late: Count,
    /// Sample frames played in place of such as were lost or late.
    pub samples_concealed: Count,
    /// By how much the card is made to play slower than its own clock, in parts per billion.
    pub rate: Gauge,
    /// Times that sound had to be moved at once.
    pub jumps: Count,
    /// Times that the sound card ran dry.
    pub underruns: Count,
    /// Interarrival jitter.
    pub jitter: Gauge,
}

impl Counters {
    /// What is known of both machines' clocks.
    #[must_use]
    pub fn clocks(&self) -> Clocks {
        match (self.same_machine.get(), self.synchronised.get()) {
            (1.., _) => Clocks::Same,
            (_, 1..) => Clocks::Synchronised,
            _ => Clocks::Unknown,
        }
    }

    /// Why no picture was put together though something came, in words.
    #[must_use]
    pub fn video_refused(&self, plan: &Plan) -> Option<String> {
        let none = self.video.frames_received.get() == 0;
        let stream = plan.video.as_ref().filter(|_| none)?;
        refused::in_words(&self.video.refused.get(), stream, plan)
    }

    /// Why no sound was taken though something came, in words.
    #[must_use]
    pub fn audio_refused(&self, plan: &Plan) -> Option<String> {
        let stream = plan.audio.as_ref().filter(|_| self.audio.samples.get() == 0)?;
        refused::in_words(&self.audio.refused.get(), stream, plan)
    }

    /// Sound presented so much later than the picture, in nanoseconds.
    #[must_use]
    pub fn av_offset(&self) -> Option<i64> {
        let lateness = (self.audio.latency.lateness.get()).zip(self.video.latency.lateness.get());
        lateness.map(|(audio, video)| audio - video)
    }

    /// Pictures from capture to screen, in nanoseconds: half of them take longer.
    #[must_use]
    pub fn video_latency(&self) -> Option<i64> {
        self.video.latency.shown(self.clocks()).quantile(P50)
    }
}

#[expect(clippy::cast_precision_loss, reason = "shown with a few digits")]
const fn to_f64(value: i64) -> f64 {
    value as f64
}
