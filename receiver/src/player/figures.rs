//! What the viewer is told in numbers: rates, and what the threads have counted.

use super::presenter::Presenter;
use crate::counters::{Clocks, P50, P95, P99};
use crate::status::{Details, Status};
use streamsocket_stream::clock::Monotonic;

/// Frames and bytes until the last tick, and what they make a second.
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

impl Presenter<'_> {
    fn details(&self) -> Details {
        let counters = &self.threads.shared.counters;
        let (video, clocks) = (&counters.video, counters.clocks());
        let beyond = |above| in_millis(video.latency.shown(clocks).quantile(above));
        let rate = u64::from(self.sound_rate.max(1));
        Details {
            beyond_ms: beyond(P95).zip(beyond(P99)),
            sound_ms: in_millis(counters.audio.latency.shown(clocks).quantile(P50)),
            target_ms: in_millis(counters.target.get()),
            jitter_ms: in_millis(video.jitter.get()),
            drift_ppm: counters.drift.get().map(|ppb| millis(ppb) * 1e3),
            late: video.frames_late.get(),
            concealed_ms: counters.audio.samples_concealed.get() * 1000 / rate,
        }
    }

    pub(super) fn status(&self) -> Status<'static> {
        let counters = &self.threads.shared.counters;
        let (video, size) = (&counters.video, counters.video.size.get());
        let side = |value: u64| u16::try_from(value & 0xFFFF).unwrap_or(0);
        let (packets, lost) = (video.packets.get(), video.packets_lost.get());
        let share = |part| 100.0 * to_f32(part) / to_f32((packets + lost).max(1));
        Status {
            source: "",
            size: (size != 0).then(|| (side(size >> 16), side(size))),
            fps: self.rates.measured.map(|(fps, _)| fps),
            kbit_s: self.rates.measured.map(|(_, kbit_s)| kbit_s),
            latency_ms: counters.video_latency().map(millis),
            relative: counters.clocks() == Clocks::Unknown,
            loss_percent: share(lost.saturating_sub(video.packets_repaired.get())),
            loss_before_percent: share(lost),
            av_offset_ms: counters.av_offset().map(millis),
            recorded: self.threads.recording.is_active().then(|| counters.recorded.get()),
            details: self.details(),
        }
    }
}

pub(super) fn status_of<'n>(name: &'n str, status: Status<'n>) -> Status<'n> {
    Status { source: name, ..status }
}

fn in_millis(nanos: Option<i64>) -> Option<f32> {
    nanos.map(millis)
}

#[expect(clippy::cast_precision_loss, reason = "shown with a few digits")]
fn to_f32(count: u64) -> f32 {
    count as f32
}

#[expect(clippy::cast_precision_loss, reason = "shown with a few digits")]
fn millis(nanos: i64) -> f32 {
    nanos as f32 / 1e6
}
