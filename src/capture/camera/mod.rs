//! A V4L2 camera: opened, negotiated, polled, and its frames lent out without a copy. What is inside
//! a picture is not looked at here.
//!
//! A frame goes: driver -> `ring` -> judged here -> [`Unit`], whose bytes are lent -> dropped by
//! whoever sent it last -> driver. At most `LEASED_MAX` are lent, and one more for each encoder
//! beside; fewer if the driver granted few buffers. While that many are, the newest frame is held back
//! and older ones return to the driver at once.

mod adjust;
pub(crate) mod control;
#[allow(unsafe_code, reason = "ioctls on structures of the kernel")]
pub(crate) mod kernel;
pub(crate) mod offer;
mod refusal;
mod request;
#[allow(unsafe_code, reason = "memory shared with the driver")]
pub(super) mod ring;

pub use control::{Control, ControlKind};
pub use offer::{Extent, FormatOffer, RateOffer, SizeOffer};
pub use request::CameraRequest;

use super::error::Error;
use super::frame::VideoPoll;
use crate::clock::monotonic;
use kernel::{Capability, Node};
use ring::{Dequeued, Ring};
use std::os::fd::RawFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use streamsocket_media::clock::Monotonic;
use streamsocket_media::{RawFormat, Unit, VideoFormat};
use streamsocket_stream::send::stamps::{Doubt, Judgement, Stamps};

/// Frames lent out at most: one on its way to the network or being encoded, one that waits for that,
/// and one that takes its place.
const LEASED_MAX: usize = 3;

/// Frames lent out at most of so many buffers, and one more for each encoder beside: none of them is to take
/// one from those that are sent as they come. One buffer is left to be held back and one to the driver, as far
/// as they go. With two, the driver has none while a frame is held back; with one, while one is lent.
fn lendable(buffers: usize, encoders: usize) -> usize {
    buffers.saturating_sub(2).clamp(1, LEASED_MAX.saturating_add(encoders))
}

/// Frames missing in the driver's numbering that still count as lost. More is a counter that began
/// anew.
const GAP_MAX: u32 = 1000;

/// What became of the frames since the camera was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CameraCounts {
    /// Lent out.
    pub delivered: u64,
    /// Flagged as damaged by the driver.
    pub error_flagged: u64,
    /// Without any bytes.
    pub empty: u64,
    /// Replaced by a newer one while as many as possible were lent out.
    pub skipped_lease: u64,
    /// Numbered by the driver but never handed out: lost on the bus, or for want of a free buffer.
    pub sequence_gaps: u64,
    /// Stamped by their arrival, since the driver's stamp could not be believed.
    pub stamps_refused: u64,
}

impl CameraCounts {
    /// Pictures that the driver handed out.
    #[must_use]
    pub const fn pictures(&self) -> u64 {
        self.delivered + self.skipped_lease
    }

    /// Buffers that the driver handed out without a picture: empty, or flagged as damaged.
    #[must_use]
    pub const fn useless(&self) -> u64 {
        self.error_flagged + self.empty
    }

    /// These and those.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self {
            delivered: self.delivered + other.delivered,
            error_flagged: self.error_flagged + other.error_flagged,
            empty: self.empty + other.empty,
            skipped_lease: self.skipped_lease + other.skipped_lease,
            sequence_gaps: self.sequence_gaps + other.sequence_gaps,
            stamps_refused: self.stamps_refused + other.stamps_refused,
        }
    }
}

/// Whether there is a camera at this node that may be opened. It is asked what it is, and left as it is.
///
/// # Errors
/// As [`Camera::open`], as far as that is known without setting it up.
pub fn ask(path: &Path) -> Result<(), Error> {
    open_node(path).map(drop)
}

fn open_node(path: &Path) -> Result<(Node, Capability), Error> {
    let node = Node::open(path).map_err(|error| refusal::cannot_open(path, &error))?;
    let capability = node.capability().map_err(|_| refusal::no_camera(path, None))?;
    if !capability.is_camera() {
        return Err(refusal::no_camera(path, Some(&capability)));
    }
    Ok((node, capability))
}

