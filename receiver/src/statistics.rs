//! What the receiver says about itself: one JSON object, for `--stats`, and the summary at the end.

use crate::shared::Shared;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use streamsocket_stream::receive::refusal::Refusals;
use streamsocket_subscribe::cells::Gauge;
use streamsocket_subscribe::latency::{P50, P95, P99, WallClocks};
use streamsocket_subscribe::plan::Plan;

/// The form of the reports: it is counted up when a field that was there gets another name, place or meaning.
const SCHEMA: u32 = 2;

/// One report. Counters run from the start.
#[derive(Clone, Debug, Serialize)]
pub struct Statistics {
    /// The form of the report.
    pub schema: u32,
    /// Seconds since the program began to receive.
    pub uptime_seconds: f64,
    /// Name of the session.
    pub source: String,
    /// Times that a new source has begun.
    pub sources: u64,
    /// What the session has: pictures first.
    pub tracks: Vec<TrackStatistics>,
    /// What is known of both machines' clocks; see [`WallClocks::name`].
    pub clocks: &'static str,
    /// What the latency is to be, in milliseconds, beyond the fastest way through the network.
    pub latency_target_ms: Option<f64>,
    /// What it is on its way there.
    pub latency_now_ms: Option<f64>,
    /// Whether it is presented as long after its capture as the others of its room.
    pub in_step: bool,
    /// By how much the sender's clock is faster than ours, in parts per million.
    pub drift_ppm: Option<f64>,
    /// Sound presented so much later than the picture, in milliseconds.
    pub av_offset_ms: Option<f64>,
    /// Bytes recorded.
    pub recorded_bytes: u64,
    /// Pictures and packets of sound that came and are not in the recording.
    pub recording_left_out: u64,
    /// Times that the sender's clock went on somewhere else, which was taken out of the recording.
    pub recording_jumps: u64,
    /// Silence in recordings that stands for sound that is missing, in milliseconds.
    pub recording_silence_ms: u64,
    /// Recordings that ended before they should.
    pub recordings_cut: u64,
    /// Pictures put in files of their own.
    pub snapshots: u64,
    /// Those asked for by an option that could not be.
    pub snapshots_failed: u64,
    /// Datagrams that the kernel had no room for.
    pub kernel_drops: u64,
    /// Why nothing of the pictures, or of the sound, was presented though something came.
    pub problems: Vec<String>,
}

/// What came of a medium.
#[derive(Clone, Debug, Serialize)]
pub struct TrackStatistics {
    /// The medium, and what is known of it.
    #[serde(flatten)]
    pub medium: MediumStatistics,
    /// The tier of its session that it is of; none if it is described as no tier's.
    pub tier: Option<String>,
}

/// What is known of pictures or of sound.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "media", rename_all = "lowercase")]
pub enum MediumStatistics {
    /// Pictures.
    Video(VideoStatistics),
    /// Sound.
    Audio(AudioStatistics),
}

/// Pictures.
#[derive(Clone, Debug, Serialize)]
#[expect(missing_docs, reason = "the fields are those of VideoCounters and VideoOutput")]
pub struct VideoStatistics {
    pub width: u64,
    pub height: u64,
    pub packets: u64,
    pub bytes: u64,
    pub packets_lost: u64,
    pub packets_repaired: u64,
    pub packets_refused: u64,
    pub refused: BTreeMap<&'static str, u64>,
    pub frames_received: u64,
    pub frames_incomplete: u64,
    pub frames_undecodable: u64,
    pub frames_late: u64,
    pub frames_shown: u64,
    pub latency_ms: Option<f64>,
    pub latency_p95_ms: Option<f64>,
    pub latency_p99_ms: Option<f64>,
    pub lateness_ms: Option<f64>,
    pub jitter_ms: Option<f64>,
}

/// Sound.
#[derive(Clone, Debug, Serialize)]
#[expect(missing_docs, reason = "the fields are those of AudioCounters and AudioOutput")]
pub struct AudioStatistics {
    pub packets: u64,
    pub packets_lost: u64,
    pub packets_repaired: u64,
    pub refused: BTreeMap<&'static str, u64>,
    pub packets_refused: u64,
    pub samples: u64,
    pub samples_lost: u64,
    pub samples_played: u64,
    pub samples_late: u64,
    pub samples_concealed: u64,
    pub latency_ms: Option<f64>,
    pub latency_p95_ms: Option<f64>,
    pub latency_p99_ms: Option<f64>,
    pub lateness_ms: Option<f64>,
    pub underruns: u64,
    pub jumps: u64,
    pub stretch_ppm: Option<f64>,
    pub jitter_ms: Option<f64>,
}

