//! A V4L2 node as the kernel describes it: capability, formats, sizes, rates and controls as plain
//! values. No policy is in here, and no buffers: those are the ring's.
//!
//! The ioctls are issued here, on the crate's bindings, and not through its `Device`: that one
//! panics on names that are not UTF-8 and on control types newer than itself, and its descriptor
//! is inherited by child processes.

use super::control::{Control, ControlKind, variable_name};
use super::offer::{Extent, FormatOffer, RateOffer, SizeOffer};
use std::ffi::c_void;
use std::fs::{File, OpenOptions};
use std::io;
use std::marker::PhantomData;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use streamsocket_media::FrameRate;
use v4l::capability::Flags as CapabilityFlags;
use v4l::control::Flags as ControlFlags;
use v4l::format::FourCC;
use v4l::frameinterval::FrameIntervalEnum;
use v4l::framesize::FrameSizeEnum;
use v4l::v4l_sys as sys;
use v4l::v4l2::{self, vidioc};

/// The kind of all buffers and formats here: single-planar video capture.
pub(super) const CAPTURE: u32 = sys::v4l2_buf_type_V4L2_BUF_TYPE_VIDEO_CAPTURE;

/// Entries of any list at most, against a driver whose lists never end. Real ones have some dozens.
const LISTED_MAX: u32 = 256;

/// Set by nodes that a media-controller pipeline must be configured for (Pi CSI receivers and
/// ISPs): they deliver nothing by themselves. The crate's flags do not know it.
const CAP_IO_MC: u32 = 0x2000_0000;

/// An ioctl number together with the type of its argument.
pub(super) struct Request<T>(vidioc::_IOC_TYPE, PhantomData<T>);

impl<T: Argument> Request<T> {
    const fn new(number: vidioc::_IOC_TYPE) -> Self {
        Self(number, PhantomData)
    }
}

/// The argument of an ioctl.
///
/// # Safety
/// All bytes zero is a valid value, and the kernel follows no pointer in it unless its owner put
/// one there.
pub(super) unsafe trait Argument: Copy {}

macro_rules! arguments {
    ($($argument:ident),* $(,)?) => {
        $(
            // SAFETY: a C struct of integers, arrays and unions of those, made for memset. The
            // pointers that v4l2_buffer and v4l2_format may hold are never set in this crate.
            unsafe impl Argument for sys::$argument {}
        )*
    };
}

arguments!(
    v4l2_capability,
    v4l2_fmtdesc,
    v4l2_frmsizeenum,
    v4l2_frmivalenum,
    v4l2_format,
    v4l2_streamparm,
    v4l2_queryctrl,
    v4l2_querymenu,
    v4l2_control,
    v4l2_requestbuffers,
    v4l2_buffer,
);
// SAFETY: an integer.
unsafe impl Argument for u32 {}

pub(super) const REQBUFS: Request<sys::v4l2_requestbuffers> = Request::new(vidioc::VIDIOC_REQBUFS);
pub(super) const QUERYBUF: Request<sys::v4l2_buffer> = Request::new(vidioc::VIDIOC_QUERYBUF);
pub(super) const QBUF: Request<sys::v4l2_buffer> = Request::new(vidioc::VIDIOC_QBUF);
pub(super) const DQBUF: Request<sys::v4l2_buffer> = Request::new(vidioc::VIDIOC_DQBUF);
pub(super) const STREAMON: Request<u32> = Request::new(vidioc::VIDIOC_STREAMON);
pub(super) const STREAMOFF: Request<u32> = Request::new(vidioc::VIDIOC_STREAMOFF);
const QUERYCAP: Request<sys::v4l2_capability> = Request::new(vidioc::VIDIOC_QUERYCAP);
const ENUM_FMT: Request<sys::v4l2_fmtdesc> = Request::new(vidioc::VIDIOC_ENUM_FMT);
const ENUM_FRAMESIZES: Request<sys::v4l2_frmsizeenum> =
    Request::new(vidioc::VIDIOC_ENUM_FRAMESIZES);
const ENUM_FRAMEINTERVALS: Request<sys::v4l2_frmivalenum> =
    Request::new(vidioc::VIDIOC_ENUM_FRAMEINTERVALS);
