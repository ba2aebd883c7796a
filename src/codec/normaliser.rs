//! Makes every picture one that RTP can carry (RFC 2435). Most pass unchanged in the camera's own
//! memory; others are rewritten without loss, encoded anew or made smaller on a thread of their
//! own, which never blocks the loop. What cannot be converted is dropped and counted by reason.

#[cfg(test)]
mod tests;

use crate::worker::{Error, Kind, Worker};
use std::sync::Arc;
use streamsocket_convert::{Converter, FACTORS, Refusal, Remedy, is_shown};
use streamsocket_media::{Codec, Pool, PoolBuffer, Scale, Unit};
use streamsocket_wire::jpeg::{PIXELS_MAX, SIDE_MAX};
use streamsocket_wire::jpeg_scan::{Scanned, Scanner, Unfit};

/// Buffers for converted pictures: one being sent, one waiting, one being filled.
const BUFFERS: usize = 3;

/// Default JPEG quality of what is encoded here, 1 to 100.
pub const QUALITY_DEFAULT: u8 = 80;

/// A picture that can be sent, and where its coded data lies.
#[derive(Debug)]
pub struct ReadyPicture {
    /// A JPEG.
    pub unit: Unit,
    /// Its parsed headers.
    pub scanned: Scanned,
}

/// The reason for dropping pictures that receivers do not accept.
const TOO_LARGE: &str = "too_large";

/// Optional conversions. Of pictures that RTP can carry, at full scale and without a quality, none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Quality of raw pictures.
    pub quality: u8,
    /// Quality for re-encoding JPEGs, if wanted; their own at most unless they are made smaller.
    pub requality: Option<u8>,
    /// How large pictures are made.
    pub scale: Scale,
}

impl Options {
    /// Whether pictures that RTP can carry are left as they are.
    const fn passes(&self) -> bool {
        matches!((self.scale, self.requality), (Scale::Full, None))
    }
}

/// The stage between a source and the payloader.
pub struct Normaliser {
    name: String,
    options: Options,
    scanner: Scanner,
    waker: Arc<mio::Waker>,
    worker: Option<Worker<Job, Done>>,
    pool: Pool,
    /// The newest picture, which the worker has not begun.
    waiting: Option<Waiting>,
    /// Pictures taken so far, and the number of the newest one that was handed out.
    taken: u64,
    newest: u64,
    counts: Counts,
    /// Why the last picture was dropped, if it was.
    refused: Option<&'static str>,
    /// Messages already logged: each is logged once, since it would recur with each picture.
    said: heapless::Vec<&'static str, SAID_MAX>,
}

/// Bound of these messages: one for each reason, and some to spare.
const SAID_MAX: usize = Unfit::COUNT + 8;

/// Counts of the pictures that did not pass unchanged.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    unfit: [u64; Unfit::COUNT],
    damaged: u64,
    too_large: u64,
    too_many_scans: u64,
    busy: u64,
    overtaken: u64,
    rewritten: u64,
    encoded: u64,
}

struct Waiting {
    unit: Unit,
    remedy: Remedy,
    number: u64,
}

struct Job {
    picture: Waiting,
    buffer: PoolBuffer,
}

struct Done {
    made: Result<(ReadyPicture, bool), Refusal>,
    number: u64,
}

