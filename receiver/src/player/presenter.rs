//! What is presented when, and what the viewer is told meanwhile.

use super::figures::{Figures, Rates};
use super::refresh::Refresh;
use super::source_state::{Evidence, SourceState, StreamEvidence};
use super::threads::Threads;
use super::tiers;
use crate::options::Options;
use crate::picture::Decoded;
use crate::recorder::Destination;
use crate::screen::{Key, Screen};
use crate::snapshot::Snapshot;
use crate::statistics::Statistics;
use crate::status::{Status, StatusLine, overlay_lines};
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;
use streamsocket_journal::lines::{CLOSE_PATIENCE, Lines};
use streamsocket_journal::logger;
use streamsocket_media::clock::Monotonic;
use streamsocket_subscribe::cells::Gauge;
use streamsocket_subscribe::clock::monotonic;
use streamsocket_subscribe::plan::Plan;
use streamsocket_subscribe::queue::QueuedFrame;
use streamsocket_subscribe::tiers::Wish;

/// Longest wait of the loop: keys and the status want a look.
const STEP: Duration = Duration::from_millis(100);

/// Between two measurements of rates, and two reports of statistics.
const SECOND: Duration = Duration::from_secs(1);

/// The main thread at work.
pub(super) struct Presenter<'a> {
    options: &'a Options,
    name: &'a str,
    plan: &'a Plan,
    threads: Threads,
    stats: Option<Lines>,
    line: StatusLine,
    console: Box<dyn Write + Send>,
    began: Monotonic,
    tick: Monotonic,
    rates: Rates,
    refresh: Refresh,
    /// The picture that is due next.
    next: Option<Decoded>,
    /// The frame on the screen.
    shown: Option<QueuedFrame>,
    state: SourceState,
    /// Sample frames a second of the session's sound.
    sound_rate: u32,
    overlay: bool,
    snapshot_taken: bool,
}

impl<'a> Presenter<'a> {
    pub(super) fn new(
        options: &'a Options,
        plan: &'a Plan,
        threads: Threads,
        stats: Option<Lines>,
    ) -> Self {
        let now = monotonic();
        Self {
            options,
            name: &plan.name,
            plan,
            threads,
            stats,
            line: StatusLine::new(on_terminal()),
            console: logger::console(),
            began: now,
            tick: now + SECOND,
            rates: Rates { at: now, frames: 0, bytes: 0, measured: None },
            refresh: Refresh::new(None),
            next: None,
            shown: None,
            state: SourceState::Waiting,
            sound_rate: plan.audio.as_ref().map_or(0, |audio| audio.clock_rate),
            overlay: false,
            snapshot_taken: false,
        }
    }

    /// Begins a recording.
    pub(super) fn record(&self, destination: Destination) {
        self.threads.recording.start(destination);
    }

    /// Presents until the time is over, a signal comes or the viewer quits.
    pub(super) fn run(&mut self, mut screen: Option<&mut Screen<'_>>) -> Result<(), String> {
        self.tell(screen.as_deref_mut())?;
        while self.options.duration.is_none_or(|duration| since(self.began) < duration) {
            let wait = self.present(screen.as_deref_mut())?;
            if !self.wait(wait, screen.as_deref_mut())? {
                break;
            }
            if let Err(lost) = self.threads.check() {
                return if self.has_changed() { Ok(()) } else { Err(lost) };
            }
            self.watch_source(screen.as_deref_mut())?;
            let Threads { shared, recording, .. } = &self.threads;
            tiers::tell(shared, recording.is_active(), screen.as_deref());
            if monotonic() >= self.tick {
                self.tick(screen.as_deref_mut())?;
            }
            if screen.is_none() && self.rates.measured.is_some() {
                let status = self.status();
                // A terminal that is gone is no reason to stop.
                let _ = self.line.update(monotonic(), &status, &mut self.console);
            }
        }
        Ok(())
    }

    /// Whether the session has other media than before.
    pub(super) fn has_changed(&self) -> bool {
        self.threads.shared.changed.load(Ordering::Relaxed)
    }

    /// Ends the threads and sums up: the statistics, and what did not end well.
    pub(super) fn end(mut self) -> (Statistics, Result<(), String>) {
        let _ = self.line.clear(&mut self.console);
        let uptime = since(self.began).as_secs_f64();
        let (shared, ended) = self.threads.end();
        let statistics = Statistics::of(&shared, self.plan, uptime);
        if let Some(stats) = self.stats {
            write_stats(&stats, &statistics);
            stats.close(CLOSE_PATIENCE);
        }
        (statistics, ended)
    }

