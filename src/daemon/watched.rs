//! Keeps track of the sources whose descriptors the loop watches.

use super::registry::{Event, Registry};
use crate::source::{AudioSource, VideoSource};
use std::io;
use std::os::fd::RawFd;

/// Descriptors of a source at most that are watched: a sound card has one or two, ALSA's plugins a
/// few.
const DESCRIPTORS_MAX: usize = 48;

/// The watched sources, by the generation that each reports. Closing a device ends the watch.
#[derive(Clone, Debug, Default)]
pub(super) struct Watched {
    /// One for each input.
    generations: Vec<u64>,
    /// A failure was logged.
    pub(super) failing: bool,
}

impl Watched {
    pub(super) fn video(
        &mut self,
        registry: &mut Registry,
        input: usize,
        source: &VideoSource,
    ) -> io::Result<()> {
        let (descriptor, generation) = source.descriptor();
        let Some(descriptor) = descriptor else { return Ok(()) };
        self.follow(input, generation, || [descriptor], registry)
    }

    pub(super) fn audio(
        &mut self,
        registry: &mut Registry,
        input: usize,
        source: &AudioSource,
    ) -> io::Result<()> {
        self.follow(input, source.descriptors_count(), || source.descriptors(), registry)
    }

    /// Watches the descriptors of an input if they are others than before.
    fn follow<D: IntoIterator<Item = RawFd>>(
        &mut self,
        input: usize,
        generation: u64,
        descriptors: impl FnOnce() -> D,
        registry: &mut Registry,
    ) -> io::Result<()> {
        if self.generations.len() <= input {
            self.generations.resize(input + 1, 0);
        }
        if self.generations[input] == generation {
            return Ok(());
        }
        for (index, descriptor) in descriptors().into_iter().take(DESCRIPTORS_MAX).enumerate() {
            registry.watch(descriptor, Event::Source { input, index })?;
        }
        self.generations[input] = generation;
        Ok(())
    }
}
