//! Stands in for the sound thread where there is no sound card.

use crate::shared::Shared;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender};
use streamsocket_subscribe::clock::monotonic;
use streamsocket_subscribe::queue::Sound;

/// Sound that is later than this, in nanoseconds, would not be heard with a card either, and is not measured.
const UNHEARD_NANOS: i64 = 100_000_000;

/// Drops all samples until the network thread ends, and measures when they could have been heard.
pub fn discard(sound: &Receiver<Sound>, spare: &SyncSender<Vec<i16>>, shared: &Arc<Shared>) {
    let presentation = &shared.input.audio.presentation;
    while let Ok(next) = sound.recv() {
        if let Sound::Samples { samples, due, origin, claim: _claim } = next {
            let now = monotonic();
            if now.nanos_since(due) < UNHEARD_NANOS {
                presentation.latency.add(origin, due, due.max(now));
            }
            let _ = spare.try_send(samples);
        }
    }
}
