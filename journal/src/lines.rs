//! Lines for a file, a pipe or a terminal, written by a thread of their own: whoever pushes one never
//! waits. What a reader does not read in time, or a full disk does not take, is lost as whole lines, oldest first,
//! and counted; when there is room again lines go on.

use nix::sys::signal::{SigSet, SigmaskHow};
use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// Bytes that wait for the reader at most: statistics of about a minute, beside the 64 kB that a pipe
/// holds itself.
pub const WAITING_MAX: usize = 64 << 10;

/// Lines whose memory is kept, so that lines of every second need no new one, and its bytes: those of a line of
/// statistics.
const SPARE_LINES: usize = 4;
const SPARE_BYTES: usize = 4 << 10;

/// Between two tries at a descriptor that does not wait.
const RETRY: Duration = Duration::from_millis(20);

/// Between two tries at what has failed, as a disk that is full: lines come once a second.
const RECOVERY: Duration = Duration::from_secs(1);

/// How long the end of a program waits for a reader to take the last lines: one that reads takes
/// milliseconds, a disk that spins up a little more, and who stops a program waits no longer.
pub const CLOSE_PATIENCE: Duration = Duration::from_secs(1);

/// Where lines go. If it is dropped, what waits is still written as long as the program runs;
/// [`close`](Self::close) waits for that.
#[derive(Debug)]
pub struct Lines {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// What the lines are, as log lines name it.
    what: String,
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<Vec<u8>>,
    /// Memory of lines that are written, for those to come.
    spare: Vec<Vec<u8>>,
    bytes: usize,
    lost: u64,
    /// A line has left the queue and is not yet written.
    writing: bool,
    /// No more lines will come.
    closed: bool,
    /// Nothing can be written for now.
    stuck: bool,
    /// Nothing can be written any more.
    failed: bool,
}

impl Lines {
    /// Appends to the file `path`, which is made if it is not there; `-` is standard output. `what`
    /// names the lines in log lines, in the plural: "statistics". A pipe or a terminal is opened by the
    /// thread, since that waits for the other end.
    ///
    /// # Errors
    /// What open(2) says, or that there can be no thread.
    pub fn open(path: &Path, what: &str) -> io::Result<Self> {
        if path == Path::new("-") {
            return Self::standard_output(what);
        }
        let append = |path: &Path| OpenOptions::new().create(true).append(true).open(path);
        let waits = |kind: std::fs::FileType| kind.is_fifo() || kind.is_char_device();
        if path.metadata().is_ok_and(|there| waits(there.file_type())) {
            let path = path.to_owned();
            return Self::begin(what, move || append(&path));
        }
        Self::to(append(path)?, what)
    }

    /// To standard output: by a descriptor of its own, so that nobody else who prints waits for a
    /// lock.
    ///
    /// # Errors
    /// That there are no descriptors left, or no thread.
    pub fn standard_output(what: &str) -> io::Result<Self> {
        Self::to(File::from(io::stdout().as_fd().try_clone_to_owned()?), what)
    }

    /// To `out`, whose writes may take as long as they like.
    ///
    /// # Errors
    /// That there can be no thread.
    pub fn to(out: impl Write + Send + 'static, what: &str) -> io::Result<Self> {
        Self::begin(what, move || Ok(out))
    }

    /// As [`to`](Self::to), but what is lost is never told of: for the log itself.
    ///
    /// # Errors
    /// That there can be no thread.
    pub fn silently_to(out: impl Write + Send + 'static) -> io::Result<Self> {
        Self::to(out, "")
    }

    fn begin<W: Write>(
        what: &str,
        open: impl FnOnce() -> io::Result<W> + Send + 'static,
    ) -> io::Result<Self> {
        let queue = Mutex::new(Queue::default());
        let shared = Arc::new(Shared { what: what.to_owned(), queue, changed: Condvar::new() });
        let writer = Arc::clone(&shared);
        // Signals are for the program, whose threads are not ready for them yet.
        let mask = SigSet::all().thread_swap_mask(SigmaskHow::SIG_SETMASK)?;
        let spawned = thread::Builder::new().name("lines".into()).spawn(move || {
            if let Err(error) = open().and_then(|out| writer.write(out)) {
                writer.fail(&error);
            }
        });
        mask.thread_set_mask()?;
        spawned?;
        Ok(Self { shared })
    }

    /// Adds a line, or several that belong together, with the end of line. Returns at once: if too much
    /// waits, the oldest are lost. Nothing becomes of it if writing has failed.
    pub fn push(&self, line: impl AsRef<[u8]>) {
        let line = line.as_ref();
        let mut queue = self.shared.lock();
        if queue.failed {
            return;
        }
        let before = queue.lost;
        while !queue.waiting.is_empty() && queue.bytes + line.len() > WAITING_MAX {
            queue.drop_oldest();
        }
        if line.len() > WAITING_MAX {
            queue.lost += 1;
        } else {
            queue.bytes += line.len();
            let mut memory = queue.spare.pop().unwrap_or_default();
            memory.extend_from_slice(line);
            queue.waiting.push_back(memory);
        }
        // Of what is stuck it was said that lines are lost.
        let first = before == 0 && queue.lost > 0 && !queue.stuck;
        drop(queue);
        self.shared.changed.notify_all();
        if first && self.shared.is_told_of() {
            log::warn!("{} are not read fast enough: lines are lost", self.shared.what);
        }
    }