impl Normaliser {
    /// A stage for the source `name`. `waker` is woken when a converted picture is ready.
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
            taken: 0,
            newest: 0,
            counts: Counts::default(),
            refused: None,
            said: heapless::Vec::new(),
        }
    }

    /// Takes a picture, and returns it if it can be sent unchanged. If it can be converted,
    /// [`take`](Self::take) returns it later.
    ///
    /// # Errors
    /// The worker thread cannot be started, or has ended.
    pub fn push(&mut self, unit: Unit) -> Result<Option<ReadyPicture>, Error> {
        self.taken += 1;
        let remedy = match self.judge(&unit) {
            Ok(Verdict::Pass(scanned)) => {
                (self.newest, self.refused) = (self.taken, None);
                return Ok(Some(ReadyPicture { unit, scanned }));
            }
            Ok(Verdict::Help(remedy)) => remedy,
            Err(refusal) => {
                self.refuse(refusal);
                return Ok(None);
            }
        };
        if self.is_dead() {
            return Err(Error::Ended(Kind::JPEG));
        }
        if self.worker.is_none() {
            self.worker = Some(start(Arc::clone(&self.waker))?);
        }
        if self.waiting.replace(Waiting { unit, remedy, number: self.taken }).is_some() {
            self.counts.busy += 1;
            self.say("busy", |name| {
                log::warn!(
                    "{name}: this machine cannot encode all pictures, and leaves some out: choose a \
                     smaller --size or --fps"
                );
            });
        }
        self.submit();
        Ok(None)
    }

    /// Decides what has to be done with a picture.
    fn judge(&mut self, unit: &Unit) -> Result<Verdict, Refusal> {
        let large = |width: u16, height: u16| !is_shown(width.into(), height.into());
        match unit.codec {
            Codec::Raw(raw) if large(raw.width, raw.height) => return Err(Refusal::TooLarge),
            Codec::Raw(raw) => {
                let Options { scale, quality, .. } = self.options;
                return Ok(Verdict::Help(Remedy::EncodeRaw(raw, scale, quality)));
            }
            Codec::Jpeg => {}
        }
        let scanned = self.scanner.scan(&unit.bytes);
        let (needed, why) = match scanned {
            // They could be sent, and no receiver would show them.
            Ok(scanned) if large(scanned.picture.width, scanned.picture.height) => {
                return Err(Refusal::TooLarge);
            }
            Ok(scanned) if scanned.ended && self.options.passes() => {
                return Ok(Verdict::Pass(scanned));
            }
            Ok(_) => (Remedy::Rewrite, "no end"),
            Err(unfit) => (remedy(unfit).ok_or(Refusal::Unfit(unfit))?, unfit.name()),
        };
        let (remedy, why) = match (self.options.scale, self.options.requality) {
            (Scale::Full, None) => (needed, why),
            (Scale::Full, quality) => (Remedy::Encode(quality), "requality"),
            (scale, quality) => (Remedy::Scale(scale, quality), "scale"),
        };
        self.say(why, |name| {
            let how = match remedy {
                Remedy::Rewrite => "each picture is rewritten without loss where that can be",
                Remedy::Scale(..) => "each picture is made smaller",
                _ => "each picture is encoded anew, in its own quality at most",
            };
            let why = why.replace('_', " ");
            log::info!("{name}: {why}: {how}, which takes processor time");
        });
        Ok(Verdict::Help(remedy))
    }

    /// The next converted picture.
    pub fn take(&mut self) -> Option<ReadyPicture> {
        loop {
            let done = self.worker.as_mut()?.take();
            self.submit();
            let Done { made, number } = done?;
            match made {
                // Pictures that pass unchanged do not wait for converted ones.
                Ok(_) if number < self.newest => self.counts.overtaken += 1,
                Ok((picture, lossless)) => {
                    (self.newest, self.refused) = (number, None);
                    self.counts.rewritten += u64::from(lossless);
                    self.counts.encoded += u64::from(!lossless);
                    return Some(picture);
                }
                Err(refusal) => self.refuse(refusal),
            }
        }
    }

    /// Whether the next picture would replace one that waits: a source that can wait should.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.waiting.is_some() && !self.is_dead()
    }

    /// Whether the worker thread has ended by itself.
    fn is_dead(&self) -> bool {
        self.worker.as_ref().is_some_and(Worker::is_dead)
    }

    /// Whether no picture is being converted.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        let outstanding = self.worker.as_ref().map_or(0, Worker::outstanding);
        self.waiting.is_none() && outstanding == 0 || self.is_dead()
    }

    /// Pictures dropped here, by reason.
    pub fn dropped(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let Counts { damaged, too_large, too_many_scans, busy, overtaken, unfit, .. } = self.counts;
        let others = [
            ("damaged", damaged),
            (TOO_LARGE, too_large),
            ("too_many_scans", too_many_scans),
            ("encoder_was_busy", busy),
            ("overtaken", overtaken),
        ];
        Unfit::NAMES.into_iter().zip(unfit).chain(others)
    }

    /// Pictures rewritten without loss, and pictures re-encoded.
    #[must_use]
    pub const fn made(&self) -> (u64, u64) {
        (self.counts.rewritten, self.counts.encoded)
    }

    /// Why the last picture was dropped, if it was, in words.
    #[must_use]
    pub fn refused(&self) -> Option<String> {
        self.refused.map(|reason| reason.replace('_', " "))
    }

    /// Options for ffmpeg that would make pictures like the last dropped one acceptable, besides
    /// re-encoding.
    #[must_use]
    pub fn conversion(&self) -> &'static str {
        match self.refused {
            Some(TOO_LARGE) => " -vf scale=4096:4096:force_original_aspect_ratio=decrease",
            _ => "",
        }
    }

    fn submit(&mut self) {
        let Some(worker) = self.worker.as_mut().filter(|worker| worker.outstanding() == 0) else {
            return;
        };
        let Some(buffer) = self.pool.take() else { return };
        let Some(picture) = self.waiting.take() else { return };
        if worker.submit(Job { picture, buffer }).is_err() {
            self.counts.busy += 1;
        }
    }

    fn refuse(&mut self, refusal: Refusal) {
        let (count, reason) = match refusal {
            Refusal::Unfit(unfit) => (&mut self.counts.unfit[unfit.index()], unfit.name()),
            Refusal::Damaged => (&mut self.counts.damaged, "damaged"),
            Refusal::TooLarge => (&mut self.counts.too_large, TOO_LARGE),
            Refusal::TooManyScans => (&mut self.counts.too_many_scans, "too_many_scans"),
        };
        *count += 1;
        self.refused = Some(reason);
        self.say(reason, |name| {
            let why = match refusal {
                Refusal::Unfit(unfit) => unfit.to_string(),
                Refusal::TooLarge => format!(
                    "it has more than {SIDE_MAX} pixels a side or {} megapixels, which receivers do not \
                     show; choose a smaller --size",
                    PIXELS_MAX / 1_000_000
                ),
                _ => reason.replace('_', " "),
            };
            log::warn!("{name}: a picture is dropped, and others like it will be: {why}");
        });
    }

    /// Logs something about the pictures, once.
    fn say(&mut self, what: &'static str, say: impl FnOnce(&str)) {
        if !self.said.contains(&what) && self.said.push(what).is_ok() {
            say(&self.name);
        }
    }
}

