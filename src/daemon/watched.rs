//! Keeps track of the descriptors that the loop watches.

use super::tokens::{AUDIO_FIRST, CONTROL_FIRST, VIDEO};
use crate::capture::source::{AudioSource, VideoSource};
use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use std::io::{self, ErrorKind};
use std::os::fd::RawFd;

/// Most descriptors of a microphone: so many tokens are reserved.
const AUDIO_DESCRIPTORS_MAX: usize = CONTROL_FIRST - AUDIO_FIRST;

/// The watched devices, by the generation that their sources report. Closing a device ends the
/// watch.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Watched {
    video: u64,
    audio: u64,
    /// A failure was logged.
    pub(super) failing: bool,
}

impl Watched {
    pub(super) fn video(&mut self, registry: &Registry, source: &VideoSource) -> io::Result<()> {
        let (descriptor, count) = source.descriptor();
        if let (Some(descriptor), true) = (descriptor, count != self.video) {
            watch(registry, descriptor, VIDEO)?;
            self.video = count;
        }
        Ok(())
    }

    pub(super) fn audio(&mut self, registry: &Registry, source: &AudioSource) -> io::Result<()> {
        let count = source.descriptors_count();
        if count != self.audio {
            let descriptors = source.descriptors().into_iter();
            for (index, descriptor) in descriptors.take(AUDIO_DESCRIPTORS_MAX).enumerate() {
                watch(registry, descriptor, Token(AUDIO_FIRST + index))?;
            }
            self.audio = count;
        }
        Ok(())
    }
}

/// Watches a descriptor for readability; one that is watched already stays so.
pub(super) fn watch(registry: &Registry, descriptor: RawFd, token: Token) -> io::Result<()> {
    match registry.register(&mut SourceFd(&descriptor), token, Interest::READABLE) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}
