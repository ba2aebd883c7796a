//! A viewer: it reads the playlists of one quality and of the sound, and loads what they say.

use crate::figures::{Figures, Kind, Playback};
use crate::line::{Line, Names, Server};
use crate::place::joined;
use crate::playlist::{Media, Multivariant};
use crate::track::{Arrival, Faults, Landed, Next, Track};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::sleep;

/// How long a player waits before it asks again for what has failed: at once where a connection ended in between, then longer.
const RETRIES: [Duration; 3] =
    [Duration::from_millis(50), Duration::from_millis(400), Duration::from_millis(1200)];

/// A server that answers at once without anything new is not asked more often than this.
const LEAST: Duration = Duration::from_millis(50);

/// What all viewers have in common.
#[derive(Debug)]
pub(crate) struct Crowd {
    /// Whom they ask.
    pub(crate) server: Rc<Server>,
    /// Whole segments only.
    pub(crate) plain: bool,
    /// The begin of the address of the quality that they take; else the one with the fewest bits.
    pub(crate) tier: Option<String>,
    /// What they count.
    pub(crate) figures: RefCell<Figures>,
    /// The tracks of all.
    pub(crate) tracks: RefCell<Vec<Rc<Watched>>>,
    /// Whether times are counted already.
    pub(crate) measuring: Cell<bool>,
}

/// A track that somebody watches.
#[derive(Debug)]
pub(crate) struct Watched {
    path: String,
    track: RefCell<Track>,
    news: Notify,
    init: RefCell<String>,
    playback: Cell<Playback>,
    last: Cell<Option<i64>>,
}

impl Crowd {
    /// All that was wrong with what was listed.
    pub(crate) fn faults(&self) -> Faults {
        self.tracks.borrow().iter().fold(Faults::default(), |sum, it| {
            let one = it.track.borrow().faults;
            Faults {
                missing: sum.missing + one.missing,
                times: sum.times + one.times,
                said: sum.said + one.said,
                given_up: sum.given_up + one.given_up,
            }
        })
    }

    /// Time that has passed since the last part of any track, and what that is a gap of: one that did not end, too.
    pub(crate) fn close(&self) {
        let now = self.server.now();
        for track in self.tracks.borrow().iter() {
            if let Some(last) = track.last.get() {
                self.figures.borrow_mut().paused(now - last);
            }
        }
    }

    /// Asks, and asks again as a player does. None if it has failed for good.
    async fn get(
        &self,
        line: &Line,
        kind: Kind,
        path: &str,
        mut body: Option<&mut Vec<u8>>,
    ) -> Option<Arrival> {
        for attempt in 0..=RETRIES.len() {
            if let Some(body) = &mut body {
                body.clear();
            }
            match line.get(path, body.as_deref_mut()).await {
                Ok(answer) => {
                    if self.measuring.get() {
                        self.figures.borrow_mut().answered(kind, answer.length);
                    }
                    return Some(Arrival { first: answer.first, last: answer.last });
                }
                Err(why) => {
                    let is_last = attempt == RETRIES.len();
                    self.figures.borrow_mut().failed(kind, is_last, &why);
                }
            }
            if let Some(&pause) = RETRIES.get(attempt) {
                sleep(pause).await;
            }
        }
        None
    }

    fn landed(&self, watched: &Watched, landed: &Landed) {
        let mut playback = watched.playback.get();
        let waited = playback.came(landed);
        watched.playback.set(playback);
        let before = watched.last.replace(Some(landed.arrival.last));
        if self.measuring.get() {
            let mut figures = self.figures.borrow_mut();
            figures.landed(landed);
            figures.paused(before.map_or(0, |before| landed.arrival.last - before));
            if waited > 0 {
                figures.stalled(waited);
            }
        }
    }
}

/// Watches, until it is ended.
pub(crate) async fn watch(crowd: Rc<Crowd>, number: usize) {
    let names = Rc::new(Names::of(number));
    // HTTP/1.1 has a connection for each request that waits, as browsers do; HTTP/2 has one for all.
    let shared = crowd.server.tls.as_ref().is_some_and(|it| it.alpn_protocols.len() > 1);
    let one = Rc::new(Line::new(Rc::clone(&crowd.server), Rc::clone(&names)));
    let mut first = Some(Rc::clone(&one));
    let mut line = || match first.take() {
        Some(first) => first,
        None if shared => Rc::clone(&one),
        None => Rc::new(Line::new(Rc::clone(&crowd.server), Rc::clone(&names))),
    };
    let path = &crowd.server.place.path;
    let mut body = Vec::new();
    let chosen = loop {
        let came = crowd.get(&one, Kind::Playlist, path, Some(&mut body)).await;
        match came.map(|_| chosen(&body, path, crowd.tier.as_deref())) {
            Some(Ok(chosen)) => break chosen,
            Some(Err(why)) => crowd.figures.borrow_mut().failed(Kind::Playlist, true, &why),
            None => {}
        }
        sleep(LEAST).await;
    };
    let mut tasks = JoinSet::new();
    for path in chosen {
        let watched = Rc::new(Watched {
            path,
            track: RefCell::new(Track::new(crowd.plain)),
            news: Notify::new(),
            init: RefCell::default(),
            playback: Cell::default(),
            last: Cell::default(),
        });
        crowd.tracks.borrow_mut().push(Rc::clone(&watched));
        tasks.spawn_local(follow(Rc::clone(&crowd), Rc::clone(&watched), line()));
        tasks.spawn_local(load(Rc::clone(&crowd), watched, line()));
    }
    while tasks.join_next().await.is_some() {}
}