/// A camera that is streaming. Dropping it ends the stream; units that are still out stay valid,
/// and the device is closed with the last of them.
#[derive(Debug)]
pub struct Camera {
    ring: Arc<Ring>,
    /// Frames that others may hold at a time.
    lendable: usize,
    path: PathBuf,
    capability: Capability,
    granted: VideoFormat,
    /// How its pictures lie, if they are no JPEGs.
    raw: Option<RawFormat>,
    /// The newest frame, kept back while too many are lent out.
    held: Option<Unit>,
    counts: CameraCounts,
    last_sequence: Option<u32>,
    stamps: Stamps,
    /// What was said of its stamps.
    foreign_clock_said: bool,
    doubt_said: bool,
    distrust_said: bool,
    end_said: bool,
}

impl Camera {
    /// Opens a camera, negotiates what was asked for, sets its controls and starts the stream.
    ///
    /// # Errors
    /// There is no such device, it is no camera, it may not be opened, another program uses it, it
    /// gives nothing that can be sent, or it lacks the size or a control: one line that says which and what to do.
    pub fn open(request: &CameraRequest) -> Result<Self, Error> {
        let path = &request.device;
        let (node, capability) = open_node(path)?;
        let label = label(&capability, path);
        let (granted, raw) = request::negotiate(&node, &label, request)?;
        adjust::apply(&node, &label, &request.controls)?;
        let ring = Ring::map(node, request.encoders)
            .map_err(|error| refusal::failed(&label, path, "map its buffers", &error))?;
        let lendable = lendable(ring.len(), request.encoders);
        log::debug!("{label} has {} buffers, of which {lendable} are lent", ring.len());
        ring.start().map_err(|error| refusal::failed(&label, path, "start", &error))?;
        Ok(Self {
            ring,
            lendable,
            path: path.clone(),
            capability,
            granted,
            raw,
            held: None,
            counts: CameraCounts::default(),
            last_sequence: None,
            stamps: Stamps::new(granted.reckoned_rate().frame_nanos(1)),
            foreign_clock_said: false,
            doubt_said: false,
            distrust_said: false,
            end_said: false,
        })
    }

    /// What the camera granted.
    #[must_use]
    pub const fn granted(&self) -> VideoFormat {
        self.granted
    }

    /// Its name, as it tells it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.capability.card
    }

    /// Where it is plugged in.
    #[must_use]
    pub fn bus_info(&self) -> &str {
        &self.capability.bus_info
    }

    /// The device it was opened by.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The descriptor to watch for readability; an error or a hang-up there is news as well. It is
    /// valid as long as the camera.
    #[must_use]
    pub fn descriptor(&self) -> RawFd {
        self.ring.descriptor()
    }

    /// What became of the frames so far.
    #[must_use]
    pub const fn counts(&self) -> CameraCounts {
        self.counts
    }

    /// Whether a frame that was held back can be had now: lent ones have come back.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.held.is_some() && self.may_lend()
    }

    /// The next frame, in the order of capture. Poll until it says [`VideoPoll::Idle`]; then again
    /// when the descriptor has news, and when [`is_ready`](Self::is_ready).
    ///
    /// # Errors
    /// The camera was unplugged, or broke down: drop it, and open it again when it is back.
    pub fn poll(&mut self, now: Monotonic) -> Result<VideoPoll, Error> {
        loop {
            let may_lend = self.may_lend();
            if let Some(unit) = self.held.take_if(|_| may_lend) {
                return Ok(self.deliver(unit));
            }
            let dequeued = self.ring.dequeue().map_err(|error| {
                let label = label(&self.capability, &self.path);
                refusal::failed(&label, &self.path, "give frames any more", &error)
            })?;
            let Some(dequeued) = dequeued else { return Ok(VideoPoll::Idle) };
            // Not when the turn began: on a slow machine that was before this picture was taken.
            let arrival = monotonic().max(now);
            let Some(unit) = self.judge(dequeued, arrival) else { continue };
            if may_lend {
                return Ok(self.deliver(unit));
            }
            if self.held.replace(unit).is_some() {
                self.counts.skipped_lease += 1;
            }
        }
    }

    /// Whether others hold fewer frames than they may.
    fn may_lend(&self) -> bool {
        let lent = self.ring.out().saturating_sub(usize::from(self.held.is_some()));
        lent < self.lendable
    }

    fn deliver(&mut self, unit: Unit) -> VideoPoll {
        self.counts.delivered += 1;
        VideoPoll::Unit(unit)
    }

    /// Makes a frame of a buffer, or counts why not and gives it back.
    fn judge(&mut self, buffer: Dequeued, arrival: Monotonic) -> Option<Unit> {
        let missing = self.last_sequence.map_or(0, |last| gap(last, buffer.sequence));
        self.counts.sequence_gaps += u64::from(missing);
        self.last_sequence = Some(buffer.sequence);
        if buffer.damaged {
            self.counts.error_flagged += 1;
            return None;
        }
        if buffer.bytes.is_empty() {
            self.counts.empty += 1;
            return None;
        }
        if buffer.stamp.is_some() && buffer.at_end && !self.end_said {
            self.end_said = true;
            let label = label(&self.capability, &self.path);
            log::info!("{label} stamps the end of a picture: --av-offset makes up for its length");
        }
        let capture = self.capture(buffer.stamp, arrival);
        Some(match self.raw {
            Some(format) => Unit::raw(buffer.bytes, format, capture),
            None => Unit::jpeg(buffer.bytes, capture),
        })
    }
}

