//! Raw pictures of cameras: the known pixel formats and their memory layout (Linux,
//! Documentation/userspace-api/media/v4l/pixfmt.rst).

/// Memory layout of a raw picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// V4L2_PIX_FMT_NV12: a plane of luma, then one of interleaved chroma; 4:2:0.
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
    /// All of them with their four-character codes: those cheapest to encode first, grey last.
    pub const ALL: [(Self, [u8; 4]); 6] = [
        (Self::Nv12, *b"NV12"),
        (Self::I420, *b"YU12"),
        (Self::Yuyv, *b"YUYV"),
        (Self::Uyvy, *b"UYVY"),
        (Self::Rgb, *b"RGB3"),
        (Self::Grey, *b"GREY"),
    ];

    /// The layout that this four-character code stands for.
    #[must_use]
    pub fn of(fourcc: [u8; 4]) -> Option<Self> {
        Self::ALL.iter().find(|(_, code)| *code == fourcc).map(|(layout, _)| *layout)
    }
}

/// Format of a raw picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawFormat {
    /// Memory layout.
    pub layout: Layout,
    /// Pixels.
    pub width: u16,
    /// Pixels.
    pub height: u16,
    /// Bytes from one row to the next; of the luma, if there are planes.
    pub stride: u32,
    /// Whether luma has the full range 0 to 255, as in JPEG, or 16 to 235 (ITU-R BT.601).
    pub full_range: bool,
}
