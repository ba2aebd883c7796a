//! What is stored: playlists of a span, its segments, and what a time line shows.

use crate::answer::{JSON, Kept, PLAYLIST, Refusal, media, nothing, refuse, text};
use crate::asked::{AHEAD, File};
use crate::hours::{Hours, millis};
use crate::live::kind;
use crate::names::{SOUND, TIERS};
use axum::http::StatusCode;
use axum::response::Response;
use bytes::Bytes;
use serde_json::json;
use std::sync::Arc;
use streamsocket_archive::{Archive, Entry, Event, Segment};
use streamsocket_cmaf::grid::Grid;
use streamsocket_cmaf::moved;
use streamsocket_cmaf::playlist::{self, Sound, Variant};
use streamsocket_cmaf::track::Track;
use streamsocket_cmaf::vod::{self, Stored};
use streamsocket_media::clock::Wall;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

/// Requests at a time that read what is stored: more wait, since a disk is no faster for it.
const READERS_MAX: usize = 16;

/// Seconds for which a playlist of a span may be kept: what it names may be removed.
const SPAN_KEPT: u32 = 10;

/// Segments by which a track may be behind another one at the end of what is stored: encoders take their time.
const BEHIND_MAX: u64 = 2;

/// Longest time that a time line shows, in nanoseconds: something is read of each of its hours.
const HOURS_NANOS_MAX: i64 = 32 * 86_400 * 1_000_000_000 + AHEAD;

/// Reads what is stored.
#[derive(Clone, Debug)]
pub(crate) struct Reader {
    archive: Archive,
    grid: Grid,
    turns: Arc<Semaphore>,
    hours: Arc<Hours>,
}

/// A span of a session.
#[derive(Clone, Debug)]
pub(crate) struct Span {
    pub(crate) session: String,
    pub(crate) from: Wall,
    pub(crate) to: Wall,
    /// What stands behind `vod.m3u8` in its addresses.
    pub(crate) query: String,
}

fn failed(error: impl core::fmt::Display) -> Refusal {
    refuse(StatusCode::SERVICE_UNAVAILABLE, error.to_string())
}

impl Reader {
    pub(crate) fn new(archive: Archive, grid: Grid) -> Self {
        let turns = Arc::new(Semaphore::new(READERS_MAX));
        Self { archive, grid, turns, hours: Arc::default() }
    }

    /// Reads on a thread that may wait for the disk.
    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Archive) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        // It reads on when who has asked is gone.
        let turn = Arc::clone(&self.turns).acquire_owned().await.map_err(failed)?;
        let archive = self.archive.clone();
        let reading = spawn_blocking(move || {
            let _turn = turn;
            read(&archive)
        });
        reading.await.map_err(failed)?
    }

    /// A segment or an init segment.
    pub(crate) async fn file(
        &self,
        session: String,
        track: String,
        file: File,
    ) -> Result<Response, Refusal> {
        let (grid, of) = (self.grid, kind(&track));
        let bytes = self.read(move |archive| {
            let found = match file {
                File::Segment(number) => {
                    let find =
                        |near| archive.segment(&session, &track, number, near).map_err(failed);
                    // One that was stored with another length of segments is elsewhere.
                    let found = match find(Some(grid.begin(number)))? {
                        Some(found) => Some(found),
                        // Through a bucket that would be a request for each hour of it.
                        None if archive.is_local() => find(None)?,
                        None => None,
                    };
                    found.map(|found| placed(archive, &session, &track, &found)).transpose()?
                }
                File::Init(id) => {
                    let id = id.parse().map_err(|_| nothing("there is no such file"))?;
                    archive.init(&session, &track, id).map_err(failed)?
                }
                _ => None,
            };
            found.ok_or_else(|| nothing("it is not stored, or no longer"))
        });
        Ok(media(of, Kept::Always, vec![bytes.await?]))
    }

    /// The playlist of a track over a span, on the same time line as its other tracks.
    pub(crate) async fn playlist(&self, span: Span, track: String) -> Result<Response, Refusal> {
        let grid = self.grid;
        let playlist = self.read(move |archive| {
            let all = tracks(archive, &span)?;
            let stored: Vec<_> = all.iter().map(|(name, entries)| (*name, of(entries))).collect();
            let slices: Vec<_> = stored.iter().map(|(_, stored)| &stored[..]).collect();
            let runs = vod::runs(&slices);
            let own = stored.iter().find(|(name, _)| *name == track);
            let (_, own) = own.ok_or_else(|| nothing("nothing of that track is stored then"))?;
            Ok(vod::playlist(grid, own, &runs, ""))
        });
        Ok(text(PLAYLIST, Kept::Seconds(SPAN_KEPT), playlist.await?))
    }

    /// The multivariant playlist of a span.
    pub(crate) async fn multivariant(&self, span: Span) -> Result<Response, Refusal> {
        let file = format!("vod.m3u8?{}", span.query);
        let playlist = self.read(move |archive| {
            let (mut variants, mut sound) = (Vec::new(), None);
            for (name, entries) in tracks(archive, &span)? {
                let Some(last) = entries.last() else { continue };
                let init = archive.init(&span.session, name, last.init).map_err(failed)?;
                let Some(track) = init.as_deref().and_then(Track::from_init) else { continue };
                match described(name, &track, &entries) {
                    Described::Pictures(variant) => variants.push(variant),
                    Described::Sound(described) => sound = Some(described),
                }
            }
            if variants.is_empty() && sound.is_none() {
                return Err(nothing("nothing is stored of that time"));
            }
            Ok(playlist::multivariant(&variants, sound.as_ref(), &file))
        });
        Ok(text(PLAYLIST, Kept::Seconds(SPAN_KEPT), playlist.await?))
    }

    /// The hours of a session, for a time line.
    pub(crate) async fn hours(&self, span: Span) -> Result<Response, Refusal> {
        if span.to.0.saturating_sub(span.from.0) > HOURS_NANOS_MAX {
            let why = "from: expected a time at most 32 days before that of to";
            return Err(refuse(StatusCode::BAD_REQUEST, why));
        }
        let read = Arc::clone(&self.hours);
        let hours = self.read(move |archive| {
            let Span { session, from, to, .. } = span;
            for track in TIERS.into_iter().rev().chain([SOUND]) {
                let hours = archive.hours(&session, track, from, to).map_err(failed)?;
                if !hours.is_empty() {
                    let shown = hours.iter().map(|it| read.shown(archive, &session, track, it));
                    return shown.collect::<Result<Vec<_>, _>>().map_err(failed);
                }
            }
            Ok(Vec::new())
        });
        Ok(text(JSON, Kept::Never, json!({ "hours": hours.await? }).to_string()))
    }

    /// What was marked.
    pub(crate) async fn events(&self, session: String) -> Result<Response, Refusal> {
        let events = self.read(move |archive| archive.events(&session).map_err(failed)).await?;
        let events: Vec<_> = events.iter().map(shown).collect();
        Ok(text(JSON, Kept::Never, json!({ "events": events }).to_string()))
    }

    /// The sessions of which something is stored.
    pub(crate) async fn sessions(&self) -> Vec<String> {
        let all = self.read(|archive| archive.sessions().map_err(failed));
        all.await.unwrap_or_default()
    }

    /// Whether anything is stored of a session.
    pub(crate) async fn has(&self, session: String) -> bool {
        self.sessions().await.contains(&session)
    }
}

