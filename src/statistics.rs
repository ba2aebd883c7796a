//! What the daemon says about itself: one JSON object, for `--stats`, for `status` and for the
//! summary at the end.

mod relay;
mod sound;

pub use self::relay::RelayStatistics;
use crate::publish::viewers::ViewerStatistics;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The reason for which frames are not sent that `--max-bitrate` has no room for.
pub const OVER_BITRATE: &str = "over_bitrate";

/// The part by which the real rate differs from the nominal one before it is worth a word.
const RATE_OFF: f64 = 0.1;

/// The form of the reports: it is counted up when a field that was there gets another name, place or meaning.
pub const SCHEMA: u32 = 2;

/// One report. Counters run from the start of the session.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Statistics {
    /// [`SCHEMA`].
    pub schema: u32,
    /// Nanoseconds since 1970.
    pub unix_nanos: i64,
    /// Seconds since the session began.
    pub uptime_seconds: f64,
    /// Name of the session.
    pub name: String,
    /// The room that it belongs to, if any.
    pub room: Option<String>,
    /// Nothing is captured until somebody wants it again.
    pub paused: bool,
    /// Where the session and its tiers go, and what of all tracks goes there.
    pub destinations: Vec<DestinationStatistics>,
    /// The relay that it is published to, if any.
    pub relay: Option<RelayStatistics>,
    /// Those who are served one by one, over RTSP, if anybody can be.
    pub rtsp: Option<ServingStatistics>,
    /// What protects the session, if anything does.
    pub protection: Option<ProtectionStatistics>,
    /// Receivers: those who report, and those who are served one by one.
    pub viewers: usize,
    /// Those that are known one by one: for who asks, not in the lines of `--stats`, which they would make
    /// hundreds of kilobytes long.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub viewer_list: Vec<ViewerStatistics>,
    /// What is sent: pictures first, those of the session itself before those of its tiers.
    pub tracks: Vec<TrackStatistics>,
}

/// Those who are served one by one, over RTSP.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ServingStatistics {
    /// What to ask for.
    pub url: String,
    /// Those who watch at the moment.
    pub viewers: usize,
    /// Packets sent so far, also to those who watch no more.
    pub packets: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Packets that the kernel did not accept.
    pub packets_dropped: u64,
    /// Pictures and pieces of sound that connections had no room for.
    pub left_out: u64,
}

/// What protects a session (SRTP).
#[derive(Clone, Debug, Default, Serialize)]
pub struct ProtectionStatistics {
    /// The suite.
    pub suite: &'static str,
    /// Reports of viewers that were replayed, forged, or sealed with another key.
    pub reports_refused: u64,
}

/// What is sent of a medium.
#[derive(Clone, Debug, Serialize)]
pub struct TrackStatistics {
    /// The medium, and what is known of it.
    #[serde(flatten)]
    pub medium: MediumStatistics,
    /// The tier that it is of; none for the session itself.
    pub tier: Option<String>,
    /// Its source in RTP (RFC 3550 section 3).
    pub ssrc: u32,
    /// Where it goes.
    pub destinations: Vec<DestinationStatistics>,
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
#[derive(Clone, Debug, Default, Serialize)]
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
    pub real_rate: Option<f64>,
    /// Frames that the source handed over.
    pub frames_captured: u64,
    /// Frames that left.
    pub frames_sent: u64,
    /// Frames that did not, by reason.
    pub frames_dropped: BTreeMap<String, u64>,
    /// Frames that were rewritten without loss, to be sent.
    pub frames_rewritten: u64,
    /// Frames that were encoded here.
    pub frames_encoded: u64,
    /// Frames stamped by their arrival, since the driver's stamp could not be believed.
    pub stamps_refused: u64,
    /// Packets of frames that left, for each destination.
    pub packets: u64,
    /// Bytes of the frames that left.
    pub bytes: u64,
    /// Repair packets that left, for each destination.
    pub repair_packets: u64,
    /// Frames without repair packets, because they have more packets than a block (docs/repair.md).
    pub frames_unrepairable: u64,
}

/// Sound.
#[derive(Clone, Debug, Default, Serialize)]
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
    /// Kilobits a second that it is encoded to as Opus, if it is.
    pub opus_kbit: Option<u32>,
    /// Frames of 20 ms that were not sent, since there was no time to encode them.
    pub encoder_was_busy: u64,
}

