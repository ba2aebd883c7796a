//! Encodes the pictures of a session: each tier on a thread of its own, which takes the newest when it is late.

use crate::session::Session;
use crate::track::{Shape, Track};
use bytes::Bytes;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Weak};
use std::thread::Builder;
use std::time::Duration;
use streamsocket_cmaf::grid::Grid;
use streamsocket_cmaf::segmenter::Sample;
use streamsocket_cmaf::track::Track as Codec;
use streamsocket_media::clock::{Monotonic, Wall};
use streamsocket_subscribe::clock::monotonic;
use streamsocket_transcode::{Backend, Error, Picture, TierPlan, VideoEncoder};

/// Pictures that wait for an encoder: a key picture takes longer than others.
const WAITING_MAX: usize = 3;

/// How long after an encoder ended another one is begun.
const AGAIN: Duration = Duration::from_secs(2);

/// A picture that has come.
#[derive(Clone, Debug)]
pub(crate) struct Taken {
    /// The JPEG file.
    pub(crate) file: Bytes,
    pub(crate) size: (u16, u16),
    pub(crate) at: Wall,
}

/// What encoding takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Encoding {
    pub(crate) backend: Backend,
    pub(crate) grid: Grid,
    /// Segments that a playlist lists.
    pub(crate) kept: u32,
}

/// The encoders of a session's pictures, which end when this is dropped.
#[derive(Debug)]
pub(crate) struct Pictures {
    session: Arc<Session>,
    encoding: Encoding,
    rate: f32,
    size: Option<(u16, u16)>,
    tiers: Vec<SyncSender<Taken>>,
}

impl Pictures {
    /// Of a session of which about `rate` pictures a second come.
    pub(crate) const fn new(session: Arc<Session>, encoding: Encoding, rate: f32) -> Self {
        Self { session, encoding, rate, size: None, tiers: Vec::new() }
    }

    /// Takes a picture. If pictures have another size than before, there are other encoders from now on.
    pub(crate) fn take(&mut self, taken: &Taken) {
        if self.size != Some(taken.size) {
            self.size = Some(taken.size);
            if let Err(why) = self.begin(taken.size) {
                log::error!("'{}': {why}", self.session.name);
                Session::count(&self.session.faults.encoders);
            }
        }
        for tier in &self.tiers {
            if let Err(TrySendError::Full(_)) = tier.try_send(taken.clone()) {
                Session::count(&self.session.faults.late);
            }
        }
    }

    fn begin(&mut self, (width, height): (u16, u16)) -> Result<(), String> {
        self.tiers.clear();
        let size = (usize::from(width), usize::from(height));
        for plan in TierPlan::defaults(size, self.rate) {
            let Some(name) = crate::names::TIERS.into_iter().find(|it| *it == plan.name) else {
                continue;
            };
            let (sender, pictures) = sync_channel(WAITING_MAX);
            let shape = shape(&plan, size, self.rate);
            let storage = self.session.storage.clone();
            let Encoding { grid, kept, .. } = self.encoding;
            let track = self.session.add(Track::new(name, shape, grid, kept, storage));
            let session = Arc::downgrade(&self.session);
            let mut tier =
                Tier { session, track, plan, size, rate: self.rate, encoding: self.encoding };
            let spawned = Builder::new().name(name.to_owned()).spawn(move || tier.run(&pictures));
            spawned.map_err(|error| format!("no thread to encode pictures: {error}"))?;
            self.tiers.push(sender);
        }
        Ok(())
    }
}

fn shape(plan: &TierPlan, size: (usize, usize), rate: f32) -> Shape {
    let (width, height) = plan.scale.size(size);
    let side = |pixels: usize| u16::try_from(pixels).unwrap_or(u16::MAX);
    let size = Some((side(width), side(height)));
    Shape { size, rate: rate.into(), channels: 0, bits: plan.bitrate.into() }
}

/// The thread of a tier.
struct Tier {
    session: Weak<Session>,
    track: Arc<Track>,
    plan: TierPlan,
    size: (usize, usize),
    rate: f32,
    encoding: Encoding,
}

impl Tier {
    fn run(&mut self, pictures: &Receiver<Taken>) {
        let (mut encoder, mut number) = (None, None);
        let (mut again, mut made) = (Monotonic(0), Vec::new());
        while let Ok(taken) = pictures.recv() {
            let now = monotonic();
            if encoder.is_none() && now >= again {
                encoder = self.encoder();
                (again, number) = (now + AGAIN, None);
            }
            let Some(encoding) = &mut encoder else { continue };
            let of = Some(self.encoding.grid.number(taken.at));
            let key = std::mem::replace(&mut number, of) != of;
            if let Err(error) = encoding.encode(&taken.file, taken.at, key, &mut made) {
                if key {
                    // The next one is to be a key picture.
                    number = None;
                }
                if !error.is_about_one_picture() {
                    encoder = None;
                }
                self.fail(&error);
                continue;
            }
            self.describe(encoding, taken.at);
            for picture in made.drain(..) {
                self.push(picture);
            }
        }
    }

    fn encoder(&self) -> Option<VideoEncoder> {
        let begun = VideoEncoder::new(self.encoding.backend, &self.plan, self.size, self.rate);
        begun.map_err(|error| self.fail(&error)).ok()
    }

    fn fail(&self, error: &Error) {
        let Some(session) = self.session.upgrade() else { return };
        if error.is_about_one_picture() {
            Session::count(&session.faults.damaged);
            log::debug!("'{}', {}: {error}", session.name, self.track.name);
        } else {
            Session::count(&session.faults.encoders);
            log::error!("'{}', {}: {error}", session.name, self.track.name);
        }
    }

    /// Tells the track what its samples are, once that is known. All tracks have a discontinuity where one has another
    /// init segment.
    fn describe(&self, encoder: &VideoEncoder, at: Wall) {
        let sets = encoder.parameter_sets();
        if sets.sps.is_empty() || sets.pps.is_empty() {
            return;
        }
        let side = |pixels: usize| u16::try_from(pixels).unwrap_or(u16::MAX);
        let size = (side(sets.size.0), side(sets.size.1));
        let (sps, pps) = (sets.sps.to_vec(), sets.pps.to_vec());
        if self.track.describe(Codec::H264 { sps, pps, size }) {
            let tracks = self.session.upgrade().map(|session| session.tracks());
            tracks.iter().flat_map(|tracks| tracks.iter()).for_each(|track| track.break_at(at));
        }
    }

    fn push(&self, picture: Picture) {
        let Picture { data, at, key } = picture;
        let duration = Duration::from_secs_f32(1.0 / self.rate.clamp(0.1, 1000.0));
        self.track.push(Sample { data, at, duration, key }, monotonic());
    }
}
