//! What the daemon says about itself: one JSON object, for `--stats`, for `status` and for the
//! summary at the end.

use crate::publish::viewers::ViewerStatistics;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The reason for which frames are not sent that `--max-bitrate` has no room for.
pub const OVER_BITRATE: &str = "over_bitrate";

/// The part by which the real rate differs from the nominal one before it is worth a word.
const RATE_OFF: f64 = 0.1;

/// One report. Counters run from the start of the session.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Statistics {
    /// Nanoseconds since 1970.
    pub unix_nanos: i64,
    /// Seconds since the session began.
    pub uptime_seconds: f64,
    /// Name of the session.
    pub name: String,
    /// Where the session goes.
    pub destinations: Vec<DestinationStatistics>,
    /// Receivers, by their reports.
    pub viewers: usize,
    /// Those that are known one by one: for who asks, not in the lines of `--stats`, which they would make
    /// hundreds of kilobytes long.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub viewer_list: Vec<ViewerStatistics>,
    /// Pictures, if there are any.
    pub video: Option<VideoStatistics>,
    /// Sound, if there is any.
    pub audio: Option<AudioStatistics>,
}

/// Pictures.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct VideoStatistics {
    /// What is captured, in words.
    pub source: String,
    /// Why nothing is captured at the moment, if so.
    pub away: Option<String>,
    /// Times that the device was lost and opened again.
    pub returns: u64,
    /// Pixels.
    pub width: u16,
    /// Pixels.
    pub height: u16,
    /// Nominal frames a second; none where the source does not tell.
    pub rate: Option<f64>,
    /// Frames a second that the source handed over in the last seconds.
    #[serde(default)]
    pub real_rate: Option<f64>,
    /// Frames that the source handed over.
    pub frames_captured: u64,
    /// Frames that left.
    pub frames_sent: u64,
    /// Frames that did not, by reason.
    pub frames_dropped: BTreeMap<String, u64>,
    /// Frames that were rewritten without loss, to be sent.
    #[serde(default)]
    pub frames_rewritten: u64,
    /// Frames that were encoded here.
    #[serde(default)]
    pub frames_encoded: u64,
    /// Frames stamped by their arrival, since the driver's stamp could not be believed.
    #[serde(default)]
    pub stamps_refused: u64,
    /// Packets of frames that left, for each destination.
    pub packets: u64,
    /// Bytes of the frames that left.
    pub bytes: u64,
    /// Repair packets that left, for each destination.
    pub repair_packets: u64,
    /// Frames without repair packets, because they have more packets than a block (docs/repair.md).
    #[serde(default)]
    pub frames_unrepairable: u64,
}

/// Sound.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct AudioStatistics {
    /// What is captured, in words.
    pub source: String,
    /// Why nothing is captured at the moment, if so.
    pub away: Option<String>,
    /// Times that the device was lost and opened again.
    pub returns: u64,
    /// Sample frames a second.
    pub rate: u32,
    /// Samples of a frame.
    pub channels: u8,
    /// Sample frames captured.
    pub samples: u64,
    /// Packets that left, for each destination.
    pub packets: u64,
    /// Repair packets that left, for each destination.
    pub repair_packets: u64,
    /// Times that the source lost samples.
    pub overruns: u64,
    /// By how much the card is faster than it says, in parts per million; not before it has been heard
    /// for a while.
    pub clock_ppm: Option<i32>,
}

/// One destination.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct DestinationStatistics {
    /// Address and port of its first stream.
    pub address: String,
    /// Packets that the kernel took.
    pub packets: u64,
    /// Bytes of UDP payload.
    pub bytes: u64,
    /// Packets that it did not take.
    pub packets_dropped: u64,
    /// Why sending fails at the moment, if so.
    #[serde(default)]
    pub failing: Option<String>,
}

