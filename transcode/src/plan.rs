//! Which tiers there are, how large and of how many bits.

use core::fmt;

/// A fraction of the width and of the height of a picture, in eighths: what a JPEG decoder yields by leaving out
/// coefficients (ITU-T T.81 has blocks of 8x8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scale(u8);

impl Scale {
    /// As large as it is.
    pub const FULL: Self = Self(8);
    /// Half as wide and half as high.
    pub const HALF: Self = Self(4);
    /// A quarter as wide and a quarter as high.
    pub const QUARTER: Self = Self(2);

    /// So many eighths, 1 to 8.
    #[must_use]
    pub const fn eighths(eighths: u8) -> Option<Self> {
        if matches!(eighths, 1..=8) { Some(Self(eighths)) } else { None }
    }

    /// How many eighths: 1 to 8.
    #[must_use]
    pub const fn numerator(self) -> u8 {
        self.0
    }

    /// What becomes of a side of so many pixels: rounded up, as libjpeg-turbo does (TJSCALED), then cut off to an
    /// even number, as 4:2:0 has them.
    #[must_use]
    pub const fn side(self, pixels: usize) -> usize {
        pixels.saturating_mul(self.0 as usize).div_ceil(8) & !1
    }

    /// What becomes of a picture of this width and height.
    #[must_use]
    pub const fn size(self, (width, height): (usize, usize)) -> (usize, usize) {
        (self.side(width), self.side(height))
    }
}

impl fmt::Display for Scale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/8", self.0)
    }
}

/// One tier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TierPlan {
    /// What it is called.
    pub name: String,
    /// How large it is.
    pub scale: Scale,
    /// Bits a second, over a few seconds.
    pub bitrate: u32,
}

/// The tiers by default: what they are called, how large they are, and their bits a second for pictures of
/// 1280x720, 30 a second. Two neighbours are apart by what a viewer's network may lose at once without falling
/// through one of them.
const TIERS: [(&str, Scale, f64); 3] = [
    ("high", Scale::FULL, 2_500_000.0),
    ("medium", Scale::HALF, 1_000_000.0),
    ("low", Scale::QUARTER, 300_000.0),
];

/// Pixels a second to which those bits belong.
const REFERENCE: f64 = 1280.0 * 720.0 * 30.0;

/// Fewest pixels of a tier's shorter side: smaller ones show nothing, and save nothing beside their sound.
const SIDE_MIN: usize = 90;

/// Largest sides, the longer and the shorter, of a tier by default: decoders of H.264 in telephones and
/// televisions take level 5.1 at most (ITU-T H.264 table A-1).
const SIDES_MAX: (usize, usize) = (3840, 2160);

impl TierPlan {
    /// The tiers, largest first, for pictures of this width and height of which about `rate` come a second: three,
    /// or fewer if the pictures are small.
    ///
    /// Twice as many pixels a second get 1.7 times as many bits: neighbouring pixels, and pictures, are the more
    /// alike the closer they are. (The exponent of 0.75 is the usual rule of thumb, and the three bit rates of
    /// 720p are nearly so among themselves.)
    #[must_use]
    pub fn defaults(size: (usize, usize), rate: f32) -> Vec<Self> {
        #[expect(clippy::cast_precision_loss, reason = "pixels fit by far")]
        let pixels = (size.0.saturating_mul(size.1)) as f64 * f64::from(rate.clamp(1.0, 120.0));
        let share = (pixels / REFERENCE).sqrt();
        let share = share * share.sqrt();
        let largest = largest(size);
        let fits = TIERS.iter().enumerate().filter(|(index, (_, scale, _))| {
            let (width, height) = scale.size(size);
            *index == 0 || width.min(height) >= SIDE_MIN
        });
        fits.map(|(_, &(name, scale, bitrate))| Self {
            name: name.to_owned(),
            scale: scale.min(largest),
            bitrate: thousands(bitrate * share),
        })
        .collect()
    }
}

/// The largest scale that is small enough for everybody's decoder.
fn largest((width, height): (usize, usize)) -> Scale {
    let fits = |scale: &Scale| {
        let sides = scale.size((width.max(height), width.min(height)));
        sides.0 <= SIDES_MAX.0 && sides.1 <= SIDES_MAX.1
    };
    (1..=8).rev().map(Scale).find(fits).unwrap_or(Scale(1))
}

/// Rounded to thousands, at least 50 000: less is no picture that moves.
fn thousands(bits: f64) -> u32 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped before")]
    let thousands = (bits / 1000.0).round().clamp(50.0, 100_000.0) as u32;
    thousands * 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    fn planned(size: (usize, usize), rate: f32) -> Vec<(String, String, u32)> {
        let plans = TierPlan::defaults(size, rate).into_iter();
        plans.map(|plan| (plan.name, plan.scale.to_string(), plan.bitrate / 1000)).collect()
    }

    fn expected(tiers: &[(&str, &str, u32)]) -> Vec<(String, String, u32)> {
        tiers.iter().map(|&(name, scale, bits)| (name.into(), scale.into(), bits)).collect()
    }

    #[test]
    fn tiers_have_bits_by_their_pixels() {
        let hd = [("high", "8/8", 2500), ("medium", "4/8", 1000), ("low", "2/8", 300)];
        assert_eq!(planned((1280, 720), 30.0), expected(&hd));
        let full_hd = [("high", "8/8", 4593), ("medium", "4/8", 1837), ("low", "2/8", 551)];
        assert_eq!(planned((1920, 1080), 30.0), expected(&full_hd));
        let slow = [("high", "8/8", 884), ("medium", "4/8", 354), ("low", "2/8", 106)];
        assert_eq!(planned((1280, 720), 7.5), expected(&slow));
    }

    #[test]
    fn small_pictures_have_fewer_tiers_and_huge_ones_smaller() {
        assert_eq!(planned((640, 480), 30.0).len(), 3);
        assert_eq!(planned((320, 240), 30.0).len(), 2);
        assert_eq!(planned((64, 48), 30.0), expected(&[("high", "8/8", 50)]));
        assert_eq!(planned((0, 0), 0.0).len(), 1);
        let scales: Vec<String> =
            planned((4096, 4096), 10.0).into_iter().map(|(_, scale, _)| scale).collect();
        assert_eq!(scales, ["4/8", "4/8", "2/8"]);
    }

    #[test]
    fn sides_are_even() {
        assert_eq!(Scale::FULL.size((641, 481)), (640, 480));
        assert_eq!(Scale::HALF.size((641, 481)), (320, 240));
        assert_eq!(Scale(5).size((1296, 972)), (810, 608));
        assert_eq!((Scale::eighths(0), Scale::eighths(9)), (None, None));
        assert_eq!(Scale::eighths(8), Some(Scale::FULL));
    }
}
