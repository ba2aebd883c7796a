//! The figures that the viewer is shown: rates, and what the threads have counted.

use crate::shared::Shared;
use crate::status::{Details, Status};
use streamsocket_media::clock::{Delay, Monotonic};
use streamsocket_subscribe::latency::{P50, P95, P99, WallClocks};

/// Frame rate and bit rate, measured from tick to tick.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rates {
    pub(super) at: Monotonic,
    pub(super) frames: u64,
    pub(super) bytes: u64,
    pub(super) measured: Option<(f32, u32)>,
}

impl Rates {
    pub(super) fn measure(&mut self, now: Monotonic, frames: u64, bytes: u64) {
        let millis = u64::try_from(now.since(self.at).as_millis()).unwrap_or(u64::MAX).max(1);
        let fps = to_f32(frames - self.frames) * 1000.0 / to_f32(millis);
        let kbit_s = u32::try_from((bytes - self.bytes) * 8 / millis).unwrap_or(u32::MAX);
        *self = Self { at: now, frames, bytes, measured: Some((fps, kbit_s)) };
    }
}

/// The sources of the figures.
pub(super) struct Figures<'a> {
    pub(super) shared: &'a Shared,
    pub(super) rates: &'a Rates,
    /// Sample frames a second of the session's sound.
    pub(super) sound_rate: u32,
    /// Something is being recorded.
    pub(super) recording: bool,
    /// Whether it is in step with the others of its room, if it is in one.
    pub(super) in_step: Option<bool>,
}

impl Figures<'_> {
    fn details(&self) -> Details {
        let (input, output) = (&self.shared.input, &self.shared.output);
        let (video, audio) = (&input.video.presentation, &input.audio.presentation);
        let clocks = input.clocks();
        let beyond = |above| in_millis(video.latency.shown(clocks).quantile(above));
        let rate = u64::from(self.sound_rate.max(1));
        Details {
            beyond_ms: beyond(P95).zip(beyond(P99)),
            sound_ms: in_millis(audio.latency.shown(clocks).quantile(P50)),
            target_ms: in_millis(input.target.delay()),
            jitter_ms: in_millis(input.video.jitter.delay()),
            drift_ppm: input.drift.get().map(ppm),
            in_step: self.in_step,
            late: output.video.frames_late.get(),
            concealed_ms: output.audio.samples_concealed.get() * 1000 / rate,
        }
    }

    /// The status of the session of this name.
    pub(super) fn status<'n>(&self, name: &'n str) -> Status<'n> {
        let input = &self.shared.input;
        let (video, size) = (&input.video, input.video.size.get());
        let side = |value: u64| u16::try_from(value & 0xFFFF).unwrap_or(0);
        let (packets, lost) = (video.packets.get(), video.packets_lost.get());
        let share = |part| 100.0 * to_f32(part) / to_f32((packets + lost).max(1));
        Status {
            source: name,
            size: (size != 0).then(|| (side(size >> 16), side(size))),
            tier: self.shared.tiers.received(),
            fps: self.rates.measured.map(|(fps, _)| fps),
            kbit_s: self.rates.measured.map(|(_, kbit_s)| kbit_s),
            latency_ms: input.video_latency().map(millis),
            relative: input.clocks() == WallClocks::Unknown,
            loss_percent: share(lost.saturating_sub(video.packets_repaired.get())),
            loss_before_percent: share(lost),
            av_offset_ms: input.av_offset().map(millis),
            recorded: self.recording.then(|| self.shared.output.recorded.get()),
            details: self.details(),
        }
    }
}

fn in_millis(delay: Option<Delay>) -> Option<f32> {
    delay.map(millis)
}

#[expect(clippy::cast_precision_loss, reason = "shown with a few digits")]
fn to_f32(count: u64) -> f32 {
    count as f32
}

/// Parts per million of parts per billion.
#[expect(clippy::cast_precision_loss, reason = "shown with a few digits")]
fn ppm(ppb: i64) -> f32 {
    ppb as f32 / 1e3
}

#[expect(clippy::cast_precision_loss, reason = "shown with a few digits")]
fn millis(delay: Delay) -> f32 {
    delay.nanos() as f32 / 1e6
}
