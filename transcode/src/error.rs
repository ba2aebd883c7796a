//! Why there is no H.264, or no AAC.

use core::fmt;

/// What went wrong, in one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// One JPEG is damaged or of a kind that is not decoded, in these words. The next one may be whole.
    Jpeg(String),
    /// The JPEGs have another size now, width and height in pixels: an encoder has one size for as long as it
    /// lives.
    SizeChanged {
        /// What the encoder was made for.
        from: (usize, usize),
        /// What came.
        to: (usize, usize),
    },
    /// A size in pixels that no tier can have.
    Size {
        /// Width and height of the tier.
        tier: (usize, usize),
        /// What the encoder takes.
        limit: &'static str,
    },
    /// Samples that AAC-LC has no code for: their rate, and how many channels there are.
    Sound(u32, u8),
    /// The encoder could not be started: why, and what to do.
    Start(String),
    /// The encoder is dead: make a new one.
    Ended(String),
}

impl Error {
    /// Whether this is about one picture alone, and the encoder goes on with the next one.
    #[must_use]
    pub const fn is_about_one_picture(&self) -> bool {
        matches!(self, Self::Jpeg(_))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Jpeg(said) => write!(f, "JPEG left out: {said}"),
            Self::SizeChanged { from, to } => {
                write!(f, "pictures of {}x{} after some of {}x{}", to.0, to.1, from.0, from.1)
            }
            Self::Size { tier, limit } => {
                write!(f, "a tier of {}x{} cannot be encoded: {limit}", tier.0, tier.1)
            }
            Self::Sound(rate, channels) => write!(
                f,
                "sound of {rate} Hz and {channels} channels cannot be AAC: 1 or 2 channels, at 8, 11.025, 12, 16, \
                 22.05, 24, 32, 44.1 or 48 kHz"
            ),
            Self::Start(why) | Self::Ended(why) => f.write_str(why),
        }
    }
}

impl core::error::Error for Error {}
