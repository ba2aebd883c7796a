//! How the bytes of a unit are coded.

use crate::raw::RawFormat;

/// What the bytes of a unit are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    /// A JPEG file (ITU-T T.81), as the source gave it or as it was encoded.
    Jpeg,
    /// A raw picture.
    Raw(RawFormat),
}
