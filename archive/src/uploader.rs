//! The thread that uploads, beside everything else.

use core::time::Duration;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use crate::bucket::Bucket;
use crate::disk::Disk;
use crate::error::Error;
use crate::upload::{Uploaded, upload};

/// How often it looks for finished segments: they come once a second or so.
const PAUSE: Duration = Duration::from_secs(1);

/// Longest pause after errors, each of which doubles it.
const PAUSE_MAX: Duration = Duration::from_secs(60);

/// Uploads until it is dropped, and then ends what it is at.
#[derive(Debug)]
pub(crate) struct Uploader {
    work: Arc<Work>,
    end: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Work {
    disk: Arc<Disk>,
    bucket: Arc<Bucket>,
    uploaded: Mutex<Uploaded>,
}

impl Uploader {
    pub(crate) fn start(disk: Arc<Disk>, bucket: Arc<Bucket>) -> Result<Self, Error> {
        let work = Arc::new(Work { disk, bucket, uploaded: Mutex::default() });
        let (end, ended) = sync_channel(0);
        let thread = std::thread::Builder::new().name("archive-upload".to_owned()).spawn({
            let work = Arc::clone(&work);
            move || work.run(&ended)
        });
        let error = Error::io("upload from", work.disk.tree.root());
        let thread = Some(thread.map_err(error)?);
        Ok(Self { work, end: Some(end), thread })
    }

    /// Uploads all that is finished now.
    pub(crate) fn upload(&self) -> Result<(), Error> {
        self.work.once()
    }
}

impl Drop for Uploader {
    fn drop(&mut self) {
        self.end = None;
        if let Some(thread) = self.thread.take() {
            // It has said what there was to say.
            let _ = thread.join();
        }
    }
}

impl Work {
    fn once(&self) -> Result<(), Error> {
        let mut uploaded = self.uploaded.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.bucket.known().is_counted {
            self.disk.counters.bytes.add(self.bucket.count()?);
        }
        upload(&self.disk, &self.bucket, &mut uploaded)
    }

    fn run(&self, ended: &Receiver<()>) {
        let (mut pause, mut is_said) = (PAUSE, false);
        loop {
            match self.once() {
                Ok(()) => {
                    if is_said {
                        log::info!("what waited for the bucket is there");
                    }
                    (pause, is_said) = (PAUSE, false);
                }
                Err(error) => {
                    self.disk.counters.upload_failures.add(1);
                    if !is_said {
                        log::warn!(
                            "{error}; what is finished waits in {}",
                            self.disk.tree.root().display()
                        );
                    }
                    (pause, is_said) = ((pause * 2).min(PAUSE_MAX), true);
                }
            }
            if ended.recv_timeout(pause) == Err(RecvTimeoutError::Disconnected) {
                return;
            }
        }
    }
}
