//! Why RTP cannot carry a picture as it is.

use core::fmt;

/// Why RTP cannot carry a picture as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// It does not begin like a JPEG.
    NotJpeg,
    /// It ends in the headers, or right behind them.
    Truncated,
    /// Progressive coding.
    Progressive,
    /// Lossless or hierarchical coding.
    Lossless,
    /// Arithmetic coding.
    Arithmetic,
    /// Samples of this many bits, where 8 are needed.
    Precision(u8),
    /// This many components, where 3 are needed: grey has one, CMYK four.
    Components(u8),
    /// Other chroma sampling than 4:2:2 and 4:2:0: the factors of luma and the two chromas, as
    /// they are coded.
    Sampling([u8; 3]),
    /// Red, green and blue, where luma and chroma are needed.
    Colours,
    /// Several scans, or components in another order.
    Scans,
    /// Huffman tables of the picture's own.
    HuffmanTables,
    /// A quantization table is missing or needs 16 bits, or the chromas have different ones.
    QuantizationTables,
    /// It has no pixels.
    Empty,
}

impl Unfit {
    /// The number of reasons.
    pub const COUNT: usize = Self::NAMES.len();

    /// Names of the reasons for statistics, by [`index`](Self::index).
    pub const NAMES: [&'static str; 13] = [
        "not_jpeg",
        "truncated",
        "progressive",
        "lossless",
        "arithmetic",
        "precision",
        "components",
        "sampling",
        "scans",
        "huffman_tables",
        "quantization_tables",
        "empty",
        "colours",
    ];

    /// Position among the reasons, below [`COUNT`](Self::COUNT).
    #[must_use]
    pub const fn index(&self) -> usize {
        match self {
            Self::NotJpeg => 0,
            Self::Truncated => 1,
            Self::Progressive => 2,
            Self::Lossless => 3,
            Self::Arithmetic => 4,
            Self::Precision(_) => 5,
            Self::Components(_) => 6,
            Self::Sampling(_) => 7,
            Self::Scans => 8,
            Self::HuffmanTables => 9,
            Self::QuantizationTables => 10,
            Self::Empty => 11,
            Self::Colours => 12,
        }
    }

    /// Name of the reason for statistics.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        Self::NAMES[self.index()]
    }
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotJpeg => f.write_str("not a JPEG"),
            Self::Truncated => f.write_str("cut off"),
            Self::Progressive => f.write_str("progressive JPEG"),
            Self::Lossless => f.write_str("lossless or hierarchical JPEG"),
            Self::Arithmetic => f.write_str("arithmetic coding"),
            Self::Precision(bits) => write!(f, "{bits} bits a sample"),
            Self::Components(1) => f.write_str("grey pictures"),
            Self::Components(count) => write!(f, "{count} colour components"),
            Self::Sampling([y, b, r]) => write!(
                f,
                "chroma sampling {}x{},{}x{},{}x{}",
                y >> 4,
                y & 15,
                b >> 4,
                b & 15,
                r >> 4,
                r & 15
            ),
            Self::Colours => f.write_str("RGB colours"),
            Self::Scans => f.write_str("several scans"),
            Self::HuffmanTables => f.write_str("Huffman tables of their own"),
            Self::QuantizationTables => f.write_str("unusual quantization tables"),
            Self::Empty => f.write_str("no pixels"),
        }
    }
}

impl core::error::Error for Unfit {}
