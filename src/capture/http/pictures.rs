//! Pictures as they come over a connection.

use super::body::Body;
use super::connection::{Connection, Deadline, OPEN_MAX, ask, read, said};
use super::exchange::Ended;
use crate::capture::error::{Cause, Error};
use crate::capture::frame::VideoPoll;
use crate::capture::mjpeg_reader::{MjpegReader, Next};
use crate::capture::mjpeg_split::picture_size;
use std::io::{self, ErrorKind, Read};
use std::net::TcpStream;
use std::os::fd::{AsRawFd, RawFd};
use std::time::Duration;
use streamsocket_media::clock::Monotonic;
use streamsocket_media::{Bytes, FrameRate, Unit, VideoFormat};

/// A camera that is connected and gives no picture for so long is connected to again.
const SILENCE_MAX: Duration = Duration::from_secs(15);

/// How long more is waited for behind one whole picture, which may be all that there is: servers that give
/// pictures one after the other give ten a second.
const STILL_MAX: Duration = Duration::from_millis(500);

/// When to try again while all buffers are in use.
const RETRY: Duration = Duration::from_millis(1);

/// Pictures in a row that are left out before others have their turn.
const LEFT_OUT_MAX: usize = 8;

/// Bytes of framing in a row, without content, that are read at most.
const FRAMING_MAX: usize = 64 << 10;

/// What an address turned out to be.
#[derive(Debug)]
pub enum Opened {
    /// A camera that gives JPEGs.
    Pictures(Box<HttpPictures>),
    /// Something that others may be able to read.
    Foreign,
}

/// What is wanted of the pictures.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// Frames per second at most; as they come if not given.
    pub rate: Option<FrameRate>,
    /// Whether a JPEG can be sent.
    pub fits: fn(&[u8]) -> bool,
}

/// A camera's pictures.
#[derive(Debug)]
pub struct HttpPictures {
    /// The address, as it may be shown.
    shown: String,
    format: VideoFormat,
    content: Content,
    reader: MjpegReader,
    first: Option<Bytes>,
    /// Pictures so far.
    given: u64,
    still: bool,
    thinner: Option<Thinner>,
    retry: Option<Monotonic>,
    /// When the last picture came.
    heard: Option<Monotonic>,
}

/// Asks an address, and waits for its first picture: 15 s at most in all.
///
/// # Errors
/// Nobody is there, or it has no pictures for us: one line, without passwords.
pub fn open(address: &str, wanted: &Wanted) -> Result<Opened, Error> {
    let shown = crate::capture::child::without_password(address);
    let failed = |why: &str| Error::new(format!("{shown} {why}")).from_cause(Cause::Unreachable);
    let deadline = Deadline::from_now();
    let Connection { stream, body, content, still } = match ask(address, deadline) {
        Ok(connection) => connection,
        Err(Ended::Failed(why)) => return Err(failed(&why)),
        Err(Ended::Foreign(what)) => {
            log::debug!("{shown} gives {what}, which is for ffmpeg");
            return Ok(Opened::Foreign);
        }
    };
    let mut content = Content { stream, body, begun: content, deadline: Some(deadline) };
    let mut reader = MjpegReader::default();
    let (first, (width, height)) =
        first(&mut reader, &mut content, deadline).map_err(|why| failed(&why))?;
    if !(wanted.fits)(&first) {
        log::debug!("{shown}: its JPEGs cannot be sent as they are, which is for ffmpeg");
        return Ok(Opened::Foreign);
    }
    content.deadline = None;
    let prepared = content.stream.set_nonblocking(true);
    prepared.map_err(|why| failed(&said(&why)))?;
    Ok(Opened::Pictures(Box::new(HttpPictures {
        shown,
        format: VideoFormat { width, height, rate: wanted.rate },
        content,
        reader,
        first: Some(first),
        given: 0,
        still,
        thinner: wanted.rate.map(Thinner::new),
        retry: None,
        heard: None,
    })))
}

/// The first picture that has a size, and that.
fn first(
    reader: &mut MjpegReader,
    content: &mut Content,
    deadline: Deadline,
) -> Result<(Bytes, (u16, u16)), String> {
    loop {
        match reader.read(content, Monotonic(0)) {
            Ok(Next::Frame { bytes, .. }) => {
                if let Some(size) = picture_size(&bytes) {
                    return Ok((bytes, size));
                }
            }
            Ok(Next::End) => return Err("ends before a whole JPEG picture has come".into()),
            Ok(Next::Blocked | Next::Later) => {}
            Err(why) if why.kind() == ErrorKind::TimedOut => {}
            Err(why) => return Err(format!("breaks off: {}", said(&why))),
        }
        if deadline.left().is_err() {
            return Err(format!("brings no JPEG picture for {} s", OPEN_MAX.as_secs()));
        }
    }
}

impl HttpPictures {
    /// What it delivers: the size of the first picture, and the rate if one was asked for.
    #[must_use]
    pub const fn format(&self) -> VideoFormat {
        self.format
    }

    /// What to watch for reading.
    #[must_use]
    pub fn descriptor(&self) -> RawFd {
        self.content.stream.as_raw_fd()
    }

    /// When to poll again even if nothing arrives.
    #[must_use]
    pub fn deadline(&self) -> Monotonic {
        let Some(heard) = self.heard.filter(|_| self.first.is_none()) else { return Monotonic(0) };
        self.retry.unwrap_or_else(|| heard + self.patience())
    }

