//! Encodes the pictures of one tier, on a thread of its own.

use crate::complaint::Complaint;
use crate::session::Session;
use crate::track::Track;
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Weak};
use std::time::Duration;
use streamsocket_cmaf::grid::Grid;
use streamsocket_cmaf::segmenter::Sample;
use streamsocket_cmaf::track::Track as Codec;
use streamsocket_media::clock::{Monotonic, Wall};
use streamsocket_subscribe::clock::monotonic;
use streamsocket_transcode::{Backend, Error, Picture, Pyramid, TierPlan, VideoEncoder};

/// How long after an encoder ended another one is begun.
const AGAIN: Duration = Duration::from_secs(2);

/// What encoding takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Encoding {
    pub(crate) backend: Backend,
    pub(crate) grid: Grid,
    /// Segments that a playlist lists.
    pub(crate) kept: u32,
}

/// A picture that is decoded.
#[derive(Clone, Debug)]
pub(crate) struct Ready {
    pub(crate) decoded: Arc<Pyramid>,
    pub(crate) at: Wall,
}

/// The thread of a tier.
pub(crate) struct Tier {
    session: Weak<Session>,
    track: Arc<Track>,
    plan: TierPlan,
    size: (usize, usize),
    rate: f32,
    encoding: Encoding,
    complaint: Complaint,
}

impl Tier {
    pub(crate) fn new(
        session: Weak<Session>,
        track: Arc<Track>,
        plan: TierPlan,
        size: (usize, usize),
        rate: f32,
        encoding: Encoding,
    ) -> Self {
        let complaint = Complaint::default();
        Self { session, track, plan, size, rate, encoding, complaint }
    }

    /// Encodes what comes, until nothing comes any more.
    pub(crate) fn run(&mut self, pictures: &Receiver<Ready>) {
        let (mut encoder, mut number) = (None, None);
        let (mut again, mut made) = (Monotonic(0), Vec::new());
        while let Ok(Ready { decoded, at }) = pictures.recv() {
            let now = monotonic();
            if encoder.is_none() && now >= again {
                encoder = self.encoder();
                (again, number) = (now + AGAIN, None);
            }
            let Some(encoding) = &mut encoder else { continue };
            // A segment begins with a key picture.
            let of = Some(self.encoding.grid.number(at));
            let key = number != of;
            if let Err(error) = encoding.encode_decoded(&decoded, at, key, &mut made) {
                self.fail(&error);
                encoder = None;
                continue;
            }
            number = of;
            self.describe(encoding, at);
            made.drain(..).for_each(|picture| self.push(picture));
        }
    }

    fn encoder(&mut self) -> Option<VideoEncoder> {
        let begun = VideoEncoder::new(self.encoding.backend, &self.plan, self.size, self.rate);
        begun.map_err(|error| self.fail(&error)).ok()
    }

    fn fail(&mut self, error: &Error) {
        let Some(session) = self.session.upgrade() else { return };
        Session::count(&session.faults.encoders);
        if self.complaint.is_new(&error.to_string(), monotonic()) {
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
        if let Some(next) = self.track.describe(Codec::H264 { sps, pps, size }) {
            let number = next.max(self.encoding.grid.number(at));
            let tracks = self.session.upgrade().map(|session| session.tracks());
            let all = tracks.iter().flat_map(|tracks| tracks.iter());
            all.for_each(|track| track.break_at(number));
        }
    }

    fn push(&self, picture: Picture) {
        let Picture { data, at, key } = picture;
        let duration = Duration::from_secs_f32(1.0 / self.rate.clamp(0.1, 1000.0));
        self.track.push(Sample { data, at, duration, key }, monotonic());
    }
}
