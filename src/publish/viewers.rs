//! The list of viewers for statistics and commands: the receivers of all streams of a session, each
//! of them once.

use serde::Serialize;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::net::IpAddr;
use streamsocket_media::clock::Monotonic;
use streamsocket_stream::session::viewers::Viewer;
use streamsocket_wire::rtcp::ReportBlock;

/// Receivers listed at most: all that two tracks can know. With the longest names they are 0.7 MB of JSON, a third
/// of what an answer may be.
pub const LISTED_MAX: usize = 2048;

/// Receptions listed at most, of all receivers: two of each. They are 1 MB of JSON, half of what an answer may be.
pub const RECEPTIONS_MAX: usize = 2 * LISTED_MAX;

/// A receiver.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ViewerStatistics {
    /// Source address of its reports.
    pub address: String,
    /// How it takes the stream.
    pub transport: ViewerTransport,
    /// Its canonical name (RFC 3550 section 6.5.1), if it has sent one.
    pub name: String,
    /// Whose name and password it has, over RTSP.
    pub user: Option<String>,
    /// Pictures and pieces of sound that its connection had no room for.
    pub left_out: u64,
    /// Seconds since its last report.
    pub heard_seconds: f64,
    /// The tracks that it receives, and how.
    pub tracks: Vec<TrackReception>,
}

/// How somebody takes the stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ViewerTransport {
    /// From a group, or a host that it is sent to anyway.
    #[default]
    Multicast,
    /// Over RTSP, by sockets of its own.
    Udp,
    /// Over RTSP, within its connection.
    Tcp,
}

impl ViewerTransport {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Multicast => "multicast",
            Self::Udp => "udp",
            Self::Tcp => "tcp",
        }
    }
}

/// How a track arrives at a receiver.
#[derive(Clone, Debug, Serialize)]
pub struct TrackReception {
    /// Which track.
    #[serde(flatten)]
    pub track: TrackName,
    /// How.
    #[serde(flatten)]
    pub reception: Reception,
}

/// Says which track of a session it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TrackName {
    /// What it carries.
    pub media: MediumName,
    /// The tier that it is of; none for the session itself.
    pub tier: Option<String>,
    /// Its source in RTP.
    pub ssrc: u32,
}

/// What a track carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum MediumName {
    /// Pictures.
    Video,
    /// Sound.
    Audio,
}

/// Reception of a stream by the last report.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Reception {
    /// Packets lost since the previous report, in per cent.
    pub loss_percent: f64,
    /// The loss that remains after repair, if the receiver reports it (RFC 5725).
    pub loss_after_repair_percent: Option<f64>,
    /// Packets lost in total.
    pub packets_lost: i32,
    /// Interarrival jitter in milliseconds.
    pub jitter_ms: f64,
    /// Round-trip time in milliseconds.
    pub round_trip_ms: Option<f64>,
}

/// The receivers of one stream, to be added to a list.
pub struct StreamViewers<'a, V> {
    /// The receivers.
    pub viewers: V,
    /// RTP clock rate of the stream in hertz.
    pub rate: u32,
    /// Which stream it is.
    pub track: TrackName,
    /// The list to add to.
    pub list: &'a mut ViewerList,
}

/// The receivers of all streams, each of them once.
#[derive(Debug, Default)]
pub struct ViewerList {
    list: Vec<ViewerStatistics>,
    places: HashMap<(IpAddr, Vec<u8>), usize>,
    receptions: usize,
}

impl ViewerList {
    /// The receivers in the order in which they were added.
    #[must_use]
    pub fn into_list(self) -> Vec<ViewerStatistics> {
        self.list
    }
}

