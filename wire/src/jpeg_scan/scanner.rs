//! Scans picture after picture of one source, whose headers are mostly the same bytes.

use super::headers::picture;
use super::scanned::Scanned;
use super::unfit::Unfit;
use crate::jpeg::Parameters;

/// Bytes of headers that are remembered: those of cameras have some 600, with an EXIF thumbnail more,
/// which is not worth comparing.
const REMEMBERED_MAX: usize = 2048;

/// Scans the pictures of one source: headers that are the same bytes as before are not read again.
#[derive(Debug, Default)]
pub struct Scanner {
    headers: heapless::Vec<u8, REMEMBERED_MAX>,
    picture: Option<Parameters>,
}

impl Scanner {
    /// As [`scan`](super::scan).
    ///
    /// # Errors
    /// As [`scan`](super::scan).
    pub fn scan(&mut self, jpeg: &[u8]) -> Result<Scanned, Unfit> {
        if let Some(picture) = &self.picture {
            if jpeg.starts_with(&self.headers) {
                return Scanned::new(picture, jpeg, self.headers.len());
            }
        }
        self.picture = None;
        let (picture, start) = picture(jpeg)?;
        let frame = Scanned::new(&picture, jpeg, start);
        self.headers.clear();
        let headers = jpeg.get(..start).unwrap_or_default();
        self.picture = self.headers.extend_from_slice(headers).is_ok().then_some(picture);
        frame
    }
}
