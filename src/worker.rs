//! A worker: a thread for what takes too long for the event loop. A JPEG worker draws, encodes and transforms
//! pictures; each test picture has one, and each normaliser that converts. A worker for Opus encodes the sound of a tier.
//! Jobs go to it in a bounded queue; results come back in another, and wake the loop. It does not know what a job is.

use crate::beside::Slowly;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::{self, JoinHandle};

/// What a worker is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// What messages and the system call its thread.
    pub name: &'static str,
    /// Jobs at most whose results have not been taken.
    pub queue: usize,
}

impl Kind {
    /// Pictures. Users submit one job at a time; a late picture is dropped, never queued.
    pub const JPEG: Self = Self { name: "JPEG", queue: 3 };
}

/// Why there is no worker.
#[derive(Debug)]
pub enum Error {
    /// The system cannot start another thread.
    Start(Kind, io::Error),
    /// The thread has ended by itself, which takes a panic in a library.
    Ended(Kind),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start(kind, error) => write!(f, "cannot start the {} thread: {error}", kind.name),
            Self::Ended(kind) => {
                write!(f, "the {} thread has ended: this is a bug, please report it", kind.name)
            }
        }
    }
}

impl std::error::Error for Error {}

/// A thread that turns jobs `J` into results `D`. Dropping this ends it after its present job.
pub struct Worker<J: 'static, D: 'static> {
    jobs: SyncSender<J>,
    results: Receiver<D>,
    kind: Kind,
    /// Jobs whose results have not been taken.
    outstanding: usize,
    stop: Arc<AtomicBool>,
    /// Dropped last: the thread ends when the queue of jobs is gone.
    thread: Slowly<Thread>,
}

struct Thread(Kind, Option<JoinHandle<()>>);

impl<J: Send + 'static, D: Send + 'static> Worker<J, D> {
    /// Starts the thread. It calls `work` for each job and wakes `waker` after each result.
    ///
    /// # Errors
    /// The system cannot start another thread.
    pub fn start(
        kind: Kind,
        waker: Arc<mio::Waker>,
        work: impl FnMut(J) -> D + Send + 'static,
    ) -> Result<Self, Error> {
        // heapless::spsc would have to be leaked here: only 'static lends it to a thread without unsafe code.
        let (jobs, job) = sync_channel(kind.queue);
        let (result, results) = sync_channel(kind.queue);
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = thread::Builder::new()
            .name(kind.name.to_lowercase())
            .spawn(move || run(&Ends { job, result, waker }, kind, &stopped, work))
            .map_err(|error| Error::Start(kind, error))?;
        let thread = Slowly::new(Thread(kind, Some(thread)));
        Ok(Self { jobs, results, kind, outstanding: 0, stop, thread })
    }

    /// Submits a job.
    ///
    /// # Errors
    /// The job, when the queue is full.
    pub fn submit(&mut self, job: J) -> Result<(), J> {
        // Counting both ways keeps the queue of results from ever being full.
        if self.outstanding == self.kind.queue {
            return Err(job);
        }
        match self.jobs.try_send(job) {
            Ok(()) => self.outstanding += 1,
            Err(TrySendError::Full(job) | TrySendError::Disconnected(job)) => return Err(job),
        }
        Ok(())
    }

    /// The next result, in the order of the jobs.
    pub fn take(&mut self) -> Option<D> {
        let result = self.results.try_recv().ok()?;
        self.outstanding -= 1;
        Some(result)
    }

    /// Whether the thread has ended by itself, which takes a panic in a library.
    #[must_use]
    pub fn is_dead(&self) -> bool {
        let thread = self.thread.get().and_then(|thread| thread.1.as_ref());
        thread.is_none_or(JoinHandle::is_finished)
    }

    /// Jobs whose results have not been taken.
    #[must_use]
    pub const fn outstanding(&self) -> usize {
        self.outstanding
    }
}

impl<J: 'static, D: 'static> Drop for Worker<J, D> {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
    }
}

impl Drop for Thread {
    /// Waits for the present job, which takes too long for the loop.
    fn drop(&mut self) {
        if self.1.take().is_some_and(|thread| thread.join().is_err()) {
            log::error!("the {} thread panicked", self.0.name);
        }
    }
}

/// The thread's ends.
struct Ends<J, D> {
    job: Receiver<J>,
    result: SyncSender<D>,
    waker: Arc<mio::Waker>,
}

