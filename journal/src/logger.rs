//! The programs' log on standard error: a line a message, as a person reads it. RUST_LOG chooses what is
//! said. Who writes a line waits neither for a terminal nor for a pipe that nobody reads, and what
//! repeats is left out and counted.

use crate::lines::{CLOSE_PATIENCE, Lines};
use crate::repeat::{Repeats, Verdict};
use env_logger::{Builder, Env, Target};
use log::{Level, LevelFilter, Log, Record};
use std::collections::hash_map::DefaultHasher;
use std::fs::{File, Metadata};
use std::hash::{Hash, Hasher};
use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
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

/// Whether standard error goes to systemd's journal (systemd.exec(5), `JOURNAL_STREAM`: its device and inode). The
/// journal notes itself who says a line.
fn is_journal(stream: Option<&str>, standard_error: &io::Result<Metadata>) -> bool {
    let Ok(own) = standard_error else { return false };
    stream.is_some_and(|stream| stream == format!("{}:{}", own.dev(), own.ino()))
}

/// A line as a person reads it, or, `in_journal`, as sd-daemon(3) has it: with its level as a number in front,
/// and without the name.
fn line(name: &str, in_journal: bool, level: Level, said: &str) -> String {
    let (number, word) = match level {
        Level::Error => (3, "error: "),
        Level::Warn => (4, "warning: "),
        Level::Info => (6, ""),
        Level::Debug | Level::Trace => (7, ""),
    };
    if in_journal { format!("<{number}>{word}{said}") } else { format!("{name}: {word}{said}") }
}

/// Begins the log of the program `name`; with `status_line` that one gives way to each message. `now` is the
/// time by CLOCK_MONOTONIC, in nanoseconds. To be called once.
pub fn start(name: &'static str, status_line: bool, now: fn() -> i64) -> Journal {
    let own = io::stderr().as_fd().try_clone_to_owned();
    let status = own.and_then(|it| File::from(it).metadata());
    let in_journal = is_journal(std::env::var("JOURNAL_STREAM").ok().as_deref(), &status);
    let own = io::stderr().as_fd().try_clone_to_owned();
    let clear = if status_line && io::stderr().is_terminal() { CLEAR_LINE } else { "" };
    let mut builder = Builder::from_env(Env::default().default_filter_or("info"));
    builder.format(move |out, record| {
        // On one line, and for a terminal, which obeys control characters.
        let said = record.args().to_string().replace(char::is_control, "?");
        let said = match record.level() {
            level @ (Level::Debug | Level::Trace) => format!("{level} {}: {said}", record.target()),
            _ => said,
        };
        writeln!(out, "{clear}{}", line(name, in_journal, record.level(), &said))
    });
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
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_journal_is_known_by_its_device_and_inode() {
        let folder = std::env::temp_dir().metadata();
        let own = folder.as_ref().map(|it| format!("{}:{}", it.dev(), it.ino())).unwrap();
        assert!(is_journal(Some(&own), &folder));
        // Of another program that has started this one.
        assert!(!is_journal(Some("8:10324476"), &folder) && !is_journal(None, &folder));
    }

    #[test]
    fn a_line_of_the_journal_has_a_level_and_no_name() {
        let line = |in_journal, level| line("it", in_journal, level, "said");
        assert_eq!(line(false, Level::Warn), "it: warning: said");
        assert_eq!(line(false, Level::Info), "it: said");
        assert_eq!(line(true, Level::Warn), "<4>warning: said");
        assert_eq!([line(true, Level::Info), line(true, Level::Debug)], ["<6>said", "<7>said"]);
    }
}
