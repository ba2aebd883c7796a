//! What an address turned out to be: a camera whose JPEGs we read ourselves, or what ffmpeg reads for us.

use crate::capture::child::{self, ChildInput, ChildVideo, VideoSettings};
use crate::capture::error::Error;
use crate::capture::frame::VideoPoll;
use crate::capture::http::{self, HttpPictures, Opened, Wanted};
use std::os::fd::RawFd;
use std::sync::atomic::{AtomicU8, Ordering};
use streamsocket_media::VideoFormat;
use streamsocket_media::clock::Monotonic;

/// Pictures of an address.
#[derive(Debug)]
pub enum Reached {
    /// We read them.
    Http(Box<HttpPictures>),
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

/// The pictures of an address if it gives JPEGs over HTTP, in the size that is wanted.
///
/// # Errors
/// Nobody is there, or nobody who gives us pictures.
pub fn http_pictures(
    address: &ChildInput,
    settings: &VideoSettings,
) -> Result<Option<Box<HttpPictures>>, Error> {
    let Some(url) = address.http().filter(|_| settings.size.is_none()) else { return Ok(None) };
    let wanted = Wanted { rate: settings.rate, fits: settings.fits };
    Ok(match http::open(url, &wanted)? {
        Opened::Pictures(pictures) => Some(pictures),
        Opened::Foreign => None,
    })
}

/// The pictures of an address.
pub(super) fn reach(
    address: &ChildInput,
    settings: &VideoSettings,
    sound: &Sound,
) -> Result<Reached, Error> {
    if let Some(pictures) = http_pictures(address, settings)? {
        sound.found(SILENT);
        return Ok(Reached::Http(pictures));
    }
    sound.found(PERHAPS);
    let child = ChildVideo::open(address, &child::probe(address)?, settings)?;
    Ok(Reached::Child(Box::new(child)))
}

impl Reached {
    pub(super) fn format(&self) -> VideoFormat {
        match self {
            Self::Http(pictures) => pictures.format(),
            Self::Child(child) => child.format(),
        }
    }

    pub(super) fn descriptor(&self) -> Option<RawFd> {
        match self {
            Self::Http(pictures) => Some(pictures.descriptor()),
            Self::Child(child) => child.descriptor(),
        }
    }

    pub(super) fn why_away(&self) -> Option<&str> {
        match self {
            Self::Http(_) => None,
            Self::Child(child) => child.why_away(),
        }
    }

    pub(super) fn dropped(&self) -> u64 {
        match self {
            Self::Http(pictures) => pictures.dropped(),
            Self::Child(child) => child.dropped(),
        }
    }

    pub(super) fn deadline(&self) -> Option<Monotonic> {
        match self {
            Self::Http(pictures) => Some(pictures.deadline()),
            Self::Child(child) => child.deadline(),
        }
    }

    pub(super) fn poll(&mut self, now: Monotonic) -> Result<VideoPoll, Error> {
        match self {
            Self::Http(pictures) => pictures.poll(now),
            Self::Child(child) => child.poll(now),
        }
    }
}
