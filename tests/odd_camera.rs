//! A camera whose driver is odd (`tests/camera/odd_camera.c`), on a machine that has none.

use crate::clip::clip;
use crate::program::{peer, text};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where the camera is, for programs that see it.
const NODE: &str = "/dev/video-odd";

/// A camera.
#[derive(Debug)]
pub struct OddCamera {
    library: PathBuf,
}

impl OddCamera {
    /// Made in `folder`.
    #[track_caller]
    pub fn new(folder: &Path) -> Self {
        let library = folder.join("odd_camera.so");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("camera/odd_camera.c");
        let mut compiler = peer("cc");
        compiler.args(["-O2", "-Wall", "-shared", "-fPIC", "-o"]).arg(&library).arg(source);
        text(compiler.arg("-ldl"));
        Self { library }
    }

    /// Gives a daemon this camera, with these oddities: names and values, as in the source.
    pub fn plug<'a>(&self, daemon: &'a mut Command, oddities: &[(&str, &str)]) -> &'a mut Command {
        for (name, value) in oddities {
            daemon.env(format!("ODD_CAMERA_{name}"), value);
        }
        daemon
            .env("LD_PRELOAD", &self.library)
            .env("ODD_CAMERA_NODE", NODE)
            .env("ODD_CAMERA_CLIP", clip("640x480"))
            .args(["--video", &format!("v4l2:{NODE}")])
    }
}
