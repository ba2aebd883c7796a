//! An input of pictures: a source, and the branches that its frames go to.

use super::branch::{Branch, OpenedBranch};
use super::kept::KeptTracks;
use super::parts;
use crate::capture::{Error, VideoPoll};
use crate::publish::track::Outgoing;
use crate::settings::{Settings, VideoSettings};
use crate::source::VideoSource;
use crate::statistics::{OVER_BITRATE, VideoStatistics};
use mio::Waker;
use std::collections::BTreeMap;
use std::sync::Arc;
use streamsocket_media::clock::{Monotonic, WallClock};
use streamsocket_media::{AudioFormat, Unit};

/// Pictures taken from a source in one turn: a pipe or a server that delivers faster than they are
/// sent must not starve the rest of the loop.
const TURN_PICTURES_MAX: usize = 8;

/// The parts of an input of pictures, opened.
pub(super) struct OpenedVideo {
    /// Which of the inputs in the settings.
    pub(super) index: usize,
    pub(super) source: VideoSource,
    pub(super) name: String,
    /// The first one is of all its pictures as they come.
    pub(super) branches: Vec<OpenedBranch>,
}

/// An input of pictures.
pub(super) struct VideoInput {
    index: usize,
    source: VideoSource,
    name: String,
    ended: bool,
    /// The source may have more: this turn took as many as it may.
    more: bool,
    /// Whether viewers were told that there are no pictures.
    away: bool,
    pub(super) branches: Vec<Branch>,
}

impl OpenedVideo {
    /// The input, whose tracks begin at `now` and continue with the numbers that were kept.
    pub(super) fn begin(self, kept: &KeptTracks, now: Monotonic) -> VideoInput {
        let begin = |branch: OpenedBranch| {
            let numbers = kept.of(&branch.track.id);
            branch.begin(numbers, now)
        };
        VideoInput {
            index: self.index,
            source: self.source,
            name: self.name,
            ended: false,
            more: false,
            away: false,
            branches: self.branches.into_iter().map(begin).collect(),
        }
    }
}

/// How pictures are sent from now on.
#[derive(Clone, Copy)]
pub(super) struct Adjusting<'a> {
    pub(super) settings: &'a Settings,
    pub(super) video: &'a VideoSettings,
    /// Format of the sound beside them.
    pub(super) sound: Option<AudioFormat>,
    pub(super) waker: &'a Arc<Waker>,
}

impl VideoInput {
    /// The session begins at `epoch`.
    pub(super) const fn begin(&mut self, epoch: Monotonic) {
        self.source.begin(epoch);
    }

    /// Takes over what the source of an earlier input has read.
    pub(super) fn inherit(&mut self, before: &mut Self) {
        self.source.inherit(&mut before.source);
    }

    /// Sends the rest of the present pictures at once.
    pub(super) fn finish(&mut self, now: Monotonic, wall: &WallClock) {
        self.branches.iter_mut().for_each(|branch| branch.track.finish(now, wall));
    }

    /// Changes the way of sending from the next pictures on.
    pub(super) fn adjust(&mut self, adjusting: &Adjusting<'_>, now: Monotonic) {
        let Adjusting { settings, video, sound, waker } = *adjusting;
        for branch in &mut self.branches {
            let tier = branch.track.id().tier.as_deref();
            let tier = settings.tiers.iter().find(|it| Some(it.name.as_str()) == tier);
            let beside = parts::beside(settings, sound, tier);
            let tier = tier.and_then(|it| Some((it.name.as_str(), it.pictures?)));
            let normaliser = parts::normaliser(&self.name, video, tier, Arc::clone(waker));
            let sending = parts::sending(settings, video, beside);
            let interval = branch.format().reckoned_rate().frame_nanos(1);
            branch.adjust(normaliser, Outgoing::Pictures { sending, interval }, now);
        }
    }

    /// Which of the inputs in the settings it is.
    pub(super) const fn index(&self) -> usize {
        self.index
    }

    pub(super) const fn source(&self) -> &VideoSource {
        &self.source
    }

    /// A device has come or gone.
    pub(super) const fn rescan(&mut self, now: Monotonic) {
        self.source.rescan(now);
    }

    /// Whether the source has ended and the last packet was sent.
    pub(super) fn is_over(&self) -> bool {
        self.ended && self.branches.iter().all(Branch::is_idle)
    }

