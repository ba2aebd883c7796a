//! A track of a session, while it is live: samples are cut into parts and segments, which viewers are told of and the
//! storage is given.

use crate::storage::Storage;
use bytes::Bytes;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use streamsocket_cmaf::grid::Grid;
use streamsocket_cmaf::segmenter::{Made, Sample, Segmenter};
use streamsocket_cmaf::track as cmaf;
use streamsocket_cmaf::window::{Ask, Reached, Window};
use streamsocket_media::clock::{Monotonic, Wall};
use streamsocket_subscribe::clock::monotonic;
use tokio::sync::watch;

/// How much later than the one before a sample may come before nothing is waited for: it is longer than an encoder
/// takes to start.
const IDLE: Duration = Duration::from_millis(1500);

/// What comes so much later than what was before, in nanoseconds, is not waited for: a pause, or a clock that was set.
const LEAP: i64 = 20_000_000_000;

/// What a track is, for playlists.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Shape {
    /// Width and height in pixels; none of sound.
    pub(crate) size: Option<(u16, u16)>,
    /// Pictures a second, or blocks of sound.
    pub(crate) rate: f64,
    /// 1 or 2; 0 of pictures.
    pub(crate) channels: u8,
    /// Bits a second, as they were asked for.
    pub(crate) bits: u64,
}

/// A track.
#[derive(Debug)]
pub(crate) struct Track {
    pub(crate) name: &'static str,
    shape: Mutex<Shape>,
    grid: Grid,
    cut: Mutex<Cut>,
    moved: watch::Sender<()>,
    made: Monotonic,
    storage: Option<Storage>,
}

#[derive(Debug)]
struct Cut {
    segmenter: Option<Segmenter>,
    window: Window,
    /// The last sample, and when it came.
    last: Option<(Wall, Monotonic)>,
    /// When there was the first part of a playlist.
    first: Option<Monotonic>,
    made: Vec<Made>,
    /// The init segment of what is cut.
    init: Bytes,
    samples: u64,
}

impl Track {
    /// A track of which nothing has come, whose playlist lists `kept` segments.
    pub(crate) fn new(
        name: &'static str,
        shape: Shape,
        grid: Grid,
        kept: u32,
        storage: Option<Storage>,
    ) -> Self {
        let sample = Duration::from_secs_f64(1.0 / shape.rate.clamp(0.1, 1000.0));
        let cut = Cut {
            segmenter: None,
            window: Window::new(grid, kept, sample),
            last: None,
            first: None,
            made: Vec::new(),
            init: Bytes::new(),
            samples: 0,
        };
        let (cut, moved, made) = (Mutex::new(cut), watch::Sender::new(()), monotonic());
        Self { name, shape: Mutex::new(shape), grid, cut, moved, made, storage }
    }

