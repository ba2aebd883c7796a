//! Watches over the threads beside the main one: says which of them has ended, and waits for all of them at
//! the end of the program, but not for ever.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::Builder;
use std::time::Duration;

/// How long a thread may take to end while nothing is seen of its work: a disk that is flushed takes a
/// second, and what reads a pipe and has stopped takes for ever.
const PATIENCE: Duration = Duration::from_secs(3);

/// Between two looks at whether something is still being done.
const LOOK: Duration = Duration::from_millis(100);

/// A thread has ended.
#[derive(Debug)]
struct Ended {
    name: &'static str,
    problem: Option<String>,
}

/// The threads that were started.
#[derive(Debug)]
pub(super) struct Supervisor {
    running: Vec<&'static str>,
    sender: Sender<Ended>,
    ended: Receiver<Ended>,
}

impl Supervisor {
    pub(super) fn new() -> Self {
        let (sender, ended) = channel();
        Self { running: Vec::new(), sender, ended }
    }

    /// Starts a thread.
    ///
    /// # Errors
    /// One line, if the system has no room for one.
    pub(super) fn spawn(
        &mut self,
        name: &'static str,
        work: impl FnOnce() -> Result<(), String> + Send + 'static,
    ) -> Result<(), String> {
        let sender = self.sender.clone();
        let thread = Builder::new().name(name.into()).spawn(move || {
            let problem = match catch_unwind(AssertUnwindSafe(work)) {
                Ok(result) => result.err(),
                Err(panic) => Some(words(panic.as_ref())),
            };
            let _ = sender.send(Ended { name, problem });
        });
        thread.map_err(|error| format!("no thread can be started: {error}"))?;
        self.running.push(name);
        Ok(())
    }

    /// A thread that has ended though the program goes on: which one, and why.
    pub(super) fn lost(&mut self) -> Option<String> {
        let Ended { name, problem } = self.ended.try_recv().ok()?;
        self.running.retain(|running| *running != name);
        let reason = problem.map_or(String::new(), |problem| format!(": {problem}"));
        Some(format!("the {name} thread has ended{reason}; start the program again"))
    }

    /// Waits until all threads have ended, as long as `progress` changes; it is asked now and then.
    ///
    /// # Errors
    /// The problem of the first that had one, or which thread does not end.
    pub(super) fn join(mut self, mut progress: impl FnMut() -> u64) -> Result<(), String> {
        let (mut result, mut waited, mut seen) = (Ok(()), Duration::ZERO, progress());
        while !self.running.is_empty() && waited < PATIENCE {
            waited += LOOK;
            if let Ok(Ended { name, problem }) = self.ended.recv_timeout(LOOK) {
                self.running.retain(|running| *running != name);
                waited = Duration::ZERO;
                if let (Some(problem), true) = (problem, result.is_ok()) {
                    result = Err(format!("the {name} thread has ended: {problem}"));
                }
            }
            let now = progress();
            if std::mem::replace(&mut seen, now) != now {
                waited = Duration::ZERO;
            }
        }
        match self.running.first() {
            Some(name) => Err(format!(
                "the {name} thread does not end: what it writes to takes nothing any more"
            )),
            None => result,
        }
    }
}

/// What a panic said, on one line.
fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("it panicked").replace(char::is_control, " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_panics_is_named_with_its_words() {
        let mut threads = Supervisor::new();
        let (hold, held) = channel::<()>();
        threads
            .spawn("network", move || held.recv().map_err(|_| String::new()).or(Ok(())))
            .unwrap();
        assert_eq!(threads.lost(), None);
        threads.spawn("picture", || panic!("a table\nis missing")).unwrap();
        let lost = loop {
            if let Some(lost) = threads.lost() {
                break lost;
            }
            std::thread::yield_now();
        };
        assert_eq!(
            lost,
            "the picture thread has ended: a table is missing; start the program again"
        );
        drop(hold);
        threads.join(|| 0).unwrap();
    }

    #[test]
    fn a_thread_that_ends_without_a_word_is_named_as_well() {
        let mut threads = Supervisor::new();
        threads.spawn("sound", || Ok(())).unwrap();
        while threads.running.contains(&"sound") {
            let lost = threads.lost();
            assert!(lost.is_none_or(|lost| lost.starts_with("the sound thread has ended;")));
        }
    }

    #[test]
    fn what_still_works_is_waited_for_and_what_does_not_is_left() {
        let mut threads = Supervisor::new();
        let (hold, held) = channel::<()>();
        threads.spawn("recording", move || held.recv().map_err(|error| error.to_string())).unwrap();
        // It goes on writing for longer than one that is stuck is waited for, and then gets stuck.
        let looks = PATIENCE.as_millis() / LOOK.as_millis() + 5;
        let mut asked = 0;
        let ended = threads.join(|| {
            asked += 1;
            u64::try_from(looks).unwrap().min(asked)
        });
        assert!(u128::from(asked) >= 2 * looks - 5, "{asked}");
        assert!(ended.unwrap_err().starts_with("the recording thread does not end"));
        drop(hold);
    }
}
