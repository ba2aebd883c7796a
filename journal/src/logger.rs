//! The programs' log on standard error: a line a message, as a person reads it. RUST_LOG chooses what is
//! said. Who writes a line waits neither for a terminal nor for a pipe that nobody reads, and what
//! repeats is left out and counted.

use crate::lines::{CLOSE_PATIENCE, Lines};
use crate::repeat::{Repeats, Verdict};
use env_logger::{Builder, Env, Target};
use log::{Level, LevelFilter, Log, Metadata, Record};
use std::collections::hash_map::DefaultHasher;
use std::fs::File;
use std::hash::{Hash, Hasher};
use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// Makes a status line on a terminal give way to a message.
const CLEAR_LINE: &str = "\r\x1b[K";

/// What goes to standard error, once a log has begun.
static STANDARD_ERROR: OnceLock<Arc<Lines>> = OnceLock::new();

/// The log of a program that runs. Dropping it waits, for a bounded time, until the last line is written.
#[derive(Debug)]
#[must_use = "the last lines are written when it is dropped"]
pub struct Journal(());

/// Standard error for what is no message, such as a status line: it takes turns with the log, and nobody waits
/// for it either.
#[must_use]
pub fn console() -> Box<dyn Write + Send> {
    match STANDARD_ERROR.get() {
        Some(lines) => Box::new(Pipe(Arc::clone(lines))),
        None => Box::new(io::stderr()),
    }
}

/// Begins the log of the program `name`; with `status_line` that one gives way to each message. `now` is the
/// time by CLOCK_MONOTONIC, in nanoseconds. To be called once.
pub fn start(name: &'static str, status_line: bool, now: fn() -> i64) -> Journal {
    let clear = if status_line && io::stderr().is_terminal() { CLEAR_LINE } else { "" };
    let mut builder = Builder::from_env(Env::default().default_filter_or("info"));
    builder.format(move |out, record| {
        // On one line, and for a terminal, which obeys control characters.
        let said = record.args().to_string().replace(char::is_control, "?");
        match record.level() {
            Level::Info => writeln!(out, "{clear}{name}: {said}"),
            Level::Warn => writeln!(out, "{clear}{name}: warning: {said}"),
            Level::Error => writeln!(out, "{clear}{name}: error: {said}"),
            level => writeln!(out, "{clear}{name}: {level} {}: {said}", record.target()),
        }
    });
    let own = io::stderr().as_fd().try_clone_to_owned();
    // Without a thread for it what is said is written at once.
    if let Ok(lines) = own.and_then(|it| Lines::silently_to(File::from(it))) {
        STANDARD_ERROR.get_or_init(|| Arc::new(lines));
    }
    builder.target(Target::Pipe(console()));
    let inner = builder.build();
    let level = inner.filter();
    let logger = Logger { inner, repeats: Mutex::default(), now };
    // It fails where a log has begun already, which goes on then.
    if log::set_boxed_logger(Box::new(logger)).is_ok() {
        log::set_max_level(level);
    }
    Journal(())
}

impl Drop for Journal {
    fn drop(&mut self) {
        log::set_max_level(LevelFilter::Off);
        if let Some(lines) = STANDARD_ERROR.get() {
            lines.close(CLOSE_PATIENCE);
        }
    }
}

/// Hands on whole lines.
struct Pipe(Arc<Lines>);

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.push(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Logger {
    inner: env_logger::Logger,
    repeats: Mutex<Repeats>,
    now: fn() -> i64,
}

impl Logger {
    /// What becomes of a line. Those that somebody has asked for by RUST_LOG are all written.
    fn judge(&self, record: &Record<'_>) -> Verdict {
        let place = record.file_static().zip(record.line());
        let Some(place) = place.filter(|_| record.level() <= Level::Info) else {
            return Verdict::Write;
        };
        let mut text = DefaultHasher::new();
        record.args().to_string().hash(&mut text);
        let mut repeats = self.repeats.lock().unwrap_or_else(PoisonError::into_inner);
        repeats.line(place, text.finish(), (self.now)())
    }
}

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.inner.enabled(metadata)
    }

    fn log(&self, record: &Record<'_>) {
        if !self.inner.matches(record) {
            return;
        }
        match self.judge(record) {
            Verdict::Write => self.inner.log(record),
            Verdict::LeaveOut => {}
            Verdict::WriteWithCount { left_out, seconds } => self.inner.log(
                &Record::builder()
                    .metadata(record.metadata().clone())
                    .args(format_args!(
                        "{} (and {left_out} more such lines in {seconds} s)",
                        record.args()
                    ))
                    .build(),
            ),
        }
    }

    fn flush(&self) {}
}
