//! A picture that RTP can carry, as a scan finds it.

use core::ops::Range;

/// How often chroma is sampled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sampling {
    /// 4:2:2, coded as 2x1, 1x1, 1x1.
    S422,
    /// 4:2:0, coded as 2x2, 1x1, 1x1.
    S420,
}

/// A picture that RTP can carry as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Pixels.
    pub width: u16,
    /// Pixels.
    pub height: u16,
    /// Chroma sampling.
    pub sampling: Sampling,
    /// Units between restart markers; 0: none.
    pub restart_interval: u16,
    /// Quantization tables of luma and chroma, in zigzag order.
    pub tables: [[u8; 64]; 2],
    /// Where the coded data lies in the file: behind the scan header, before EOI.
    pub data: Range<usize>,
    /// Whether an EOI follows it. Without one the camera leaves it away, or the picture is cut off:
    /// only decoding it tells.
    pub ended: bool,
}