fn run<J, D>(ends: &Ends<J, D>, kind: Kind, stop: &AtomicBool, mut work: impl FnMut(J) -> D) {
    while let Ok(job) = ends.job.recv() {
        if stop.load(Ordering::Acquire) {
            return;
        }
        if ends.result.try_send(work(job)).is_ok() {
            if let Err(error) = ends.waker.wake() {
                log::error!("the {} thread cannot wake the loop: {error}", kind.name);
            }
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::beside::settle;
    use mio::{Events, Poll, Token};
    use std::time::Duration;

    const PATIENCE: Duration = Duration::from_secs(60);

    /// A loop to be woken.
    pub(crate) struct Loop {
        poll: Poll,
        pub(crate) waker: Arc<mio::Waker>,
    }

    impl Loop {
        pub(crate) fn new() -> Self {
            let poll = Poll::new().unwrap();
            let waker = Arc::new(mio::Waker::new(poll.registry(), Token(0)).unwrap());
            Self { poll, waker }
        }

        pub(crate) fn wait(&mut self) {
            let mut events = Events::with_capacity(4);
            self.poll.poll(&mut events, Some(PATIENCE)).unwrap();
            assert!(!events.is_empty(), "the worker never woke the loop");
        }
    }

    #[test]
    fn results_come_back_in_order() {
        let mut event_loop = Loop::new();
        let mut worker =
            Worker::start(Kind::JPEG, Arc::clone(&event_loop.waker), |job: u32| job * 2).unwrap();
        let mut results = Vec::new();
        for job in 0..100 {
            while let Err(refused) = worker.submit(job) {
                assert_eq!((refused, worker.outstanding()), (job, Kind::JPEG.queue));
                event_loop.wait();
                results.extend(std::iter::from_fn(|| worker.take()));
            }
        }
        while results.len() < 100 {
            event_loop.wait();
            results.extend(std::iter::from_fn(|| worker.take()));
        }
        assert!((0..100).map(|job| job * 2).eq(results));
        assert_eq!(worker.outstanding(), 0);
    }

    #[test]
    fn nothing_is_lost_when_it_is_dropped() {
        let event_loop = Loop::new();
        let token = Arc::new(());
        for jobs in 0..=Kind::JPEG.queue {
            let mut worker =
                Worker::start(Kind::JPEG, Arc::clone(&event_loop.waker), |job: Arc<()>| job)
                    .unwrap();
            for _ in 0..jobs {
                worker.submit(Arc::clone(&token)).unwrap();
            }
            drop(worker);
            settle(PATIENCE);
            assert_eq!(Arc::strong_count(&token), 1);
        }
    }

    #[test]
    fn its_queues_go_with_it() {
        /// Large enough to show: 200 workers would leave 100 MB.
        type Large = [u8; 1 << 16];
        let written = || {
            let status = std::fs::read_to_string("/proc/self/status").unwrap();
            let line = status.lines().find_map(|line| line.strip_prefix("VmData:")).unwrap();
            line.trim().trim_end_matches(" kB").parse::<u64>().unwrap()
        };
        let event_loop = Loop::new();
        let before = written();
        for _ in 0..200 {
            let worker =
                Worker::start(Kind::JPEG, Arc::clone(&event_loop.waker), |job: Large| job).unwrap();
            drop(worker);
            settle(PATIENCE);
        }
        let grown = written().saturating_sub(before);
        assert!(grown < 50_000, "{grown} kB more");
    }

    #[test]
    fn a_picture_that_takes_long_does_not_hold_up_who_drops_it() {
        let event_loop = Loop::new();
        let (let_go, stuck) = std::sync::mpsc::channel::<()>();
        let (ended, said) = std::sync::mpsc::channel();
        let mut worker = Worker::start(Kind::JPEG, Arc::clone(&event_loop.waker), move |()| {
            ended.send("begun").unwrap();
            let _ = stuck.recv_timeout(PATIENCE);
            ended.send("ended").unwrap();
        })
        .unwrap();
        worker.submit(()).unwrap();
        assert_eq!(said.recv_timeout(PATIENCE), Ok("begun"));
        drop(worker);
        assert!(said.try_recv().is_err(), "it was waited for");
        let_go.send(()).unwrap();
        assert_eq!(said.recv_timeout(PATIENCE), Ok("ended"));
    }
}
