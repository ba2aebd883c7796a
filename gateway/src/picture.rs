//! A picture as it came, held once for all who are sent it, and its memory when nobody holds it any more.

use crate::message::{Kind, trailer};
use bytes::Bytes;
use std::mem;
use std::sync::{Arc, Mutex, PoisonError};
use streamsocket_media::clock::Monotonic;
use streamsocket_subscribe::outlet::CompleteFrame;

/// Buffers that wait to be filled again: one that viewers are leaving, and one for the next picture.
const SPARES_MAX: usize = 2;

/// A picture.
#[derive(Clone, Debug)]
pub(crate) struct Picture {
    /// The JPEG file, byte for byte as a recording has it.
    pub(crate) file: Bytes,
    /// The same as a message of the page's.
    pub(crate) message: Bytes,
    /// When it was captured: nanoseconds since 1970, by the sender's clock if that is known, else by this machine's.
    pub(crate) captured: i64,
    /// How many have come before it of the same stream.
    pub(crate) number: u64,
    /// When it was complete here.
    pub(crate) arrival: Monotonic,
    /// How long that was after it was captured, in nanoseconds; `None` if the sender's clock is not known.
    pub(crate) latency: Option<i64>,
    /// Pictures a second that have come lately.
    pub(crate) rate: Option<f64>,
}

/// When a picture was captured, and how those before it came.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Taken {
    /// As [`Picture::captured`].
    pub(crate) captured: i64,
    /// When it is to be shown, as `captured`.
    pub(crate) due: i64,
    /// As [`Picture::number`].
    pub(crate) number: u64,
    /// As [`Picture::latency`].
    pub(crate) latency: Option<i64>,
    /// As [`Picture::rate`].
    pub(crate) rate: Option<f64>,
}

/// Buffers that pictures have left.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spares(Arc<Mutex<Vec<Vec<u8>>>>);

/// A buffer with a picture, which goes back where it came from.
struct Lent {
    buffer: Vec<u8>,
    /// Where in the buffer the file begins.
    start: usize,
    spares: Spares,
}

impl Spares {
    /// Takes the picture out of a frame that came at `arrival`, and leaves it a buffer that was used before, if there
    /// is one.
    pub(crate) fn exchange(
        &self,
        frame: &mut CompleteFrame<'_>,
        taken: Taken,
        arrival: Monotonic,
    ) -> Picture {
        let Taken { captured, due, number, latency, rate } = taken;
        let spare = self.buffers().pop().unwrap_or_default();
        let mut buffer = mem::replace(frame.buffer, spare);
        let start = frame.start.min(buffer.len());
        let len = buffer.len() - start;
        buffer.extend_from_slice(&trailer(Kind::Picture, captured, due));
        let message = Bytes::from_owner(Lent { buffer, start, spares: self.clone() });
        Picture { file: message.slice(..len), message, captured, number, arrival, latency, rate }
    }

    fn buffers(&self) -> std::sync::MutexGuard<'_, Vec<Vec<u8>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.buffer[self.start..]
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let mut buffers = self.spares.buffers();
        if buffers.len() < SPARES_MAX {
            buffers.push(mem::take(&mut self.buffer));
        }
    }
}
