//! Stands in for the sound thread where there is no sound card.

use crate::shared::Shared;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender};
use std::time::Duration;
use streamsocket_media::clock::Delay;
use streamsocket_subscribe::queue::Sound;

/// Sound that is later than this would not be heard with a card either, and is not measured.
const UNHEARD: Delay = Delay::from_millis(100);

/// What comes within so long is dropped together: waiting for each packet would cost the network thread a wakeup of
/// this one each time. The buffers in between, up to 8 of 2.5 ms, are fewer than the spare ones.
const REST: Duration = Duration::from_millis(20);

/// Drops all samples until the network thread ends, and measures when they could have been heard.
pub fn discard(sound: &Receiver<Sound>, spare: &SyncSender<Vec<i16>>, shared: &Arc<Shared>) {
    let presentation = &shared.input.audio.presentation;
    while let Ok(first) = sound.recv() {
        std::thread::park_timeout(REST);
        for next in std::iter::once(first).chain(sound.try_iter()) {
            if let Sound::Samples { samples, due, origin, queued, claim: _claim } = next {
                if queued - due < UNHEARD {
                    presentation.latency.add(origin, due, due.max(queued));
                }
                let _ = spare.try_send(samples);
            }
        }
    }
}
