//! What a subscription counts and measures, and what it is told of presentation. One thread writes a number and others
//! read it.

use crate::cells::{Count, Gauge, Note, Refused};
use crate::diagnosis;
use crate::latency::{Latency, P50, WallClocks};
use crate::plan::Plan;

/// What a subscription counts.
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
    /// Width in the upper, height in the lower half.
    pub size: Count,
    /// What becomes of them behind the subscription.
    pub presentation: Presentation,
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
    /// What becomes of it behind the subscription.
    pub presentation: Presentation,
    /// Interarrival jitter.
    pub jitter: Gauge,
}

/// What whoever presents a stream measures of it, which the latency allows for.
#[derive(Debug, Default)]
pub struct Presentation {
    /// From capture to screen or loudspeaker.
    pub latency: Latency,
    /// How much earlier than it is presented something is needed, in nanoseconds, but for a few in ten thousand: the
    /// time to decode a picture, or that which a sound card plays ahead.
    pub work: Gauge,
    /// Time that it takes to show a picture, in nanoseconds.
    pub showing: Gauge,
}

impl Presentation {
    /// Time from when something is complete until it is presented, in nanoseconds.
    pub(crate) fn needed(&self) -> i64 {
        self.work.get().unwrap_or(0) + self.showing.get().unwrap_or(0)
    }
}

impl Counters {
    /// What is known of both machines' clocks.
    #[must_use]
    pub fn clocks(&self) -> WallClocks {
        match (self.same_machine.get(), self.synchronised.get()) {
            (1.., _) => WallClocks::Same,
            (_, 1..) => WallClocks::Synchronised,
            _ => WallClocks::Unknown,
        }
    }

    /// Why no picture was put together though something came, in words.
    #[must_use]
    pub fn video_refused(&self, plan: &Plan) -> Option<String> {
        let none = self.video.frames_received.get() == 0;
        let stream = plan.video.as_ref().filter(|_| none)?;
        diagnosis::of(&self.video.refused.get(), stream, plan)
    }

    /// Why no sound was taken though something came, in words.
    #[must_use]
    pub fn audio_refused(&self, plan: &Plan) -> Option<String> {
        let stream = plan.audio.as_ref().filter(|_| self.audio.samples.get() == 0)?;
        diagnosis::of(&self.audio.refused.get(), stream, plan)
    }

    /// Sound presented so much later than the picture, in nanoseconds.
    #[must_use]
    pub fn av_offset(&self) -> Option<i64> {
        let lateness = |presentation: &Presentation| presentation.latency.lateness.get();
        Some(lateness(&self.audio.presentation)? - lateness(&self.video.presentation)?)
    }

    /// Pictures from capture to screen, in nanoseconds: half of them take longer.
    #[must_use]
    pub fn video_latency(&self) -> Option<i64> {
        self.video.presentation.latency.shown(self.clocks()).quantile(P50)
    }
}
