//! What the loop watches, also when a device returns with other descriptors.

use super::{AUDIO_FIRST, CHANGES, CONTROL_FIRST, Daemon, HOTPLUG, SIGNAL, TIMER, VIDEO};
use crate::hotplug::Hotplug;
use mio::unix::SourceFd;
use mio::{Interest, Token};
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use streamsocket_stream::clock::Monotonic;

/// The microphone's descriptors at most: tokens are kept for so many.
const AUDIO_DESCRIPTORS_MAX: usize = CONTROL_FIRST - AUDIO_FIRST;

/// Which devices are watched, by the numbers that their sources count them with. A descriptor of a
/// device that is gone has left with it: closing it does that.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Watched {
    video: u64,
    audio: u64,
}

impl Daemon {
    /// Watches everything that is there from the start.
    pub(super) fn watch_all(&mut self) -> io::Result<()> {
        self.watch(self.timer.descriptor(), TIMER)?;
        self.watch(self.signals.descriptor(), SIGNAL)?;
        if let Some(hotplug) = &self.hotplug {
            self.watch(hotplug.descriptor(), HOTPLUG)?;
        }
        if let Some(changes) = &self.changes {
            self.watch(changes.as_raw_fd(), CHANGES)?;
        }
        self.watch_rtcp()?;
        self.watch_sources()
    }

    /// Watches the sources' descriptors, if they are others than before.
    pub(super) fn watch_sources(&mut self) -> io::Result<()> {
        if let Some(video) = &self.video {
            let (descriptor, count) = video.source().descriptor();
            if let (Some(descriptor), true) = (descriptor, count != self.watched.video) {
                self.watch(descriptor, VIDEO)?;
                self.watched.video = count;
            }
        }
        if let Some(audio) = &self.audio {
            let count = audio.source().descriptors_count();
            if count != self.watched.audio {
                let descriptors = audio.source().descriptors().into_iter();
                for (index, descriptor) in descriptors.take(AUDIO_DESCRIPTORS_MAX).enumerate() {
                    self.watch(descriptor, Token(AUDIO_FIRST + index))?;
                }
                self.watched.audio = count;
            }
        }
        Ok(())
    }

    /// Devices have come or gone: whoever waits for one looks.
    pub(super) fn look_for_devices(&mut self, now: Monotonic) {
        if !self.hotplug.as_ref().is_some_and(Hotplug::read) {
            return;
        }
        if let Some(video) = &mut self.video {
            video.look(now);
        }
        if let Some(audio) = &mut self.audio {
            audio.look(now);
        }
    }

    fn watch(&self, descriptor: RawFd, token: Token) -> io::Result<()> {
        self.poll.registry().register(&mut SourceFd(&descriptor), token, Interest::READABLE)
    }
}
