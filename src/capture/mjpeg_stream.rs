//! Pictures from standard input: a live source, stamped with the arrival of each picture's first
//! byte and not paced. This is how a camera comes in that another program reads:
//! `rpicam-vid --codec mjpeg -o - | streamsocket --video file:-`.

use super::error::Error;
use super::frame::VideoPoll;
use super::mjpeg_reader::{MjpegReader, Next};
use super::mjpeg_split::picture_size;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::time::Duration;
use streamsocket_media::clock::Monotonic;
use streamsocket_media::{Bytes, FrameRate, Unit, VideoFormat};

/// Longest silence before the first picture, in milliseconds: cameras take two or three seconds.
const FIRST_WAIT_MS: u16 = 10_000;
/// When to try again while all buffers are in use.
const RETRY: Duration = Duration::from_millis(1);

/// A live stream of pictures.
#[derive(Debug)]
pub struct MjpegStream {
    format: VideoFormat,
    input: File,
    reader: MjpegReader,
    first: Option<Bytes>,
    retry: Option<Monotonic>,
}

impl MjpegStream {
    /// Takes standard input over and waits for its first picture, 10 s of silence at most.
    /// `nominal` is the rate that it is described with, if any.
    ///
    /// # Errors
    /// It is a terminal or a file, ends, is silent, or is no stream of JPEG pictures.
    pub fn stdin(nominal: Option<FrameRate>) -> Result<Self, Error> {
        let input = io::stdin().as_fd().try_clone_to_owned().map_err(|error| broken(&error))?;
        Self::open(input, nominal)
    }

    /// Standard input again, which another stream still reads and gives [away](Self::inherit).
    ///
    /// # Errors
    /// There are no more descriptors.
    pub fn heir(format: VideoFormat) -> Result<Self, Error> {
        let input = io::stdin().as_fd().try_clone_to_owned().map_err(|error| broken(&error))?;
        let (input, reader) = (File::from(input), MjpegReader::default());
        Ok(Self { format, input, reader, first: None, retry: None })
    }

    /// Goes on where the other one stands, in the middle of a picture perhaps.
    pub fn inherit(&mut self, other: &mut Self) {
        std::mem::swap(&mut self.reader, &mut other.reader);
        self.first = other.first.take();
    }

    /// As [`stdin`](Self::stdin), from any descriptor.
    ///
    /// # Errors
    /// As [`stdin`](Self::stdin).
    pub fn open(input: OwnedFd, nominal: Option<FrameRate>) -> Result<Self, Error> {
        let input = File::from(input);
        let kind = input.metadata().map_err(|error| broken(&error))?;
        if kind.is_file() {
            return Err(Error::new(
                "standard input is a file: name it instead, with --video file:PATH",
            ));
        }
        if nix::unistd::isatty(&input).unwrap_or(false) {
            return Err(Error::new(
                "standard input is a terminal: pipe a stream of JPEG pictures in, as with \
                 rpicam-vid --codec mjpeg -o - | streamsocket --video file:-",
            ));
        }
        set_nonblocking(&input)?;
        let mut stream = Self {
            format: VideoFormat { width: 0, height: 0, rate: nominal },
            input,
            reader: MjpegReader::default(),
            first: None,
            retry: None,
        };
        stream.wait_for_first()?;
        Ok(stream)
    }

    fn wait_for_first(&mut self) -> Result<(), Error> {
        loop {
            let next = self.reader.read(&mut self.input, Monotonic(0));
            match next.map_err(|error| broken(&error))? {
                Next::Frame { bytes, .. } => {
                    if let Some((width, height)) = picture_size(&bytes) {
                        self.format = VideoFormat { width, height, ..self.format };
                        self.first = Some(bytes);
                        return Ok(());
                    }
                }
                Next::End => {
                    return Err(Error::new(
                        "standard input ended before a complete JPEG picture came",
                    ));
                }
                Next::Blocked | Next::Later => {
                    if !wait_readable(&self.input, FIRST_WAIT_MS)? {
                        return Err(Error::new(format!(
                            "standard input brings no JPEG picture for {} s: is its program \
                             running, and does it write MJPEG?",
                            FIRST_WAIT_MS / 1000
                        )));
                    }
                }
            }
        }
    }

