//! The cameras and microphones that this machine has, found by what they can do and not by their
//! number, and which of them belong together.

pub(super) mod cameras;
pub(super) mod cards;
mod listing;
mod lookup;
mod sysfs;

pub use cameras::{CameraInfo, auto_camera, cameras};
pub use cards::{CardInfo, card_of_camera, cards};
pub use listing::write_listing;
pub use lookup::{CameraName, card_again, find_camera, identity_of_camera, identity_of_card};
pub use sysfs::Identity;
