//! What a camera offers, and what is taken of it. Pure: the lists come from the kernel or a test.

use crate::capture::error::Error;
use std::fmt;
use streamsocket_media::FrameRate;
use streamsocket_media::Layout;
use v4l::frameinterval::FrameIntervalEnum;
use v4l::framesize::FrameSizeEnum;

/// The size taken when none is asked for: what every network here carries and most cameras have.
const SIZE_PREFERRED: (u16, u16) = (1280, 720);

/// The largest size taken unless it is asked for.
const SIZE_UNASKED_MAX: (u16, u16) = (1920, 1080);

/// The rate taken when none is asked for.
pub(super) const RATE_PREFERRED: FrameRate = FrameRate { numerator: 30, denominator: 1 };

/// A pixel format with its sizes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormatOffer {
    /// The V4L2 four-character code: `MJPG`, `YUYV`.
    pub fourcc: [u8; 4],
    /// The driver's words for it.
    pub description: String,
    /// Sizes, in the driver's order.
    pub sizes: Vec<SizeOffer>,
}

impl FormatOffer {
    /// Whether its frames are JPEGs.
    #[must_use]
    pub const fn is_mjpeg(&self) -> bool {
        is_jpeg(self.fourcc)
    }

    /// Whether its frames can be sent: JPEGs, or what can be encoded.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        is_usable(self.fourcc)
    }

    /// The four-character code as text.
    #[must_use]
    pub fn code(&self) -> String {
        code(&self.fourcc)
    }
}

/// Whether frames are JPEGs. Drivers name them `MJPG` or `JPEG`.
const fn is_jpeg(fourcc: [u8; 4]) -> bool {
    matches!(&fourcc, b"MJPG" | b"JPEG")
}

/// Whether frames of this code can be sent: JPEGs, or what can be encoded.
pub(super) fn is_usable(fourcc: [u8; 4]) -> bool {
    is_jpeg(fourcc) || Layout::of(fourcc).is_some()
}

/// A four-character code as text.
pub(super) fn code(fourcc: &[u8; 4]) -> String {
    let printable = |&byte: &u8| if byte.is_ascii_graphic() { char::from(byte) } else { ' ' };
    fourcc.iter().map(printable).collect::<String>().trim_end().to_owned()
}

/// A size, or a range of them, with its rates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SizeOffer {
    /// Which sizes.
    pub extent: Extent,
    /// Rates at this size, at the largest one of a range; empty when the driver names none.
    pub rates: Vec<RateOffer>,
}

/// One size, or all sizes of a grid. Pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Width and height.
    Discrete((u16, u16)),
    /// From the smallest to the largest, in steps.
    Stepwise {
        /// Smallest width and height.
        min: (u16, u16),
        /// Largest width and height.
        max: (u16, u16),
        /// Distance of two widths, and of two heights. Not 0.
        step: (u16, u16),
    },
}

impl Extent {
    /// What the kernel listed; `None` for sizes that no JPEG can have.
    pub(super) fn from_kernel(size: &FrameSizeEnum) -> Option<Self> {
        let pixels = |width: u32, height: u32| {
            Some((u16::try_from(width).ok()?, u16::try_from(height).ok()?))
        };
        match size {
            FrameSizeEnum::Discrete(size) => Some(Self::Discrete(pixels(size.width, size.height)?)),
            FrameSizeEnum::Stepwise(range) => Some(Self::Stepwise {
                min: pixels(range.min_width, range.min_height)?,
                max: pixels(range.max_width.min(65535), range.max_height.min(65535))?,
                step: pixels(range.step_width.max(1), range.step_height.max(1))?,
            }),
        }
    }

    /// The one size, or the largest of a range.
    #[must_use]
    pub const fn largest(self) -> (u16, u16) {
        match self {
            Self::Discrete(size) | Self::Stepwise { max: size, .. } => size,
        }
    }

    /// The size in here that comes nearest to the one wanted.
    fn nearest(self, want: (u16, u16)) -> (u16, u16) {
        match self {
            Self::Discrete(size) => size,
            Self::Stepwise { min, max, step } => {
                (snap(want.0, min.0, max.0, step.0), snap(want.1, min.1, max.1, step.1))
            }
        }
    }
}

