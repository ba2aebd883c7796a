//! Makes every picture one that RTP can carry (RFC 2435). Most pass as they are, in the camera's own
//! memory; others are rewritten without loss or encoded anew, on a thread of its own that never holds
//! the loop up; what cannot be helped is dropped, and counted by the reason.

mod convert;
mod planes;
mod quality;
mod raw;
mod rearrange;
#[cfg(test)]
mod tests;

pub use raw::{Layout, RawFormat};

use crate::capture::buffer::{FrameBytes, Pool, Pooled};
use crate::capture::{Error, VideoFrame};
use crate::jpeg_worker::Worker;
use convert::{Converter, Refusal, Remedy};
use std::sync::Arc;
use streamsocket_stream::clock::Monotonic;
use streamsocket_wire::jpeg_scan::{Frame, Scanner, Unfit};

/// Buffers for what the thread makes: one on its way out, one that waits, one being filled.
const BUFFERS: usize = 3;

/// Quality of what is encoded here, if nothing else is asked for: 1 to 100.
pub const QUALITY_DEFAULT: u8 = 80;

/// A picture and where its coded data lies.
#[derive(Debug)]
pub struct Picture {
    /// Its bytes and capture time.
    pub frame: VideoFrame,
    /// What its headers say.
    pub scanned: Frame,
}

/// What is done to pictures beyond what has to be done.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Quality of raw pictures.
    pub quality: u8,
    /// Quality that JPEGs are encoded anew with, if they are to be.
    pub requality: Option<u8>,
}

/// The stage between a source and the packetizer.
pub struct Normaliser {
    name: String,
    options: Options,
    scanner: Scanner,
    waker: Arc<mio::Waker>,
    worker: Option<Worker<Job, Done>>,
    pool: Pool,
    /// The newest picture that the worker has not begun.
    waiting: Option<(VideoFrame, Remedy)>,
    /// Capture time of the newest picture that has left here.
    newest: Monotonic,
    counts: Counts,
    /// What was last said about the pictures.
    said: Option<Said>,
}

