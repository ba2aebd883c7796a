//! Why a camera cannot be had, in one line that also says what to do about it.

use super::kernel::Capability;
use crate::capture::devices::cameras::{CameraInfo, cameras};
use crate::capture::error::{Cause, Error};
use std::io;
use std::path::Path;

/// The device node could not be opened.
pub(super) fn cannot_open(path: &Path, error: &io::Error) -> Error {
    let device = path.display();
    let line = match error.raw_os_error() {
        Some(libc::ENOENT | libc::ENXIO | libc::ENODEV) => {
            format!("there is no camera at {device}: {}", found())
        }
        Some(libc::EACCES | libc::EPERM) => format!(
            "{device} may not be opened: add the user who runs streamsocket to the group video \
             (sudo usermod -aG video USER) and log in again"
        ),
        Some(libc::EBUSY) => busy(&device.to_string(), path),
        _ => format!("{device} cannot be opened as a camera: {error}"),
    };
    Error::new(line).from_cause(cause(error))
}

/// The device node is something else.
pub(super) fn no_camera(path: &Path, capability: Option<&Capability>) -> Error {
    let device = path.display();
    Error::new(match capability {
        Some(stage) if stage.is_pipeline_stage() => format!(
            "{device} is a part of a board's own camera interface ({}), which gives no JPEGs: use \
             rpicam-vid --codec mjpeg -o - | streamsocket --video file:-",
            stage.driver
        ),
        Some(other) => {
            format!("{device} of \"{}\" gives no pictures: {}", other.card, found())
        }
        None => format!("{device} is not a camera: {}", found()),
    })
}

/// The device has no format: a loopback device before somebody writes to it.
pub(super) fn no_format(label: &str) -> Error {
    let line = format!("{label} offers no pictures yet: start the program that writes them to it");
    Error::new(line).from_cause(Cause::Absent)
}

/// The kernel refused a step.
pub(super) fn failed(label: &str, path: &Path, step: &str, error: &io::Error) -> Error {
    let line = match error.raw_os_error() {
        Some(libc::EBUSY) => busy(label, path),
        Some(libc::ENODEV) => format!("{label} was unplugged"),
        Some(libc::ENOSPC) => format!(
            "{label} finds not enough room on its USB bus: choose a smaller size or rate, or plug \
             it into another port"
        ),
        _ => format!("{label} cannot {step}: {error}"),
    };
    Error::new(line).from_cause(cause(error))
}

fn cause(error: &io::Error) -> Cause {
    error.raw_os_error().map_or(Cause::Other, Cause::of)
}

fn busy(label: &str, path: &Path) -> String {
    let device = path.display();
    format!("{label} is in use by another program: end that first (fuser -v {device} names it)")
}

/// The cameras that could be used instead.
fn found() -> String {
    choice(&cameras())
}

fn choice(cameras: &[CameraInfo]) -> String {
    let named: Vec<_> = cameras
        .iter()
        .filter(|camera| camera.usable)
        .map(|camera| format!("{} \"{}\"", camera.path.display(), camera.name))
        .collect();
    if named.is_empty() {
        "no camera was found, plug one in".to_owned()
    } else {
        format!("choose {}", named.join(" or "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LABEL: &str = "camera \"Eye\" (/dev/video0)";

    fn opened(errno: i32) -> String {
        let error = io::Error::from_raw_os_error(errno);
        cannot_open(Path::new("/dev/video0"), &error).to_string()
    }

    fn stepped(errno: i32) -> String {
        let error = io::Error::from_raw_os_error(errno);
        failed(LABEL, Path::new("/dev/video0"), "start", &error).to_string()
    }

    #[test]
    fn every_refusal_says_what_to_do() {
        assert!(opened(libc::EACCES).contains("group video"));
        assert!(opened(libc::ENOENT).starts_with("there is no camera at /dev/video0: "));
        assert!(opened(libc::EISDIR).starts_with("/dev/video0 cannot be opened as a camera: "));
        assert!(stepped(libc::EBUSY).starts_with(LABEL));
        assert!(stepped(libc::EBUSY).contains("fuser -v /dev/video0"));
        assert!(stepped(libc::ENOSPC).contains("smaller size"));
        assert_eq!(stepped(libc::ENODEV), format!("{LABEL} was unplugged"));
        assert!(stepped(libc::EIO).starts_with(&format!("{LABEL} cannot start: ")));
    }

    #[test]
    fn cameras_without_mjpeg_are_named_too() {
        let camera = |path: &str, usable| CameraInfo {
            path: path.into(),
            name: "Eye".into(),
            bus: String::new(),
            by_id: None,
            mjpeg: false,
            usable,
            formats: Vec::new(),
            controls: Vec::new(),
            problem: None,
        };
        let cameras = [camera("/dev/video0", false), camera("/dev/video2", true)];
        assert_eq!(choice(&cameras), "choose /dev/video2 \"Eye\"");
        assert_eq!(choice(&cameras[..1]), "no camera was found, plug one in");
    }

    #[test]
    fn what_is_no_camera_is_said_so() {
        assert_eq!(no_format(LABEL).cause(), Cause::Absent, "it is worth waiting for");
        let line = no_camera(Path::new("/dev/null"), None).to_string();
        assert!(line.starts_with("/dev/null is not a camera: "), "{line}");
    }
}
