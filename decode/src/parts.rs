//! A file that is still arriving.

use streamsocket_wire::jpeg_header::HEADER_MAX;

use crate::error::Error;
use crate::libjpeg::{Header, Library, Reached};
use crate::picture::{ChromaLayout, DecodedPicture, is_shown};

/// Bytes of a file at most: those of the largest frame that is put together from packets, 8 MiB, and its header.
pub const BYTES_MAX: usize = (8 << 20) + HEADER_MAX;

/// Decodes one JPEG at a time, while its bytes arrive. Holds libjpeg's state, so one lives as long as its
/// thread.
///
/// Only what cameras send is fit for it: baseline or extended sequential JPEGs of one scan, with 8 bits, with
/// all their tables, in the usual form of a [`ChromaLayout`], without any damage. What is not is decoded by
/// [`Decoder`](crate::Decoder) as a whole. What is has the same samples there.
#[derive(Debug)]
pub struct PartDecoder {
    library: Library,
    bytes: Vec<u8>,
    picture: Option<DecodedPicture>,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Header,
    Rows,
    Done,
    Unfit,
}

impl PartDecoder {
    /// # Errors
    /// [`Error::Library`] if libjpeg cannot set itself up (no memory).
    pub fn new() -> Result<Self, Error> {
        let library = Library::new().ok_or_else(|| Error::Library("no memory".into()))?;
        Ok(Self { library, bytes: Vec::new(), picture: None, stage: Stage::Unfit })
    }

    /// Begins a picture, in this memory. Forgets the one before.
    pub fn begin(&mut self, mut picture: DecodedPicture) {
        picture.clear();
        self.library.begin();
        self.bytes.clear();
        self.picture = Some(picture);
        self.stage = Stage::Header;
    }

    /// Takes the next bytes of the file and decodes as far as they reach.
    ///
    /// False once the picture is unfit to be decoded in parts, or none was begun: the bytes are not taken.
    pub fn push(&mut self, bytes: &[u8]) -> bool {
        if self.stage == Stage::Unfit || bytes.len() > BYTES_MAX - self.bytes.len() {
            self.stage = Stage::Unfit;
            return false;
        }
        self.bytes.extend_from_slice(bytes);
        if self.stage == Stage::Header {
            self.stage = self.read_header();
        }
        if self.stage == Stage::Rows {
            self.stage = self.read_rows();
        }
        self.stage != Stage::Unfit
    }

    /// Bytes taken so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether no bytes were taken yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Whether a picture was begun and not taken back.
    #[must_use]
    pub const fn is_begun(&self) -> bool {
        self.picture.is_some()
    }

    /// Takes the picture back.
    ///
    /// # Errors
    /// It is blank, with the memory that it has, unless all of it was decoded, up to its end. Without memory
    /// if none was begun.
    pub fn finish(&mut self) -> Result<DecodedPicture, DecodedPicture> {
        let is_done = self.stage == Stage::Done;
        self.stage = Stage::Unfit;
        let mut picture = self.picture.take().unwrap_or_default();
        if is_done {
            return Ok(picture);
        }
        picture.clear();
        Err(picture)
    }

    /// Reads the header, and reserves memory if it is that of a picture that is shown.
    fn read_header(&mut self) -> Stage {
        let mut header = Header::default();
        match self.library.header(&self.bytes, &mut header) {
            Reached::Part => return Stage::Header,
            Reached::Unfit => return Stage::Unfit,
            Reached::End => {}
        }
        let layout = ChromaLayout::of(header.components, (header.across, header.down));
        let (width, height) = (usize::try_from(header.width), usize::try_from(header.height));
        match (&mut self.picture, layout, width, height) {
            (Some(picture), Some(layout), Ok(width), Ok(height)) if is_shown(width, height) => {
                picture.reshape(width, height, layout);
                Stage::Rows
            }
            _ => Stage::Unfit,
        }
    }

    fn read_rows(&mut self) -> Stage {
        let Some(picture) = &mut self.picture else { return Stage::Unfit };
        match self.library.rows(&self.bytes, picture.samples_mut()) {
            Reached::Part => Stage::Rows,
            Reached::Unfit => Stage::Unfit,
            Reached::End => Stage::Done,
        }
    }
}

#[cfg(test)]
mod tests;