    /// Shows a picture if one is due; says how long until the next. It shows no more than one: where drawing takes
    /// longer than the time between two, there is always another, and keys and signals would wait.
    fn present(&mut self, screen: Option<&mut Screen<'_>>) -> Result<Duration, String> {
        loop {
            if self.next.is_none() {
                self.next = self.threads.decoded.try_recv().ok();
            }
            let now = monotonic();
            let Some(decoded) = self.next.take() else { return Ok(STEP) };
            if self.begin_at(&decoded) > now {
                self.next = Some(decoded);
                return Ok(self.until_next(now));
            }
            // Of several that are due the last one is shown.
            self.next = self.threads.decoded.try_recv().ok();
            let overtaken = self.next.as_ref().is_some_and(|next| self.begin_at(next) <= now);
            if overtaken {
                self.threads.shared.output.video.frames_late.add(1);
                self.recycle(decoded);
            } else {
                self.show(decoded, screen)?;
                return Ok(self.until_next(monotonic()));
            }
        }
    }

    /// How long the loop may wait, as far as pictures are concerned.
    fn until_next(&self, now: Monotonic) -> Duration {
        self.next.as_ref().map_or(STEP, |next| self.begin_at(next).since(now)).min(STEP)
    }

    /// When to begin to show a picture, so that it is there when it is due.
    fn begin_at(&self, decoded: &Decoded) -> Monotonic {
        decoded.frame.due - self.refresh.lead()
    }

    fn show(&mut self, decoded: Decoded, screen: Option<&mut Screen<'_>>) -> Result<(), String> {
        if self.threads.volume.paused.load(Ordering::Relaxed) {
            self.recycle(decoded);
            return Ok(());
        }
        let seen = self.put_on(screen, &decoded)?;
        let counters = &self.threads.shared.output.video;
        let presentation = &self.threads.shared.input.video.presentation;
        presentation.showing.set(self.refresh.lead().nanos());
        if self.rates.measured.is_none() && counters.frames_shown.get() == self.rates.frames {
            // Rates are of whole seconds that begin with a picture.
            self.rates.at = seen;
            self.tick = seen + SECOND;
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
        if let (Some(path), false) = (&self.options.snapshot, self.snapshot_taken) {
            self.snapshot_taken = true;
            self.take_snapshot(Some(path.clone()));
        }
        Ok(())
    }

    /// Puts a picture on the screen, if there is one; says when it is seen.
    fn put_on(
        &mut self,
        screen: Option<&mut Screen<'_>>,
        decoded: &Decoded,
    ) -> Result<Monotonic, String> {
        let began = monotonic();
        let Some(screen) = screen else { return Ok(self.refresh.seen(began, began, monotonic())) };
        screen.draw(&decoded.picture).map_err(|error| error.to_string())?;
        let drawn = monotonic();
        screen.present();
        let seen = self.refresh.seen(began, drawn, monotonic());
        self.refresh.set_period(screen.refresh());
        Ok(seen)
    }

    /// Gives the memory of a picture back. Queues that are full have enough.
    fn recycle(&self, decoded: Decoded) {
        let _ = self.threads.pictures.try_send(decoded.picture);
        let _ = self.threads.buffers.try_send(decoded.frame.jpeg);
    }

    /// Waits for a picture, a key or a signal; false if the program is to end.
    fn wait(&mut self, wait: Duration, screen: Option<&mut Screen<'_>>) -> Result<bool, String> {
        let Some(screen) = screen else {
            if self.next.is_some() {
                return Ok(!self.threads.signals.comes_within(wait));
            }
            match self.threads.decoded.recv_timeout(wait) {
                Ok(decoded) => self.next = Some(decoded),
                Err(RecvTimeoutError::Timeout) => {}
                // The thread has ended, and is about to say why.
                Err(RecvTimeoutError::Disconnected) => {}
            }
            return Ok(!self.threads.signals.has_come());
        };
        let keys = screen.wait(wait).map_err(|error| error.to_string())?;
        for key in keys {
            if !self.key(key, screen)? {
                return Ok(false);
            }
        }
        Ok(!self.threads.signals.has_come())
    }

    /// Does what a key says; false for the end.
    fn key(&mut self, key: Key, screen: &mut Screen<'_>) -> Result<bool, String> {
        match key {
            Key::Quit => return Ok(false),
            Key::Pause => {
                let paused = toggle(&self.threads.volume.paused);
                let notice = paused.then_some("paused");
                screen.set_notice(notice).map_err(|error| error.to_string())?;
            }
            Key::Mute => {
                toggle(&self.threads.volume.muted);
            }
            Key::Fullscreen => screen.toggle_fullscreen().map_err(|error| error.to_string())?,
            Key::Overlay => {
                self.overlay = !self.overlay;
                self.draw_overlay(screen)?;
            }
            Key::Snapshot => self.take_snapshot(None),
            Key::Tier(number) => tiers::choose(
                &self.threads.shared,
                self.threads.recording.is_active(),
                Wish::Only(usize::from(number) - 1),
            ),
            Key::Automatic => tiers::choose(
                &self.threads.shared,
                self.threads.recording.is_active(),
                Wish::Automatic,
            ),
            Key::Record if self.threads.recording.is_active() => self.threads.recording.stop(),
            Key::Record => self.threads.recording.start_named(),
        }
        Ok(true)
    }

    /// Puts what is shown in a file, or in the first one that is free.
    fn take_snapshot(&self, path: Option<PathBuf>) {
        let Some(frame) = &self.shown else { return };
        let jpeg = frame.jpeg.get(frame.start..).unwrap_or_default().to_vec();
        let asked = u64::from(path.is_some());
        if self.threads.snapshots.try_send(Snapshot { path, jpeg }).is_err() {
            self.threads.shared.output.snapshots_failed.add(asked);
            log::warn!("no snapshot: the one before is still being written");
        }
    }

    /// Notices that the source has come or gone.
    fn watch_source(&mut self, screen: Option<&mut Screen<'_>>) -> Result<(), String> {
        let state = SourceState::of(&self.evidence(), monotonic());
        if state == self.state {
            return Ok(());
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
        self.tell(screen)
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
                refused: counters.video_refused(self.plan),
            },
            audio: StreamEvidence {
                expected: self.plan.audio.is_some(),
                heard: heard(&audio.arrived),
                forged: heard(&audio.forged),
                note: audio.note.get(),
                refused: counters.audio_refused(self.plan),
            },
            reported: heard(&counters.reported),
            waited: since(self.began),
        }
    }

