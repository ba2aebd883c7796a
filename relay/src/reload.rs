//! The configuration, read again while everything goes on.

use crate::configuration::{Configuration, Room};
use crate::options::Options;
use crate::users;
use mio::Waker;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::Builder;
use streamsocket_rtsp::users::Users;

/// What was read, or one line on what is wrong with it.
type Read = Result<(Configuration, Users), String>;

/// Reads the configuration beside the loop: files may be on a disk that sleeps.
#[derive(Debug)]
pub(crate) struct Reload {
    /// Where it is, if not at the usual place.
    path: Option<PathBuf>,
    /// Cameras that the command line names.
    pulls: Vec<String>,
    /// Where publishers connect, and the interface, as they were at the start.
    begun: (SocketAddr, Option<String>),
    sender: Sender<Read>,
    receiver: Receiver<Read>,
    waker: Arc<Waker>,
    reading: bool,
    /// It was asked for again meanwhile.
    again: bool,
}

impl Reload {
    /// For this configuration, which came from what `options` name. The waker tells the loop that something was read.
    pub(crate) fn new(options: &Options, begun: &Configuration, waker: Arc<Waker>) -> Self {
        let (sender, receiver) = channel();
        let (path, pulls) = (options.config.clone(), options.pull.clone());
        let begun = (begun.listen, begun.interface.clone());
        Self { path, pulls, begun, sender, receiver, waker, reading: false, again: false }
    }

    /// Begins to read it; again afterwards, if it is being read.
    pub(crate) fn begin(&mut self) {
        if std::mem::replace(&mut self.reading, true) {
            self.again = true;
            return;
        }
        let (path, pulls) = (self.path.clone(), self.pulls.clone());
        let (sender, waker) = (self.sender.clone(), Arc::clone(&self.waker));
        let reads = move || {
            // The loop has ended if nobody takes it.
            let _ = sender.send(users::configured(path.as_deref(), &pulls));
            let _ = waker.wake();
        };
        if let Err(error) = Builder::new().name("reload".into()).spawn(reads) {
            self.reading = false;
            log::error!("the configuration is not read: no thread can be started: {error}");
        }
    }

    /// What was read, if something was.
    pub(crate) fn done(&mut self) -> Option<Read> {
        let read = self.receiver.try_recv().ok()?;
        self.reading = false;
        if std::mem::take(&mut self.again) {
            self.begin();
        }
        Some(read)
    }

    /// Whether more was changed than who may publish and watch.
    pub(crate) fn is_more(&self, now: &Configuration, rooms: &[Room]) -> bool {
        let (listen, interface) = &self.begun;
        now.listen != *listen
            || now.interface != *interface
            || of_anybody(&now.rooms) != of_anybody(rooms)
    }
}

/// The rooms, whoever may publish there.
fn of_anybody(rooms: &[Room]) -> Vec<Room> {
    rooms.iter().map(|room| Room { publishers: Vec::new(), ..room.clone() }).collect()
}
