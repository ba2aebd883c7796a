//! What is live: playlists that wait for what is asked for, parts and segments.

use crate::answer::{AUDIO, Kept, PLAYLIST, Refusal, VIDEO, media, nothing, refuse, text};
use crate::asked::{File, Query};
use crate::names::SOUND;
use crate::session::Session;
use crate::track::Track;
use axum::http::StatusCode;
use axum::response::Response;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use streamsocket_cmaf::grid::Grid;
use streamsocket_cmaf::playlist::{self, Sound, Variant};
use streamsocket_cmaf::window::{Ask, Reached, Report};
use streamsocket_media::clock::Monotonic;
use streamsocket_subscribe::clock::monotonic;
use tokio::time::timeout;

/// How long a request waits for what comes next at most, in lengths of segments (RFC 8216bis section 6.2.5.2).
const PATIENCE: u32 = 3;

/// Lengths of segments for which a playlist that was waited for may be kept: it is named by what it ends with
/// (RFC 8216bis appendix B.1).
const WAITED_KEPT: u32 = 6;

/// How long after one track has begun the others may begin: pictures after sound, or an encoder that is started; and each
/// begins with a whole segment, whose length is added.
const BEGINNING: Duration = Duration::from_secs(5);

/// Seconds for which a multivariant playlist may be kept.
const MULTIVARIANT_KEPT: u32 = 10;

/// How much more than asked for an encoder may take for a second, in percent.
const PEAK_PERCENT: u64 = 150;

/// The multivariant playlist of what is live.
pub(crate) fn multivariant(session: &Session, file: &str) -> Result<Response, Refusal> {
    let tracks = session.tracks();
    // A player that knew some only would not look again.
    if is_awaited(session, &tracks, monotonic()) {
        return Err(soon(session));
    }
    let there = tracks.iter().filter(|track| track.begun().is_ok());
    let described = there.filter_map(|track| Some((track, track.codec()?)));
    let (mut variants, mut sound) = (Vec::new(), None);
    for (track, codec) in described {
        let (name, bits) = (track.name.to_owned(), track.shape().bits);
        let bandwidth = bits.saturating_mul(PEAK_PERCENT) / 100;
        match track.shape().size {
            Some(size) => variants.push(Variant {
                name,
                bandwidth,
                average: bits,
                size,
                frame_rate: track.shape().rate,
                codec,
            }),
            None => {
                let channels = track.shape().channels;
                sound = Some(Sound { name, bandwidth, channels, codec });
            }
        }
    }
    let playlist = playlist::multivariant(&variants, sound.as_ref(), file);
    Ok(text(PLAYLIST, Kept::Seconds(MULTIVARIANT_KEPT), playlist))
}

/// Whether something is still to come that a playlist has to list: nothing has come at all, or one track has begun and
/// others may do so any moment.
fn is_awaited(session: &Session, tracks: &[Arc<Track>], now: Monotonic) -> bool {
    let begun: Vec<_> = tracks.iter().map(|track| track.begun()).collect();
    let Some(first) = begun.iter().filter_map(|it| it.ok()).min() else { return true };
    let length = tracks.first().map_or(Duration::ZERO, |track| track.segment_length());
    let is_near = |made: Monotonic| now.since(made.max(first)) < BEGINNING + length;
    let of_pictures = tracks.iter().any(|track| track.shape().size.is_some());
    let pictures = session.with_pictures.load(Ordering::Relaxed) && !of_pictures;
    (pictures && is_near(first)) || begun.iter().filter_map(|it| it.err()).any(is_near)
}

fn soon(session: &Session) -> Refusal {
    let why = format!("nothing has come of '{}' yet: try again", session.name);
    refuse(StatusCode::SERVICE_UNAVAILABLE, why)
}

/// The live playlist of a track, once it has what is asked for.
pub(crate) async fn playlist(
    session: &Session,
    track: &Arc<Track>,
    query: &Query,
    grid: Grid,
) -> Result<Response, Refusal> {
    let seconds = |lengths: u32| {
        u32::try_from((grid.segment_length() * lengths).as_secs()).unwrap_or(u32::MAX)
    };
    let kept = match query.msn {
        Some(msn) => {
            wait(track, msn, query.part, grid).await?;
            Kept::Seconds(seconds(WAITED_KEPT))
        }
        // Half of a segment's length, rounded: it is out of date after that.
        None => Kept::Seconds(seconds(1).div_ceil(2)),
    };
    if track.position().is_none() {
        return Err(soon(session));
    }
    let tracks = session.tracks();
    let others = tracks.iter().filter(|other| other.name != track.name);
    let report = |other: &Arc<Track>| {
        let uri = format!("../{}/live.m3u8", other.name);
        other.position().map(|position| Report { uri, position })
    };
    let reports: Vec<_> = others.filter_map(report).collect();
    let ask = Ask { reports: &reports, skip: query.skip, suffix: "" };
    Ok(text(PLAYLIST, kept, track.playlist(&ask)))
}

/// Waits until a track has a part, or a segment.
async fn wait(track: &Track, msn: u64, part: Option<u32>, grid: Grid) -> Result<(), Refusal> {
    let mut moved = track.moved();
    let reached = async {
        loop {
            moved.borrow_and_update();
            match track.reached(msn, part) {
                Reached::NotYet => {}
                reached => return Some(reached),
            }
            moved.changed().await.ok()?;
        }
    };
    match timeout(grid.segment_length() * PATIENCE, reached).await {
        Ok(Some(Reached::TooFar)) => {
            let why = format!("_HLS_msn: {msn} is too far ahead");
            Err(refuse(StatusCode::BAD_REQUEST, why))
        }
        Ok(Some(_)) => Ok(()),
        Ok(None) | Err(_) => {
            let why = "nothing has come for long: try again";
            Err(refuse(StatusCode::SERVICE_UNAVAILABLE, why))
        }
    }
}

/// A part; if it comes next, once it is there.
pub(crate) async fn part(
    track: &Track,
    number: u64,
    index: u32,
    grid: Grid,
) -> Result<Response, Refusal> {
    if track.position().is_some() && track.part(number, index).is_none() && index < grid.parts() {
        // What is hinted at is asked for before it is there.
        let is_soon = track.reached(number, Some(index)) == Reached::NotYet;
        let near = track.position().is_some_and(|(last, _)| number <= last.saturating_add(1));
        if is_soon && near {
            wait(track, number, Some(index), grid).await?;
        }
    }
    let there = track.part(number, index).ok_or_else(|| nothing("there is no such part"))?;
    Ok(media(kind(track.name), Kept::Always, vec![there]))
}

/// The type of a track.
pub(crate) fn kind(track: &str) -> &'static str {
    if track == SOUND { AUDIO } else { VIDEO }
}

/// A segment or an init segment that is still live.
pub(crate) fn held(track: &Track, file: &File) -> Option<Response> {
    let pieces = match file {
        File::Init(id) => vec![track.init(id)?],
        File::Segment(number) => track.segment(*number)?,
        _ => return None,
    };
    Some(media(kind(track.name), Kept::Always, pieces))
}
