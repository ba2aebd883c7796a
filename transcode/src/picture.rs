//! What comes out.

use bytes::Bytes;
use streamsocket_media::clock::Wall;

/// An encoded picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// NAL units, each after its length in 4 bytes (ISO/IEC 14496-15), without delimiters and parameter sets.
    pub data: Bytes,
    /// When it was captured.
    pub at: Wall,
    /// Whether it is an IDR picture.
    pub key: bool,
}