impl Statistics {
    /// All of it, as it stands.
    #[must_use]
    pub fn of(shared: &Shared, plan: &Plan, uptime_seconds: f64) -> Self {
        let (input, output) = (&shared.input, &shared.output);
        let video = plan.video.as_ref().map(|_| MediumStatistics::Video(video_statistics(shared)));
        let audio = plan.audio.as_ref().map(|_| MediumStatistics::Audio(audio_statistics(shared)));
        let tracks = video.into_iter().chain(audio);
        let received = shared.tiers.received().map(|name| name.to_string());
        let received = received.or_else(|| plan.tier.clone());
        Self {
            schema: SCHEMA,
            uptime_seconds,
            source: plan.name.clone(),
            sources: input.sources.get(),
            tracks: tracks
                .map(|medium| {
                    let of_pictures = matches!(medium, MediumStatistics::Video(_));
                    let tier = if of_pictures { received.clone() } else { plan.tier.clone() };
                    TrackStatistics { medium, tier }
                })
                .collect(),
            clocks: input.clocks().name(),
            latency_target_ms: input.target.millis(),
            latency_now_ms: input.latency.millis(),
            in_step: input.in_step.get() > 0,
            drift_ppm: ppm(&input.drift),
            av_offset_ms: input.av_offset().map(|offset| to_f64(offset.nanos()) / 1e6),
            recorded_bytes: output.recorded.get(),
            recording_left_out: output.recording_left_out.get(),
            recording_jumps: output.recording_jumps.get(),
            recording_silence_ms: output.recording_silence.get() / 1_000_000,
            recordings_cut: output.recordings_cut.get(),
            snapshots: output.snapshots.get(),
            snapshots_failed: output.snapshots_failed.get(),
            kernel_drops: input.kernel_drops.get(),
            problems: [input.video_refused(plan), input.audio_refused(plan)]
                .into_iter()
                .flatten()
                .collect(),
        }
    }
}

fn video_statistics(shared: &Shared) -> VideoStatistics {
    let (input, output) = (&shared.input.video, &shared.output.video);
    let shown = input.presentation.latency.shown(shared.input.clocks());
    VideoStatistics {
        width: input.size.get() >> 16,
        height: input.size.get() & 0xFFFF,
        packets: input.packets.get(),
        bytes: input.bytes.get(),
        packets_lost: input.packets_lost.get(),
        packets_repaired: input.packets_repaired.get(),
        packets_refused: input.packets_refused.get(),
        refused: by_reason(&input.refused.get()),
        frames_received: input.frames_received.get(),
        frames_incomplete: input.frames_incomplete.get(),
        frames_undecodable: output.frames_undecodable.get(),
        frames_late: output.frames_late.get(),
        frames_shown: output.frames_shown.get(),
        latency_ms: shown.millis(P50),
        latency_p95_ms: shown.millis(P95),
        latency_p99_ms: shown.millis(P99),
        lateness_ms: input.presentation.latency.lateness.millis(),
        jitter_ms: input.jitter.millis(),
    }
}

fn audio_statistics(shared: &Shared) -> AudioStatistics {
    let (input, output) = (&shared.input.audio, &shared.output.audio);
    let heard = input.presentation.latency.shown(shared.input.clocks());
    AudioStatistics {
        packets: input.packets.get(),
        packets_lost: input.packets_lost.get(),
        packets_repaired: input.packets_repaired.get(),
        refused: by_reason(&input.refused.get()),
        packets_refused: input.packets_refused.get(),
        samples: input.samples.get(),
        samples_lost: input.samples_lost.get(),
        samples_played: output.samples_played.get(),
        samples_late: output.samples_late.get(),
        samples_concealed: output.samples_concealed.get(),
        latency_ms: heard.millis(P50),
        latency_p95_ms: heard.millis(P95),
        latency_p99_ms: heard.millis(P99),
        lateness_ms: input.presentation.latency.lateness.millis(),
        underruns: output.underruns.get(),
        jumps: output.jumps.get(),
        stretch_ppm: ppm(&output.rate),
        jitter_ms: input.jitter.millis(),
    }
}

/// A rate in parts per million, if it is known.
fn ppm(gauge: &Gauge) -> Option<f64> {
    gauge.get().map(|ppb| to_f64(ppb) / 1e3)
}

/// How much was refused for each reason that there was.
fn by_reason(refusals: &Refusals) -> BTreeMap<&'static str, u64> {
    refusals.all().map(|(reason, count)| (reason.name(), count)).collect()
}

