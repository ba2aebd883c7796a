//! Pictures of a camera that speaks RTSP.

use super::session::{Asked, Session, Sound};
use super::sound::Beside;
use super::track::Content;
use crate::capture::error::{Cause, Error};
use crate::capture::frame::VideoPoll;
use crate::clock::monotonic;
use std::os::fd::RawFd;
use std::time::Duration;
use streamsocket_media::clock::{Delay, Monotonic};
use streamsocket_media::{Bytes, Pool, Unit, VideoFormat};
use streamsocket_stream::receive::depayloader::{Depayloaded, Depayloader, Described, Encoding};
use streamsocket_wire::rtp::ExtendedTime;

/// Buffers in circulation: two on their way out, one waiting for its time, one being filled.
const BUFFERS: usize = 4;

/// Room that each buffer starts with; it grows to the largest frame and stays there.
const BUFFER_CAPACITY: usize = 64 << 10;

/// Longest time that the first picture is waited for.
const FIRST_MAX: Duration = Duration::from_secs(15);

/// How long the rest of a frame is waited for: within a connection packets come in order, so that what is missing
/// does not come any more.
const REST_MAX: Delay = Delay::from_millis(500);

/// What an address turned out to be.
pub enum Opened {
    /// A camera that gives JPEGs.
    Pictures(Box<RtspPictures>),
    /// Something that others may be able to read.
    Foreign,
}

/// A camera's pictures.
#[derive(Debug)]
pub struct RtspPictures {
    session: Box<Session>,
    format: VideoFormat,
    depayloader: Depayloader,
    pool: Pool,
    /// A frame that was put together, with the time of its capture.
    ready: Option<(Bytes, Monotonic)>,
    beside: Beside,
    /// Pictures that there was no buffer for.
    dropped: u64,
}

/// Asks a camera for JPEGs, and waits for the first: 15 s at most. `fits` says whether one can be sent; sound goes to `beside`.
///
/// # Errors
/// Nobody is there, or it has no pictures for us: one line, without passwords.
pub fn open(url: &str, fits: fn(&[u8]) -> bool, beside: &Beside) -> Result<Opened, Error> {
    let Asked::Session(session) = Session::open(url)? else { return Ok(Opened::Foreign) };
    let size = session.size();
    let described = Described { channels: 0, size, repaired: false };
    let mut pictures = RtspPictures {
        session,
        format: VideoFormat { width: 0, height: 0, rate: None },
        depayloader: Depayloader::new(Encoding::Jpeg, described),
        pool: Pool::new(BUFFERS, BUFFER_CAPACITY),
        ready: None,
        beside: beside.clone(),
        dropped: 0,
    };
    let began = monotonic();
    while pictures.ready.is_none() {
        let now = monotonic();
        if now.since(began) >= FIRST_MAX {
            let why = format!("brings no JPEG picture for {} s", FIRST_MAX.as_secs());
            let shown = crate::capture::child::without_password(url);
            return Err(Error::new(format!("{shown} {why}")).from_cause(Cause::Unreachable));
        }
        pictures.fill(now)?;
        if pictures.ready.is_none() {
            pictures.session.wait();
        }
    }
    let first = pictures.ready.as_ref().map(|(bytes, _)| fits(bytes));
    Ok(if first == Some(true) { Opened::Pictures(Box::new(pictures)) } else { Opened::Foreign })
}

impl RtspPictures {
    /// What it delivers: the size of the first picture.
    #[must_use]
    pub const fn format(&self) -> VideoFormat {
        self.format
    }

    /// What sound it has beside.
    #[must_use]
    pub const fn sound(&self) -> Sound {
        self.session.sound()
    }

    /// What to watch for reading.
    #[must_use]
    pub fn descriptor(&self) -> RawFd {
        self.session.descriptor()
    }

    /// When to poll again even if nothing arrives.
    #[must_use]
    pub fn deadline(&self) -> Monotonic {
        if self.ready.is_some() {
            return Monotonic(0);
        }
        self.session.deadline()
    }

    /// Pictures that were dropped as damaged or cut off.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        let Depayloader::Jpeg { frames, .. } = &self.depayloader else { return 0 };
        self.dropped + frames.counts().incomplete
    }

    /// The next picture that has arrived.
    ///
    /// # Errors
    /// The connection is over: it is to be opened again.
    pub fn poll(&mut self, now: Monotonic) -> Result<VideoPoll, Error> {
        if self.ready.is_none() {
            self.fill(now)?;
        }
        match self.ready.take() {
            Some((bytes, capture)) => Ok(VideoPoll::Unit(Unit::jpeg(bytes, capture))),
            None => Ok(VideoPoll::Idle),
        }
    }

    /// Reads until a picture is there, or nothing more.
    fn fill(&mut self, now: Monotonic) -> Result<(), Error> {
        let Self { session, format, depayloader, pool, ready, dropped, beside, .. } = self;
        session.poll(now, &mut |content, packet, undelayed| {
            if !matches!(content, Content::Jpeg(_)) {
                beside.put(content, packet.payload, undelayed);
                return true;
            }
            depayloader.push(packet);
            if !depayloader.ends_with(packet) {
                return true;
            }
            let latest = |_: ExtendedTime| Some(now - REST_MAX);
            while let Some(Depayloaded::Jpeg(frame, buffer)) = depayloader.poll(now, &latest) {
                let Some(mut filled) = pool.take() else {
                    *dropped += 1;
                    continue;
                };
                let file = buffer.get(frame.start..).unwrap_or_default();
                filled.bytes_mut().extend_from_slice(file);
                (format.width, format.height) = (frame.width, frame.height);
                *ready = Some((filled.freeze(), undelayed));
            }
            ready.is_none()
        })
    }
}
