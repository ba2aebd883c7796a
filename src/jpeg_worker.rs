//! The JPEG worker: the thread for what takes too long for the event loop, drawing, encoding and
//! transforming pictures. It shares nothing with the loop: jobs go over in one bounded queue and
//! results come back in another, announced by the loop's waker. What a job is, is its user's
//! business.

use crate::capture::Error;
use heapless::spsc::{Consumer, Producer, Queue};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

/// Room of a queue, one more than it holds: users give one job at a time, and a late picture is
/// dropped, never queued up.
const QUEUE: usize = 4;

/// A thread that turns jobs `J` into results `D`. It ends when this is dropped.
pub struct Worker<J: 'static, D: 'static> {
    jobs: Producer<'static, J, QUEUE>,
    results: Consumer<'static, D, QUEUE>,
    /// Jobs whose results have not been taken.
    outstanding: usize,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl<J: Send + 'static, D: Send + 'static> Worker<J, D> {
    /// Starts the thread. `work` runs on it, and `waker` is woken after each result.
    ///
    /// # Errors
    /// The system has no more threads.
    pub fn start(
        waker: Arc<mio::Waker>,
        work: impl FnMut(J) -> D + Send + 'static,
    ) -> Result<Self, Error> {
        // Both ends need the queues for as long as either lives, which only 'static says without
        // unsafe code: a few hundred bytes, once per worker, of which there are two at most.
        let (jobs, job) = Box::leak(Box::new(Queue::new())).split();
        let (result, results) = Box::leak(Box::new(Queue::new())).split();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = thread::Builder::new()
            .name("jpeg".into())
            .spawn(move || run(job, result, &stopped, &waker, work))
            .map_err(|error| Error::new(format!("cannot start the JPEG thread: {error}")))?;
        Ok(Self { jobs, results, outstanding: 0, stop, thread: Some(thread) })
    }

    /// Hands a job over.
    ///
    /// # Errors
    /// The job itself when as many as the queue holds are on their way already.
    pub fn submit(&mut self, job: J) -> Result<(), J> {
        // Counting both ways keeps the queue of results from ever being full.
        if self.outstanding == self.jobs.capacity() {
            return Err(job);
        }
        self.jobs.enqueue(job)?;
        self.outstanding += 1;
        if let Some(thread) = &self.thread {
            thread.thread().unpark();
        }
        Ok(())
    }

    /// The next result, in the order of the jobs.
    pub fn take(&mut self) -> Option<D> {
        let result = self.results.dequeue()?;
        self.outstanding -= 1;
        Some(result)
    }

    /// Whether the thread has ended by itself: it never does, unless a library panics.
    #[must_use]
    pub fn is_dead(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
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
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            if thread.join().is_err() {
                log::error!("the JPEG thread panicked");
            }
        }
        // Results may hold buffers, and the queue itself is never dropped.
        while self.results.dequeue().is_some() {}
    }
}

fn run<J, D>(
    mut jobs: Consumer<'static, J, QUEUE>,
    mut results: Producer<'static, D, QUEUE>,
    stop: &AtomicBool,
    waker: &mio::Waker,
    mut work: impl FnMut(J) -> D,
) {
    while !stop.load(Ordering::Acquire) {
        let Some(job) = jobs.dequeue() else {
            // A wake-up between the look and this is remembered: it returns at once.
            thread::park();
            continue;
        };
        let result = work(job);
        debug_assert!(results.ready(), "no more results than jobs");
        if results.enqueue(result).is_ok() {
            if let Err(error) = waker.wake() {
                log::error!("the JPEG thread cannot wake the loop: {error}");
            }
        }
    }
    while jobs.dequeue().is_some() {}
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use mio::{Events, Poll, Token};

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
            self.poll.poll(&mut events, Some(std::time::Duration::from_secs(60))).unwrap();
            assert!(!events.is_empty(), "the worker never woke the loop");
        }
    }

    #[test]
    fn results_come_back_in_order() {
        let mut event_loop = Loop::new();
        let mut worker = Worker::start(Arc::clone(&event_loop.waker), |job: u32| job * 2).unwrap();
        let mut results = Vec::new();
        for job in 0..100 {
            while let Err(refused) = worker.submit(job) {
                assert_eq!((refused, worker.outstanding()), (job, QUEUE - 1));
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
        for jobs in 0..QUEUE {
            let mut worker =
                Worker::start(Arc::clone(&event_loop.waker), |job: Arc<()>| job).unwrap();
            for _ in 0..jobs {
                worker.submit(Arc::clone(&token)).unwrap();
            }
            drop(worker);
            assert_eq!(Arc::strong_count(&token), 1);
        }
    }
}