/// The value on the grid that is nearest to `want` from below, or the smallest.
fn snap(want: u16, min: u16, max: u16, step: u16) -> u16 {
    let inside = want.clamp(min, max.max(min));
    inside - (inside - min) % step.max(1)
}

impl fmt::Display for Extent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Discrete((width, height)) => f.pad(&format!("{width}x{height}")),
            Self::Stepwise { min, max, step } => f.pad(&format!(
                "{}x{} to {}x{} in steps of {}x{}",
                min.0, min.1, max.0, max.1, step.0, step.1
            )),
        }
    }
}

/// A rate, or a range of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RateOffer {
    /// One rate.
    Discrete(FrameRate),
    /// Anything between two rates.
    Range {
        /// The lowest rate.
        slowest: FrameRate,
        /// The highest rate.
        fastest: FrameRate,
    },
}

impl RateOffer {
    /// What the kernel listed, which counts seconds per frame; `None` for an interval of nothing.
    pub(super) fn from_kernel(interval: &FrameIntervalEnum) -> Option<Self> {
        let rate = |interval: &v4l::Fraction| {
            (interval.numerator > 0 && interval.denominator > 0).then_some(FrameRate {
                numerator: interval.denominator,
                denominator: interval.numerator,
            })
        };
        match interval {
            FrameIntervalEnum::Discrete(interval) => rate(interval).map(Self::Discrete),
            FrameIntervalEnum::Stepwise(range) => {
                Some(Self::Range { slowest: rate(&range.max)?, fastest: rate(&range.min)? })
            }
        }
    }

    fn nearest(self, want: FrameRate) -> FrameRate {
        match self {
            Self::Discrete(rate) => rate,
            Self::Range { slowest, .. } if hertz(want) < hertz(slowest) => slowest,
            Self::Range { fastest, .. } if hertz(want) > hertz(fastest) => fastest,
            Self::Range { .. } => want,
        }
    }
}

impl fmt::Display for RateOffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Discrete(rate) => rate.fmt(f),
            Self::Range { slowest, fastest } => write!(f, "{slowest} to {fastest}"),
        }
    }
}

fn hertz(rate: FrameRate) -> f64 {
    f64::from(rate.numerator) / f64::from(rate.denominator.max(1))
}

/// The format to take: a JPEG, `MJPG` before `JPEG`, since the latter is for stills in some drivers; or
/// else a raw one that can be encoded.
pub(crate) fn choose_format<'a>(
    camera: &str,
    formats: &'a [FormatOffer],
    want: Option<(u16, u16)>,
) -> Result<&'a FormatOffer, Error> {
    let named = |fourcc: &[u8; 4]| formats.iter().find(|format| format.fourcc == *fourcc);
    let all_raw = || Layout::ALL.iter().filter_map(|(_, fourcc)| named(fourcc));
    let has_size = |format: &&FormatOffer| {
        want.is_none_or(|want| choose_size(camera, &format.sizes, Some(want)).is_ok())
    };
    let raw = || all_raw().find(has_size).or_else(|| all_raw().next());
    if let Some(format) = named(b"MJPG").or_else(|| named(b"JPEG")).or_else(raw) {
        return Ok(format);
    }
    let offered = codes(formats);
    Err(Error::new(format!(
        "{camera} gives only {offered}, which cannot be sent: take a camera that `streamsocket \
         devices` lists with sizes"
    )))
}

/// The sizes to choose from when none is asked for: raw pictures of large sizes come seldom, since the
/// bus has no room for them.
pub(super) fn fast_enough(format: &FormatOffer, want: FrameRate) -> Vec<SizeOffer> {
    let nearly = |rate: &RateOffer| hertz(rate.nearest(want)) > hertz(want) * NEARLY;
    let fast = |size: &&SizeOffer| size.rates.is_empty() || size.rates.iter().any(nearly);
    let sizes: Vec<_> = format.sizes.iter().filter(fast).cloned().collect();
    if format.is_mjpeg() || sizes.is_empty() { format.sizes.clone() } else { sizes }
}

/// Less than this part of the wanted rate is seen: 25 for 30 is taken, 20 is not.
const NEARLY: f64 = 0.8;