const S_FMT: Request<sys::v4l2_format> = Request::new(vidioc::VIDIOC_S_FMT);
const G_PARM: Request<sys::v4l2_streamparm> = Request::new(vidioc::VIDIOC_G_PARM);
const S_PARM: Request<sys::v4l2_streamparm> = Request::new(vidioc::VIDIOC_S_PARM);
const QUERYCTRL: Request<sys::v4l2_queryctrl> = Request::new(vidioc::VIDIOC_QUERYCTRL);
const QUERYMENU: Request<sys::v4l2_querymenu> = Request::new(vidioc::VIDIOC_QUERYMENU);
const G_CTRL: Request<sys::v4l2_control> = Request::new(vidioc::VIDIOC_G_CTRL);
const S_CTRL: Request<sys::v4l2_control> = Request::new(vidioc::VIDIOC_S_CTRL);

/// An argument with all bytes zero, to be filled in.
pub(super) fn zeroed<T: Argument>() -> T {
    // SAFETY: what the trait promises.
    unsafe { std::mem::zeroed() }
}

/// What a node says it is.
#[derive(Clone, Debug)]
pub(crate) struct Capability {
    /// The driver's name: "uvcvideo".
    pub driver: String,
    /// The device's name, as people know it.
    pub card: String,
    /// Where it is plugged in.
    pub bus_info: String,
    flags: u32,
}

impl Capability {
    /// Whether this node gives pictures by itself and through memory-mapped buffers: no metadata,
    /// no codec, no stage of an image pipeline. One that also takes pictures is a camera, too: in
    /// v4l2loopback's usual set-up writers and readers share a node.
    pub(crate) fn is_camera(&self) -> bool {
        let flags = CapabilityFlags::from(self.flags);
        let other = CapabilityFlags::VIDEO_OUTPUT_MPLANE
            | CapabilityFlags::VIDEO_M2M
            | CapabilityFlags::VIDEO_M2M_MPLANE;
        flags.contains(CapabilityFlags::VIDEO_CAPTURE | CapabilityFlags::STREAMING)
            && !flags.intersects(other)
            && !self.is_pipeline_stage()
    }

    /// Whether this is the receiver, the ISP or the codec of a Raspberry Pi, or its like: part of
    /// what libcamera drives.
    pub(crate) fn is_pipeline_stage(&self) -> bool {
        const STAGES: [&str; 8] = [
            "unicam",
            "bcm2835-isp",
            "bcm2835-codec",
            "rp1-cfe",
            "pispbe",
            "rpivid",
            "rpi-hevc-dec",
            "hevc_dec",
        ];
        self.flags & CAP_IO_MC != 0 || STAGES.iter().any(|stage| self.driver.starts_with(stage))
    }
}

/// A format as the driver grants it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Granted {
    /// The four-character code.
    pub(super) fourcc: [u8; 4],
    /// Pixels.
    pub(super) size: (u32, u32),
    /// Bytes from one row to the next of a raw picture.
    pub(super) stride: u32,
    /// Whether luma goes from 0 to 255.
    pub(super) full_range: bool,
}

/// The kernel's rule for luma and chroma (V4L2_MAP_QUANTIZATION_DEFAULT).
const fn is_full_range(quantization: u32, colorspace: u32) -> bool {
    match quantization {
        sys::v4l2_quantization_V4L2_QUANTIZATION_FULL_RANGE => true,
        sys::v4l2_quantization_V4L2_QUANTIZATION_DEFAULT => {
            // Sensors without colours (RAW) have no range to leave out.
            matches!(
                colorspace,
                sys::v4l2_colorspace_V4L2_COLORSPACE_JPEG
                    | sys::v4l2_colorspace_V4L2_COLORSPACE_RAW
            )
        }
        _ => false,
    }
}

/// An open V4L2 node. Non-blocking, and closed in child processes.
#[derive(Debug)]
pub(crate) struct Node {
    file: File,
}

