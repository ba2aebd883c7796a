//! From what a user calls a device to the one that is meant now: numbers change when devices are
//! plugged in anew, and the device that was used before is preferred.

use super::cameras::auto_camera;
use super::cards::{CardInfo, cards};
use super::sysfs::{Identity, Sysfs, VideoNode};
use crate::capture::camera::kernel::{Capability, Node};
use crate::capture::error::{Cause, Error};
use std::fmt;
use std::path::{Path, PathBuf};

/// How the kernel begins to name the port of a USB camera (`bus_info` of QUERYCAP).
pub(super) const PORT_PREFIX: &str = "usb-";

/// What a user calls a camera.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CameraName {
    /// Any.
    Auto,
    /// By its node or a link to it.
    Path(PathBuf),
    /// By the USB port, as `streamsocket devices` shows it: `usb-0000:01:00.0-1.2`.
    Port(String),
}

impl From<&str> for CameraName {
    fn from(name: &str) -> Self {
        if name.starts_with(PORT_PREFIX) {
            Self::Port(name.to_owned())
        } else {
            Self::Path(name.into())
        }
    }
}

impl fmt::Display for CameraName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Path(path) => path.display().fmt(f),
            Self::Port(port) => f.write_str(port),
        }
    }
}

/// The node of a camera. `known` is what was used before, if anything: where the name does not say
/// which camera is meant, or its node has another number now, that one is.
///
/// # Errors
/// It is not there ([`Cause::Absent`]), or the nodes may not be looked at.
pub fn find_camera(name: &CameraName, known: Option<&Identity>) -> Result<PathBuf, Error> {
    let again = || known.and_then(camera_again);
    match name {
        // Whether it is a camera at all is said better by who opens it.
        CameraName::Path(path) if path.exists() || known.is_none() => Ok(path.clone()),
        CameraName::Path(path) => again().ok_or_else(|| {
            Error::new(format!("there is no camera at {} any more", path.display()))
                .from_cause(Cause::Absent)
        }),
        CameraName::Port(port) => camera_at(port),
        CameraName::Auto => {
            let found = again().or_else(|| auto_camera().map(|camera| camera.path));
            let absent = || Error::new("no camera was found").from_cause(Cause::Absent);
            found.ok_or_else(absent)
        }
    }
}

/// The USB device that a camera is a part of.
#[must_use]
pub fn identity_of_camera(node: &Path) -> Option<Identity> {
    let node = node.canonicalize().ok()?;
    Sysfs::identity(&Sysfs::system().usb_of_video(node.file_name()?.to_str()?)?)
}

/// The USB device that a card, by its ALSA name, is a part of.
#[must_use]
pub fn identity_of_card(name: &str) -> Option<Identity> {
    let card = cards().into_iter().find(|card| card.name == name)?;
    Sysfs::identity(card.usb.as_deref()?)
}

/// The card of a USB device that was used before, at its port or at another.
#[must_use]
pub fn card_again(known: &Identity) -> Option<CardInfo> {
    let identities = cards().into_iter().filter_map(|card| {
        let identity = Sysfs::identity(card.usb.as_deref()?)?;
        Some((card, identity))
    });
    best(known, identities)
}

fn camera_again(known: &Identity) -> Option<PathBuf> {
    let sysfs = Sysfs::system();
    let nodes = sysfs.video_nodes().into_iter().filter(gives_pictures).filter_map(|node| {
        let name = node.path.file_name()?.to_str()?;
        let identity = Sysfs::identity(&sysfs.usb_of_video(name)?)?;
        Some((node.path, identity))
    });
    best(known, nodes)
}

/// Of several nodes of a device the one with pictures. One that cannot be asked yet, because udev
/// has not seen to it, is told by its place.
fn gives_pictures(node: &VideoNode) -> bool {
    let capability = Node::open(&node.path).and_then(|node| node.capability());
    capability.map_or(node.index == 0, |capability| capability.is_camera())
}

/// The same device, rather at the same port.
fn best<T>(known: &Identity, all: impl Iterator<Item = (T, Identity)>) -> Option<T> {
    let same = all.filter(|(_, identity)| known.is_same_device(identity));
    same.min_by_key(|(_, identity)| !known.is_same_port(identity)).map(|(it, _)| it)
}

fn camera_at(port: &str) -> Result<PathBuf, Error> {
    let mut refused = None;
    for node in Sysfs::system().video_nodes() {
        let asked = Node::open(&node.path).and_then(|node| node.capability());
        match asked {
            Ok(Capability { bus_info, .. }) if bus_info != port => {}
            Ok(capability) if capability.is_camera() => return Ok(node.path),
            Ok(_) => {}
            Err(error) => refused = Cause::of(error.raw_os_error().unwrap_or(0)).into(),
        }
    }
    // A node that could not be asked may be the one.
    let cause = refused.filter(|cause| *cause == Cause::Forbidden).unwrap_or(Cause::Absent);
    let line = "'streamsocket devices' shows what is plugged in where";
    Err(Error::new(format!("there is no camera at {port}: {line}")).from_cause(cause))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_path_or_a_port() {
        assert_eq!(CameraName::from("/dev/video2"), CameraName::Path("/dev/video2".into()));
        let port = "usb-0000:01:00.0-1.2";
        assert_eq!(CameraName::from(port), CameraName::Port(port.into()));
        assert_eq!(CameraName::from(port).to_string(), port);
    }

    #[test]
    fn what_is_not_there_is_absent() {
        let error = find_camera(&CameraName::Port("usb-none-9".into()), None).unwrap_err();
        assert!(error.to_string().contains("usb-none-9"), "{error}");
        let node = Path::new("/dev/video99");
        let found = find_camera(&CameraName::Path(node.into()), None);
        assert_eq!(found.unwrap(), node, "who opens it says why not");
        assert_eq!(identity_of_camera(node), None);
        assert_eq!(identity_of_card("hw:CARD=None,DEV=0"), None);
    }
}
