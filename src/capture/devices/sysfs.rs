//! Cameras and sound cards as sysfs lists them, which needs no permission, and the USB devices that
//! they are parts of. What they can do is not in there.

use std::fs;
use std::path::{Path, PathBuf};

/// A tree like `/sys`.
#[derive(Clone, Debug)]
pub(super) struct Sysfs {
    root: PathBuf,
}

/// A V4L2 node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct VideoNode {
    /// `/dev/videoN`.
    pub path: PathBuf,
    /// What the driver calls it.
    pub name: String,
    /// Its place among the nodes of its device; the pictures come from the first.
    pub index: u32,
}

/// A capture device of a sound card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CaptureDevice {
    /// The card's number.
    pub card: u32,
    /// The card's identifier.
    pub card_id: String,
    /// The device's number on the card.
    pub device: u32,
    /// The USB device that it is a part of.
    pub usb: Option<PathBuf>,
}

/// A USB device as it describes itself, and where it is plugged in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    vendor: String,
    product: String,
    /// Many have none, or all the same one.
    serial: Option<String>,
    /// The name of the port: `1-1.2`.
    port: String,
}

impl Identity {
    /// Whether `other` is this device, perhaps at another port.
    pub(super) fn is_same_device(&self, other: &Self) -> bool {
        let told = |it: &Self| (it.vendor.clone(), it.product.clone(), it.serial.clone());
        told(self) == told(other)
    }

    /// Whether `other` is at the same port.
    pub(super) fn is_same_port(&self, other: &Self) -> bool {
        self.port == other.port
    }
}

impl Sysfs {
    /// The tree of this machine.
    pub(super) fn system() -> Self {
        Self { root: PathBuf::from("/sys") }
    }

    /// All nodes named `videoN`, by number.
    pub(super) fn video_nodes(&self) -> Vec<VideoNode> {
        let class = self.root.join("class/video4linux");
        let mut numbers: Vec<u32> = names(&class)
            .iter()
            .filter_map(|name| name.strip_prefix("video")?.parse().ok())
            .collect();
        numbers.sort_unstable();
        numbers
            .into_iter()
            .map(|number| {
                let folder = class.join(format!("video{number}"));
                VideoNode {
                    path: PathBuf::from(format!("/dev/video{number}")),
                    name: line(&folder.join("name")).unwrap_or_default(),
                    index: line(&folder.join("index")).and_then(|it| it.parse().ok()).unwrap_or(0),
                }
            })
            .collect()
    }

    /// All capture devices, by card and device number.
    pub(super) fn capture_devices(&self) -> Vec<CaptureDevice> {
        let class = self.root.join("class/sound");
        let mut numbers: Vec<(u32, u32)> =
            names(&class).iter().filter_map(|name| capture_numbers(name)).collect();
        numbers.sort_unstable();
        numbers
            .into_iter()
            .filter_map(|(card, device)| {
                let folder = class.join(format!("card{card}"));
                // A card that is being set up has no identifier yet.
                let card_id = line(&folder.join("id")).filter(|id| !id.is_empty())?;
                Some(CaptureDevice { card, card_id, device, usb: usb_parent(&folder) })
            })
            .collect()
    }

    /// What a USB device says of itself.
    pub(super) fn identity(usb: &Path) -> Option<Identity> {
        Some(Identity {
            vendor: line(&usb.join("idVendor"))?,
            product: line(&usb.join("idProduct")).unwrap_or_default(),
            serial: line(&usb.join("serial")),
            port: usb.file_name()?.to_string_lossy().into_owned(),
        })
    }

    /// The USB device that a node named `videoN` is a part of.
    pub(super) fn usb_of_video(&self, node: &str) -> Option<PathBuf> {
        usb_parent(&self.root.join("class/video4linux").join(node))
    }
}

/// The card and device numbers in `pcmC1D0c`: the `c` is for capture.
fn capture_numbers(name: &str) -> Option<(u32, u32)> {
    let (card, device) = name.strip_prefix("pcmC")?.strip_suffix('c')?.split_once('D')?;
    Some((card.parse().ok()?, device.parse().ok()?))
}

/// The USB device (not the interface) above what a class folder's `device` link points to.
fn usb_parent(folder: &Path) -> Option<PathBuf> {
    let interface = folder.join("device").canonicalize().ok()?;
    interface.ancestors().find(|above| above.join("idVendor").exists()).map(Path::to_path_buf)
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect()
}