impl Statistics {
    /// Packets and pictures that came and were not taken.
    #[must_use]
    pub fn refused(&self) -> u64 {
        let refused = self.tracks.iter().flat_map(|track| match &track.medium {
            MediumStatistics::Video(video) => video.refused.values(),
            MediumStatistics::Audio(audio) => audio.refused.values(),
        });
        refused.sum()
    }

    /// Whether neither a picture nor a sample came.
    #[must_use]
    pub fn nothing_came(&self) -> bool {
        self.tracks.iter().all(|track| match &track.medium {
            MediumStatistics::Video(video) => video.frames_received == 0,
            MediumStatistics::Audio(audio) => audio.samples == 0,
        })
    }

    /// The summary, as a person would read it: a few lines, each ended.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        let written = self.write(&mut text);
        debug_assert!(written.is_ok(), "a string takes everything");
        text
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        writeln!(out, "received {:.1} s of {}", self.uptime_seconds, self.source)?;
        for track in &self.tracks {
            match &track.medium {
                MediumStatistics::Video(video) => video.write(out)?,
                MediumStatistics::Audio(audio) => audio.write(out)?,
            }
        }
        let (offset, target) = (Millis(self.av_offset_ms), Millis(self.latency_target_ms));
        if self.tracks.len() > 1 {
            write!(out, "  audio against video: {offset}; ")?;
        } else {
            write!(out, "  ")?;
        }
        writeln!(out, "latency aimed at: {target}")?;
        self.problems.iter().try_for_each(|problem| writeln!(out, "  {problem}"))?;
        self.write_circumstances(out)
    }

    fn write_circumstances(&self, out: &mut String) -> std::fmt::Result {
        if self.kernel_drops > 0 {
            let drops = self.kernel_drops;
            writeln!(
                out,
                "  {drops} packets came and were lost here: the kernel had no room for them"
            )?;
        }
        if self.recording_left_out > 0 {
            let left_out = self.recording_left_out;
            writeln!(out, "  {left_out} pictures and packets of sound are not in the recording")?;
        }
        if self.recording_silence_ms > 0 {
            let silence = self.recording_silence_ms;
            writeln!(
                out,
                "  {silence} ms of silence in the recording stand for sound that did not come"
            )?;
        }
        if self.recording_jumps > 0 {
            let jumps = self.recording_jumps;
            writeln!(
                out,
                "  the sender's clock jumped {jumps} times, which was taken out of the recording"
            )?;
        }
        if self.clocks == WallClocks::Unknown.name() {
            writeln!(
                out,
                "  the machines' clocks are not known to agree: latencies are those beyond the fastest packet"
            )?;
        }
        match self.drift_ppm {
            Some(ppm) => {
                writeln!(out, "  the sender's clock is off from this one by {ppm:+.1} ppm")
            }
            None => Ok(()),
        }
    }
}

impl VideoStatistics {
    fn write(&self, out: &mut String) -> std::fmt::Result {
        let size = match (self.width, self.height) {
            (0, _) | (_, 0) => "no picture".into(),
            (width, height) => format!("{width}x{height}"),
        };
        writeln!(
            out,
            "  video  {size}: {} frames received, {} shown, {} late, {} incomplete, {} undecodable",
            self.frames_received,
            self.frames_shown,
            self.frames_late,
            self.frames_incomplete,
            self.frames_undecodable,
        )?;
        writeln!(
            out,
            "         {} packets, {} lost, {} of them repaired; jitter {}; latency {}",
            self.packets,
            self.packets_lost,
            self.packets_repaired,
            Millis(self.jitter_ms),
            Spreading([self.latency_ms, self.latency_p95_ms, self.latency_p99_ms]),
        )
    }
}

impl AudioStatistics {
    fn write(&self, out: &mut String) -> std::fmt::Result {
        writeln!(
            out,
            "  audio  {} samples received, {} lost, {} late, {} played, {} concealed",
            self.samples,
            self.samples_lost,
            self.samples_late,
            self.samples_played,
            self.samples_concealed,
        )?;
        writeln!(
            out,
            "         {} packets, {} lost, {} of them repaired; jitter {}; latency {}",
            self.packets,
            self.packets_lost,
            self.packets_repaired,
            Millis(self.jitter_ms),
            Spreading([self.latency_ms, self.latency_p95_ms, self.latency_p99_ms]),
        )
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

/// Median, and what 5 and 1 per cent exceed.
struct Spreading([Option<f64>; 3]);

impl std::fmt::Display for Spreading {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [p50, p95, p99] = self.0.map(Millis);
        match self.0 {
            [Some(_), ..] => write!(f, "{p50} (p95 {p95}, p99 {p99})"),
            _ => f.write_str("not known"),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "shown with a few digits")]
const fn to_f64(value: i64) -> f64 {
    value as f64
}
