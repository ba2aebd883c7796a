//! Devices for as long as the session: the camera and the microphone behind a `Plug`, so that
//! they may be pulled out, freeze, or belong to somebody else for a while. The session's format is
//! that of the first one opened; what comes later is made to fit.

mod address;
mod beside;
mod camera;
mod microphone;
mod reached;
mod without;

pub use address::{LivePictures, LiveSound};
pub use beside::LiveBeside;
pub use camera::LiveCamera;
pub use microphone::{LiveMicrophone, MicrophoneName};
pub use reached::{Reached, Sound, read_here};
pub use without::go_on_without;