impl<'v, V: Iterator<Item = &'v Viewer>> StreamViewers<'_, V> {
    /// Adds the receivers to the list.
    pub fn add(self, now: Monotonic) {
        let ViewerList { list, places, receptions } = self.list;
        for viewer in self.viewers {
            let heard_seconds = now.since(viewer.heard).as_secs_f64();
            let reception = viewer.block.map(|block| reception(viewer, block, self.rate));
            let next = list.len();
            let key = (viewer.address.ip(), viewer.cname.to_vec());
            // Receivers without a name cannot be told apart.
            let named = !viewer.cname.is_empty();
            let index = places.get(&key).copied().filter(|_| named).unwrap_or(next);
            if index == next {
                if next == LISTED_MAX {
                    continue;
                }
                places.insert(key, next);
                let address = viewer.address.ip().to_string();
                // Printed on a terminal, which obeys control characters.
                let name = String::from_utf8_lossy(&viewer.cname).replace(char::is_control, "?");
                list.push(ViewerStatistics { address, name, heard_seconds, ..Default::default() });
            }
            let Some(known) = list.get_mut(index) else { continue };
            known.heard_seconds = known.heard_seconds.min(heard_seconds);
            let track = &self.track;
            // Two programs of one name take the same stream: the later report stands for both.
            let before = known.tracks.len();
            known.tracks.retain(|it| it.track != *track);
            *receptions -= before - known.tracks.len();
            if let Some(reception) = reception.filter(|_| *receptions < RECEPTIONS_MAX) {
                known.tracks.push(TrackReception { track: track.clone(), reception });
                *receptions += 1;
            }
        }
    }
}

/// Reception of a stream of this clock rate by a viewer's last report.
#[must_use]
pub fn reception(viewer: &Viewer, block: ReportBlock, rate: u32) -> Reception {
    let left = viewer.left.filter(|(_, of)| *of > 0);
    Reception {
        loss_percent: f64::from(block.fraction_lost) * 100.0 / 256.0,
        loss_after_repair_percent: left.map(|(lost, of)| f64::from(lost) * 100.0 / f64::from(of)),
        packets_lost: block.lost,
        jitter_ms: f64::from(block.jitter) * 1000.0 / f64::from(rate.max(1)),
        round_trip_ms: viewer.round_trip.map(to_millis),
    }
}

/// The list as text. `all` is the estimated number of receivers.
#[must_use]
pub fn text(viewers: &[ViewerStatistics], all: usize) -> String {
    let mut text = String::new();
    let _ = write_text(viewers, all, &mut text);
    text
}

fn write_text(viewers: &[ViewerStatistics], all: usize, out: &mut String) -> std::fmt::Result {
    if viewers.is_empty() {
        return writeln!(out, "nobody has reported yet (viewers do so every 5 s or more)");
    }
    writeln!(
        out,
        "{:<24} {:<24} {:<9} {:>9} {:>9} {:>9} {:>10} {:>6}",
        "VIEWER", "NAME", "TRANSPORT", "LOSS", "REPAIRED", "JITTER", "ROUND TRIP", "HEARD"
    )?;
    for viewer in viewers {
        let shown = viewer.tracks.first().map(|it| &it.reception);
        let millis =
            |value: Option<f64>| value.map_or("-".into(), |value| format!("{value:.1} ms"));
        let (loss, after) = match shown {
            Some(shown) => {
                let after = shown.loss_after_repair_percent;
                let after = after.map_or("-".into(), |after| format!("to {after:.2} %"));
                (format!("{:.2} %", shown.loss_percent), after)
            }
            None => ("-".into(), "-".into()),
        };
        writeln!(
            out,
            "{:<24} {:<24} {:<9} {loss:>9} {after:>9} {:>9} {:>10} {:>4.0} s",
            viewer.address,
            viewer.name,
            viewer.transport.name(),
            millis(shown.map(|shown| shown.jitter_ms)),
            millis(shown.and_then(|shown| shown.round_trip_ms)),
            viewer.heard_seconds,
        )?;
    }
    match all.saturating_sub(viewers.len()) {
        0 => Ok(()),
        more => writeln!(out, "and about {more} more"),
    }
}

fn to_millis(nanos: i64) -> f64 {
    let micros = u32::try_from(nanos / 1000).unwrap_or(u32::MAX);
    f64::from(micros) / 1000.0
}

#[cfg(test)]
mod tests;