    pub(super) fn deadline(&self) -> Option<Monotonic> {
        let asleep = self.ended || self.waits();
        let source = if asleep { None } else { self.source.deadline() };
        let source = if self.more && !asleep { Some(Monotonic(0)) } else { source };
        let sending = self.branches.iter().filter_map(|branch| branch.track.deadline());
        sending.chain(source).min()
    }

    /// Whether the source is left alone until a picture is converted; the worker wakes the loop
    /// then.
    fn waits(&self) -> bool {
        self.source.can_wait() && self.branches.iter().any(|branch| branch.normaliser().is_full())
    }

    /// Takes what the source has, and sends what is due.
    pub(super) fn turn(&mut self, now: Monotonic, wall: &WallClock) -> Result<(), Error> {
        for branch in &mut self.branches {
            branch.send_converted(now, wall);
        }
        let mut left = TURN_PICTURES_MAX;
        while left > 0 && !self.ended && !self.waits() {
            match self.source.poll(now)? {
                VideoPoll::Unit(unit) => {
                    left -= 1;
                    self.take(unit, now, wall)?;
                }
                VideoPoll::Idle => break,
                VideoPoll::End => self.ended = true,
            }
        }
        self.more = left == 0;
        let changed = self.away != self.source.is_away();
        self.away ^= changed;
        for Branch { track, .. } in &mut self.branches {
            track.send_due(now);
            if changed {
                track.transport_mut().tell(now);
            }
        }
        Ok(())
    }

    /// Gives a picture to every branch that wants it: to the first one before the others.
    fn take(&mut self, unit: Unit, now: Monotonic, wall: &WallClock) -> Result<(), Error> {
        let mut taker: Option<&mut Branch> = None;
        for branch in &mut self.branches {
            if branch.wants(&unit, now) {
                if let Some(before) = taker.replace(branch) {
                    before.take(unit.clone(), now, wall)?;
                }
            }
        }
        taker.map_or(Ok(()), |last| last.take(unit, now, wall))
    }

    /// Why none of the pictures could be sent, if so.
    pub(super) fn useless(&self) -> Option<String> {
        let branch = self.branches.first().filter(|branch| branch.track.counts().sent == 0)?;
        let captured = branch.captured();
        let normaliser = branch.normaliser();
        let (reason, more) = (normaliser.refused()?, normaliser.conversion());
        Some(format!(
            "{}: none of {captured} pictures can be sent ({reason}); convert them first: \
             ffmpeg -i FILE{more} -c:v mjpeg -q:v 3 -huffman default -pix_fmt yuvj420p NEW.mjpeg",
            self.name
        ))
    }

    /// Statistics of a branch.
    pub(super) fn statistics(&self, branch: &Branch, now: Monotonic) -> VideoStatistics {
        let (format, counts) = (branch.format(), branch.track.counts());
        // What the source lost is told once, so that sums over all tracks are right.
        let whole = branch.track.id().tier.is_none();
        let losses = self.source.losses().into_iter().filter(|_| whole);
        let mut dropped: BTreeMap<_, _> = losses.collect();
        for (name, count) in branch.normaliser().dropped() {
            *dropped.entry(name).or_default() += count;
        }
        *dropped.entry("encoder_was_busy").or_default() += branch.busy();
        dropped.insert("too_long", counts.too_long);
        dropped.insert(OVER_BITRATE, counts.over_bitrate);
        // Frames in memory come as fast as they can be sent.
        let at_will = matches!(self.source, VideoSource::Preloaded(_));
        let frames_dropped = dropped.into_iter().filter(|(_, count)| *count > 0);
        VideoStatistics {
            source: self.source.name().unwrap_or(&self.name).to_owned(),
            away: self.source.why_away(),
            returns: self.source.returns(),
            width: format.width,
            height: format.height,
            rate: format.rate.map(|it| f64::from(it.numerator) / f64::from(it.denominator.max(1))),
            real_rate: branch.real_rate(now).filter(|_| !at_will),
            frames_captured: branch.captured(),
            frames_sent: counts.sent,
            frames_dropped: frames_dropped.map(|(name, count)| (name.to_owned(), count)).collect(),
            frames_rewritten: branch.normaliser().made().0,
            frames_encoded: branch.normaliser().made().1,
            stamps_refused: if whole { self.source.stamps_refused() } else { 0 },
            packets: counts.packets,
            bytes: counts.bytes,
            repair_packets: branch.track.transport().fec_packets(),
            frames_unrepairable: counts.without_fec,
        }
    }
}
