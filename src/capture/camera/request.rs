//! What is wanted of a camera, and what its driver grants of it.

use super::kernel::{Granted, Node};
use super::offer::{self, SizeOffer};
use super::refusal;
use crate::capture::error::Error;
use std::path::PathBuf;
use streamsocket_media::{FrameRate, VideoFormat};
use streamsocket_media::{Layout, RawFormat};

/// What the user wants of a camera.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CameraRequest {
    /// The device node, or a link to one: `/dev/video0`, `/dev/v4l/by-id/...`.
    pub device: PathBuf,
    /// Width and height in pixels. `None`: 1280x720 or what comes nearest.
    pub size: Option<(u16, u16)>,
    /// Frames per second. `None`: 30 or what comes nearest.
    pub rate: Option<FrameRate>,
    /// Controls to set, by name, in this order.
    pub controls: Vec<(String, String)>,
    /// Encoders that may each hold a picture for as long as it takes, beside what is sent as it comes.
    pub encoders: usize,
}

/// Sets format, size and rate, and returns what was granted.
pub(super) fn negotiate(
    node: &Node,
    label: &str,
    request: &CameraRequest,
) -> Result<(VideoFormat, Option<RawFormat>), Error> {
    let path = &request.device;
    let formats = node.formats();
    if formats.is_empty() {
        return Err(refusal::no_format(label));
    }
    let format = offer::choose_format(label, &formats, request.size)?;
    let wanted = request.rate.unwrap_or(offer::RATE_PREFERRED);
    let fast = offer::fast_enough(format, wanted);
    let sizes = if request.size.is_none() { &fast } else { &format.sizes };
    let size = offer::choose_size(label, sizes, request.size)?;
    let granted = node
        .set_format(format.fourcc, size)
        .map_err(|error| refusal::failed(label, path, "take this size", &error))?;
    let (width, height) = granted_size(&granted, label, &format.code(), size)?;
    if let Some((w, h)) = request.size.filter(|size| *size != (width, height)) {
        log::warn!("{label}: {width}x{height} instead of {w}x{h}, which it does not grant");
    }
    let rate = set_rate(node, label, request, &format.sizes, (width, height))?;
    let &Granted { stride, full_range, .. } = &granted;
    let raw = Layout::of(granted.fourcc).map(|layout| RawFormat {
        layout,
        width,
        height,
        stride,
        full_range,
    });
    if raw.is_some() {
        log::info!(
            "{label} gives no MJPEG: its {} pictures are encoded here, which takes processor time \
             (--quality, --size and --fps choose how much)",
            offer::code(&granted.fourcc)
        );
    }
    Ok((VideoFormat { width, height, rate: Some(rate) }, raw))
}

/// The size of what was granted, whatever was asked for, if it can be sent.
fn granted_size(
    granted: &Granted,
    label: &str,
    code: &str,
    asked: (u16, u16),
) -> Result<(u16, u16), Error> {
    let (w, h) = granted.size;
    let size = u16::try_from(w).ok().zip(u16::try_from(h).ok());
    let possible = |&(width, height): &(u16, u16)| width > 0 && height > 0;
    size.filter(possible).filter(|_| offer::is_usable(granted.fourcc)).ok_or_else(|| {
        let ((width, height), grant) = (asked, offer::code(&granted.fourcc));
        let line = format!(
            "{label} was asked for {code} {width}x{height} and grants {grant} {w}x{h}, which cannot be sent"
        );
        Error::new(line)
    })
}

/// Asks for the rate that is wanted, or for the nearest that is offered for this size; returns what comes
/// of it. A driver that refuses gives pictures all the same, at its own rate.
fn set_rate(
    node: &Node,
    label: &str,
    request: &CameraRequest,
    sizes: &[SizeOffer],
    size: (u16, u16),
) -> Result<FrameRate, Error> {
    let wanted = request.rate.unwrap_or(offer::RATE_PREFERRED);
    let chosen = offer::choose_rate(sizes, size, wanted);
    let rate = match node.set_rate(chosen) {
        Ok(granted) => granted.unwrap_or(chosen),
        Err(error) if matches!(error.raw_os_error(), Some(libc::EBUSY | libc::ENODEV)) => {
            return Err(refusal::failed(label, &request.device, "take this rate", &error));
        }
        Err(error) => {
            let own = node.rate();
            if request.rate.is_some() && own != Some(wanted) {
                let comes = own.map_or("its own".to_owned(), |rate| rate.to_string());
                log::warn!(
                    "{label}: {comes} instead of {wanted} frames a second, the driver refuses to set a \
                     rate ({error})"
                );
            }
            return Ok(own.unwrap_or(chosen));
        }
    };
    // Drivers round: only a difference that is worth showing is worth a line.
    if request.rate.is_some() && rate.to_string() != wanted.to_string() {
        let offered = offer::listed(offer::rates_at(sizes, size));
        log::warn!("{label}: {rate} instead of {wanted} frames a second, it offers {offered}");
    }
    Ok(rate)
}