/// The codes of formats for a message, the first few.
pub(crate) fn codes<'a>(formats: impl IntoIterator<Item = &'a FormatOffer>) -> String {
    const SHOWN_MAX: usize = 8;
    let mut formats = formats.into_iter();
    let mut codes: Vec<_> = formats.by_ref().take(SHOWN_MAX).map(FormatOffer::code).collect();
    let more = formats.count();
    if more > 0 {
        codes.push(format!("{more} more"));
    }
    if codes.is_empty() { "no format at all".to_owned() } else { codes.join(", ") }
}

/// Things for a message, separated by commas.
pub(crate) fn listed(things: impl IntoIterator<Item = impl fmt::Display>) -> String {
    things.into_iter().map(|thing| thing.to_string()).collect::<Vec<_>>().join(", ")
}

/// The size to ask for: the one wanted, which must be offered, or else the preferred one or the
/// nearest to it.
pub(super) fn choose_size(
    camera: &str,
    sizes: &[SizeOffer],
    want: Option<(u16, u16)>,
) -> Result<(u16, u16), Error> {
    let Some(want) = want else {
        // A driver that lists nothing may still grant what it is asked for.
        return Ok(unasked_size(sizes).unwrap_or(SIZE_PREFERRED));
    };
    if sizes.is_empty() || sizes.iter().any(|size| size.extent.nearest(want) == want) {
        return Ok(want);
    }
    let offered = listed(sizes.iter().map(|size| size.extent));
    let (width, height) = want;
    Err(Error::new(format!("{camera} has no size {width}x{height}: choose one of {offered}")))
}

fn unasked_size(sizes: &[SizeOffer]) -> Option<(u16, u16)> {
    let area = |size: (u16, u16)| u32::from(size.0) * u32::from(size.1);
    let nearest = || sizes.iter().map(|size| size.extent.nearest(SIZE_PREFERRED));
    nearest()
        .filter(|size| size.0 <= SIZE_UNASKED_MAX.0 && size.1 <= SIZE_UNASKED_MAX.1)
        .min_by_key(|&size| (area(size).abs_diff(area(SIZE_PREFERRED)), size != SIZE_PREFERRED))
        .or_else(|| nearest().min_by_key(|&size| area(size)))
}

/// The rate to ask for at a size: the wanted one or the nearest to it.
pub(super) fn choose_rate(sizes: &[SizeOffer], size: (u16, u16), want: FrameRate) -> FrameRate {
    let distance = |rate: &FrameRate| (hertz(*rate) - hertz(want)).abs();
    rates_at(sizes, size)
        .iter()
        .map(|rate| rate.nearest(want))
        .min_by(|a, b| distance(a).total_cmp(&distance(b)))
        .unwrap_or(want)
}

