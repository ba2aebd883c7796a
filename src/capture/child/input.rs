//! The input of ffmpeg, and the options that name it.

use super::address::{BY_PIPE, is_secret, without_password};
use crate::capture::error::Cause;
use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

/// What ffmpeg is to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChildInput {
    /// A file, played at its rate.
    File(PathBuf),
    /// The address of a camera, `http://`, `https://` or `rtsp://`.
    Live(String),
}

impl ChildInput {
    /// Whether it is played as it arrives, and tried again when it ends.
    #[must_use]
    pub const fn is_live(&self) -> bool {
        matches!(self, Self::Live(_))
    }

    /// Its address, if it speaks HTTP without TLS.
    #[must_use]
    pub fn http(&self) -> Option<&str> {
        let Self::Live(address) = self else { return None };
        address.starts_with("http://").then_some(address)
    }

    /// Its address, if it speaks RTSP without TLS.
    #[must_use]
    pub fn rtsp(&self) -> Option<&str> {
        let Self::Live(address) = self else { return None };
        address.starts_with("rtsp://").then_some(address)
    }

    /// What it comes from that it cannot be read: a camera may answer later.
    pub(super) const fn cause(&self) -> Cause {
        match self {
            Self::File(_) => Cause::Other,
            Self::Live(_) => Cause::Unreachable,
        }
    }

    /// The options that name it. A file is named so that nothing in it is taken for a protocol.
    pub(super) fn options(&self) -> Vec<OsString> {
        let mut options = Vec::new();
        if let Self::Live(address) = self {
            options.extend(["-fflags", "nobuffer"].map(OsString::from));
            if is_secret(address) {
                options.extend(BY_PIPE.map(OsString::from));
                return options;
            }
        }
        let name = match self {
            Self::File(path) => {
                let mut name = OsString::from("file:");
                name.push(path);
                name
            }
            Self::Live(address) => {
                if address.starts_with("rtsp") {
                    options.extend(["-rtsp_transport", "tcp"].map(OsString::from));
                }
                OsString::from(address)
            }
        };
        options.push("-i".into());
        options.push(name);
        options
    }
}

impl fmt::Display for ChildInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Live(address) => f.write_str(&without_password(address)),
        }
    }
}
