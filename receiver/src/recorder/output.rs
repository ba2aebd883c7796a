//! What a recording is written to: in order, through a buffer; and in a file over what is there already.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;

/// Gathers audio blocks and small pictures; larger pictures are written straight from the caller's
/// memory.
const BUFFER_BYTES: usize = 64 * 1024;

/// An open file, pipe or device.
#[derive(Debug)]
pub(super) struct RecordingOutput {
    file: File,
    buffer: Vec<u8>,
}

impl RecordingOutput {
    pub(super) fn new(file: File) -> Self {
        Self { file, buffer: Vec::with_capacity(BUFFER_BYTES) }
    }

    /// Writes over what is at `at`, all of which must have left the buffer.
    pub(super) fn patch(&self, at: u64, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all_at(bytes, at)
    }

    /// Leaves out what lies behind `len` bytes, and what is in the buffer: nothing follows.
    pub(super) fn cut(&mut self, len: u64) -> io::Result<()> {
        self.buffer.clear();
        self.file.set_len(len)
    }
}

impl Write for RecordingOutput {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.buffer.len() + bytes.len() > BUFFER_BYTES {
            self.flush()?;
        }
        if bytes.len() > BUFFER_BYTES {
            return self.file.write_all(bytes);
        }
        self.buffer.extend_from_slice(bytes);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }
}