    fn status(&self) -> Status<'a> {
        let (shared, rates) = (&*self.threads.shared, &self.rates);
        let recording = self.threads.recording.is_active();
        Figures { shared, rates, sound_rate: self.sound_rate, recording }.status(self.name)
    }

    fn tell(&self, screen: Option<&mut Screen<'_>>) -> Result<(), String> {
        let notice = self.state.notice(self.name);
        match &notice {
            Some(notice) => log::info!("{notice}"),
            None => log::info!("receiving {}", self.name),
        }
        let Some(screen) = screen else { return Ok(()) };
        screen.set_stale(self.state.is_stale());
        screen.set_notice(notice.as_deref()).map_err(|error| error.to_string())
    }

    fn tick(&mut self, screen: Option<&mut Screen<'_>>) -> Result<(), String> {
        let now = monotonic();
        self.tick = now + SECOND;
        let shared = &self.threads.shared;
        let frames = shared.output.video.frames_shown.get();
        self.rates.measure(now, frames, shared.input.video.bytes.get());
        if let Some(stats) = &self.stats {
            let uptime = since(self.began).as_secs_f64();
            let statistics = Statistics::of(shared, self.plan, uptime);
            write_stats(stats, &statistics);
        }
        match screen {
            Some(screen) if self.overlay => self.draw_overlay(screen),
            _ => Ok(()),
        }
    }

    fn draw_overlay(&self, screen: &mut Screen<'_>) -> Result<(), String> {
        let lines = overlay_lines(&self.status());
        let shown = if self.overlay { lines.as_strs() } else { heapless::Vec::new() };
        screen.set_overlay(&shown).map_err(|error| error.to_string())
    }
}

/// Whether a live line can be shown.
fn on_terminal() -> bool {
    std::io::stderr().is_terminal() && std::env::var_os("TERM").is_some_and(|term| term != "dumb")
}

/// For how long something has been so.
fn since(earlier: Monotonic) -> Duration {
    monotonic().since(earlier)
}

fn toggle(flag: &AtomicBool) -> bool {
    !flag.fetch_xor(true, Ordering::Relaxed)
}

fn write_stats(stats: &Lines, statistics: &Statistics) {
    let line = serde_json::to_string(statistics).unwrap_or_default();
    stats.push(line + "\n");
}