impl Node {
    /// Opens a device node for capture.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let file =
            OpenOptions::new().read(true).write(true).custom_flags(libc::O_NONBLOCK).open(path)?;
        Ok(Self { file })
    }

    pub(super) fn descriptor(&self) -> RawFd {
        self.file.as_raw_fd()
    }

    /// Issues an ioctl, again when a signal interrupted it.
    pub(super) fn call<T: Argument>(
        &self,
        request: &Request<T>,
        argument: &mut T,
    ) -> io::Result<()> {
        let pointer = std::ptr::from_mut(argument).cast::<c_void>();
        loop {
            // SAFETY: the descriptor is open as long as `self` is, and the pointer is to a live
            // and exclusively borrowed value of the type whose size the request's number carries.
            match unsafe { v4l2::ioctl(self.descriptor(), request.0, pointer) } {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return result,
            }
        }
    }

    /// What the node is. ENOTTY when it is no V4L2 node at all.
    pub(crate) fn capability(&self) -> io::Result<Capability> {
        let mut raw: sys::v4l2_capability = zeroed();
        self.call(&QUERYCAP, &mut raw)?;
        let of_node = raw.capabilities & sys::V4L2_CAP_DEVICE_CAPS != 0;
        Ok(Capability {
            driver: text(&raw.driver),
            card: text(&raw.card),
            bus_info: text(&raw.bus_info),
            flags: if of_node { raw.device_caps } else { raw.capabilities },
        })
    }

    /// All that the node can deliver.
    pub(crate) fn formats(&self) -> Vec<FormatOffer> {
        self.list(&ENUM_FMT, |index| sys::v4l2_fmtdesc { index, type_: CAPTURE, ..zeroed() })
            .map(|raw| FormatOffer {
                fourcc: FourCC::from(raw.pixelformat).repr,
                description: text(&raw.description),
                sizes: self.sizes(raw.pixelformat),
            })
            .collect()
    }

    fn sizes(&self, pixel_format: u32) -> Vec<SizeOffer> {
        self.list(&ENUM_FRAMESIZES, |index| sys::v4l2_frmsizeenum {
            index,
            pixel_format,
            ..zeroed()
        })
        .filter_map(|raw| Extent::from_kernel(&FrameSizeEnum::try_from(raw).ok()?))
        .map(|extent| SizeOffer { extent, rates: self.rates(pixel_format, extent.largest()) })
        .collect()
    }

    fn rates(&self, pixel_format: u32, size: (u16, u16)) -> Vec<RateOffer> {
        self.list(&ENUM_FRAMEINTERVALS, |index| sys::v4l2_frmivalenum {
            index,
            pixel_format,
            width: size.0.into(),
            height: size.1.into(),
            ..zeroed()
        })
        .filter_map(|raw| RateOffer::from_kernel(&FrameIntervalEnum::try_from(raw).ok()?))
        .collect()
    }

    /// The entries of one of the kernel's numbered lists, up to the first that it refuses.
    fn list<T: Argument>(
        &self,
        request: &Request<T>,
        entry: impl Fn(u32) -> T,
    ) -> impl Iterator<Item = T> {
        (0..LISTED_MAX).map_while(move |index| {
            let mut raw = entry(index);
            self.call(request, &mut raw).ok().map(|()| raw)
        })
    }

    /// Asks for a format; returns what was granted.
    pub(super) fn set_format(&self, fourcc: [u8; 4], size: (u16, u16)) -> io::Result<Granted> {
        let mut raw: sys::v4l2_format = zeroed();
        raw.type_ = CAPTURE;
        raw.fmt.pix = v4l::Format::new(size.0.into(), size.1.into(), FourCC::new(&fourcc)).into();
        self.call(&S_FMT, &mut raw)?;
        // SAFETY: single-planar capture formats use this member, and every value of it is valid.
        let granted = unsafe { raw.fmt.pix };
        Ok(Granted {
            fourcc: FourCC::from(granted.pixelformat).repr,
            size: (granted.width, granted.height),
            stride: granted.bytesperline,
            full_range: is_full_range(granted.quantization, granted.colorspace),
        })
    }

    /// Asks for a rate; returns the one granted, or `None` if the driver names none.
    pub(super) fn set_rate(&self, rate: FrameRate) -> io::Result<Option<FrameRate>> {
        let mut raw: sys::v4l2_streamparm = zeroed();
        raw.type_ = CAPTURE;
        raw.parm.capture.timeperframe =
            sys::v4l2_fract { numerator: rate.denominator, denominator: rate.numerator };
        self.call(&S_PARM, &mut raw)?;
        Ok(rate_in(&raw))
    }

    /// The rate that pictures come at now, if the driver names it.
    pub(super) fn rate(&self) -> Option<FrameRate> {
        let mut raw = sys::v4l2_streamparm { type_: CAPTURE, ..zeroed() };
        self.call(&G_PARM, &mut raw).ok()?;
        rate_in(&raw)
    }

    /// The controls that have a name and a number for a value.
    pub(crate) fn controls(&self) -> Vec<Control> {
        let mut controls = Vec::new();
        let mut id = 0;
        for _ in 0..LISTED_MAX {
            let mut raw =
                sys::v4l2_queryctrl { id: id | sys::V4L2_CTRL_FLAG_NEXT_CTRL, ..zeroed() };
            if self.call(&QUERYCTRL, &mut raw).is_err() {
                break;
            }
            id = raw.id;
            controls.extend(self.describe(&raw));
        }
        controls
    }

    /// Whether a control has no effect at the moment, because another one is set to automatic.
    pub(super) fn is_inactive(&self, id: u32) -> bool {
        let mut raw = sys::v4l2_queryctrl { id, ..zeroed() };
        self.call(&QUERYCTRL, &mut raw).is_ok()
            && ControlFlags::from(raw.flags).contains(ControlFlags::INACTIVE)
    }

    fn describe(&self, raw: &sys::v4l2_queryctrl) -> Option<Control> {
        let kind = match raw.type_ {
            sys::v4l2_ctrl_type_V4L2_CTRL_TYPE_INTEGER => {
                ControlKind::Integer { min: raw.minimum, max: raw.maximum, step: raw.step }
            }
            sys::v4l2_ctrl_type_V4L2_CTRL_TYPE_BOOLEAN => ControlKind::Boolean,
            sys::v4l2_ctrl_type_V4L2_CTRL_TYPE_BUTTON => ControlKind::Button,
            sys::v4l2_ctrl_type_V4L2_CTRL_TYPE_MENU => ControlKind::Menu(self.menu(raw, false)),
            sys::v4l2_ctrl_type_V4L2_CTRL_TYPE_INTEGER_MENU => {
                ControlKind::Menu(self.menu(raw, true))
            }
            _ => return None,
        };
        let flags = ControlFlags::from(raw.flags);
        if flags.intersects(ControlFlags::DISABLED | ControlFlags::READ_ONLY) {
            return None;
        }
        let mut current = sys::v4l2_control { id: raw.id, value: 0 };
        let readable = kind != ControlKind::Button && self.call(&G_CTRL, &mut current).is_ok();
        Some(Control {
            id: raw.id,
            name: variable_name(&text(&raw.name)),
            kind,
            value: readable.then_some(current.value),
            default: raw.default_value,
            inactive: flags.contains(ControlFlags::INACTIVE),
        })
    }

    /// The items of a menu; drivers may leave indices out.
    fn menu(&self, control: &sys::v4l2_queryctrl, numbers: bool) -> Vec<(i32, String)> {
        let last = control.maximum.min(control.minimum.saturating_add_unsigned(LISTED_MAX));
        (control.minimum..=last)
            .filter_map(|value| {
                let index = u32::try_from(value).ok()?;
                let mut raw = sys::v4l2_querymenu { id: control.id, index, ..zeroed() };
                self.call(&QUERYMENU, &mut raw).ok()?;
                let item = raw.__bindgen_anon_1;
                // SAFETY: every value of either member is valid; the control's type says which.
                let title =
                    unsafe { if numbers { item.value.to_string() } else { text(&item.name) } };
                Some((value, title))
            })
            .collect()
    }

    pub(super) fn set_control(&self, id: u32, value: i32) -> io::Result<()> {
        self.call(&S_CTRL, &mut sys::v4l2_control { id, value })
    }
}

/// The rate in the parameters of a capture stream; `None` for an interval of nothing.
fn rate_in(raw: &sys::v4l2_streamparm) -> Option<FrameRate> {
    // SAFETY: capture streams use this member, and every value of it is valid.
    let interval = unsafe { raw.parm.capture.timeperframe };
    let rate = FrameRate { numerator: interval.denominator, denominator: interval.numerator };
    (rate.numerator > 0 && rate.denominator > 0).then_some(rate)
}

/// The text in one of the kernel's fixed fields. Names come from the device: bytes that a terminal
/// might obey are replaced, and so is a character that was cut in two at the end of the field.
fn text(field: &[u8]) -> String {
    let end = field.iter().position(|&byte| byte == 0).unwrap_or(field.len());
    String::from_utf8_lossy(&field[..end])
        .trim_end_matches(char::REPLACEMENT_CHARACTER)
        .trim()
        .replace(char::is_control, "?")
}

#[cfg(test)]
mod tests;