/// One destination.
#[derive(Clone, Debug, Default, Serialize)]
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
        let paused = self.paused.then(|| "paused".to_owned());
        let failing = self.destinations.iter().filter_map(|to| {
            let why = to.failing.as_ref()?;
            Some(format!("sending to {} fails ({why})", to.address))
        });
        let relay = self.relay.iter().filter_map(|it| it.failing.as_ref());
        paused
            .into_iter()
            .chain(failing)
            .chain(relay.map(|why| format!("not published: {why}")))
            .chain(self.tracks.iter().flat_map(TrackStatistics::problems))
            .collect()
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        let uptime = self.uptime_seconds;
        write!(out, "{}: on for {uptime:.0} s, {} viewers", self.name, self.viewers)?;
        if let Some(room) = &self.room {
            write!(out, ", in the room '{room}'")?;
        }
        match self.problems().join("; ") {
            none if none.is_empty() => writeln!(out)?,
            problems => writeln!(out, "; {problems}")?,
        }
        self.tracks.iter().try_for_each(|track| track.write(out))?;
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
        if let Some(relay) = &self.relay {
            relay.write(out)?;
        }
        if let Some(ProtectionStatistics { suite, reports_refused }) = &self.protection {
            writeln!(out, "  srtp   {suite}: {reports_refused} reports of viewers refused")?;
        }
        if let Some(rtsp) = &self.rtsp {
            let ServingStatistics { url, viewers, packets, packets_dropped, left_out, .. } = rtsp;
            writeln!(
                out,
                "  rtsp   {url}: {viewers} watch, {packets} packets, {:.1} MB, {packets_dropped} not taken by the network, {left_out} pictures left out for slow connections",
                megabytes(rtsp.bytes),
            )?;
        }
        Ok(())
    }
}

/// What goes to each destination of these tracks, which are in the order of [`Statistics::tracks`]: the first
/// of each medium go together, and so do the second ones; a tier has destinations of its own.
#[must_use]
pub fn by_destination(tracks: &[TrackStatistics]) -> Vec<DestinationStatistics> {
    let (mut keys, mut sums) = (Vec::new(), Vec::<DestinationStatistics>::new());
    for (at, track) in tracks.iter().enumerate() {
        let medium = std::mem::discriminant(&track.medium);
        let same = |it: &&TrackStatistics| {
            it.tier == track.tier && std::mem::discriminant(&it.medium) == medium
        };
        let nth = tracks.iter().take(at).filter(same).count();
        for (index, to) in track.destinations.iter().enumerate() {
            let key = (&track.tier, nth, index);
            let known = keys.iter().position(|known| *known == key);
            let Some(sum) = known.and_then(|known| sums.get_mut(known)) else {
                keys.push(key);
                sums.push(to.clone());
                continue;
            };
            sum.packets += to.packets;
            sum.bytes += to.bytes;
            sum.packets_dropped += to.packets_dropped;
            sum.failing = sum.failing.take().or_else(|| to.failing.clone());
        }
    }
    sums
}

impl TrackStatistics {
    /// What is wrong at the moment. What a tier leaves out is meant to be left out.
    fn problems(&self) -> Vec<String> {
        match &self.medium {
            MediumStatistics::Video(video) if self.tier.is_none() => video.problems().collect(),
            MediumStatistics::Video(_) => Vec::new(),
            MediumStatistics::Audio(audio) => {
                let away = audio.away.iter();
                away.map(|why| format!("no sound: {why}")).collect()
            }
        }
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        let tier = self.tier.as_ref().map(|name| format!(", tier {name},"));
        match &self.medium {
            MediumStatistics::Video(video) => video.write(tier.as_deref().unwrap_or(""), out),
            MediumStatistics::Audio(audio) => audio.write(tier.as_deref().unwrap_or(""), out),
        }
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

    fn write(&self, tier: &str, out: &mut String) -> std::fmt::Result {
        let rate = self.rate.map(|rate| format!(" at {} frames/s", short(rate)));
        writeln!(
            out,
            "  video  {}{tier} {}x{}{}: {} frames captured, {} sent ({:.1} MB)",
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

#[cfg(test)]
mod tests;
