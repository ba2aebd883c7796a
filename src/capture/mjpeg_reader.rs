//! Reads pictures from a file, a pipe or a child process into pool buffers, one at a time.

use super::mjpeg_split::Splitter;
use std::io::{self, ErrorKind, Read};
use std::ops::Range;
use streamsocket_media::clock::Monotonic;
use streamsocket_media::{Bytes, Pool, PoolBuffer};

/// Bytes read at once: what a pipe holds by default.
const CHUNK_LEN: usize = 64 << 10;
/// Bytes read at once without a picture: more than a picture has as a rule, and a millisecond's work, so that
/// a stream of something else does not keep whoever reads it from all else.
const TURN_MAX: usize = 1 << 20;
/// Buffers in circulation: two on their way out, one waiting for its time, one being filled.
const BUFFERS: usize = 4;
/// Room that each buffer starts with; it grows to the largest frame and stays there.
const BUFFER_CAPACITY: usize = 64 << 10;

/// What came of reading on.
#[derive(Debug)]
pub enum Next {
    /// A whole picture.
    Frame {
        /// The picture.
        bytes: Bytes,
        /// When the first of its bytes was read.
        arrival: Monotonic,
    },
    /// Nothing for now, though there may be more to read: all buffers are in use, or so much was read
    /// without a picture that others are to have their turn.
    Later,
    /// The descriptor has no more for now.
    Blocked,
    /// The end of the file, or of all that writes to the pipe.
    End,
}

/// Pictures out of a byte stream.
#[derive(Debug)]
pub struct MjpegReader {
    splitter: Splitter,
    chunk: Box<[u8]>,
    unread: Range<usize>,
    pool: Pool,
    filling: Option<PoolBuffer>,
    arrival: Monotonic,
}

impl Default for MjpegReader {
    fn default() -> Self {
        Self {
            splitter: Splitter::default(),
            chunk: vec![0; CHUNK_LEN].into_boxed_slice(),
            unread: 0..0,
            pool: Pool::new(BUFFERS, BUFFER_CAPACITY),
            filling: None,
            arrival: Monotonic(0),
        }
    }
}

impl MjpegReader {
    /// Pictures that were given up as damaged, cut off or too long.
    #[must_use]
    pub const fn dropped(&self) -> u64 {
        self.splitter.dropped()
    }

    /// Whether all that was read belongs to pictures that were handed out.
    #[must_use]
    pub fn is_between(&self) -> bool {
        self.unread.is_empty() && self.splitter.is_between()
    }

    /// Reads up to the end of the next picture.
    ///
    /// # Errors
    /// What the input gives, except for interruptions and would-block.
    pub fn read(&mut self, input: &mut impl Read, now: Monotonic) -> io::Result<Next> {
        let Some(mut filling) = self.filling.take().or_else(|| self.pool.take()) else {
            return Ok(Next::Later);
        };
        let mut taken = 0;
        loop {
            let begun = self.splitter.begun();
            let fed = self.splitter.feed(&self.chunk[self.unread.clone()], filling.bytes_mut());
            self.unread.start += fed.consumed;
            if self.splitter.begun() != begun {
                self.arrival = now;
            }
            if fed.complete {
                return Ok(Next::Frame { bytes: filling.freeze(), arrival: self.arrival });
            }
            if taken >= TURN_MAX {
                self.filling = Some(filling);
                return Ok(Next::Later);
            }
            match input.read(&mut self.chunk) {
                Ok(0) => {
                    self.filling = Some(filling);
                    return Ok(self.end());
                }
                Ok(read) => {
                    self.unread = 0..read;
                    taken += read;
                }
                Err(error) => {
                    self.unread = 0..0;
                    if error.kind() == ErrorKind::Interrupted {
                        continue;
                    }
                    self.filling = Some(filling);
                    return match error.kind() {
                        ErrorKind::WouldBlock => Ok(Next::Blocked),
                        _ => Err(error),
                    };
                }
            }
        }
    }

    /// The input has ended: what is left of it, picture by picture, and then the end.
    pub fn end(&mut self) -> Next {
        let Some(mut filling) = self.filling.take().or_else(|| self.pool.take()) else {
            return Next::Later;
        };
        if self.splitter.end(filling.bytes_mut()) {
            return Next::Frame { bytes: filling.freeze(), arrival: self.arrival };
        }
        self.filling = Some(filling);
        Next::End
    }

    /// Forgets an unfinished picture and what was read ahead, for the input begins anew.
    pub fn restart(&mut self) {
        self.unread = 0..0;
        if let Some(filling) = &mut self.filling {
            self.splitter.abandon(filling.bytes_mut());
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use turbojpeg::{Image, PixelFormat, Subsamp, compress};

    /// A picture of 64 x 48 pixels with this brightness.
    pub(in super::super) fn picture(brightness: u8) -> Vec<u8> {
        let pixels = vec![brightness; 3 * 64 * 48];
        let format = PixelFormat::RGB;
        let image = Image { pixels: &pixels[..], width: 64, pitch: 3 * 64, height: 48, format };
        compress(image, 80, Subsamp::Sub2x1).unwrap().to_vec()
    }
}
