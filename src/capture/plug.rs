//! A device that may be pulled out and plugged in again while the session lives on: it is closed and
//! opened beside the loop, since drivers take their time, and again whenever there is news or the
//! wait is over. What the device delivers, and what stands in for it meanwhile, is the business of
//! its owner.

use super::error::{Cause, Error};
use crate::beside::{Panicked, Slowly, Work};
use std::sync::Arc;
use std::time::Duration;
use streamsocket_media::clock::Monotonic;

/// Wait after the first failure: a node that has just appeared is not ours until udev has given it
/// to its group, 110 to 160 ms later.
const WAIT_FIRST: Duration = Duration::from_millis(10);

/// For so long after news of devices they are about to be ours.
const SOON: Duration = Duration::from_secs(2);

/// Longest wait between two attempts in that time.
const WAIT_SOON: Duration = Duration::from_millis(40);

/// Longest wait between two attempts after it. News of devices come by themselves; this is for what makes
/// none, such as a program that lets go of a camera, and for machines where none can be heard.
const WAIT_MAX: Duration = Duration::from_secs(1);

/// How long to wait between attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Waits {
    pub(super) first: Duration,
    /// The longest as long as it is likely to be there soon.
    pub(super) soon: Duration,
    pub(super) longest: Duration,
}

/// For what is plugged in.
const DEVICE: Waits = Waits { first: WAIT_FIRST, soon: WAIT_SOON, longest: WAIT_MAX };

/// When to try again: soon at first, then less and less often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Backoff {
    waits: Waits,
    began: Monotonic,
    next: Monotonic,
    wait: Duration,
}

impl Backoff {
    const fn new(waits: Waits, now: Monotonic) -> Self {
        Self { waits, began: now, next: now, wait: waits.first }
    }

    /// It did not work.
    fn fail(&mut self, now: Monotonic) {
        self.next = now + self.wait;
        let Waits { soon, longest, .. } = self.waits;
        let longest = if now.since(self.began) < SOON { soon } else { longest };
        self.wait = (self.wait * 2).min(longest);
    }
}

/// How a device is opened.
pub(super) type Open<D> = Arc<dyn Fn() -> Result<D, Error> + Send + Sync>;

/// A device that comes and goes.
pub(super) struct Plug<D: Send + 'static> {
    open: Open<D>,
    state: State<D>,
    waits: Waits,
    waker: Arc<mio::Waker>,
    /// Devices so far.
    count: u64,
}

enum State<D: Send + 'static> {
    Here(Slowly<D>),
    Away {
        why: Error,
        retry: Backoff,
        /// What was lost: it is closed before it is opened again.
        lost: Option<Slowly<D>>,
        /// It is being opened.
        opening: Option<Work<Result<D, Error>>>,
        /// There was news while it ran: what it finds may be old.
        again: bool,
    },
}