    /// What it delivers: the size of the first picture and the nominal rate.
    #[must_use]
    pub const fn format(&self) -> VideoFormat {
        self.format
    }

    /// When to poll again even if nothing arrives.
    #[must_use]
    pub fn deadline(&self) -> Option<Monotonic> {
        if self.first.is_some() { Some(Monotonic(0)) } else { self.retry }
    }

    /// What to watch for reading.
    #[must_use]
    pub fn descriptor(&self) -> Option<RawFd> {
        Some(self.input.as_raw_fd())
    }

    /// Pictures that were dropped as damaged or cut off.
    #[must_use]
    pub const fn dropped(&self) -> u64 {
        self.reader.dropped()
    }

    /// The next picture that has arrived.
    ///
    /// # Errors
    /// The descriptor cannot be read.
    pub fn poll(&mut self, now: Monotonic) -> Result<VideoPoll, Error> {
        self.retry = None;
        if let Some(first) = self.first.take() {
            return Ok(frame(first, now));
        }
        match self.reader.read(&mut self.input, now).map_err(|error| broken(&error))? {
            Next::Frame { bytes, arrival } => Ok(frame(bytes, arrival)),
            Next::Later => {
                self.retry = Some(now + RETRY);
                Ok(VideoPoll::Idle)
            }
            Next::Blocked => Ok(VideoPoll::Idle),
            Next::End => Ok(VideoPoll::End),
        }
    }
}

const fn frame(bytes: Bytes, capture: Monotonic) -> VideoPoll {
    VideoPoll::Unit(Unit::jpeg(bytes, capture))
}

fn broken(error: &io::Error) -> Error {
    Error::new(format!("cannot read standard input: {error}"))
}

/// Makes reads return at once; the setting belongs to the pipe's end, which is ours alone.
pub(super) fn set_nonblocking(descriptor: &impl AsFd) -> Result<(), Error> {
    let failed = |error| Error::new(format!("cannot prepare a pipe: {error}"));
    let flags = fcntl(descriptor, FcntlArg::F_GETFL).map_err(failed)?;
    let flags = OFlag::from_bits_retain(flags) | OFlag::O_NONBLOCK;
    fcntl(descriptor, FcntlArg::F_SETFL(flags)).map_err(failed)?;
    Ok(())
}