fn line(file: &Path) -> Option<String> {
    Some(fs::read_to_string(file).ok()?.trim().replace(char::is_control, "?"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    /// A camera with a microphone and a metadata node on USB 1-1, a camera without on 1-2, a sound
    /// card on the board, and one that only plays.
    fn machine() -> (tempfile::TempDir, Sysfs) {
        let folder = tempfile::tempdir().unwrap();
        let sysfs = Sysfs { root: folder.path().to_owned() };
        for usb in ["1-1", "1-2"] {
            file(&sysfs, &format!("devices/usb1/{usb}/idVendor"), "1d6b");
        }
        for (node, interface) in
            [("video10", "1-2/1-2:1.0"), ("video1", "1-1/1-1:1.0"), ("video0", "1-1/1-1:1.0")]
        {
            file(&sysfs, &format!("class/video4linux/{node}/name"), "Eye\n");
            device(&sysfs, &format!("video4linux/{node}"), &format!("usb1/{interface}"));
        }
        file(&sysfs, "class/video4linux/video1/index", "1\n");
        file(&sysfs, "class/video4linux/v4l-subdev0/name", "sensor");
        for (card, id, pcm, parent) in [
            (0, "PCH", "pcmC0D2c", "pci0"),
            (1, "Camera", "pcmC1D0c", "usb1/1-1/1-1:1.2"),
            (2, "HDMI", "pcmC2D0p", "pci0"),
        ] {
            file(&sysfs, &format!("class/sound/card{card}/id"), id);
            device(&sysfs, &format!("sound/card{card}"), parent);
            fs::create_dir_all(sysfs.root.join("class/sound").join(pcm)).unwrap();
        }
        (folder, sysfs)
    }

    fn file(sysfs: &Sysfs, path: &str, text: &str) {
        let path = sysfs.root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn device(sysfs: &Sysfs, class: &str, device: &str) {
        let target = sysfs.root.join("devices").join(device);
        fs::create_dir_all(&target).unwrap();
        symlink(target, sysfs.root.join("class").join(class).join("device")).unwrap();
    }

    #[test]
    fn nodes_come_by_number() {
        let (_folder, sysfs) = machine();
        let nodes = sysfs.video_nodes();
        let paths: Vec<_> = nodes.iter().map(|node| node.path.to_str().unwrap()).collect();
        assert_eq!(paths, ["/dev/video0", "/dev/video1", "/dev/video10"]);
        assert_eq!(nodes[0].name, "Eye");
        assert_eq!([nodes[0].index, nodes[1].index, nodes[2].index], [0, 1, 0]);
    }

    #[test]
    fn a_microphone_is_matched_to_the_camera_that_it_is_built_into() {
        let (_folder, sysfs) = machine();
        let devices = sysfs.capture_devices();
        let named: Vec<_> =
            devices.iter().map(|it| (it.card, it.card_id.as_str(), it.device)).collect();
        assert_eq!(named, [(0, "PCH", 2), (1, "Camera", 0)]);
        assert_eq!(devices[0].usb, None);
        assert_eq!(devices[1].usb, sysfs.usb_of_video("video0"));
        assert!(sysfs.usb_of_video("video10").is_some());
        assert_ne!(devices[1].usb, sysfs.usb_of_video("video10"));
    }

    #[test]
    fn a_device_is_known_again_at_another_port() {
        let (_folder, sysfs) = machine();
        for (usb, serial) in [("1-1", "A1"), ("1-2", "A1"), ("1-3", "B2")] {
            file(&sysfs, &format!("devices/usb1/{usb}/idVendor"), "1d6b");
            file(&sysfs, &format!("devices/usb1/{usb}/serial"), serial);
        }
        let at = |port| Sysfs::identity(&sysfs.root.join("devices/usb1").join(port)).unwrap();
        assert!(at("1-1").is_same_device(&at("1-2")) && !at("1-1").is_same_port(&at("1-2")));
        assert!(!at("1-1").is_same_device(&at("1-3")));
        assert_eq!(Sysfs::identity(&sysfs.root), None);
    }

    #[test]
    fn a_machine_without_any_has_none() {
        let folder = tempfile::tempdir().unwrap();
        let sysfs = Sysfs { root: folder.path().to_owned() };
        assert!(sysfs.video_nodes().is_empty() && sysfs.capture_devices().is_empty());
        assert_eq!(sysfs.usb_of_video("video0"), None);
    }
}