impl<D: Send + 'static> Plug<D> {
    /// Begins with a device, or with the reason why there is none yet. `waker` is woken when one
    /// was opened, or could not be.
    pub(super) fn new(device: Result<D, Error>, open: Open<D>, waker: Arc<mio::Waker>) -> Self {
        Self::trying(device, DEVICE, open, waker)
    }

    /// As [`new`](Self::new), and tries at such intervals.
    pub(super) fn trying(
        device: Result<D, Error>,
        waits: Waits,
        open: Open<D>,
        waker: Arc<mio::Waker>,
    ) -> Self {
        let count = u64::from(device.is_ok());
        let state = match device {
            Ok(device) => State::Here(Slowly::new(device)),
            Err(why) => State::away(why, Backoff::new(waits, Monotonic(0))),
        };
        Self { open, state, waits, waker, count }
    }

    /// The device, while it is here.
    pub(super) const fn device(&self) -> Option<&D> {
        match &self.state {
            State::Here(device) => device.get(),
            State::Away { .. } => None,
        }
    }

    /// The device, while it is here.
    pub(super) const fn device_mut(&mut self) -> Option<&mut D> {
        match &mut self.state {
            State::Here(device) => device.get_mut(),
            State::Away { .. } => None,
        }
    }

    /// Why it is away, if it is.
    pub(super) const fn why(&self) -> Option<&Error> {
        match &self.state {
            State::Here(_) => None,
            State::Away { why, .. } => Some(why),
        }
    }

    /// How many devices there were so far, this one included: another number, other descriptors.
    pub(super) const fn count(&self) -> u64 {
        self.count
    }

    /// The device has failed: it is closed, and opened again from `now` on.
    pub(super) fn lose(&mut self, why: Error, now: Monotonic) {
        if self.device().is_none() {
            return;
        }
        let away = State::away(why, Backoff::new(self.waits, now));
        if let State::Here(device) = std::mem::replace(&mut self.state, away) {
            if let State::Away { lost, .. } = &mut self.state {
                *lost = Some(device);
            }
        }
    }

    /// Some device has come, or has changed hands: tries at once.
    pub(super) const fn rescan(&mut self, now: Monotonic) {
        if let State::Away { retry, opening, again, .. } = &mut self.state {
            *retry = Backoff::new(self.waits, now);
            *again = opening.is_some();
        }
    }

    /// When to call [`turn`](Self::turn), if the waker does not say so before.
    pub(super) const fn deadline(&self) -> Option<Monotonic> {
        match &self.state {
            State::Away { retry, opening: None, .. } => Some(retry.next),
            _ => None,
        }
    }

    /// Takes the device that was opened, or has one opened if it is time. True if it is back.
    pub(super) fn turn(&mut self, now: Monotonic) -> bool {
        let State::Away { why, retry, opening, again, .. } = &mut self.state else { return false };
        if let Some(work) = opening {
            let Some(result) = work.take() else { return false };
            *opening = None;
            match result.unwrap_or_else(|Panicked| Err(panicked())) {
                Ok(device) => {
                    self.count += 1;
                    self.state = State::Here(Slowly::new(device));
                    return true;
                }
                Err(error) => {
                    note(why, error);
                    // News that came meanwhile has set the next attempt already.
                    if !std::mem::take(again) {
                        retry.fail(now);
                    }
                }
            }
        }
        if retry.next <= now {
            self.try_to_open(now);
        }
        false
    }

    /// Has it closed, if it is still open, and opened.
    fn try_to_open(&mut self, now: Monotonic) {
        let State::Away { retry, opening, lost, .. } = &mut self.state else { return };
        let (open, lost) = (Arc::clone(&self.open), lost.take());
        let work = Work::begin("open", Arc::clone(&self.waker), move || {
            drop(lost);
            open()
        });
        match work {
            Ok(work) => *opening = Some(work),
            Err(error) => {
                log::warn!("no thread can be started to open a device: {error}");
                retry.fail(now);
            }
        }
    }
}

impl<D: Send + 'static> State<D> {
    const fn away(why: Error, retry: Backoff) -> Self {
        Self::Away { why, retry, lost: None, opening: None, again: false }
    }
}

/// What a library did instead of opening it.
fn panicked() -> Error {
    Error::new("opening it panicked: this is a bug, please report it; trying again")
}