    fn cut(&self) -> MutexGuard<'_, Cut> {
        self.cut.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What it is.
    pub(crate) fn shape(&self) -> Shape {
        self.shape.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// It is something else from now on.
    pub(crate) fn reshape(&self, shape: Shape) {
        let sample = Duration::from_secs_f64(1.0 / shape.rate.clamp(0.1, 1000.0));
        self.cut().window.set_sample(sample);
        *self.shape.lock().unwrap_or_else(PoisonError::into_inner) = shape;
    }

    /// Says what the samples are that come from now on. If they are others than before, they are listed behind a
    /// discontinuity, and the segment is returned with which they can begin at the earliest.
    pub(crate) fn describe(&self, track: cmaf::Track) -> Option<u64> {
        let mut cut = self.cut();
        let known = cut.segmenter.as_ref().map(Segmenter::track);
        if known == Some(&track) {
            return None;
        }
        let is_other = known.is_some();
        cut.window.describe(&track);
        let Cut { segmenter, made, init, .. } = &mut *cut;
        let before = std::mem::replace(init, track.init());
        match segmenter {
            Some(segmenter) => segmenter.change(track, made),
            none => *none = Some(Segmenter::new(track, self.grid)),
        }
        // What is closed by it belongs to the one before.
        self.hand_on(&mut cut, &before);
        let next = cut.segmenter.as_ref().map(Segmenter::next_number);
        next.filter(|_| is_other)
    }

    /// Takes a sample that has come at `now`.
    pub(crate) fn push(&self, sample: Sample, now: Monotonic) {
        let mut cut = self.cut();
        let before = cut.last.replace((sample.at, now));
        let leaps = before.is_some_and(|(last, _)| sample.at.0.saturating_sub(last.0) > LEAP);
        cut.samples += 1;
        let Cut { segmenter: Some(segmenter), made, .. } = &mut *cut else { return };
        if leaps {
            segmenter.flush(made);
            segmenter.idle(sample.at, made);
        }
        segmenter.push(sample, made);
        let init = cut.init.clone();
        self.hand_on(&mut cut, &init);
        if cut.first.is_none() && cut.window.position().is_some() {
            cut.first = Some(now);
        }
    }

    /// Closes what is over although nothing more comes.
    pub(crate) fn idle(&self, now: Monotonic) {
        let mut cut = self.cut();
        let Some((at, came)) = cut.last else { return };
        let Some(silent) = now.since(came).checked_sub(IDLE) else { return };
        let Cut { segmenter: Some(segmenter), made, .. } = &mut *cut else { return };
        let nanos = i64::try_from(silent.as_nanos()).unwrap_or(i64::MAX);
        segmenter.idle(Wall(at.0.saturating_add(nanos)), made);
        let init = cut.init.clone();
        self.hand_on(&mut cut, &init);
    }

    /// Says that a segment has nothing to do with those before.
    pub(crate) fn break_at(&self, number: u64) {
        self.cut().window.break_at(number);
    }

    /// Where its time line is at `now`; none before the first sample.
    pub(crate) fn now(&self, now: Monotonic) -> Option<Wall> {
        let nanos = |since: Duration| i64::try_from(since.as_nanos()).unwrap_or(i64::MAX);
        self.cut().last.map(|(at, came)| Wall(at.0.saturating_add(nanos(now.since(came)))))
    }

    fn hand_on(&self, cut: &mut Cut, init: &Bytes) {
        if cut.made.is_empty() {
            return;
        }
        for made in std::mem::take(&mut cut.made) {
            cut.window.add(&made);
            if let Some(storage) = &self.storage {
                storage.take(self.name, made, init);
            }
        }
        self.moved.send_replace(());
    }

    /// What viewers wait for: it changes whenever there is something new.
    pub(crate) fn moved(&self) -> watch::Receiver<()> {
        self.moved.subscribe()
    }

    /// As [`Window::reached`].
    pub(crate) fn reached(&self, msn: u64, part: Option<u32>) -> Reached {
        self.cut().window.reached(msn, part)
    }

    /// As [`Window::position`].
    pub(crate) fn position(&self) -> Option<(u64, u32)> {
        self.cut().window.position()
    }

    /// The media playlist.
    pub(crate) fn playlist(&self, ask: &Ask<'_>) -> String {
        self.cut().window.playlist(ask)
    }

    /// As [`Window::part`].
    pub(crate) fn part(&self, number: u64, index: u32) -> Option<Bytes> {
        self.cut().window.part(number, index)
    }

    /// As [`Window::segment`].
    pub(crate) fn segment(&self, number: u64) -> Option<Vec<Bytes>> {
        self.cut().window.segment(number)
    }

    /// As [`Window::init`].
    pub(crate) fn init(&self, id: &str) -> Option<Bytes> {
        self.cut().window.init(id)
    }

    /// The codec, as playlists say it; none before the first sample.
    pub(crate) fn codec(&self) -> Option<String> {
        self.cut().segmenter.as_ref().map(|segmenter| segmenter.track().codec())
    }

    /// How long a segment is.
    pub(crate) fn segment_length(&self) -> Duration {
        self.grid.segment_length()
    }

    /// How long nothing has come; none if nothing ever has.
    pub(crate) fn silent(&self, now: Monotonic) -> Option<Duration> {
        self.cut().last.map(|(_, came)| now.since(came))
    }

    /// When there was something to be listed; while there is nothing, when the track was made.
    ///
    /// # Errors
    /// The latter.
    pub(crate) fn begun(&self) -> Result<Monotonic, Monotonic> {
        self.cut().first.ok_or(self.made)
    }

    /// Figures: samples that came, those that were left out, and bytes that are held.
    pub(crate) fn figures(&self) -> Figures {
        let cut = self.cut();
        let left_out = cut.segmenter.as_ref().map(Segmenter::left_out).unwrap_or_default();
        let left_out = left_out.before_key + left_out.backwards + left_out.ahead + left_out.unfit;
        Figures { samples: cut.samples, left_out, held: cut.window.bytes() }
    }
}

/// Figures of a track.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Figures {
    pub(crate) samples: u64,
    pub(crate) left_out: u64,
    pub(crate) held: usize,
}

/// All tracks of a session, those of pictures first, the largest first.
pub(crate) type Tracks = Arc<[Arc<Track>]>;
