//! Pictures from a child.

use super::feed::{Blocked, Feed};
use super::first_wait::FirstWait;
use super::input::ChildInput;
use super::probe::{Probe, ProbedVideo};
use crate::capture::error::Error;
use crate::capture::frame::VideoPoll;
use crate::capture::mjpeg_reader::{MjpegReader, Next};
use crate::capture::mjpeg_split::picture_size;
use crate::capture::paced::Paced;
use crate::capture::preloaded::{Loader, Preloaded};
use std::os::fd::{AsRawFd, RawFd};
use std::time::Duration;
use streamsocket_media::clock::Monotonic;
use streamsocket_media::{Bytes, FrameRate, Unit, VideoFormat};

/// ffmpeg's scale of quality, 2 to 31: about the size of a webcam's pictures.
const QUANTIZER: &str = "4";
/// For pictures whose rate is unknown.
const RATE_UNKNOWN: FrameRate = FrameRate { numerator: 25, denominator: 1 };
/// When to try again while all buffers are in use.
const RETRY: Duration = Duration::from_millis(1);

/// What is wanted of the pictures.
#[derive(Clone, Copy, Debug)]
pub struct VideoSettings {
    /// Frames per second; the input's own if not given.
    pub rate: Option<FrameRate>,
    /// Width and height in pixels; the input's own if not given.
    pub size: Option<(u16, u16)>,
    /// Capture time of a file's first picture.
    pub epoch: Monotonic,
    /// Begin a file again at its end.
    pub looped: bool,
    /// Whether a JPEG can be sent as it is: if the input's first one cannot, all are encoded anew.
    pub fits: fn(&[u8]) -> bool,
}

/// Pictures from a file or a camera by way of ffmpeg.
#[derive(Debug)]
pub struct ChildVideo {
    format: VideoFormat,
    pub(super) feed: Feed,
    reader: MjpegReader,
    timing: Timing,
}

#[derive(Debug)]
enum Timing {
    /// A file at its rate.
    Paced { paced: Paced, period: Option<Duration>, looped: bool, round: u32 },
    /// A camera as it comes.
    Arrival { first: Option<Bytes>, retry: Option<Monotonic> },
}

impl ChildVideo {
    /// Starts ffmpeg and waits for the first picture, 15 s at most.
    ///
    /// # Errors
    /// ffmpeg is not installed, or the input holds no pictures or cannot be read.
    pub fn open(
        input: &ChildInput,
        probe: &Probe,
        settings: &VideoSettings,
    ) -> Result<Self, Error> {
        let (feed, reader, first, mut rate) = open(input, probe, settings)?;
        let Some((width, height)) = picture_size(&first) else {
            return Err(Error::new(format!("ffmpeg makes no JPEG pictures of {input}")));
        };
        let timing = if input.is_live() {
            Timing::Arrival { first: Some(first), retry: None }
        } else {
            let paced = Paced::new(*rate.get_or_insert(RATE_UNKNOWN), settings.epoch, first);
            let (period, looped) = (probe.duration, settings.looped);
            Timing::Paced { paced, period, looped, round: 0 }
        };
        Ok(Self { format: VideoFormat { width, height, rate }, feed, reader, timing })
    }

    /// What it delivers: the size of the first picture, and the rate, if a camera tells one.
    #[must_use]
    pub const fn format(&self) -> VideoFormat {
        self.format
    }

    /// Sets the capture time of a file's first picture, before the first poll.
    pub const fn begin(&mut self, epoch: Monotonic) {
        if let Timing::Paced { paced, .. } = &mut self.timing {
            paced.begin(epoch);
        }
    }

    /// When to poll again even if nothing arrives.
    #[must_use]
    pub fn deadline(&self) -> Option<Monotonic> {
        let attention = Some(self.feed.attention);
        match &self.timing {
            Timing::Paced { paced, .. } => paced.deadline().or(attention),
            Timing::Arrival { first: Some(_), .. } => Some(Monotonic(0)),
            Timing::Arrival { retry, .. } => retry.or(attention),
        }
    }

    /// Why a camera gives nothing, if it is gone: one line.
    #[must_use]
    pub fn why_away(&self) -> Option<&str> {
        self.feed.lost.as_deref()
    }

    /// What to watch for reading: the same for as long as this lives.
    #[must_use]
    pub fn descriptor(&self) -> Option<RawFd> {
        Some(self.feed.out.as_raw_fd())
    }

    /// Pictures that were dropped as damaged or cut off.
    #[must_use]
    pub const fn dropped(&self) -> u64 {
        self.reader.dropped()
    }

    /// The next picture, if it is due or has arrived.
    ///
    /// # Errors
    /// A file can no longer be read. A camera that is gone is tried again instead.
    pub fn poll(&mut self, now: Monotonic) -> Result<VideoPoll, Error> {
        let Self { format, feed, reader, timing } = self;
        match timing {
            Timing::Paced { paced, period, looped, round } => paced.poll(now, |paced| {
                let next = next(feed, reader, now)?;
                if !*looped || !matches!(next, Next::End) {
                    return Ok(next);
                }
                *round += 1;
                if let Some(period) = *period {
                    paced.skip_to(first_index(format.reckoned_rate(), period, *round));
                }
                feed.rerun()?;
                Ok(Next::Blocked)
            }),
            Timing::Arrival { first, retry } => {
                *retry = None;
                let (bytes, capture) = match first.take() {
                    Some(first) => (first, now),
                    None => match next(feed, reader, now)? {
                        Next::Frame { bytes, arrival } => (bytes, arrival),
                        Next::Later => {
                            *retry = Some(now + RETRY);
                            return Ok(VideoPoll::Idle);
                        }
                        Next::Blocked | Next::End => return Ok(VideoPoll::Idle),
                    },
                };
                feed.received(now);
                Ok(VideoPoll::Unit(Unit::jpeg(bytes, capture)))
            }
        }
    }
}