    /// Pictures that were dropped as damaged or cut off.
    #[must_use]
    pub const fn dropped(&self) -> u64 {
        self.reader.dropped()
    }

    /// The next picture that has arrived.
    ///
    /// # Errors
    /// The connection is over: it is to be opened again.
    pub fn poll(&mut self, now: Monotonic) -> Result<VideoPoll, Error> {
        self.retry = None;
        let heard = *self.heard.get_or_insert(now);
        for _ in 0..LEFT_OUT_MAX {
            let (bytes, capture) = match self.first.take() {
                Some(first) => (first, now),
                None => match self.reader.read(&mut self.content, now) {
                    Ok(Next::Frame { bytes, arrival }) => (bytes, arrival),
                    Ok(Next::Later) => {
                        self.retry = Some(now + RETRY);
                        return self.wait(heard, now);
                    }
                    Ok(Next::Blocked) => return self.wait(heard, now),
                    Ok(Next::End) => return Err(self.over("has ended the stream")),
                    Err(why) => return Err(self.over(&format!("breaks off: {}", said(&why)))),
                },
            };
            self.given += 1;
            self.heard = Some(now);
            if self.thinner.as_mut().is_none_or(|thinner| thinner.admits(capture)) {
                return Ok(VideoPoll::Unit(Unit::jpeg(bytes, capture)));
            }
        }
        self.retry = Some(now + RETRY);
        Ok(VideoPoll::Idle)
    }

    /// Whether what has come is one whole picture, which may be all there is.
    fn is_one(&self) -> bool {
        self.still && self.given == 1 && self.reader.is_between()
    }

    /// How long the next picture is waited for.
    fn patience(&self) -> Duration {
        let complete = self.is_one() && self.content.body.is_complete();
        if complete { STILL_MAX } else { SILENCE_MAX }
    }

    fn wait(&self, heard: Monotonic, now: Monotonic) -> Result<VideoPoll, Error> {
        if now.since(heard) < self.patience() {
            return Ok(VideoPoll::Idle);
        }
        Err(self.over(&format!("has sent no picture for {} s", SILENCE_MAX.as_secs())))
    }

    /// Why it is over, if not because there was one picture to be had.
    fn over(&self, why: &str) -> Error {
        let cause = if self.is_one() { Cause::Still } else { Cause::Unreachable };
        Error::new(format!("{} {why}", self.shown)).from_cause(cause)
    }
}

/// The content of what comes.
#[derive(Debug)]
struct Content {
    stream: TcpStream,
    body: Body,
    /// What has come with the head: read first.
    begun: Vec<u8>,
    /// While it is opened, which is waited for.
    deadline: Option<Deadline>,
}

impl Read for Content {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        if !self.begun.is_empty() {
            let len = self.begun.len().min(bytes.len());
            bytes[..len].copy_from_slice(&self.begun[..len]);
            self.begun.drain(..len);
            return Ok(len);
        }
        let mut framing = 0;
        while !self.body.is_ended() && framing < FRAMING_MAX {
            let read = match self.deadline {
                Some(deadline) => read(&mut self.stream, bytes, deadline)?,
                None => self.stream.read(bytes)?,
            };
            let content = self.body.unframe(&mut bytes[..read]);
            if content > 0 || read == 0 {
                return Ok(content);
            }
            framing += read;
        }
        if self.body.is_ended() { Ok(0) } else { Err(ErrorKind::InvalidData.into()) }
    }
}

/// Leaves pictures out so that as many are left as were asked for.
#[derive(Debug)]
struct Thinner {
    interval: i64,
    due: Option<Monotonic>,
}

impl Thinner {
    fn new(rate: FrameRate) -> Self {
        Self { interval: rate.frame_nanos(1), due: None }
    }

    /// Whether a picture of this time is one of them. One that comes early by less than half of an interval is
    /// taken for the one that is due.
    fn admits(&mut self, capture: Monotonic) -> bool {
        let due = self.due.unwrap_or(capture);
        if capture.offset(self.interval / 2) < due {
            return false;
        }
        self.due = Some(due.offset(self.interval).max(capture.offset(self.interval / 2)));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: i64 = 1_000_000;

    fn kept(rate: u32, times: impl Iterator<Item = i64>) -> usize {
        let mut thinner = Thinner::new(FrameRate { numerator: rate, denominator: 1 });
        times.filter(|time| thinner.admits(Monotonic(time * MS))).count()
    }

    #[test]
    fn as_many_pictures_are_left_as_were_asked_for() {
        // Of 25 a second for 10 s.
        let all = || (0..250).map(|index| 1000 + index * 40);
        assert_eq!(kept(25, all()), 250);
        assert!((100..=101).contains(&kept(10, all())));
        assert!((49..=51).contains(&kept(5, all())));
        assert_eq!(kept(60, all()), 250);
        // Those that come early or late by less than half of an interval are all left.
        let shaken = (0..250).map(|index| 1000 + index * 40 + if index % 2 == 0 { 9 } else { -9 });
        assert_eq!(kept(25, shaken), 250);
        // A pause is not made up for.
        let paused = all().take(50).chain(all().map(|time| time + 60_000));
        assert!((120..=122).contains(&kept(10, paused)));
    }
}