/// Waits until there is something to read; false after so many milliseconds without.
pub(super) fn wait_readable(descriptor: &impl AsFd, milliseconds: u16) -> Result<bool, Error> {
    let mut watched = [PollFd::new(descriptor.as_fd(), PollFlags::POLLIN)];
    match poll(&mut watched, PollTimeout::from(milliseconds)) {
        Ok(ready) => Ok(ready > 0),
        Err(nix::errno::Errno::EINTR) => Ok(true),
        Err(error) => Err(Error::new(format!("cannot wait for a pipe: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::super::mjpeg_reader::tests::picture;
    use super::*;
    use nix::unistd::pipe2;
    use std::io::Write;

    fn pipe() -> (OwnedFd, File) {
        let (read, write) = pipe2(OFlag::O_CLOEXEC).unwrap();
        (read, File::from(write))
    }

    #[test]
    fn a_picture_is_stamped_with_the_arrival_of_its_first_byte() {
        let (read, mut write) = pipe();
        let pictures = [picture(10), picture(90), picture(170)];
        write.write_all(&pictures[0]).unwrap();
        let mut stream = MjpegStream::open(read, None).unwrap();
        assert_eq!(stream.format(), VideoFormat { width: 64, height: 48, rate: None });
        assert_eq!(stream.deadline(), Some(Monotonic(0)));
        let VideoPoll::Unit(first) = stream.poll(Monotonic(50)).unwrap() else { panic!() };
        assert_eq!((&*first.bytes, first.capture), (&pictures[0][..], Monotonic(50)));
        assert!(matches!(stream.poll(Monotonic(51)), Ok(VideoPoll::Idle)));
        assert_eq!(stream.deadline(), None);

        write.write_all(&pictures[1][..40]).unwrap();
        assert!(matches!(stream.poll(Monotonic(60)), Ok(VideoPoll::Idle)));
        write.write_all(&pictures[1][40..]).unwrap();
        write.write_all(&pictures[2]).unwrap();
        let VideoPoll::Unit(second) = stream.poll(Monotonic(70)).unwrap() else { panic!() };
        assert_eq!((&*second.bytes, second.capture), (&pictures[1][..], Monotonic(60)));
        let VideoPoll::Unit(third) = stream.poll(Monotonic(71)).unwrap() else { panic!() };
        assert_eq!(&*third.bytes, pictures[2]);

        write.write_all(&pictures[0][..40]).unwrap();
        drop(write);
        assert!(matches!(stream.poll(Monotonic(80)), Ok(VideoPoll::End)));
        assert_eq!(stream.dropped(), 1);
    }

    #[test]
    fn a_full_house_leaves_the_rest_in_the_pipe() {
        let (read, mut write) = pipe();
        for brightness in 0..8 {
            write.write_all(&picture(brightness)).unwrap();
        }
        let mut stream = MjpegStream::open(read, None).unwrap();
        let mut held = Vec::new();
        while let VideoPoll::Unit(frame) = stream.poll(Monotonic(5)).unwrap() {
            held.push(frame);
        }
        assert!(held.len() < 8 && stream.deadline() > Some(Monotonic(5)));
        let taken = held.len();
        held.clear();
        let mut rest = 0;
        while let VideoPoll::Unit(_) = stream.poll(Monotonic(9)).unwrap() {
            rest += 1;
        }
        assert_eq!(taken + rest, 8);
    }

    #[test]
    fn pictures_without_an_end_come_when_the_next_one_does() {
        let (read, mut write) = pipe();
        let bare = [10, 90, 170].map(|brightness| {
            let picture = picture(brightness);
            picture[..picture.len() - 2].to_vec()
        });
        write.write_all(&bare[..2].concat()).unwrap();
        let mut stream = MjpegStream::open(read, None).unwrap();
        let next = |stream: &mut MjpegStream, now| match stream.poll(Monotonic(now)).unwrap() {
            VideoPoll::Unit(frame) => Some((frame.bytes.to_vec(), frame.capture)),
            _ => None,
        };
        assert_eq!(next(&mut stream, 5), Some((bare[0].clone(), Monotonic(5))));
        assert_eq!(next(&mut stream, 6), None);
        write.write_all(&bare[2]).unwrap();
        assert_eq!(next(&mut stream, 9), Some((bare[1].clone(), Monotonic(6))));
        assert_eq!(next(&mut stream, 9), None);
        drop(write);
        assert_eq!(next(&mut stream, 10), Some((bare[2].clone(), Monotonic(9))));
        assert!(matches!(stream.poll(Monotonic(11)), Ok(VideoPoll::End)));
        assert_eq!(stream.dropped(), 0);
    }

    #[test]
    fn a_stream_of_something_else_gives_others_their_turn() {
        struct Endless;
        impl io::Read for Endless {
            fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
                bytes.fill(0);
                Ok(bytes.len())
            }
        }
        let mut reader = MjpegReader::default();
        for _ in 0..3 {
            assert!(matches!(reader.read(&mut Endless, Monotonic(0)), Ok(Next::Later)));
        }
    }

    #[test]
    fn what_is_no_stream_is_said() {
        let (read, write) = pipe();
        drop(write);
        let said = MjpegStream::open(read, None).unwrap_err().to_string();
        assert!(said.contains("ended before a complete JPEG picture"), "{said}");
        let file = tempfile::tempfile().unwrap();
        let said = MjpegStream::open(file.into(), None).unwrap_err().to_string();
        assert!(said.contains("--video file:PATH"), "{said}");
    }
}