/// The pictures of a file in memory, for as fast as it goes; as many as there is room for.
///
/// # Errors
/// As [`ChildVideo::open`], and for a camera.
pub fn preload(
    input: &ChildInput,
    probe: &Probe,
    settings: &VideoSettings,
) -> Result<Preloaded, Error> {
    if input.is_live() {
        return Err(Error::new(format!("{input} cannot be loaded first, as --fps max does")));
    }
    let (mut feed, mut reader, first, rate) = open(input, probe, settings)?;
    let mut loader = Loader::default();
    let mut room = loader.push(&first);
    drop(first);
    while let (true, Some(frame)) = (room, wait_for_next(&mut feed, &mut reader)?) {
        room = loader.push(&frame);
    }
    if !room {
        log::warn!("{input}: only the first {} frames are used", loader.frames());
    }
    let rate = rate.unwrap_or(RATE_UNKNOWN);
    loader.finish(&input.to_string(), rate, settings.looped, reader.dropped())
}

/// Index of the first frame of a round of a loop, if each lasts this long.
fn first_index(rate: FrameRate, period: Duration, round: u32) -> u64 {
    let nanos = period.as_nanos() * u128::from(round) * u128::from(rate.numerator);
    u64::try_from(nanos.div_ceil(1_000_000_000 * u128::from(rate.denominator.max(1))))
        .unwrap_or(u64::MAX)
}

/// Starts ffmpeg and waits for the first picture. It passes JPEGs on if it may, and encodes
/// otherwise.
fn open(
    input: &ChildInput,
    probe: &Probe,
    settings: &VideoSettings,
) -> Result<(Feed, MjpegReader, Bytes, Option<FrameRate>), Error> {
    let Some(video) = &probe.video else {
        return Err(Error::new(format!("{input} holds no pictures")));
    };
    let told = settings.rate.or(video.rate);
    if may_copy(video, settings) {
        let (feed, reader, first) = start(input, &["-c:v", "copy"])?;
        if (settings.fits)(&first) {
            return Ok((feed, reader, first, told));
        }
        log::info!("{input}: its JPEGs cannot be sent as they are and are encoded anew");
    }
    let rate = told.unwrap_or(RATE_UNKNOWN);
    let frames = format!("{}/{}", rate.numerator, rate.denominator);
    let mut options = vec!["-c:v", "mjpeg", "-pix_fmt", "yuvj420p", "-huffman", "default"];
    options.extend(["-q:v", QUANTIZER, "-r", &frames]);
    let scale = settings.size.map(|(width, height)| format!("scale={width}:{height}"));
    if let Some(scale) = &scale {
        options.extend(["-vf", scale]);
    }
    let (feed, reader, first) = start(input, &options)?;
    Ok((feed, reader, first, Some(rate)))
}

/// Whether nothing is asked for that the input's pictures are not already.
fn may_copy(video: &ProbedVideo, settings: &VideoSettings) -> bool {
    let same = settings.rate.is_none_or(|asked| video.rate.is_none_or(|own| own == asked));
    video.codec == "mjpeg" && settings.size.is_none() && same
}

fn start(input: &ChildInput, codec: &[&str]) -> Result<(Feed, MjpegReader, Bytes), Error> {
    let options = [&["-map", "0:V:0", "-an", "-sn", "-dn"], codec, &["-f", "mjpeg"]].concat();
    let mut feed = Feed::start(input, &options)?;
    let mut reader = MjpegReader::default();
    let Some(first) = wait_for_next(&mut feed, &mut reader)? else {
        return Err(Error::new(format!("{input} holds no pictures")));
    };
    feed.opened();
    Ok((feed, reader, first))
}

/// The next picture, waited for; `None` at the end.
fn wait_for_next(feed: &mut Feed, reader: &mut MjpegReader) -> Result<Option<Bytes>, Error> {
    let mut wait = FirstWait::default();
    loop {
        match next(feed, reader, Monotonic(0))? {
            Next::Frame { bytes, .. } => return Ok(Some(bytes)),
            Next::End => return Ok(None),
            Next::Blocked | Next::Later => wait.wait(feed)?,
        }
    }
}

/// Reads on, and looks after the child when there is nothing to read.
fn next(feed: &mut Feed, reader: &mut MjpegReader, now: Monotonic) -> Result<Next, Error> {
    loop {
        let next = reader.read(&mut feed.out, now).map_err(|error| {
            Error::new(format!("cannot read from ffmpeg for {}: {error}", feed.input))
        })?;
        if !matches!(next, Next::Blocked) {
            return Ok(next);
        }
        match feed.blocked(now)? {
            Blocked::Wait => return Ok(Next::Blocked),
            Blocked::Again => {}
            Blocked::Lost => {
                reader.restart();
                return Ok(Next::Blocked);
            }
            Blocked::Ended => return Ok(reader.end()),
        }
    }
}
