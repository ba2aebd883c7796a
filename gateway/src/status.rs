//! How it goes, for the page and for programs: named as in `streamsocket status --json`.

use crate::sessions::{Session, Sessions};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use streamsocket_media::clock::Monotonic;
use streamsocket_subscribe::clock::monotonic;

/// What of a name is not as it is in a path: all but letters, digits and what RFC 3986 calls unreserved.
const IN_PATHS: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The form of the answer: it is counted up when a field that was there gets another name, place or meaning.
const SCHEMA: u32 = 1;

/// Everything.
#[derive(Serialize)]
pub(crate) struct Status {
    schema: u32,
    version: &'static str,
    uptime_seconds: f64,
    /// The page may start and stop the daemon of this machine.
    control: bool,
    sessions: Vec<SessionStatus>,
}

/// Of one session.
#[derive(Serialize)]
struct SessionStatus {
    name: String,
    /// What its paths begin with, relative to the page.
    path: String,
    /// The room that it is in.
    room: Option<String>,
    /// How long nothing has come of it, not even a report. `null`: nothing ever has.
    silent_seconds: Option<f64>,
    /// What there is of it beside itself, the largest first.
    tiers: Vec<TierStatus>,
    /// Connections that it is streamed to.
    viewers: usize,
    /// Pictures first.
    tracks: Vec<TrackStatus>,
}

/// Of a tier.
#[derive(Serialize)]
struct TierStatus {
    name: String,
    /// It is received, since somebody watches it, or has a moment ago.
    received: bool,
}

/// What has come of a medium. Counters run from when the session was joined.
#[derive(Serialize)]
struct TrackStatus {
    #[serde(flatten)]
    medium: Medium,
    /// What the sender says of its camera or microphone.
    away: Option<String>,
    packets: u64,
    packets_lost: u64,
    packets_repaired: u64,
    jitter_ms: Option<f64>,
}

/// What is known of pictures or of sound.
#[derive(Serialize)]
#[serde(tag = "media", rename_all = "lowercase")]
enum Medium {
    Video {
        /// Pixels, of the last picture; 0 before the first.
        width: u64,
        height: u64,
        /// Pictures a second that came in the last seconds.
        real_rate: Option<f64>,
        /// From capture until a picture is here, if both clocks can be compared.
        latency_ms: Option<f64>,
        bytes: u64,
        frames_received: u64,
        frames_incomplete: u64,
    },
    Audio {
        /// Sample frames a second.
        rate: u32,
        channels: u8,
        samples: u64,
        samples_lost: u64,
    },
}

impl Status {
    /// How it goes now, of a program that runs since `began`.
    pub(crate) fn of(sessions: &Sessions, began: Monotonic, control: bool) -> Self {
        let uptime_seconds = monotonic().since(began).as_secs_f64();
        let sessions = sessions.all().iter().map(|session| SessionStatus::of(session)).collect();
        let version = env!("CARGO_PKG_VERSION");
        Self { schema: SCHEMA, version, uptime_seconds, control, sessions }
    }
}

impl SessionStatus {
    fn of(session: &Session) -> Self {
        let tracks = [video(session), audio(session)].into_iter().flatten().collect();
        let plans = session.tiers.plans();
        let tiers = plans.iter().filter_map(|plan| plan.tier.clone()).map(|name| {
            let received = session.tiers.is_received(&name);
            TierStatus { name, received }
        });
        Self {
            name: session.name.clone(),
            path: path(session),
            room: session.plan.room.clone(),
            silent_seconds: session.silent().map(|silent| silent.as_secs_f64()),
            tiers: tiers.collect(),
            viewers: session.viewers(),
            tracks,
        }
    }
}

fn video(session: &Session) -> Option<TrackStatus> {
    session.plan.video.as_ref()?;
    let counters = &session.counters.video;
    let size = counters.size.get();
    Some(TrackStatus {
        medium: Medium::Video {
            width: size >> 16,
            height: size & 0xFFFF,
            real_rate: session.rate(),
            latency_ms: session.latency().map(|seconds| seconds * 1e3),
            bytes: counters.bytes.get(),
            frames_received: counters.frames_received.get(),
            frames_incomplete: counters.frames_incomplete.get(),
        },
        away: counters.note.get(),
        packets: counters.packets.get(),
        packets_lost: counters.packets_lost.get(),
        packets_repaired: counters.packets_repaired.get(),
        jitter_ms: counters.jitter.millis(),
    })
}

fn audio(session: &Session) -> Option<TrackStatus> {
    let format = session.plan.audio.as_ref()?;
    let counters = &session.counters.audio;
    Some(TrackStatus {
        medium: Medium::Audio {
            rate: format.clock_rate,
            channels: format.channels,
            samples: counters.samples.get(),
            samples_lost: counters.samples_lost.get(),
        },
        away: counters.note.get(),
        packets: counters.packets.get(),
        packets_lost: counters.packets_lost.get(),
        packets_repaired: counters.packets_repaired.get(),
        jitter_ms: counters.jitter.millis(),
    })
}

/// What the paths of a session begin with, without a slash.
pub(crate) fn path(session: &Session) -> String {
    encoded(&session.name)
}

/// A name as it is in a path.
pub(crate) fn encoded(name: &str) -> String {
    utf8_percent_encode(name, IN_PATHS).to_string()
}
