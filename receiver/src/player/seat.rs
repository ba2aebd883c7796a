//! One sender: its threads, the picture that is due next, the one that is shown, and its state.

use super::figures::{Figures, Rates};
use super::source_state::{Evidence, SourceState, StreamEvidence};
use super::threads::{Among, Hearing, Means, Threads};
use crate::level::Level;
use crate::picture::Decoded;
use crate::recorder::Destination;
use crate::snapshot::Snapshot;
use crate::statistics::Statistics;
use crate::status::Status;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;
use streamsocket_media::clock::{Delay, Monotonic};
use streamsocket_subscribe::cells::Gauge;
use streamsocket_subscribe::clock::monotonic;
use streamsocket_subscribe::plan::Plan;
use streamsocket_subscribe::queue::QueuedFrame;

/// A sender, as the main thread knows it.
pub(super) struct Seat {
    /// Its number among all that there have been.
    pub(super) number: u64,
    /// Its name here: no other one has it.
    pub(super) name: String,
    pub(super) plan: Plan,
    pub(super) threads: Threads,
    pub(super) rates: Rates,
    pub(super) state: SourceState,
    /// How loud it is, if it is one of several.
    pub(super) level: Option<Arc<Level>>,
    /// Whether its sound is played.
    pub(super) is_heard: bool,
    began: Monotonic,
    /// The picture that is due next.
    next: Option<Decoded>,
    /// The picture that is being put on the screen.
    showing: Option<Decoded>,
    /// The frame on the screen.
    shown: Option<QueuedFrame>,
    /// Sample frames a second of the session's sound.
    sound_rate: u32,
}

impl Seat {
    /// Joins a session.
    ///
    /// # Errors
    /// One line: why it cannot be joined.
    pub(super) fn open(
        (number, name, plan): (u64, String, Plan),
        means: &Means<'_>,
        hearing: Hearing,
        among: Option<Among>,
    ) -> Result<Self, String> {
        let is_heard = !matches!(hearing, Hearing::LeftOut);
        let level = among.as_ref().map(|among| Arc::clone(&among.level));
        let threads = Threads::start(means, &plan, hearing, among)?;
        let now = monotonic();
        Ok(Self {
            number,
            name,
            threads,
            rates: Rates { at: now, frames: 0, bytes: 0, measured: None },
            state: SourceState::Waiting,
            level,
            is_heard,
            began: now,
            next: None,
            showing: None,
            shown: None,
            sound_rate: plan.audio.as_ref().map_or(0, |audio| audio.clock_rate),
            plan,
        })
    }

    /// Begins a recording.
    pub(super) fn record(&self, destination: Destination) {
        self.threads.recording.start(destination);
    }

    /// Whether the session has other media than before.
    pub(super) fn has_changed(&self) -> bool {
        self.threads.shared.changed.load(Ordering::Relaxed)
    }

    /// Takes the picture that is to be begun until `at`, if there is one, to be shown. Of several it is the last one: the
    /// others are late.
    pub(super) fn take_due(&mut self, lead: Delay, at: Monotonic) -> bool {
        let is_due = |decoded: &Decoded| decoded.frame.due - lead <= at;
        loop {
            if self.next.is_none() {
                self.next = self.threads.decoded.try_recv().ok();
            }
            let Some(decoded) = self.next.take() else { return false };
            if !is_due(&decoded) {
                self.next = Some(decoded);
                return false;
            }
            self.next = self.threads.decoded.try_recv().ok();
            if !self.next.as_ref().is_some_and(is_due) {
                self.showing = Some(decoded);
                return true;
            }
            self.threads.shared.output.video.frames_late.add(1);
            self.recycle(decoded);
        }
    }

    /// The picture that is to be put on the screen.
    pub(super) const fn showing(&self) -> Option<&Decoded> {
        self.showing.as_ref()
    }

    /// How long it is until the next picture is to be begun, if one is there.
    pub(super) fn until_next(&self, lead: Delay, now: Monotonic) -> Option<Duration> {
        self.next.as_ref().map(|next| (next.frame.due - lead).since(now))
    }

    /// Waits for a picture, if none is there. Whether one was there.
    pub(super) fn wait(&mut self, wait: Duration) -> bool {
        if self.next.is_some() {
            return true;
        }
        match self.threads.decoded.recv_timeout(wait) {
            Ok(decoded) => self.next = Some(decoded),
            Err(RecvTimeoutError::Timeout) => {}
            // The thread has ended, and is about to say why.
            Err(RecvTimeoutError::Disconnected) => {}
        }
        false
    }

    /// The picture that was to be put on the screen is not wanted there.
    pub(super) fn leave_out(&mut self) {
        if let Some(decoded) = self.showing.take() {
            self.recycle(decoded);
        }
    }

