//! What a subscription counts and measures, and what those who present report to it.

use crate::cells::{Count, Gauge, Note, Refused};
use crate::diagnosis;
use crate::latency::{Latency, P50, WallClocks};
use crate::plan::Plan;
use streamsocket_media::clock::Delay;
use streamsocket_wire::sdp::Medium;

/// What a subscription counts and measures.
#[derive(Debug, Default)]
pub struct Counters {
    /// Of the video.
    pub video: VideoCounters,
    /// Of the audio.
    pub audio: AudioCounters,
    /// The current latency, in nanoseconds.
    pub latency: Gauge,
    /// The latency that it moves towards, in nanoseconds.
    pub target: Gauge,
    /// How much faster the sender's clock runs than this machine's, in parts per billion.
    pub drift: Gauge,
    /// 1 if the sender runs on this machine.
    pub same_machine: Count,
    /// 1 if both machines' wall clocks are synchronised to a reference.
    pub synchronised: Count,
    /// 1 if what is captured is presented as late as that of the sessions that it is kept in step with.
    pub in_step: Count,
    /// When the sender or this machine last resumed after it had stood still, on the monotonic clock.
    pub stopped: Gauge,
    /// When the sender last reported, on the monotonic clock.
    pub reported: Gauge,
    /// Sources of video so far.
    pub sources: Count,
    /// Datagrams of video that the kernel dropped because the socket's buffer was full.
    pub kernel_drops: Count,
}

/// Counts and measurements of the video.
#[derive(Debug, Default)]
pub struct VideoCounters {
    /// When the last packet arrived, on the monotonic clock.
    pub arrived: Gauge,
    /// When the last packet came that is not authentic, on the monotonic clock.
    pub forged: Gauge,
    /// The source's NOTE (RFC 3550 section 6.5.7).
    pub note: Note,
    /// Packets received.
    pub packets: Count,
    /// Bytes received, with RTP headers.
    pub bytes: Count,
    /// Packets lost, repaired ones included.
    pub packets_lost: Count,
    /// Lost packets that were repaired.
    pub packets_repaired: Count,
    /// Packets refused: of other sources, or malformed.
    pub packets_refused: Count,
    /// Packets and frames refused, by reason.
    pub refused: Refused,
    /// Complete frames.
    pub frames_received: Count,
    /// Frames given up because packets were missing.
    pub frames_incomplete: Count,
    /// Width (upper 16 of 32 bits) and height of the last frame, in pixels.
    pub size: Count,
    /// Reported by those who present it.
    pub presentation: Presentation,
    /// Interarrival jitter (RFC 3550 section 6.4.1), in nanoseconds.
    pub jitter: Gauge,
}

/// Counts and measurements of the audio.
#[derive(Debug, Default)]
pub struct AudioCounters {
    /// When the last packet arrived, on the monotonic clock.
    pub arrived: Gauge,
    /// When the last packet came that is not authentic, on the monotonic clock.
    pub forged: Gauge,
    /// The source's NOTE (RFC 3550 section 6.5.7).
    pub note: Note,
    /// Packets received.
    pub packets: Count,
    /// Packets lost, repaired ones included.
    pub packets_lost: Count,
    /// Lost packets that were repaired.
    pub packets_repaired: Count,
    /// Packets refused, by reason.
    pub refused: Refused,
    /// Packets refused: of other sources, malformed, or too long.
    pub packets_refused: Count,
    /// Sample frames received.
    pub samples: Count,
    /// Sample frames missing.
    pub samples_lost: Count,
    /// Reported by those who present it.
    pub presentation: Presentation,
    /// Interarrival jitter (RFC 3550 section 6.4.1), in nanoseconds.
    pub jitter: Gauge,
}

/// What those who present a stream report. The latency allows for it.
#[derive(Debug, Default)]
pub struct Presentation {
    /// From capture to screen or loudspeaker.
    pub latency: Latency,
    /// How much earlier than presented something is needed, in nanoseconds, in all but a few of ten thousand cases: to
    /// decode a picture, or to fill a sound card's buffer.
    pub work: Gauge,
    /// How long it takes to show a picture, in nanoseconds.
    pub showing: Gauge,
}

impl Presentation {
    /// Time from when something is complete until it is presented.
    pub(crate) fn needed(&self) -> Delay {
        self.work.delay().unwrap_or_default() + self.showing.delay().unwrap_or_default()
    }
}

/// What is counted and measured of a stream, whatever its medium.
pub(crate) struct Common<'a> {
    pub(crate) arrived: &'a Gauge,
    pub(crate) forged: &'a Gauge,
    pub(crate) note: &'a Note,
    pub(crate) packets: &'a Count,
    pub(crate) packets_lost: &'a Count,
    pub(crate) packets_repaired: &'a Count,
    pub(crate) packets_refused: &'a Count,
    pub(crate) refused: &'a Refused,
    pub(crate) jitter: &'a Gauge,
}

macro_rules! common {
    ($counters:expr) => {
        Common {
            arrived: &$counters.arrived,
            forged: &$counters.forged,
            note: &$counters.note,
            packets: &$counters.packets,
            packets_lost: &$counters.packets_lost,
            packets_repaired: &$counters.packets_repaired,
            packets_refused: &$counters.packets_refused,
            refused: &$counters.refused,
            jitter: &$counters.jitter,
        }
    };
}

impl Counters {
    /// What is counted of the stream of this medium.
    pub(crate) const fn of(&self, medium: Medium) -> Common<'_> {
        match medium {
            Medium::Video => common!(self.video),
            Medium::Audio => common!(self.audio),
        }
    }

    /// How the wall clocks of sender and receiver relate.
    #[must_use]
    pub fn clocks(&self) -> WallClocks {
        match (self.same_machine.get(), self.synchronised.get()) {
            (1.., _) => WallClocks::Same,
            (_, 1..) => WallClocks::Synchronised,
            _ => WallClocks::Unknown,
        }
    }

    /// If video came but no frame was completed: why, in words.
    #[must_use]
    pub fn video_refused(&self, plan: &Plan) -> Option<String> {
        let none = self.video.frames_received.get() == 0;
        let stream = plan.video.as_ref().filter(|_| none)?;
        diagnosis::of(&self.video.refused.get(), stream, plan)
    }

    /// If audio came but no samples could be taken: why, in words.
    #[must_use]
    pub fn audio_refused(&self, plan: &Plan) -> Option<String> {
        let stream = plan.audio.as_ref().filter(|_| self.audio.samples.get() == 0)?;
        diagnosis::of(&self.audio.refused.get(), stream, plan)
    }

    /// How much later than the pictures the sound is presented.
    #[must_use]
    pub fn av_offset(&self) -> Option<Delay> {
        let lateness = |presentation: &Presentation| presentation.latency.lateness.delay();
        Some(lateness(&self.audio.presentation)? - lateness(&self.video.presentation)?)
    }

    /// Median latency of the pictures from capture to screen.
    #[must_use]
    pub fn video_latency(&self) -> Option<Delay> {
        self.video.presentation.latency.shown(self.clocks()).quantile(P50)
    }
}
