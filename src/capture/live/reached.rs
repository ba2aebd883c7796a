//! What an address turned out to be: a camera whose JPEGs we read ourselves, or what ffmpeg reads for us.

use crate::capture::child::{self, ChildInput, ChildVideo, VideoSettings};
use crate::capture::error::Error;
use crate::capture::frame::VideoPoll;
use crate::capture::http::{self, HttpPictures, Opened, Wanted};
use crate::capture::rtsp::{self, Beside, RtspPictures};
use std::os::fd::RawFd;
use std::sync::atomic::{AtomicU8, Ordering};
use streamsocket_media::VideoFormat;
use streamsocket_media::clock::Monotonic;

/// Pictures of an address.
#[derive(Debug)]
pub enum Reached {
    /// We read them.
    Http(Box<HttpPictures>),
    /// The same.
    Rtsp(Box<RtspPictures>),
    /// A child reads them.
    Child(Box<ChildVideo>),
}

/// Whether an address can have sound: who reads its pictures finds out, and tells who wants to hear it, since
/// many a camera serves only one at a time.
#[derive(Debug, Default)]
pub struct Sound(AtomicU8);

const SILENT: u8 = 1;
const PERHAPS: u8 = 2;

impl Sound {
    /// True or false when it is known.
    pub(super) fn is_possible(&self) -> Option<bool> {
        match self.0.load(Ordering::Relaxed) {
            SILENT => Some(false),
            PERHAPS => Some(true),
            _ => None,
        }
    }

    fn found(&self, found: u8) {
        self.0.store(found, Ordering::Relaxed);
    }
}

/// The pictures of an address if it gives JPEGs over HTTP or RTSP, in the size and at the rate that are wanted; what
/// sound comes with them goes to `beside`.
///
/// # Errors
/// Nobody is there, or nobody who gives us pictures.
pub fn read_here(
    address: &ChildInput,
    settings: &VideoSettings,
    beside: &Beside,
) -> Result<Option<Reached>, Error> {
    if settings.size.is_some() {
        return Ok(None);
    }
    if let Some(url) = address.http() {
        let wanted = Wanted { rate: settings.rate, fits: settings.fits };
        return Ok(match http::open(url, &wanted)? {
            Opened::Pictures(pictures) => Some(Reached::Http(pictures)),
            Opened::Foreign => None,
        });
    }
    let Some(url) = address.rtsp().filter(|_| settings.rate.is_none()) else { return Ok(None) };
    Ok(match rtsp::open(url, settings.fits, beside)? {
        rtsp::Opened::Pictures(pictures) => Some(Reached::Rtsp(pictures)),
        rtsp::Opened::Foreign => None,
    })
}

/// The pictures of an address.
pub(super) fn reach(
    address: &ChildInput,
    settings: &VideoSettings,
    sound: &Sound,
    beside: &Beside,
) -> Result<Reached, Error> {
    let here = read_here(address, settings, beside)?;
    let possible = here.as_ref().is_none_or(|it| it.sound() != rtsp::Sound::Nothing);
    sound.found(if possible { PERHAPS } else { SILENT });
    if let Some(pictures) = here {
        return Ok(pictures);
    }
    let child = ChildVideo::open(address, &child::probe(address)?, settings)?;
    Ok(Reached::Child(Box::new(child)))
}

impl Reached {
    /// What sound comes with pictures that are read here.
    pub(super) const fn sound(&self) -> rtsp::Sound {
        match self {
            Self::Rtsp(pictures) => pictures.sound(),
            Self::Http(_) | Self::Child(_) => rtsp::Sound::Nothing,
        }
    }

    pub(super) fn format(&self) -> VideoFormat {
        match self {
            Self::Http(pictures) => pictures.format(),
            Self::Rtsp(pictures) => pictures.format(),
            Self::Child(child) => child.format(),
        }
    }

    pub(super) fn descriptor(&self) -> Option<RawFd> {
        match self {
            Self::Http(pictures) => Some(pictures.descriptor()),
            Self::Rtsp(pictures) => Some(pictures.descriptor()),
            Self::Child(child) => child.descriptor(),
        }
    }

    pub(super) fn why_away(&self) -> Option<&str> {
        match self {
            Self::Http(_) | Self::Rtsp(_) => None,
            Self::Child(child) => child.why_away(),
        }
    }

    pub(super) fn dropped(&self) -> u64 {
        match self {
            Self::Http(pictures) => pictures.dropped(),
            Self::Rtsp(pictures) => pictures.dropped(),
            Self::Child(child) => child.dropped(),
        }
    }

    pub(super) fn deadline(&self) -> Option<Monotonic> {
        match self {
            Self::Http(pictures) => Some(pictures.deadline()),
            Self::Rtsp(pictures) => Some(pictures.deadline()),
            Self::Child(child) => child.deadline(),
        }
    }

    pub(super) fn poll(&mut self, now: Monotonic) -> Result<VideoPoll, Error> {
        match self {
            Self::Http(pictures) => pictures.poll(now),
            Self::Rtsp(pictures) => pictures.poll(now),
            Self::Child(child) => child.poll(now),
        }
    }
}
