//! What may take its time, beside the event loop: opening a device, asking an address, closing what a
//! driver does not let go of, waiting for a child or a thread to end. Each is done on a thread that
//! ends with it. What is opened is left for the loop to take, announced by its waker;
//! what is closed does not come back.

use mio::Waker;
use std::cell::Cell;
use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// Threads that open something at a time: a camera, a microphone and a changed configuration, and as
/// often again those of configurations before it that a driver has not let go of. More would be a
/// machine whose drivers hang, where more threads are no help.
const OPENING_MAX: usize = 16;

/// Threads that close something at a time: one that hangs in a driver does not hold the others up.
const CLOSING_MAX: usize = 4;

/// Things that wait to be closed while all of those threads hang. Beyond it the loop itself waits, and
/// the service manager, which then hears nothing, starts the daemon anew.
const WAITING_MAX: usize = 64;

thread_local! {
    /// Whether this thread is one of those that may take their time.
    static BESIDE: Cell<bool> = const { Cell::new(false) };
}

/// Something that is under way on a thread of its own, and will be a `T`.
pub struct Work<T: Send + 'static> {
    /// There until it was taken, and shared with the thread as long as that runs.
    left: Slowly<Arc<Mutex<Left<T>>>>,
}

/// What a thread has left.
#[derive(Debug)]
struct Left<T> {
    result: Option<T>,
    has_ended: bool,
}

/// The thread's share of it. Dropped, it says that the thread has ended.
struct Share<T>(Arc<Mutex<Left<T>>>);

impl<T> Drop for Share<T> {
    fn drop(&mut self) {
        lock(&self.0).has_ended = true;
    }
}

fn lock<T>(left: &Mutex<Left<T>>) -> MutexGuard<'_, Left<T>> {
    left.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The thread ended without a result: a library panicked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Panicked;

impl<T: Send + 'static> Work<T> {
    /// Begins it on a thread of this name. `waker` is woken when it has ended, however that was.
    ///
    /// # Errors
    /// The system has no more threads, or too many of them hang.
    pub fn begin(
        name: &str,
        waker: Arc<Waker>,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> io::Result<Self> {
        let counted = Counted::one_more()?;
        let left = Arc::new(Mutex::new(Left { result: None, has_ended: false }));
        let share = Share(Arc::clone(&left));
        thread::Builder::new().name(name.into()).spawn(move || {
            BESIDE.set(true);
            // Dropped last: the loop is woken when the end shows, and that of a panic, too.
            let _end = Ended { waker, counted };
            // Nobody waits for it any more only if the session has ended: it is dropped here then.
            let share = share;
            let done = work();
            lock(&share.0).result = Some(done);
        })?;
        Ok(Self { left: Slowly::new(left) })
    }

    /// What has become of it, once, if it has ended.
    pub fn take(&mut self) -> Option<Result<T, Panicked>> {
        let mut left = lock(self.left.get()?);
        let taken = match left.result.take() {
            Some(result) => Ok(result),
            None if left.has_ended => Err(Panicked),
            None => return None,
        };
        drop(left);
        // Nothing is left that would have to be closed.
        self.left.0 = None;
        Some(taken)
    }
}

/// One of the threads that open something.
struct Counted;

static OPENING: AtomicUsize = AtomicUsize::new(0);

impl Counted {
    fn one_more() -> io::Result<Self> {
        // Given back when it is dropped, also if it is one too many.
        let counted = Self;
        if OPENING.fetch_add(1, Ordering::AcqRel) < OPENING_MAX {
            return Ok(counted);
        }
        Err(io::Error::other(format!("{OPENING_MAX} threads wait for drivers that do not answer")))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        OPENING.fetch_sub(1, Ordering::AcqRel);
    }
}

struct Ended {
    waker: Arc<Waker>,
    #[expect(dead_code, reason = "counts as long as it lives")]
    counted: Counted,
}

impl Drop for Ended {
    fn drop(&mut self) {
        if let Err(error) = self.waker.wake() {
            log::error!("a thread that opens something cannot wake the loop: {error}");
        }
    }
}

/// What takes its time to be dropped: dropped by the loop it is closed beside it.
#[derive(Debug)]
pub struct Slowly<T: Send + 'static>(Option<T>);

impl<T: Send + 'static> Slowly<T> {
    /// This value, to be dropped slowly.
    pub const fn new(value: T) -> Self {
        Self(Some(value))
    }

    /// The value: always there.
    pub const fn get(&self) -> Option<&T> {
        self.0.as_ref()
    }

    /// The value: always there.
    pub const fn get_mut(&mut self) -> Option<&mut T> {
        self.0.as_mut()
    }
}

impl<T: Send + 'static> Drop for Slowly<T> {
    fn drop(&mut self) {
        if let Some(value) = self.0.take() {
            close(value);
        }
    }
}

type Closing = Box<dyn FnOnce() + Send>;

/// What is being closed.
struct Queue {
    threads: usize,
    waiting: VecDeque<Closing>,
}

static QUEUE: Mutex<Queue> = Mutex::new(Queue { threads: 0, waiting: VecDeque::new() });
static EMPTY: Condvar = Condvar::new();

fn queue() -> MutexGuard<'static, Queue> {
    QUEUE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Drops a value beside the loop; here, if this thread is beside it already.
pub fn close<T: Send + 'static>(value: T) {
    later(move || drop(value));
}

/// Does what ends something beside the loop; here, if this thread is beside it already.
pub fn later(end: impl FnOnce() + Send + 'static) {
    later_of_any_kind(Box::new(end));
}

/// The same, compiled once for all kinds of ends.
fn later_of_any_kind(end: Closing) {
    if BESIDE.get() {
        end();
        return;
    }
    let mut queue = queue();
    if queue.waiting.len() == WAITING_MAX {
        drop(queue);
        log::error!("{WAITING_MAX} devices and programs cannot be closed: waiting for one");
        end();
        return;
    }
    queue.waiting.push_back(end);
    if queue.threads < CLOSING_MAX {
        let started = thread::Builder::new().name("close".into()).spawn(close_all);
        match started {
            Ok(_) => queue.threads += 1,
            // The next one that can be started takes it.
            Err(error) => log::warn!("no thread can be started to close something: {error}"),
        }
    }
}

/// Closes what there is, one after the other.
fn close_all() {
    BESIDE.set(true);
    loop {
        let mut queue = queue();
        let Some(next) = queue.waiting.pop_front() else {
            queue.threads -= 1;
            EMPTY.notify_all();
            return;
        };
        drop(queue);
        if catch_unwind(AssertUnwindSafe(next)).is_err() {
            log::error!("closing something panicked: this is a bug, please report it");
        }
    }
}

/// Waits until everything is closed, but not longer than this: for the end of the program, which
/// closes what is left.
pub fn settle(longest: Duration) {
    let open = |queue: &mut Queue| queue.threads > 0;
    let _ = EMPTY.wait_timeout_while(queue(), longest, open);
}

#[cfg(test)]
mod tests;