/// The playlists of the quality that a viewer takes, and of its sound.
fn chosen(body: &[u8], path: &str, tier: Option<&str>) -> Result<Vec<String>, String> {
    let text = std::str::from_utf8(body).map_err(|error| format!("{path}: {error}"))?;
    let read = Multivariant::read(text).map_err(|error| format!("{path}: {error}"))?;
    let is_it = |uri: &str| tier.is_none_or(|tier| uri.starts_with(tier));
    let variants = read.variants.iter().filter(|it| is_it(it.uri) && it.sound.is_some());
    let variant = variants
        .min_by_key(|it| it.bandwidth)
        .or_else(|| read.variants.iter().filter(|it| is_it(it.uri)).min_by_key(|it| it.bandwidth));
    let variant = variant.ok_or_else(|| format!("{path}: there is no such quality"))?;
    let sounds = read.sounds.iter().filter(|(group, _)| Some(*group) == variant.sound);
    let uris = std::iter::once(variant.uri).chain(sounds.map(|(_, uri)| *uri).take(1));
    let joined: Option<Vec<_>> = uris.map(|uri| joined(path, uri)).collect();
    joined.ok_or_else(|| format!("{path}: it is on another server"))
}

/// Reads the playlist of a track again and again.
async fn follow(crowd: Rc<Crowd>, watched: Rc<Watched>, line: Rc<Line>) {
    let (mut body, mut pause) = (Vec::with_capacity(8192), None);
    let (mut blocks, mut skips) = (false, false);
    loop {
        let awaited = watched.track.borrow().awaited().filter(|_| blocks && !crowd.plain);
        let path = match awaited {
            Some((number, part)) => {
                let join = if watched.path.contains('?') { '&' } else { '?' };
                let skip = if skips { "&_HLS_skip=YES" } else { "" };
                format!("{}{join}_HLS_msn={number}&_HLS_part={part}{skip}", watched.path)
            }
            None => watched.path.clone(),
        };
        let came = crowd.get(&line, Kind::Playlist, &path, Some(&mut body)).await;
        let text = came.and_then(|_| std::str::from_utf8(&body).ok());
        match text.map(Media::read) {
            Some(Ok(media)) => {
                (blocks, skips) = (media.can_block, media.can_skip);
                pause = take(&crowd, &watched, &media);
            }
            Some(Err(why)) => {
                let why = format!("{path}: {why}");
                crowd.figures.borrow_mut().failed(Kind::Playlist, true, &why);
                pause = Some(LEAST);
            }
            None => {}
        }
        if let Some(pause) = pause {
            sleep(pause).await;
        }
    }
}

/// Takes a playlist, and says how long to wait before the next is asked for.
fn take(crowd: &Crowd, watched: &Watched, media: &Media<'_>) -> Option<Duration> {
    let before = watched.track.borrow().awaited();
    if let Some(init) = media.segments.iter().rev().find_map(|it| it.init) {
        if *watched.init.borrow() != init {
            init.clone_into(&mut watched.init.borrow_mut());
        }
    }
    let landed = watched.track.borrow_mut().take(media);
    if let Some(landed) = landed {
        crowd.landed(watched, &landed);
    }
    watched.news.notify_one();
    let is_new = watched.track.borrow().awaited() != before;
    // RFC 8216bis section 6.3.4.
    let target = Duration::from_secs(media.target.max(1));
    match (media.can_block && !crowd.plain, is_new) {
        (true, true) => None,
        (true, false) => Some(LEAST),
        (false, true) => Some(target),
        (false, false) => Some(target / 2),
    }
}

/// Loads what the playlists say, one after the other.
async fn load(crowd: Rc<Crowd>, watched: Rc<Watched>, line: Rc<Line>) {
    let mut init = String::new();
    loop {
        if *watched.init.borrow() != init {
            init = watched.init.borrow().clone();
            if let Some(path) = joined(&watched.path, &init) {
                crowd.get(&line, Kind::Init, &path, None).await;
            }
        }
        let next = watched.track.borrow_mut().next();
        let Next::Load(item) = next else {
            watched.news.notified().await;
            continue;
        };
        let kind = if item.whole { Kind::Segment } else { Kind::Part };
        let Some(path) = joined(&watched.path, &item.uri) else {
            watched.track.borrow_mut().failed(&item);
            continue;
        };
        match crowd.get(&line, kind, &path, None).await {
            Some(arrival) => {
                let landed = watched.track.borrow_mut().came(&item, arrival);
                if let Some(landed) = landed {
                    crowd.landed(&watched, &landed);
                }
            }
            None => watched.track.borrow_mut().failed(&item),
        }
    }
}
