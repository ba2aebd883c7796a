//! Sound of a camera that speaks RTSP.

use super::session::{Asked, Content, Session};
use crate::capture::error::{Cause, Error};
use crate::capture::frame::AudioPoll;
use std::os::fd::RawFd;
use streamsocket_media::AudioFormat;
use streamsocket_media::clock::{Monotonic, sample_nanos};
use streamsocket_wire::sdp::Medium;
use streamsocket_wire::{g711, pcm};

/// Samples of a packet at most: 64 kB of one byte each.
const PACKET_MAX: usize = 65_536;

/// A camera's sound.
#[derive(Debug)]
pub struct RtspSound {
    session: Box<Session>,
    content: Content,
    format: AudioFormat,
    /// The samples of the last packet, those that were handed out, and when the first was captured.
    samples: Vec<i16>,
    given: usize,
    capture: Monotonic,
}

impl RtspSound {
    /// Asks a camera for its sound, in the format that it was described in before, if it was.
    ///
    /// # Errors
    /// Nobody is there, or it has no sound that is read here: one line, without passwords.
    pub fn open(url: &str, before: Option<AudioFormat>) -> Result<Self, Error> {
        let shown = crate::capture::child::without_password(url);
        let other = || {
            let why = format!("{shown} has no sound, or none as before");
            Error::new(why).from_cause(Cause::Unreachable)
        };
        let Asked::Session(session, content, _) = Session::open(url, Medium::Audio)? else {
            return Err(other());
        };
        let format = content.sound().filter(|it| before.is_none_or(|before| before == *it));
        let format = format.ok_or_else(other)?;
        let (samples, capture) = (Vec::with_capacity(PACKET_MAX), Monotonic(0));
        Ok(Self { session, content, format, samples, given: 0, capture })
    }

    /// What it delivers.
    #[must_use]
    pub const fn format(&self) -> AudioFormat {
        self.format
    }

    /// What to watch for reading.
    #[must_use]
    pub fn descriptor(&self) -> RawFd {
        self.session.descriptor()
    }

    /// When to poll again even if nothing arrives.
    #[must_use]
    pub fn deadline(&self) -> Monotonic {
        if self.given < self.samples.len() { Monotonic(0) } else { self.session.deadline() }
    }

    /// Writes interleaved samples that have arrived to `out`.
    ///
    /// # Errors
    /// The connection is over: it is to be opened again.
    pub fn poll(&mut self, now: Monotonic, out: &mut [i16]) -> Result<AudioPoll, Error> {
        if self.given >= self.samples.len() {
            self.fill(now)?;
        }
        let channels = usize::from(self.format.channels);
        let left = self.samples.get(self.given..).unwrap_or_default();
        let frames = left.len().min(out.len()) / channels;
        let (Some(from), Some(to)) =
            (left.get(..frames * channels), out.get_mut(..frames * channels))
        else {
            return Ok(AudioPoll::Idle);
        };
        if frames == 0 {
            return Ok(AudioPoll::Idle);
        }
        to.copy_from_slice(from);
        let before = u64::try_from(self.given / channels).unwrap_or(0);
        self.given += frames * channels;
        let capture = self.capture.offset(sample_nanos(before, self.format.rate));
        Ok(AudioPoll::Samples { frames, capture })
    }

    /// Takes the next packet.
    fn fill(&mut self, now: Monotonic) -> Result<(), Error> {
        let Self { session, content, format, samples, given, capture } = self;
        let channels = usize::from(format.channels);
        samples.clear();
        *given = 0;
        session.poll(now, &mut |packet, undelayed| {
            let payload = packet.payload;
            match content {
                Content::Pcmu(_) => samples.extend(payload.iter().copied().map(g711::ulaw)),
                Content::Pcma(_) => samples.extend(payload.iter().copied().map(g711::alaw)),
                Content::L16(_) | Content::Jpeg(_) => {
                    samples.resize(payload.len() / 2, 0);
                    if pcm::decode(payload, samples).is_err() {
                        samples.clear();
                    }
                }
            }
            samples.truncate(samples.len() / channels * channels);
            let frames = u64::try_from(samples.len() / channels).unwrap_or(0);
            // A packet leaves when its last sample was captured.
            *capture = undelayed.offset(-sample_nanos(frames, format.rate));
            samples.is_empty()
        })
    }
}