/// Keeps the reason that says most: that nothing is there is known already.
fn note(why: &mut Error, error: Error) {
    if error.cause() == Cause::Absent || error.to_string() == why.to_string() {
        return;
    }
    match error.cause() {
        // For a moment, until udev has done its work; said if it stays so.
        Cause::Forbidden | Cause::Absent => log::debug!("{error}"),
        Cause::Busy | Cause::Unreachable | Cause::Still | Cause::Other => log::warn!("{error}"),
    }
    *why = error;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::worker::tests::Loop;
    use std::sync::Mutex;

    const MS: i64 = 1_000_000;

    /// A plug whose attempts end one after the other as listed, last first.
    fn plug(outcomes: Vec<Result<u32, Error>>) -> (Loop, Plug<u32>) {
        let outcomes = Mutex::new(outcomes);
        let next = move || outcomes.lock().unwrap().pop().unwrap_or_else(|| Err(absent()));
        let event_loop = Loop::new();
        let waker = Arc::clone(&event_loop.waker);
        (event_loop, Plug::new(Ok(0), Arc::new(next), waker))
    }

    fn absent() -> Error {
        Error::new("not there").from_cause(Cause::Absent)
    }

    #[test]
    fn waits_are_short_at_first_and_then_double_up_to_a_second() {
        let mut backoff = Backoff::new(DEVICE, Monotonic(0));
        let mut waits = Vec::new();
        for _ in 0..60 {
            let before = backoff.next;
            backoff.fail(before);
            waits.push(backoff.next.since(before).as_millis());
        }
        assert_eq!(waits[..5], [10, 20, 40, 40, 40]);
        let later = waits.iter().position(|wait| *wait > 40).unwrap();
        assert_eq!(waits[later..later + 6], [80, 160, 320, 640, 1000, 1000]);
        assert!(waits[..later].iter().sum::<u128>() >= SOON.as_millis());
    }

    #[test]
    fn a_lost_device_is_opened_again() {
        let (mut event_loop, mut plug) = plug(vec![Ok(7), Err(absent())]);
        assert_eq!((plug.device(), plug.count(), plug.deadline()), (Some(&0), 1, None));
        plug.lose(Error::new("pulled out"), Monotonic(MS));
        assert_eq!((plug.device(), plug.deadline()), (None, Some(Monotonic(MS))));
        assert!(!plug.turn(Monotonic(MS)));
        event_loop.wait();
        assert!(!plug.turn(Monotonic(2 * MS)), "the first attempt fails");
        assert_eq!(plug.deadline(), Some(Monotonic(12 * MS)));
        assert!(!plug.turn(Monotonic(12 * MS)));
        event_loop.wait();
        assert!(plug.turn(Monotonic(13 * MS)));
        assert_eq!((plug.device(), plug.count(), plug.deadline()), (Some(&7), 2, None));
    }

    #[test]
    fn news_make_it_try_at_once_and_again_after_an_attempt_under_way() {
        let (mut event_loop, mut plug) = plug(vec![Ok(7), Err(absent())]);
        plug.lose(Error::new("pulled out"), Monotonic(0));
        plug.turn(Monotonic(0));
        plug.rescan(Monotonic(MS));
        event_loop.wait();
        // The attempt that was under way fails, and the next one begins in the same turn.
        assert!(!plug.turn(Monotonic(2 * MS)));
        event_loop.wait();
        assert!(plug.turn(Monotonic(3 * MS)));
    }

    #[test]
    fn a_panic_while_it_is_opened_is_a_failed_attempt() {
        let mut event_loop = Loop::new();
        let attempts = Mutex::new(0);
        let open = move || {
            let mut attempts = attempts.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            *attempts += 1;
            assert!(*attempts > 1, "a driver's library");
            Ok(7)
        };
        let mut plug = Plug::new(Ok(0), Arc::new(open), Arc::clone(&event_loop.waker));
        plug.lose(Error::new("pulled out"), Monotonic(0));
        plug.turn(Monotonic(0));
        event_loop.wait();
        assert!(!plug.turn(Monotonic(MS)));
        assert!(plug.why().unwrap().to_string().contains("panicked"));
        let again = plug.deadline().expect("it is tried again");
        plug.turn(again);
        event_loop.wait();
        assert!(plug.turn(again) && plug.device() == Some(&7));
    }

    /// A device that hangs in the kernel when it is closed, until it is let go.
    #[derive(Debug)]
    struct Frozen {
        let_go: std::sync::mpsc::Receiver<()>,
        _closed: Arc<()>,
    }

    impl Drop for Frozen {
        fn drop(&mut self) {
            let _ = self.let_go.recv_timeout(Duration::from_secs(60));
        }
    }

    #[test]
    fn one_that_hangs_when_it_is_closed_is_waited_for_beside_the_loop() {
        let mut event_loop = Loop::new();
        let (let_it_go, let_go) = std::sync::mpsc::channel();
        let closed = Arc::new(());
        let seen = Arc::downgrade(&closed);
        let open = move || {
            assert!(seen.upgrade().is_none(), "opened before it was closed");
            Err(absent())
        };
        let waker = Arc::clone(&event_loop.waker);
        let mut plug = Plug::new(Ok(Frozen { let_go, _closed: closed }), Arc::new(open), waker);
        plug.lose(Error::new("frozen"), Monotonic(0));
        // Nothing of this waits for it.
        for now in 0..100 {
            assert!(!plug.turn(Monotonic(now * 1000 * MS)));
            assert_eq!(plug.deadline(), None, "it is being opened");
        }
        let_it_go.send(()).unwrap();
        event_loop.wait();
        assert!(!plug.turn(Monotonic(100_000 * MS)));
        assert_eq!(plug.why().unwrap().to_string(), "frozen");
    }

    #[test]
    fn the_reason_that_says_most_is_kept() {
        let busy = Error::new("taken").from_cause(Cause::Busy);
        let (mut event_loop, mut plug) = plug(vec![Err(busy), Err(absent())]);
        plug.lose(Error::new("pulled out"), Monotonic(0));
        for now in [0, 10_000] {
            plug.turn(Monotonic(now * MS));
            event_loop.wait();
            plug.turn(Monotonic(now * MS + 1));
            let expected = if now == 0 { "pulled out" } else { "taken" };
            assert_eq!(plug.why().unwrap().to_string(), expected);
        }
    }
}
