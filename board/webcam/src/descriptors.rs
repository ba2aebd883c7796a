//! What the webcam tells the host about itself. Names are those of the specifications: USB 2.0
//! chapter 9, UVC (USB Device Class Definition for Video Devices 1.0, whose section numbers 1.1
//! kept) and UAC (... for Audio Devices 1.0).

mod audio;
mod device;
mod standard;
mod video;

pub(crate) use device::{configuration, device, string};
pub(crate) use standard::{CONFIGURATION, DEVICE, STRING};
pub(crate) use video::{PACKET_MAX, PROCESSING, frame_max};