enum Verdict {
    Pass(Scanned),
    Help(Remedy),
}

/// The conversion that remedies `unfit`, if there is one.
const fn remedy(unfit: Unfit) -> Option<Remedy> {
    match unfit {
        Unfit::Progressive | Unfit::Arithmetic | Unfit::Scans | Unfit::HuffmanTables => {
            Some(Remedy::Rewrite)
        }
        Unfit::Sampling(FACTORS) => Some(Remedy::Rewrite),
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

/// Whether pictures like this one can be sent, unchanged or converted.
#[must_use]
pub fn is_sendable(jpeg: &[u8]) -> bool {
    Scanner::default().scan(jpeg).map_or_else(|unfit| remedy(unfit).is_some(), |_| true)
}

fn start(waker: Arc<mio::Waker>) -> Result<Worker<Job, Done>, Error> {
    let mut converter = Converter::new();
    Worker::start(Kind::JPEG, waker, move |job: Job| {
        let Job { picture: Waiting { unit, remedy, number }, mut buffer } = job;
        let made = converter.convert(&unit.bytes, remedy, buffer.bytes_mut()).map(|made| {
            let unit = Unit::jpeg(buffer.freeze(), unit.capture);
            (ReadyPicture { unit, scanned: made.scanned }, made.lossless)
        });
        Done { made, number }
    })
}
