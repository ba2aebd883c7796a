//! How much smaller a picture is made: by factors that the transform of JPEG itself can take, so that a
//! smaller picture costs less to decode and not more.

use std::fmt;
use std::str::FromStr;

/// A part of a picture's width and height.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scale {
    /// The picture as large as it is.
    #[default]
    Full,
    /// Half of each side.
    Half,
    /// A quarter of each side.
    Quarter,
}

impl Scale {
    /// All of them, largest first.
    pub const ALL: [Self; 3] = [Self::Full, Self::Half, Self::Quarter];

    /// By how much a side is divided.
    #[must_use]
    pub const fn divisor(self) -> u16 {
        match self {
            Self::Full => 1,
            Self::Half => 2,
            Self::Quarter => 4,
        }
    }

    /// What becomes of a side of so many pixels: rounded up, as libjpeg-turbo does (TJSCALED).
    #[must_use]
    pub const fn side(self, pixels: u16) -> u16 {
        pixels.div_ceil(self.divisor())
    }
}

impl fmt::Display for Scale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "1/{}", self.divisor())
    }
}

/// What is no [`Scale`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoScale;

impl fmt::Display for NoScale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a scale is 1/1, 1/2 or 1/4")
    }
}

impl std::error::Error for NoScale {}

impl FromStr for Scale {
    type Err = NoScale;
    /// As it is displayed.
    fn from_str(text: &str) -> Result<Self, NoScale> {
        match text {
            "1/1" => Ok(Self::Full),
            "1/2" => Ok(Self::Half),
            "1/4" => Ok(Self::Quarter),
            _ => Err(NoScale),
        }
    }
}

#[cfg(test)]
mod tests;