/// What became of pictures that did not pass as they are.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    unfit: [u64; Unfit::COUNT],
    damaged: u64,
    too_large: u64,
    busy: u64,
    overtaken: u64,
    rewritten: u64,
    encoded: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Said {
    Helped(&'static str),
    Dropped(&'static str),
}

struct Job {
    frame: VideoFrame,
    remedy: Remedy,
    buffer: Pooled,
}

struct Done {
    made: Result<Picture, Refusal>,
    remedy: Remedy,
    capture: Monotonic,
}

impl Normaliser {
    /// A stage for the source of this name. `waker` announces pictures that were made.
    #[must_use]
    pub fn new(name: String, options: Options, waker: Arc<mio::Waker>) -> Self {
        Self {
            name,
            options,
            scanner: Scanner::default(),
            waker,
            worker: None,
            pool: Pool::new(BUFFERS, 0),
            waiting: None,
            newest: Monotonic(i64::MIN),
            counts: Counts::default(),
            said: None,
        }
    }

    /// Takes a picture, and returns it if it can be sent as it is. If it can be helped,
    /// [`take`](Self::take) returns it later.
    ///
    /// # Errors
    /// The thread for such pictures cannot be started.
    pub fn push(&mut self, frame: VideoFrame) -> Result<Option<Picture>, Error> {
        let remedy = match (frame.raw, self.options.requality) {
            (Some(raw), _) => Remedy::EncodeRaw(raw, self.options.quality),
            (None, Some(quality)) => Remedy::Encode(Some(quality)),
            (None, None) => match self.scanner.scan(&frame.bytes) {
                Ok(scanned) if scanned.ended => return Ok(self.passed(frame, scanned)),
                Ok(_) => Remedy::Rewrite,
                Err(unfit) => match remedy(unfit) {
                    Some(remedy) => {
                        self.say_helped(unfit, remedy);
                        remedy
                    }
                    None => {
                        self.refuse(Refusal::Unfit(unfit));
                        return Ok(None);
                    }
                },
            },
        };
        if self.worker.is_none() {
            self.worker = Some(start(Arc::clone(&self.waker))?);
        }
        if self.waiting.replace((frame, remedy)).is_some() {
            self.counts.busy += 1;
        }
        self.submit();
        Ok(None)
    }

    /// The next picture that was made.
    pub fn take(&mut self) -> Option<Picture> {
        loop {
            let done = self.worker.as_mut()?.take();
            self.submit();
            let Done { made, remedy, capture } = done?;
            match made {
                // Pictures that pass as they are do not wait for those that do not.
                Ok(_) if capture < self.newest => self.counts.overtaken += 1,
                Ok(picture) => {
                    self.newest = capture;
                    match remedy {
                        Remedy::Rewrite => self.counts.rewritten += 1,
                        Remedy::Encode(_) | Remedy::EncodeRaw(..) => self.counts.encoded += 1,
                    }
                    return Some(picture);
                }
                Err(refusal) => self.refuse(refusal),
            }
        }
    }

    /// Whether no picture is on its way.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.waiting.is_none() && self.worker.as_ref().is_none_or(|it| it.outstanding() == 0)
    }

    /// Pictures that were dropped here, by the reason.
    pub fn dropped(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let Counts { damaged, too_large, busy, overtaken, unfit, .. } = self.counts;
        let others = [
            ("damaged", damaged),
            ("too_large", too_large),
            ("encoder_was_busy", busy),
            ("overtaken", overtaken),
        ];
        Unfit::NAMES.into_iter().zip(unfit).chain(others)
    }

    /// Pictures that were rewritten without loss, and that were encoded here.
    #[must_use]
    pub const fn made(&self) -> (u64, u64) {
        (self.counts.rewritten, self.counts.encoded)
    }

    /// The reason for which pictures are dropped at the moment, in words.
    #[must_use]
    pub fn refused(&self) -> Option<String> {
        match self.said? {
            Said::Dropped(reason) => Some(reason.replace('_', " ")),
            Said::Helped(_) => None,
        }
    }

    fn passed(&mut self, frame: VideoFrame, scanned: Frame) -> Option<Picture> {
        self.newest = frame.capture;
        self.said = None;
        Some(Picture { frame, scanned })
    }

    fn submit(&mut self) {
        let Some(worker) = self.worker.as_mut().filter(|worker| worker.outstanding() == 0) else {
            return;
        };
        let Some(buffer) = self.pool.take() else { return };
        let Some((frame, remedy)) = self.waiting.take() else { return };
        if worker.submit(Job { frame, remedy, buffer }).is_err() {
            self.counts.busy += 1;
        }
    }

    fn refuse(&mut self, refusal: Refusal) {
        let reason = match refusal {
            Refusal::Unfit(unfit) => {
                self.counts.unfit[unfit.index()] += 1;
                unfit.name()
            }
            Refusal::Damaged => {
                self.counts.damaged += 1;
                "damaged"
            }
            Refusal::TooLarge => {
                self.counts.too_large += 1;
                "too_large"
            }
        };
        if self.said.replace(Said::Dropped(reason)) != Some(Said::Dropped(reason)) {
            match refusal {
                Refusal::Unfit(unfit) => log::warn!("{}: pictures are dropped: {unfit}", self.name),
                _ => {
                    log::warn!("{}: pictures are dropped: {}", self.name, reason.replace('_', " "));
                }
            }
        }
    }

    fn say_helped(&mut self, unfit: Unfit, remedy: Remedy) {
        let said = Some(Said::Helped(unfit.name()));
        if self.said.is_some() {
            return;
        }
        self.said = said;
        let how = match remedy {
            Remedy::Rewrite => "each picture is rewritten without loss",
            _ => "each picture is encoded anew, in the quality that it has",
        };
        log::info!("{}: {unfit}: {how}, which takes processor time", self.name);
    }
}

/// What helps against a reason.
const fn remedy(unfit: Unfit) -> Option<Remedy> {
    match unfit {
        Unfit::Progressive | Unfit::Arithmetic | Unfit::Scans | Unfit::HuffmanTables => {
            Some(Remedy::Rewrite)
        }
        Unfit::Sampling(rearrange::FACTORS) => Some(Remedy::Rewrite),
        Unfit::Components(1) | Unfit::Sampling(_) | Unfit::Colours | Unfit::QuantizationTables => {
            Some(Remedy::Encode(None))
        }
        Unfit::NotJpeg
        | Unfit::Truncated
        | Unfit::Lossless
        | Unfit::Precision(_)
        | Unfit::Components(_)
        | Unfit::Empty => None,
    }
}

/// Whether pictures like this one can be sent, as they are or helped.
#[must_use]
pub fn is_sendable(jpeg: &[u8]) -> bool {
    Scanner::default().scan(jpeg).map_or_else(|unfit| remedy(unfit).is_some(), |_| true)
}

fn start(waker: Arc<mio::Waker>) -> Result<Worker<Job, Done>, Error> {
    Worker::start_with(waker, || {
        // Without memory for the library there will be none for a picture either.
        let mut converter = Converter::new().ok();
        move |job: Job| {
            let Job { frame, remedy, mut buffer } = job;
            let capture = frame.capture;
            let made = converter.as_mut().ok_or(Refusal::Damaged).and_then(|converter| {
                let scanned = converter.convert(&frame.bytes, remedy, buffer.bytes_mut())?;
                let bytes = FrameBytes::Pooled(buffer);
                Ok(Picture { frame: VideoFrame { bytes, capture, raw: None }, scanned })
            });
            Done { made, remedy, capture }
        }
    })
}
