//! Pictures as cameras without JPEG give them: which pixel formats are known, and how the bytes of a picture
//! lie (the kernel's documentation of V4L2 pixel formats).

/// How the bytes of a raw picture lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// V4L2_PIX_FMT_NV12: luma, then both chromas in turn, 4:2:0.
    Nv12,
    /// V4L2_PIX_FMT_YUV420: three planes, 4:2:0.
    I420,
    /// V4L2_PIX_FMT_YUYV: luma, blue, luma, red, 4:2:2.
    Yuyv,
    /// V4L2_PIX_FMT_UYVY: blue, luma, red, luma, 4:2:2.
    Uyvy,
    /// V4L2_PIX_FMT_RGB24.
    Rgb,
    /// V4L2_PIX_FMT_GREY.
    Grey,
}

impl Layout {
    /// All, with their four-character codes: those that take the least to encode first, and colours
    /// before grey.
    pub const ALL: [(Self, [u8; 4]); 6] = [
        (Self::Nv12, *b"NV12"),
        (Self::I420, *b"YU12"),
        (Self::Yuyv, *b"YUYV"),
        (Self::Uyvy, *b"UYVY"),
        (Self::Rgb, *b"RGB3"),
        (Self::Grey, *b"GREY"),
    ];

    /// The layout of this four-character code.
    #[must_use]
    pub fn of(fourcc: [u8; 4]) -> Option<Self> {
        Self::ALL.iter().find(|(_, code)| *code == fourcc).map(|(layout, _)| *layout)
    }
}

/// A raw picture's format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawFormat {
    /// How the bytes lie.
    pub layout: Layout,
    /// Pixels.
    pub width: u16,
    /// Pixels.
    pub height: u16,
    /// Bytes from one row to the next; of the luma, if there are planes.
    pub stride: u32,
    /// Whether luma goes from 0 to 255 as in JPEG, and not from 16 to 235 (ITU-R BT.601).
    pub full_range: bool,
}