    /// The picture that was put on the screen was seen at `seen`. Whether it is the first of those that are counted.
    pub(super) fn seen(&mut self, seen: Monotonic, lead: Delay) -> bool {
        let Some(decoded) = self.showing.take() else { return false };
        let counters = &self.threads.shared.output.video;
        let presentation = &self.threads.shared.input.video.presentation;
        presentation.showing.set(lead.nanos());
        let first =
            self.rates.measured.is_none() && counters.frames_shown.get() == self.rates.frames;
        if first {
            // Rates are of whole seconds that begin with a picture.
            self.rates.at = seen;
        }
        counters.frames_shown.add(1);
        let (origin, due) = (decoded.frame.origin, decoded.frame.due);
        presentation.latency.add(origin, due, seen);
        log::trace!(target: "shown", "wall={:?} due={} at={}", origin.wall.map(|wall| wall.0), due.0, seen.0);
        let Decoded { picture, frame, claim: _claim } = decoded;
        let _ = self.threads.pictures.try_send(picture);
        if let Some(before) = self.shown.replace(frame) {
            let _ = self.threads.buffers.try_send(before.jpeg);
        }
        first
    }

    /// Gives the memory of a picture back. Queues that are full have enough.
    fn recycle(&self, decoded: Decoded) {
        let _ = self.threads.pictures.try_send(decoded.picture);
        let _ = self.threads.buffers.try_send(decoded.frame.jpeg);
    }

    /// Puts what is shown in a file, or in the first one that is free. Whether anything is shown.
    pub(super) fn take_snapshot(&self, path: Option<PathBuf>) -> bool {
        let Some(frame) = &self.shown else { return false };
        let jpeg = frame.jpeg.get(frame.start..).unwrap_or_default().to_vec();
        let asked = u64::from(path.is_some());
        if self.threads.snapshots.try_send(Snapshot { path, jpeg }).is_err() {
            self.threads.shared.output.snapshots_failed.add(asked);
            log::warn!("no snapshot: the one before is still being written");
        }
        true
    }

    /// Looks whether the source has come or gone; whether it has.
    pub(super) fn watch_source(&mut self) -> bool {
        let state = SourceState::of(&self.evidence(), monotonic());
        if state == self.state {
            return false;
        }
        if state == SourceState::Playing {
            // What is measured from now on is a whole second.
            let shared = &self.threads.shared;
            self.rates = Rates {
                at: monotonic(),
                frames: shared.output.video.frames_shown.get(),
                bytes: shared.input.video.bytes.get(),
                measured: None,
            };
        }
        self.state = state;
        true
    }

    fn evidence(&self) -> Evidence {
        let counters = &self.threads.shared.input;
        let heard = |gauge: &Gauge| gauge.get().map(Monotonic);
        let (video, audio) = (&counters.video, &counters.audio);
        Evidence {
            video: StreamEvidence {
                expected: self.plan.video.is_some(),
                heard: heard(&video.arrived),
                forged: heard(&video.forged),
                note: video.note.get(),
                refused: counters.video_refused(&self.plan),
            },
            audio: StreamEvidence {
                expected: self.plan.audio.is_some(),
                heard: heard(&audio.arrived),
                forged: heard(&audio.forged),
                note: audio.note.get(),
                refused: counters.audio_refused(&self.plan),
            },
            reported: heard(&counters.reported),
            waited: monotonic().since(self.began),
        }
    }

    /// Measures frame rate and bit rate since the last time.
    pub(super) fn measure(&mut self, now: Monotonic) {
        let shared = &self.threads.shared;
        let frames = shared.output.video.frames_shown.get();
        self.rates.measure(now, frames, shared.input.video.bytes.get());
    }

    /// The figures that the viewer is shown.
    pub(super) fn status(&self) -> Status<'_> {
        let (shared, rates) = (&*self.threads.shared, &self.rates);
        let recording = self.threads.recording.is_active();
        let in_step = self.level.is_some().then(|| shared.input.in_step.get() > 0);
        Figures { shared, rates, sound_rate: self.sound_rate, recording, in_step }
            .status(&self.name)
    }

    /// All that is counted and measured.
    pub(super) fn statistics(&self) -> Statistics {
        Statistics::of(&self.threads.shared, &self.plan, self.uptime())
    }

    fn uptime(&self) -> f64 {
        monotonic().since(self.began).as_secs_f64()
    }

    /// Ends the threads and sums up: the statistics, and what did not end well.
    pub(super) fn end(self) -> (Statistics, Result<(), String>) {
        let (plan, uptime) = (self.plan, monotonic().since(self.began).as_secs_f64());
        let (shared, ended) = self.threads.end();
        (Statistics::of(&shared, &plan, uptime), ended)
    }
}
