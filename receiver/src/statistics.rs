//! What the receiver says about itself: one JSON object, for `--stats`, for the status line and for
//! the summary at the end. The threads add to shared counters; reading them takes no lock.

use crate::clock::unix_offset;
use serde::Serialize;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use streamsocket_stream::clock::Monotonic;

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

/// What the threads count.
#[derive(Debug, Default)]
pub struct Counters {
    /// Pictures.
    pub video: VideoCounters,
    /// Sound.
    pub audio: AudioCounters,
    /// When the sender last reported, on the monotonic clock.
    pub reported: Gauge,
    /// Times that a new source has begun.
    pub sources: Count,
    /// Bytes recorded.
    pub recorded: Count,
    /// Recordings that ended before they should.
    pub recordings_cut: Count,
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
    /// Packets of others, or malformed.
    pub packets_refused: Count,
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
    /// From capture to presentation by both machines' wall clocks.
    pub latency: Gauge,
    /// Presentation minus the time it was due.
    pub lateness: Gauge,
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
    /// Sample frames received.
    pub samples: Count,
    /// Sample frames missing.
    pub samples_lost: Count,
    /// Sample frames played.
    pub samples_played: Count,
    /// From capture to the loudspeaker by both machines' wall clocks.
    pub latency: Gauge,
    /// Presentation minus the time it was due.
    pub lateness: Gauge,
    /// Times that the sound card ran dry.
    pub underruns: Count,
}

impl AudioCounters {
    /// Sound that was due then is heard so many nanoseconds later; `unix` is when it was captured,
    /// in nanoseconds since 1970, if that is known.
    pub fn heard(&self, due: Monotonic, late: i64, unix: Option<i64>) {
        self.lateness.set(late);
        if let Some(unix) = unix {
            let heard = due.offset(late).0.saturating_add(unix_offset());
            self.latency.set(heard.saturating_sub(unix));
        }
    }
}

/// One report. Counters run from the start.
#[derive(Clone, Debug, Serialize)]
pub struct Statistics {
    /// Seconds since the program began to receive.
    pub uptime_seconds: f64,
    /// Name of the session.
    pub source: String,
    /// Times that a new source has begun.
    pub sources: u64,
    /// Pictures.
    pub video: VideoStatistics,
    /// Sound.
    pub audio: AudioStatistics,
    /// Sound presented so much later than the picture, in milliseconds.
    pub av_offset_ms: Option<f64>,
    /// Bytes recorded.
    pub recorded_bytes: u64,
    /// Datagrams that the kernel had no room for.
    pub kernel_drops: u64,
}

/// Pictures.
#[derive(Clone, Debug, Serialize)]
#[expect(missing_docs, reason = "the fields are those of VideoCounters")]
pub struct VideoStatistics {
    pub width: u64,
    pub height: u64,
    pub packets: u64,
    pub bytes: u64,
    pub packets_lost: u64,
    pub packets_refused: u64,
    pub frames_received: u64,
    pub frames_incomplete: u64,
    pub frames_undecodable: u64,
    pub frames_late: u64,
    pub frames_shown: u64,
    pub latency_ms: Option<f64>,
    pub lateness_ms: Option<f64>,
    pub jitter_ms: Option<f64>,
}

/// Sound.
#[derive(Clone, Debug, Serialize)]
#[expect(missing_docs, reason = "the fields are those of AudioCounters")]
pub struct AudioStatistics {
    pub packets: u64,
    pub packets_lost: u64,
    pub samples: u64,
    pub samples_lost: u64,
    pub samples_played: u64,
    pub latency_ms: Option<f64>,
    pub lateness_ms: Option<f64>,
    pub underruns: u64,
}

impl Counters {
    /// All of it, as it stands.
    #[must_use]
    pub fn statistics(&self, source: &str, uptime_seconds: f64) -> Statistics {
        let (video, audio) = (&self.video, &self.audio);
        let offset = audio.lateness.get().zip(video.lateness.get());
        Statistics {
            uptime_seconds,
            source: source.to_owned(),
            sources: self.sources.get(),
            video: VideoStatistics {
                width: video.size.get() >> 16,
                height: video.size.get() & 0xFFFF,
                packets: video.packets.get(),
                bytes: video.bytes.get(),
                packets_lost: video.packets_lost.get(),
                packets_refused: video.packets_refused.get(),
                frames_received: video.frames_received.get(),
                frames_incomplete: video.frames_incomplete.get(),
                frames_undecodable: video.frames_undecodable.get(),
                frames_late: video.frames_late.get(),
                frames_shown: video.frames_shown.get(),
                latency_ms: video.latency.millis(),
                lateness_ms: video.lateness.millis(),
                jitter_ms: video.jitter.millis(),
            },
            audio: AudioStatistics {
                packets: audio.packets.get(),
                packets_lost: audio.packets_lost.get(),
                samples: audio.samples.get(),
                samples_lost: audio.samples_lost.get(),
                samples_played: audio.samples_played.get(),
                latency_ms: audio.latency.millis(),
                lateness_ms: audio.lateness.millis(),
                underruns: audio.underruns.get(),
            },
            av_offset_ms: offset.map(|(audio, video)| to_f64(audio - video) / 1e6),
            recorded_bytes: self.recorded.get(),
            kernel_drops: self.kernel_drops.get(),
        }
    }
}

impl Statistics {
    /// The summary, as a person would read it: a few lines, each ended.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        let written = self.write(&mut text);
        debug_assert!(written.is_ok(), "a string takes everything");
        text
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        let (video, audio) = (&self.video, &self.audio);
        writeln!(out, "received {:.1} s of {}", self.uptime_seconds, self.source)?;
        writeln!(
            out,
            "  video  {}x{}: {} frames received, {} shown, {} late, {} incomplete, {} undecodable",
            video.width,
            video.height,
            video.frames_received,
            video.frames_shown,
            video.frames_late,
            video.frames_incomplete,
            video.frames_undecodable,
        )?;
        writeln!(
            out,
            "         {} packets, {} lost; latency {}",
            video.packets,
            video.packets_lost,
            Millis(video.latency_ms),
        )?;
        writeln!(
            out,
            "  audio  {} samples received, {} lost, {} played; {} packets, {} lost; latency {}",
            audio.samples,
            audio.samples_lost,
            audio.samples_played,
            audio.packets,
            audio.packets_lost,
            Millis(audio.latency_ms),
        )?;
        writeln!(out, "  audio against video: {}", Millis(self.av_offset_ms))
    }
}

/// A measurement, or that there is none.
struct Millis(Option<f64>);

impl std::fmt::Display for Millis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(millis) => write!(f, "{millis:.1} ms"),
            None => f.write_str("not known"),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "shown with a few digits")]
const fn to_f64(value: i64) -> f64 {
    value as f64
}
