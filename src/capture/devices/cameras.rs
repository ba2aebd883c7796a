//! The cameras of this machine, found by what their nodes can do and not by their numbers.

use super::sysfs::{Sysfs, VideoNode};
use crate::capture::camera::control::Control;
use crate::capture::camera::kernel::{Capability, Node};
use crate::capture::camera::offer::FormatOffer;
use std::io;
use std::path::{Path, PathBuf};

/// Where udev puts links that stay the same over reboots and ports.
const BY_ID: &str = "/dev/v4l/by-id";

/// A camera.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CameraInfo {
    /// `/dev/videoN`.
    pub path: PathBuf,
    /// Its name, as it tells it.
    pub name: String,
    /// Where it is plugged in, as the driver words it.
    pub bus: String,
    /// A link to `path` that survives reboots, if udev made one.
    pub by_id: Option<PathBuf>,
    /// Whether it gives MJPEG, which is what is streamed.
    pub mjpeg: bool,
    /// Whether it gives anything that can be sent.
    pub usable: bool,
    /// What it delivers.
    pub formats: Vec<FormatOffer>,
    /// What can be set.
    pub controls: Vec<Control>,
    /// Why it could not be opened, if so; the lists are empty then.
    pub problem: Option<String>,
}

/// All cameras, by the number of their node. Nodes that give no pictures by themselves (metadata,
/// codecs, the stages of a board's own camera interface) are left out.
#[must_use]
pub fn cameras() -> Vec<CameraInfo> {
    Sysfs::system().video_nodes().iter().filter_map(camera).collect()
}

/// The first camera that gives MJPEG, or else the first one whose pictures can be encoded.
#[must_use]
pub fn auto_camera() -> Option<CameraInfo> {
    let mut cameras = cameras();
    let best = cameras.iter().position(|camera| camera.mjpeg);
    let at = best.or_else(|| cameras.iter().position(|camera| camera.usable))?;
    Some(cameras.swap_remove(at))
}

/// Whether the board has a camera interface of its own, which libcamera drives.
pub(super) fn has_camera_interface() -> bool {
    Sysfs::system().video_nodes().iter().any(|node| {
        let capability = Node::open(&node.path).and_then(|node| node.capability());
        capability.is_ok_and(|capability| capability.is_pipeline_stage())
    })
}

fn camera(listed: &VideoNode) -> Option<CameraInfo> {
    let path = &listed.path;
    let opened = Node::open(path).and_then(|node| Ok((node.capability()?, node)));
    let (capability, node) = match opened {
        Ok(opened) => opened,
        Err(error) => return unopened(listed, &error),
    };
    if !capability.is_camera() {
        return None;
    }
    let Capability { card, bus_info, .. } = capability;
    let formats = node.formats();
    Some(CameraInfo {
        path: path.clone(),
        name: card,
        bus: bus_info,
        by_id: link_to(path),
        mjpeg: formats.iter().any(FormatOffer::is_mjpeg),
        usable: formats.iter().any(FormatOffer::is_usable),
        formats,
        controls: node.controls(),
        problem: None,
    })
}

/// A node that cannot be opened may be a camera, and is worth a line that says why.
fn unopened(node: &VideoNode, error: &io::Error) -> Option<CameraInfo> {
    if node.index > 0 {
        return None;
    }
    let problem = match error.raw_os_error()? {
        libc::EACCES | libc::EPERM => {
            "may not be opened: add yourself to the group video (sudo usermod -aG video USER) and \
             log in again"
                .to_owned()
        }
        libc::EBUSY => "is in use by another program".to_owned(),
        // Gone meanwhile, or never a V4L2 node.
        libc::ENOENT | libc::ENODEV | libc::ENXIO | libc::ENOTTY => return None,
        _ => error.to_string(),
    };
    Some(CameraInfo {
        path: node.path.clone(),
        name: node.name.clone(),
        bus: String::new(),
        by_id: link_to(&node.path),
        mjpeg: false,
        usable: false,
        formats: Vec::new(),
        controls: Vec::new(),
        problem: Some(problem),
    })
}

/// The lasting link to a node.
fn link_to(node: &Path) -> Option<PathBuf> {
    let links = std::fs::read_dir(BY_ID).ok()?;
    let paths = links.filter_map(|link| Some(link.ok()?.path()));
    paths.filter(|link| link.canonicalize().is_ok_and(|target| target == node)).min()
}