/// A segment at its place on the time line: its file begins at 0.
fn placed(
    archive: &Archive,
    session: &str,
    track: &str,
    found: &Segment,
) -> Result<Bytes, Refusal> {
    let (bytes, entry) = (found.bytes().map_err(failed)?, found.entry);
    let init = archive.init(session, track, entry.init).map_err(failed)?;
    let Some(track) = init.as_deref().and_then(Track::from_init) else { return Ok(bytes) };
    let mut bytes = Vec::from(bytes);
    moved::place(&mut bytes, &track, entry.begin);
    Ok(bytes.into())
}

/// The tracks of which something is stored within a span.
fn tracks(archive: &Archive, span: &Span) -> Result<Vec<(&'static str, Vec<Entry>)>, Refusal> {
    let mut all = Vec::new();
    for name in TIERS.into_iter().chain([SOUND]) {
        let entries = archive.span(&span.session, name, span.from, span.to);
        let entries =
            entries.map_err(|error| refuse(StatusCode::BAD_REQUEST, error.to_string()))?;
        if !entries.is_empty() {
            all.push((name, entries));
        }
    }
    end_together(&mut all);
    Ok(all)
}

/// Leaves out what is the last of some tracks only because the others are not that far yet: players wait for the end of all.
fn end_together(tracks: &mut [(&'static str, Vec<Entry>)]) {
    let last = |(_, entries): &(_, Vec<Entry>)| entries.last().map(|last| last.number);
    let (first, latest) =
        (tracks.iter().filter_map(last).min(), tracks.iter().filter_map(last).max());
    let (Some(first), Some(latest)) = (first, latest) else { return };
    if latest - first <= BEHIND_MAX {
        tracks.iter_mut().for_each(|(_, entries)| entries.retain(|it| it.number <= first));
    }
}

fn of(entries: &[Entry]) -> Vec<Stored> {
    let stored = |it: &Entry| Stored {
        number: it.number,
        begin: it.begin,
        duration: it.duration,
        init: it.init.to_string(),
    };
    entries.iter().map(stored).collect()
}

enum Described {
    Pictures(Variant),
    Sound(Sound),
}

fn described(name: &str, track: &Track, entries: &[Entry]) -> Described {
    let bits = |it: &Entry| {
        #[expect(clippy::cast_precision_loss, reason = "bytes of a segment")]
        let bits = it.bytes.saturating_mul(8) as f64;
        bits / it.duration.as_secs_f64().max(0.1)
    };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bits a second")]
    let bandwidth = entries.iter().map(bits).fold(0.0, f64::max) as u64;
    let seconds: f64 = entries.iter().map(|it| it.duration.as_secs_f64()).sum();
    let frames: f64 = entries.iter().map(|it| f64::from(it.frames)).sum();
    let (name, codec) = (name.to_owned(), track.codec());
    match track {
        Track::H264 { size, .. } => Described::Pictures(Variant {
            name,
            bandwidth,
            average: bandwidth,
            size: *size,
            frame_rate: frames / seconds.max(0.1),
            codec,
        }),
        Track::Aac { channels, .. } => {
            Described::Sound(Sound { name, bandwidth, channels: *channels, codec })
        }
    }
}

/// An event, as it is shown.
pub(crate) fn shown(event: &Event) -> serde_json::Value {
    let Event { at, from, to, label, .. } = event;
    json!({ "at": millis(*at), "from": millis(*from), "to": millis(*to), "label": label })
}