    /// There are to be no more lines: what waits is written, and the file closed.
    pub fn finish(&self) {
        self.shared.lock().closed = true;
        self.shared.changed.notify_all();
    }

    /// Lines that were lost because nobody read them, or a full disk did not take them.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.shared.lock().lost
    }

    /// Waits until all lines are written, but not longer than `patience`; there are to be no more.
    /// Returns whether they are written.
    pub fn close(&self, patience: Duration) -> bool {
        self.finish();
        let queue = self.shared.lock();
        let (queue, _) = self
            .shared
            .changed
            .wait_timeout_while(queue, patience, |queue| queue.is_busy())
            .unwrap_or_else(PoisonError::into_inner);
        let (written, lost) = (!queue.is_busy() && !queue.failed && !queue.stuck, queue.lost);
        drop(queue);
        if lost > 0 && self.shared.is_told_of() {
            log::warn!("{lost} lines of {} were lost", self.shared.what);
        }
        written
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        self.finish();
    }
}

impl Queue {
    /// Keeps the memory of a line, unless there is enough.
    fn keep(&mut self, mut line: Vec<u8>) {
        if self.spare.len() < SPARE_LINES && line.capacity() <= SPARE_BYTES {
            line.clear();
            self.spare.push(line);
        }
    }

    fn drop_oldest(&mut self) {
        if let Some(line) = self.waiting.pop_front() {
            self.bytes -= line.len();
            self.lost += 1;
            self.keep(line);
        }
    }

    fn is_busy(&self) -> bool {
        !self.failed && (self.writing || !self.waiting.is_empty())
    }
}

/// Whether nothing more can be written.
fn is_final(error: &io::Error) -> bool {
    error.kind() == ErrorKind::BrokenPipe || error.raw_os_error() == Some(nix::libc::EBADF)
}

impl Shared {
    /// Whether log lines may speak of these lines.
    fn is_told_of(&self) -> bool {
        !self.what.is_empty()
    }

    /// Whoever panicked with the lock left a queue that is whole: every change is a single step.
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next line after the one that is `written`, or nothing if none will come.
    fn next(&self, written: Option<Vec<u8>>) -> Option<Vec<u8>> {
        let mut queue = self.lock();
        queue.writing = false;
        if let Some(line) = written {
            queue.keep(line);
        }
        self.changed.notify_all();
        let mut queue = self
            .changed
            .wait_while(queue, |queue| queue.waiting.is_empty() && !queue.closed)
            .unwrap_or_else(PoisonError::into_inner);
        let line = queue.waiting.pop_front()?;
        queue.bytes -= line.len();
        queue.writing = true;
        Some(line)
    }

    fn write(&self, mut out: impl Write) -> io::Result<()> {
        let mut written = None;
        while let Some(line) = self.next(written.take()) {
            let mut left = &line[..];
            while let Err(error) = self.write_rest(&mut out, &mut left) {
                if is_final(&error) {
                    return Err(error);
                }
                if !self.waits_for_room(&error) {
                    self.lock().lost += 1;
                    break;
                }
            }
            if left.is_empty() {
                self.goes_on();
            }
            written = Some(line);
        }
        Ok(())
    }

    /// Writes what is left of a line, however long that takes, also where somebody has made the other end not wait.
    fn write_rest(&self, out: &mut impl Write, left: &mut &[u8]) -> io::Result<()> {
        while !left.is_empty() {
            match out.write(left) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(len) => *left = &left[len..],
                Err(error) if error.kind() == ErrorKind::WouldBlock => thread::park_timeout(RETRY),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        out.flush()
    }

    /// Waits until it may be tried again; false if that was the last time, because the program ends.
    fn waits_for_room(&self, error: &io::Error) -> bool {
        let mut queue = self.lock();
        if !std::mem::replace(&mut queue.stuck, true) && self.is_told_of() {
            log::warn!("{} cannot be written: {error}; until they can, lines are lost", self.what);
        }
        if queue.closed {
            return false;
        }
        let open = |queue: &mut Queue| !queue.closed;
        let waited = self.changed.wait_timeout_while(queue, RECOVERY, open);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
        true
    }

    /// A line was written, perhaps after others could not be.
    fn goes_on(&self) {
        let mut queue = self.lock();
        if std::mem::replace(&mut queue.stuck, false) && self.is_told_of() {
            log::info!("{} are written again; {} lines were lost", self.what, queue.lost);
        }
    }

    fn fail(&self, error: &io::Error) {
        let mut queue = self.lock();
        queue.failed = true;
        queue.waiting = VecDeque::new();
        queue.bytes = 0;
        drop(queue);
        self.changed.notify_all();
        if self.is_told_of() {
            log::warn!("{} cannot be written any more: {error}", self.what);
        }
    }
}

#[cfg(test)]
mod tests;