impl Camera {
    /// When a picture was captured that arrived at `arrival` with this stamp, if its clock is ours.
    fn capture(&mut self, stamp: Option<i64>, arrival: Monotonic) -> Monotonic {
        let Some(stamp) = stamp else {
            if !std::mem::replace(&mut self.foreign_clock_said, true) {
                let label = label(&self.capability, &self.path);
                log::warn!(
                    "{label} does not stamp with the monotonic clock: arrival times are used"
                );
            }
            return arrival;
        };
        let Judgement { capture, doubt } = self.stamps.judge(Monotonic(stamp), arrival);
        if let Some(doubt) = doubt {
            self.counts.stamps_refused += 1;
            self.say_doubt(doubt);
        }
        capture
    }

    fn say_doubt(&mut self, doubt: Doubt) {
        let label = || label(&self.capability, &self.path);
        if self.stamps.condemned().is_some() {
            if !std::mem::replace(&mut self.distrust_said, true) {
                log::warn!(
                    "{}: the driver's stamps are wrong (one {doubt}): pictures are stamped by their \
                     arrival from now on",
                    label()
                );
            }
        } else if !std::mem::replace(&mut self.doubt_said, true) {
            log::warn!("{}: a stamp of the driver {doubt}: arrival is used instead", label());
        }
    }
}

impl Drop for Camera {
    fn drop(&mut self) {
        self.ring.stop();
    }
}

fn label(capability: &Capability, path: &Path) -> String {
    format!("camera \"{}\" ({})", capability.card, path.display())
}

/// Frames missing between two sequence numbers of a driver.
const fn gap(last: u32, sequence: u32) -> u32 {
    match sequence.wrapping_sub(last) {
        0 => 0,
        step if step <= GAP_MAX => step - 1,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_fewer_buffers_fewer_are_lent_and_never_none() {
        let lent = |encoders| [1, 2, 3, 4, 5, 7, 8, 32].map(|granted| lendable(granted, encoders));
        assert_eq!(lent(0), [1, 1, 1, 2, 3, 3, 3, 3]);
        assert_eq!(lent(1), [1, 1, 1, 2, 3, 4, 4, 4], "one more, if the driver grants it");
        assert_eq!(lent(4), [1, 1, 1, 2, 3, 5, 6, 7]);
    }

    #[test]
    fn gaps_count_the_missing_frames() {
        assert_eq!(gap(5, 6), 0);
        assert_eq!(gap(5, 9), 3);
        assert_eq!(gap(u32::MAX, 1), 1);
        assert_eq!(gap(5, 5), 0);
        assert_eq!(gap(500, 0), 0, "a driver that counts anew lost nothing");
    }
}
