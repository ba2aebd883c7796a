use super::*;
use crate::worker::tests::Loop;
use std::sync::mpsc::{Receiver, channel};

const PATIENCE: Duration = Duration::from_secs(60);

/// A value whose drop waits until it is let, and says on which thread it ended.
struct Stuck {
    let_go: Receiver<()>,
    ended: std::sync::mpsc::Sender<Option<String>>,
}

impl Drop for Stuck {
    fn drop(&mut self) {
        let _ = self.let_go.recv_timeout(PATIENCE);
        let _ = self.ended.send(thread::current().name().map(str::to_owned));
    }
}

#[test]
fn what_hangs_when_it_is_closed_holds_up_neither_the_loop_nor_others() {
    let (let_go, stuck) = channel();
    let (ended, said) = channel();
    close(Stuck { let_go: stuck, ended: ended.clone() });
    let (now, at_once) = channel();
    now.send(()).unwrap();
    drop(Slowly::new(Stuck { let_go: at_once, ended }));
    // The second has been closed though the first hangs.
    assert_eq!(said.recv_timeout(PATIENCE).unwrap().as_deref(), Some("close"));
    assert!(said.try_recv().is_err());
    let_go.send(()).unwrap();
    assert_eq!(said.recv_timeout(PATIENCE).unwrap().as_deref(), Some("close"));
}

#[test]
fn a_panic_is_an_end_that_the_loop_hears_of() {
    let mut event_loop = Loop::new();
    let mut work: Work<u32> = Work::begin("open", Arc::clone(&event_loop.waker), || {
        std::panic::resume_unwind(Box::new("a driver's library"));
    })
    .unwrap();
    event_loop.wait();
    assert_eq!((work.take(), work.take()), (Some(Err(Panicked)), None));
}

#[test]
fn a_result_that_nobody_takes_is_closed() {
    let mut event_loop = Loop::new();
    let token = Arc::new(());
    let given = Arc::clone(&token);
    let work = Work::begin("open", Arc::clone(&event_loop.waker), || given).unwrap();
    event_loop.wait();
    drop(work);
    settle(PATIENCE);
    assert_eq!(Arc::strong_count(&token), 1);
}