impl Statistics {
    /// As a person would read it: a few lines, each ended.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        let written = self.write(&mut text);
        debug_assert!(written.is_ok(), "a string takes everything");
        text
    }

    /// What is wrong at the moment, each in some words.
    fn problems(&self) -> Vec<String> {
        let failing = self.destinations.iter().filter_map(|to| {
            let why = to.failing.as_ref()?;
            Some(format!("sending to {} fails ({why})", to.address))
        });
        let mut problems: Vec<_> = failing.collect();
        if let Some(video) = &self.video {
            problems.extend(video.problems());
        }
        let away = self.audio.as_ref().and_then(|audio| audio.away.as_ref());
        problems.extend(away.map(|why| format!("no sound: {why}")));
        problems
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        let uptime = self.uptime_seconds;
        write!(out, "{}: on for {uptime:.0} s, {} viewers", self.name, self.viewers)?;
        match self.problems().join("; ") {
            none if none.is_empty() => writeln!(out)?,
            problems => writeln!(out, "; {problems}")?,
        }
        if let Some(video) = &self.video {
            video.write(out)?;
        }
        if let Some(audio) = &self.audio {
            let seconds = to_f64(audio.samples) / f64::from(audio.rate.max(1));
            writeln!(
                out,
                "  audio  {} {} Hz {}: {seconds:.1} s sent in {} packets and {} for repair, {} overruns",
                audio.source,
                audio.rate,
                if audio.channels == 1 { "mono" } else { "stereo" },
                audio.packets,
                audio.repair_packets,
                audio.overruns,
            )?;
            if let Some(ppm) = audio.clock_ppm {
                writeln!(
                    out,
                    "         the card's clock is off by {ppm:+} ppm, which viewers make up for"
                )?;
            }
            write_absence(out, audio.away.as_deref(), audio.returns)?;
        }
        for to in &self.destinations {
            writeln!(
                out,
                "  to     {}: {} packets, {:.1} MB, {} not taken by the network",
                to.address,
                to.packets,
                megabytes(to.bytes),
                to.packets_dropped,
            )?;
        }
        Ok(())
    }
}

impl VideoStatistics {
    fn problems(&self) -> impl Iterator<Item = String> {
        let away = self.away.as_ref().map(|why| format!("no pictures: {why}"));
        let over = self.frames_dropped.get(OVER_BITRATE).copied().unwrap_or(0);
        let percent = over * 100 / self.frames_captured.max(1);
        let left_out = (percent > 0)
            .then(|| format!("{percent} % of the pictures are left out because of --max-bitrate"));
        let real = self.real_rate.filter(|_| self.away.is_none()).zip(self.rate);
        let real = real.and_then(|(real, rate)| {
            let apart = (real - rate).abs() > rate * RATE_OFF;
            apart.then(|| {
                format!("{} pictures a second come instead of {}", short(real), short(rate))
            })
        });
        [away, left_out, real].into_iter().flatten()
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        let rate = self.rate.map(|rate| format!(" at {} frames/s", short(rate)));
        writeln!(
            out,
            "  video  {} {}x{}{}: {} frames captured, {} sent ({:.1} MB)",
            self.source,
            self.width,
            self.height,
            rate.unwrap_or_default(),
            self.frames_captured,
            self.frames_sent,
            megabytes(self.bytes),
        )?;
        let (packets, repair) = (self.packets, self.repair_packets);
        writeln!(out, "         {packets} packets and {repair} for repair")?;
        if self.frames_unrepairable > 0 {
            writeln!(
                out,
                "         {} frames without repair, which is for frames of {} packets at most",
                self.frames_unrepairable,
                streamsocket_wire::repair::PACKETS_MAX
            )?;
        }
        let (rewritten, encoded) = (self.frames_rewritten, self.frames_encoded);
        if rewritten + encoded > 0 {
            writeln!(out, "         {rewritten} rewritten without loss, {encoded} encoded here")?;
        }
        if self.stamps_refused > 0 {
            writeln!(
                out,
                "         {} stamped by their arrival, the driver's stamps being wrong",
                self.stamps_refused
            )?;
        }
        for (reason, count) in &self.frames_dropped {
            writeln!(out, "         {count} frames not sent: {}", reason.replace('_', " "))?;
        }
        write_absence(out, self.away.as_deref(), self.returns)
    }
}

fn write_absence(out: &mut String, away: Option<&str>, returns: u64) -> std::fmt::Result {
    if let Some(why) = away {
        writeln!(out, "         waiting for it: {why}")?;
    }
    match returns {
        0 => Ok(()),
        1 => writeln!(out, "         lost once, and opened again"),
        times => writeln!(out, "         lost {times} times, and opened again"),
    }
}

/// A rate with two digits at most behind the point.
fn short(rate: f64) -> f64 {
    (rate * 100.0).round() / 100.0
}

fn megabytes(bytes: u64) -> f64 {
    to_f64(bytes) / 1e6
}

#[expect(clippy::cast_precision_loss, reason = "shown with a few digits")]
const fn to_f64(count: u64) -> f64 {
    count as f64
}
