//! A picture that RTP can carry, as a scan finds it.

use super::end;
use super::unfit::Unfit;
use crate::jpeg::Parameters;
use core::ops::Range;

/// A picture that RTP can carry as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scanned {
    /// What its headers say.
    pub picture: Parameters,
    /// Where the coded data lies in the file: behind the scan header, before EOI.
    pub data: Range<usize>,
    /// Whether an EOI follows it. Without one the camera leaves it away, or the picture is cut off:
    /// only decoding it tells.
    pub ended: bool,
}

impl Scanned {
    /// The picture with these headers whose coded data begins at `start`.
    pub(super) fn new(picture: &Parameters, jpeg: &[u8], start: usize) -> Result<Self, Unfit> {
        let (data, ended) = end::coded_data(jpeg, start)?;
        Ok(Self { picture: *picture, data, ended })
    }
}
