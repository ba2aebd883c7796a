//! How much smaller a picture is made.

use std::fmt;
use std::str::FromStr;

/// A fraction of the width and of the height of a picture. They are the ones that a JPEG decoder yields by
/// leaving out coefficients, for less work than a whole picture (ITU-T T.81 has blocks of 8x8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scale {
    /// As large as it is.
    Full,
    /// Half as wide and half as high.
    Half,
    /// A quarter as wide and a quarter as high.
    Quarter,
}

impl Scale {
    /// All of them, the largest first.
    pub const ALL: [Self; 3] = [Self::Full, Self::Half, Self::Quarter];

    /// What width and height are divided by.
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

/// A text is no scale; shows which there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoScale;

impl fmt::Display for NoScale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected 1/1, 1/2 or 1/4")
    }
}

impl std::error::Error for NoScale {}

impl FromStr for Scale {
    type Err = NoScale;

    fn from_str(text: &str) -> Result<Self, NoScale> {
        Self::ALL.into_iter().find(|scale| scale.to_string() == text).ok_or(NoScale)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_side_is_rounded_up() {
        let sides = Scale::ALL.map(|scale| [1, 90, 1081].map(|pixels| scale.side(pixels)));
        assert_eq!(sides, [[1, 90, 1081], [1, 45, 541], [1, 23, 271]]);
    }

    #[test]
    fn a_scale_is_written_as_a_fraction() {
        for scale in Scale::ALL {
            assert_eq!(scale.to_string().parse(), Ok(scale));
            assert!(NoScale.to_string().contains(&scale.to_string()));
        }
        assert_eq!("1/2".parse(), Ok(Scale::Half));
        for text in ["", "1", "1/8", "0.5", " 1/2", "2/4"] {
            assert_eq!(text.parse::<Scale>(), Err(NoScale), "{text}");
        }
    }
}