/// What a camera offers at a size.
pub(super) fn rates_at(sizes: &[SizeOffer], size: (u16, u16)) -> &[RateOffer] {
    let at = sizes.iter().find(|offer| offer.extent.nearest(size) == size);
    at.map_or(&[], |offer| &offer.rates)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn fps(numerator: u32) -> FrameRate {
        FrameRate { numerator, denominator: 1 }
    }

    fn size(width: u16, height: u16) -> SizeOffer {
        let rates = vec![RateOffer::Discrete(fps(30)), RateOffer::Discrete(fps(15))];
        SizeOffer { extent: Extent::Discrete((width, height)), rates }
    }

    fn grid() -> SizeOffer {
        let rates = vec![RateOffer::Range { slowest: fps(5), fastest: fps(60) }];
        let extent = Extent::Stepwise { min: (32, 32), max: (3280, 2464), step: (2, 2) };
        SizeOffer { extent, rates }
    }

    fn format(fourcc: [u8; 4]) -> FormatOffer {
        FormatOffer { fourcc, description: String::new(), sizes: vec![size(640, 480)] }
    }

    #[test]
    fn mjpg_is_taken_before_jpeg_and_raw() {
        let all = [format(*b"YUYV"), format(*b"JPEG"), format(*b"MJPG")];
        assert_eq!(&choose_format("cam", &all, None).unwrap().fourcc, b"MJPG");
        assert_eq!(&choose_format("cam", &all[..2], None).unwrap().fourcc, b"JPEG");
    }

    #[test]
    fn without_mjpeg_a_raw_format_is_taken_that_comes_often_enough() {
        let raw = [format(*b"YUYV"), format(*b"NV12")];
        assert_eq!(&choose_format("cam", &raw, None).unwrap().fourcc, b"NV12");
        let mut large = format(*b"YUYV");
        large.sizes.push(size(1280, 720));
        let both = [format(*b"NV12"), large];
        let chosen = |want| choose_format("cam", &both, Some(want)).unwrap().fourcc;
        assert_eq!([chosen((1280, 720)), chosen((9, 9))], [*b"YUYV", *b"NV12"]);
        let slow = SizeOffer {
            extent: Extent::Discrete((1280, 720)),
            rates: vec![RateOffer::Discrete(fps(10))],
        };
        let mut yuyv = format(*b"YUYV");
        yuyv.sizes.push(slow.clone());
        assert_eq!(fast_enough(&yuyv, fps(30)), [size(640, 480)]);
        assert_eq!(fast_enough(&yuyv, fps(10)).len(), 2);
        yuyv.sizes = vec![slow];
        assert_eq!(fast_enough(&yuyv, fps(30)).len(), 1);
    }

    #[test]
    fn without_any_format_the_error_names_what_there_is() {
        let raw = [format(*b"H264"), format(*b"Y16 ")];
        let error =
            choose_format("camera \"X\" (/dev/video2)", &raw, None).unwrap_err().to_string();
        assert!(
            error.starts_with("camera \"X\" (/dev/video2) gives only H264, Y16, which cannot be")
        );
    }

    #[test]
    fn a_wanted_size_must_be_offered() {
        let sizes = [size(640, 480), size(1280, 720)];
        assert_eq!(choose_size("cam", &sizes, Some((640, 480))).unwrap(), (640, 480));
        let error = choose_size("cam", &sizes, Some((800, 600))).unwrap_err().to_string();
        assert_eq!(error, "cam has no size 800x600: choose one of 640x480, 1280x720");
        assert_eq!(choose_size("cam", &[grid()], Some((800, 600))).unwrap(), (800, 600));
        let error = choose_size("cam", &[grid()], Some((801, 600))).unwrap_err().to_string();
        assert!(error.ends_with("32x32 to 3280x2464 in steps of 2x2"), "{error}");
        assert!(choose_size("cam", &[grid()], Some((4000, 3000))).is_err());
    }

    #[test]
    fn without_a_wish_720p_or_the_nearest_up_to_1080p() {
        let of = |sizes: &[SizeOffer]| choose_size("cam", sizes, None).unwrap();
        assert_eq!(of(&[size(1920, 1080), size(1280, 720), size(640, 480)]), (1280, 720));
        assert_eq!(of(&[size(640, 480), size(1024, 768), size(2592, 1944)]), (1024, 768));
        assert_eq!(of(&[size(2592, 1944), size(2048, 1536)]), (2048, 1536));
        assert_eq!(of(&[size(720, 1280), size(1280, 720)]), (1280, 720));
        assert_eq!(of(&[grid()]), (1280, 720));
        assert_eq!(of(&[]), (1280, 720));
    }

    #[test]
    fn the_nearest_rate_is_taken() {
        let sizes = [size(640, 480)];
        assert_eq!(choose_rate(&sizes, (640, 480), fps(15)), fps(15));
        assert_eq!(choose_rate(&sizes, (640, 480), fps(60)), fps(30));
        assert_eq!(choose_rate(&sizes, (640, 480), fps(16)), fps(15));
        assert_eq!(choose_rate(&[grid()], (640, 480), fps(90)), fps(60));
        assert_eq!(choose_rate(&[grid()], (640, 480), fps(1)), fps(5));
        assert_eq!(choose_rate(&[grid()], (640, 480), fps(24)), fps(24));
        assert_eq!(choose_rate(&[], (640, 480), fps(24)), fps(24));
    }

    #[test]
    fn intervals_become_rates() {
        let ntsc = FrameIntervalEnum::Discrete(v4l::Fraction::new(1001, 30000));
        let rate = RateOffer::from_kernel(&ntsc).unwrap();
        assert_eq!(rate, RateOffer::Discrete(FrameRate { numerator: 30000, denominator: 1001 }));
        assert_eq!(rate.to_string(), "29.97");
        let nothing = FrameIntervalEnum::Discrete(v4l::Fraction::new(0, 1));
        assert_eq!(RateOffer::from_kernel(&nothing), None);
    }
}
