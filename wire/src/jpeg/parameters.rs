//! What RTP carries of a picture besides its coded data.

/// How often chroma is sampled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sampling {
    /// 4:2:2, coded as 2x1, 1x1, 1x1.
    S422,
    /// 4:2:0, coded as 2x2, 1x1, 1x1.
    S420,
}

/// The parameters of a picture: what its file header says, and the headers of its packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters {
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
}
