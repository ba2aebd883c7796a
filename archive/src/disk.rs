//! The folder of an archive, and who writes to which hours of it.

use core::time::Duration;
use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use nix::fcntl::{Flock, FlockArg};
use streamsocket_media::clock::Wall;

use crate::counts::Counters;
use crate::error::Error;
use crate::hour::Hour;
use crate::names;
use crate::repair::{Repairs, repair};
use crate::retention::Retention;
use crate::tree::{self, EVER, Tree};
use crate::trouble::Trouble;

/// An hour of a session, that of all of its tracks.
pub(crate) type SessionHour = (Hour, String);

/// What all clones of an archive share.
#[derive(Debug)]
pub(crate) struct Disk {
    pub(crate) tree: Tree,
    pub(crate) retention: Retention,
    /// How many bytes may wait for a bucket, if it is for one that they are kept.
    spool_max: Option<u64>,
    /// How long segments are whose files have times of their own; zero if they have those of capture.
    pub(crate) segment: Duration,
    pub(crate) counters: Counters,
    trouble: Mutex<Trouble>,
    /// How many write to an hour. Held while something is removed, too, so that nobody begins meanwhile.
    held: Mutex<BTreeMap<SessionHour, usize>>,
    /// Released with the program, however it ends.
    _lock: Flock<fs::File>,
}

impl Disk {
    /// Opens a folder, made if it is not there, and repairs what was written to last.
    pub(crate) fn open(
        root: PathBuf,
        retention: Retention,
        spool_max: Option<u64>,
        segment: Duration,
    ) -> Result<Self, Error> {
        fs::create_dir_all(&root).map_err(Error::io("make", &root))?;
        let path = root.join(names::LOCK_FILE);
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(&path);
        let file = file.map_err(Error::io("write", &path))?;
        let lock = Flock::lock(file, FlockArg::LockExclusiveNonblock);
        let disk = Self {
            _lock: lock.map_err(|_| Error::InUse(root.clone()))?,
            tree: Tree::new(root),
            retention,
            spool_max,
            segment,
            counters: Counters::default(),
            trouble: Mutex::default(),
            held: Mutex::default(),
        };
        disk.repair()?;
        Ok(disk)
    }

    fn repair(&self) -> Result<(), Error> {
        let mut all = Repairs::default();
        for session in self.tree.sessions()? {
            for track in self.tree.tracks(&session)? {
                let track = self.tree.track(&session, &track)?;
                for folder in tree::removed(&track)? {
                    fs::remove_dir_all(&folder).map_err(Error::io("remove", &folder))?;
                }
                for hour in tree::hours(&track, &EVER)? {
                    // Of a spool the index has lines of files that are in the bucket.
                    if self.spool_max.is_some() || !hour.is_closed() {
                        let repairs = repair(&track, &hour, self.segment)?;
                        all.indexed += repairs.indexed;
                        all.removed += repairs.removed;
                        all.cut += repairs.cut;
                        hour.close()?;
                    }
                    self.add_bytes(hour.summary()?.bytes);
                }
            }
        }
        self.counters.repaired.add(all.indexed.into());
        if all != Repairs::default() {
            let Repairs { indexed, removed, cut } = all;
            log::info!(
                "{}: segments that were being written when the program ended: {indexed} repaired, {removed} without a whole part removed, {cut} bytes cut off",
                self.tree.root().display()
            );
        }
        Ok(())
    }

    /// Counts what is stored.
    pub(crate) fn add_bytes(&self, bytes: u64) {
        self.counters.bytes.add(bytes);
        self.counters.spooled.add(bytes);
    }

    /// Whether there is room for more, where a bucket has to take it.
    pub(crate) fn check_spool(&self) -> Result<(), Error> {
        match self.spool_max {
            Some(most) if self.counters.spooled.get() >= most => {
                Err(Error::Spool { path: self.tree.root().to_owned(), most })
            }
            _ => Ok(()),
        }
    }

    /// Says that an hour is written to, until what is returned is dropped.
    pub(crate) fn hold(self: &Arc<Self>, session: &str, hour: Hour) -> Held {
        let key = (hour, session.to_owned());
        *self.held().entry(key.clone()).or_default() += 1;
        Held { disk: Arc::clone(self), key }
    }

    /// Which hours are written to. While this is kept none is begun.
    pub(crate) fn held(&self) -> MutexGuard<'_, BTreeMap<SessionHour, usize>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says an error once.
    pub(crate) fn hear(&self, error: &Error, at: Wall) {
        self.trouble().hear(error, at);
    }

    /// What is the matter, and when it is over.
    pub(crate) fn trouble(&self) -> MutexGuard<'_, Trouble> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An hour that is written to, and so not removed.
#[derive(Debug)]
pub(crate) struct Held {
    disk: Arc<Disk>,
    key: SessionHour,
}

impl Held {
    pub(crate) const fn hour(&self) -> Hour {
        self.key.0
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut held = self.disk.held();
        if let Some(count) = held.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                held.remove(&self.key);
            }
        }
    }
}
