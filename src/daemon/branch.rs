//! A branch of a source of pictures: those of its frames that it takes, made into what its track
//! can carry.

use super::rate::RealRate;
use super::selection::Selection;
use crate::capture::Error;
use crate::codec::{Normaliser, ReadyPicture};
use crate::publish::beginning::Beginning;
use crate::publish::track::{OpenedTrack, Outgoing, Track};
use streamsocket_media::clock::{Monotonic, WallClock};
use streamsocket_media::{Unit, VideoFormat};

/// The parts of a branch, opened.
pub(super) struct OpenedBranch {
    /// Which frames it takes, if not all.
    pub(super) selection: Option<Selection>,
    /// Name of the source.
    pub(super) name: String,
    pub(super) normaliser: Normaliser,
    pub(super) patience: Patience,
    /// Its pictures are made only while somebody asks for them.
    pub(super) on_demand: bool,
    /// Format of what leaves.
    pub(super) format: VideoFormat,
    pub(super) track: OpenedTrack,
}

/// Which pictures wait while another one is being converted: each keeps one of the few buffers that a
/// camera lends, three and one more for each tier, or fewer if its driver grants fewer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Patience {
    /// The newest: those of the branch that is sent as it comes.
    Newest,
    /// One, and those after it go by: those of the only tier.
    One,
    /// None: where there are few buffers, several tiers would take all from the branch that is sent as it comes.
    None,
}

/// A branch of a source of pictures.
pub(super) struct Branch {
    name: String,
    selection: Option<Selection>,
    normaliser: Normaliser,
    patience: Patience,
    on_demand: bool,
    format: VideoFormat,
    pub(super) track: Track,
    /// Frames that it took.
    captured: u64,
    /// Frames of a tier that came while the one before was being encoded.
    busy: u64,
    real_rate: RealRate,
    too_long_said: bool,
}

impl OpenedBranch {
    /// The branch, whose track begins at `now` and continues with the numbers that were kept.
    pub(super) fn begin(self, kept: Option<Beginning>, now: Monotonic) -> Branch {
        let mut track = self.track.begin(kept, now);
        if self.on_demand {
            // Who wants it answers a report.
            track.transport_mut().tell(now);
        }
        Branch {
            name: self.name,
            selection: self.selection,
            normaliser: self.normaliser,
            patience: self.patience,
            on_demand: self.on_demand,
            format: self.format,
            track,
            captured: 0,
            busy: 0,
            real_rate: RealRate::default(),
            too_long_said: false,
        }
    }
}

impl Branch {
    /// Format of what leaves.
    pub(super) const fn format(&self) -> VideoFormat {
        self.format
    }

    pub(super) const fn normaliser(&self) -> &Normaliser {
        &self.normaliser
    }

    /// Frames that it took of the source.
    pub(super) const fn captured(&self) -> u64 {
        self.captured
    }

    /// Frames that it took and had no time for.
    pub(super) const fn busy(&self) -> u64 {
        self.busy
    }

    /// Frames a second that it took in the last seconds.
    pub(super) fn real_rate(&self, now: Monotonic) -> Option<f64> {
        self.real_rate.at(now)
    }

    /// Whether nothing is being converted or sent.
    pub(super) fn is_idle(&self) -> bool {
        self.normaliser.is_idle() && self.track.deadline().is_none()
    }

    /// Whether this is a picture that it takes. If so it is counted, and to be
    /// [taken](Self::take).
    pub(super) fn wants(&mut self, unit: &Unit, now: Monotonic) -> bool {
        if self.on_demand && !self.track.transport().has_viewers() {
            return false;
        }
        if !self.selection.as_mut().is_none_or(|selection| selection.takes(unit.capture)) {
            return false;
        }
        self.captured += 1;
        self.real_rate.count(now);
        // Before its conversion, which may take long.
        if unit.dependency.may_be_left_out() && !self.track.admits(now) {
            return false;
        }
        let busy = match self.patience {
            Patience::Newest => false,
            Patience::One => self.normaliser.is_full(),
            Patience::None => !self.normaliser.is_idle(),
        };
        self.busy += u64::from(busy);
        !busy
    }

    /// Takes a picture, and sends it as soon as it can be sent.
    pub(super) fn take(
        &mut self,
        unit: Unit,
        now: Monotonic,
        wall: &WallClock,
    ) -> Result<(), Error> {
        if let Some(picture) = self.normaliser.push(unit)? {
            self.send(picture, now, wall);
        }
        Ok(())
    }

    /// Sends what has been converted meanwhile.
    pub(super) fn send_converted(&mut self, now: Monotonic, wall: &WallClock) {
        while let Some(picture) = self.normaliser.take() {
            self.send(picture, now, wall);
        }
    }

    /// Changes the way of sending from the next frame on.
    pub(super) fn adjust(&mut self, normaliser: Normaliser, outgoing: Outgoing, now: Monotonic) {
        self.track.adjust(outgoing, now);
        self.normaliser = normaliser;
    }

    fn send(&mut self, picture: ReadyPicture, now: Monotonic, wall: &WallClock) {
        let sent = self.track.send_picture(picture, now, wall);
        let said = std::mem::replace(&mut self.too_long_said, sent.is_err());
        if let (Err(error), false) = (sent, said) {
            log::warn!("{}: {error}", self.name);
        }
    }
}
