//! Stores a session on a thread of its own: all of it, or what is marked. It costs what is live nothing, however slow a disk is.

mod message;
mod writer;

pub(crate) use self::message::Keep;
use self::message::{Message, len};
use self::writer::Writer;
use bytes::Bytes;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::Builder;
use std::time::Duration;
use streamsocket_archive::{Archive, Event};
use streamsocket_cmaf::grid::Grid;
use streamsocket_cmaf::segmenter::Made;
use streamsocket_subscribe::counters::Counters;
use tokio::sync::oneshot;

/// Bytes that wait for the disk at most: half a minute of a session, in which a disk may wake up.
const WAITING_MAX: usize = 32 << 20;

/// A session of which nothing comes for so long has ended for now.
const REST: Duration = Duration::from_secs(60);

/// The way to the thread that stores a session. The thread ends with the last clone.
#[derive(Clone, Debug)]
pub(crate) struct Storage {
    sender: Sender<Message>,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    /// Bytes that wait.
    waiting: AtomicUsize,
    /// Segments of which something could not wait.
    left_out: AtomicU64,
    said: AtomicBool,
    /// Of each track, the segment that is being left out.
    leaving_out: Mutex<HashMap<&'static str, u64>>,
}

impl Storage {
    /// Begins to store what comes of a session.
    ///
    /// # Errors
    /// One line, if there can be no more threads.
    pub(crate) fn begin(
        archive: &Archive,
        session: &str,
        keep: Keep,
        grid: Grid,
        counters: Arc<Counters>,
    ) -> Result<Self, String> {
        let (sender, messages) = channel();
        let shared = Arc::<Shared>::default();
        let (waiting, name) = (Arc::clone(&shared), session.to_owned());
        let mut writer = Writer::new(archive.clone(), name, keep, grid, counters);
        let run = move || {
            loop {
                match messages.recv_timeout(REST) {
                    Ok(message) => {
                        let len = len(&message);
                        writer.take(message);
                        waiting.waiting.fetch_sub(len, Ordering::Relaxed);
                    }
                    Err(RecvTimeoutError::Timeout) => writer.rest(),
                    Err(RecvTimeoutError::Disconnected) => break,
                }
            }
        };
        let spawned = Builder::new().name("storage".to_owned()).spawn(run);
        spawned.map_err(|error| format!("no thread to store a session: {error}"))?;
        Ok(Self { sender, shared })
    }

    /// Takes what was made of a track. What finds too much waiting is left out, whole segments at a time.
    pub(crate) fn take(&self, track: &'static str, made: Made, init: &Bytes) {
        let number = match &made {
            Made::Part(part) => part.number,
            Made::Segment(segment) => segment.number,
        };
        if self.is_left_out(track, number) {
            return;
        }
        self.send(match made {
            Made::Part(part) => Message::Part { track, part, init: init.clone() },
            Made::Segment(segment) => Message::Segment { track, segment },
        });
    }

    /// Whether a segment is left out, from this part on.
    fn is_left_out(&self, track: &'static str, number: u64) -> bool {
        let mut leaving_out =
            self.shared.leaving_out.lock().unwrap_or_else(PoisonError::into_inner);
        if leaving_out.get(track) == Some(&number) {
            return true;
        }
        if self.waiting() < WAITING_MAX {
            if self.waiting() < WAITING_MAX / 2 {
                self.shared.said.store(false, Ordering::Relaxed);
            }
            return false;
        }
        leaving_out.insert(track, number);
        self.shared.left_out.fetch_add(1, Ordering::Relaxed);
        if !self.shared.said.swap(true, Ordering::Relaxed) {
            log::error!(
                "--store: the disk does not keep up, and segments are left out: store elsewhere, or fewer sessions"
            );
        }
        true
    }

    fn send(&self, message: Message) {
        self.shared.waiting.fetch_add(len(&message), Ordering::Relaxed);
        // The thread ends after this.
        let _ = self.sender.send(message);
    }

    /// Marks an event, and stores what it is about.
    ///
    /// # Errors
    /// One line: why nothing was marked.
    pub(crate) async fn mark(&self, event: Event) -> Result<(), String> {
        let (reply, replied) = oneshot::channel();
        self.send(Message::Mark(event, reply));
        replied.await.unwrap_or_else(|_| Err("the program is ending".to_owned()))
    }

    /// Bytes that wait.
    pub(crate) fn waiting(&self) -> usize {
        self.shared.waiting.load(Ordering::Relaxed)
    }

    /// Segments that were left out since the disk did not keep up.
    pub(crate) fn left_out(&self) -> u64 {
        self.shared.left_out.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests;
