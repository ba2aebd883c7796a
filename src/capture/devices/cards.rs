//! The sound cards of this machine that can capture, and which of them is part of a camera.

use super::sysfs::Sysfs;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// A capture device of a sound card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardInfo {
    /// Its ALSA name: `hw:CARD=Camera,DEV=0`. It stays the same over reboots.
    pub name: String,
    /// The card's number.
    pub number: u32,
    /// The card's name, as people know it.
    pub description: String,
    /// The USB device that it is a part of.
    pub usb: Option<PathBuf>,
}

/// All capture devices of all sound cards.
#[must_use]
pub fn cards() -> Vec<CardInfo> {
    Sysfs::system()
        .capture_devices()
        .into_iter()
        .map(|device| CardInfo {
            name: format!("hw:CARD={},DEV={}", device.card_id, device.device),
            number: device.card,
            description: card_name(device.card).unwrap_or(device.card_id),
            usb: device.usb,
        })
        .collect()
}

/// The microphone in the same USB device as a camera. `camera` is `/dev/videoN` or a link to it.
#[must_use]
pub fn card_of_camera(camera: &Path) -> Option<CardInfo> {
    let node = camera.canonicalize().ok()?;
    let usb = Sysfs::system().usb_of_video(node.file_name()?.to_str()?)?;
    cards().into_iter().find(|card| card.usb.as_ref() == Some(&usb))
}

/// Whether there are sound cards that this process may not open.
pub(in crate::capture) fn cards_are_forbidden() -> bool {
    let mut devices = Sysfs::system().capture_devices().into_iter();
    devices.any(|device| {
        let opened = File::open(format!("/dev/snd/controlC{}", device.card));
        opened.is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied)
    })
}

fn card_name(number: u32) -> Option<String> {
    // alsa-lib explains itself on standard error unless told otherwise.
    let _said = alsa::Output::local_error_handler();
    let name = alsa::Card::new(i32::try_from(number).ok()?).get_name().ok()?;
    Some(name.trim().replace(char::is_control, "?"))
}
