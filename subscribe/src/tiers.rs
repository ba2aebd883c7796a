//! The tiers of a session: which there are, which is wanted, and which is received. Several threads have them: one hears
//! announcements, one presents, and one receives.

use crate::cells::Count;
use crate::plan::Plan;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Tiers of a session at most, itself included: a daemon sends four at most.
pub const TIERS_MAX: usize = 5;

/// Which tier is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wish {
    /// The best one that arrives whole and in time.
    #[default]
    Automatic,
    /// This one, whatever becomes of it: 0 is the session itself, and those behind it are smaller and smaller.
    Only(usize),
}

/// The tiers of a session.
#[derive(Clone, Debug, Default)]
pub struct Tiers(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    /// Those that are announced.
    plans: Mutex<Arc<Vec<Plan>>>,
    changes: AtomicU64,
    wish: Mutex<Wish>,
    /// Width (upper 16 of 32 bits) and height in pixels that a picture has in the window; 0: no window.
    shown: AtomicU32,
    /// Pictures that could not be decoded and shown in time.
    late: Count,
    held: AtomicBool,
    received: Mutex<Option<Arc<str>>>,
}

impl Tiers {
    /// These are announced now, the largest first. At most [`TIERS_MAX`] less one are kept.
    pub fn announce(&self, mut plans: Vec<Plan>) {
        plans.truncate(TIERS_MAX - 1);
        *lock(&self.0.plans) = Arc::new(plans);
        self.0.changes.fetch_add(1, Ordering::Release);
    }

    /// Those that are announced.
    #[must_use]
    pub fn announced(&self) -> Arc<Vec<Plan>> {
        Arc::clone(&lock(&self.0.plans))
    }

    /// How often they have changed.
    pub(crate) fn changes(&self) -> u64 {
        self.0.changes.load(Ordering::Acquire)
    }

    /// Has another one received. It is tried as soon as it is there.
    pub fn wish(&self, wish: Wish) {
        *lock(&self.0.wish) = wish;
    }

    /// What was wished last.
    #[must_use]
    pub fn wished(&self) -> Wish {
        *lock(&self.0.wish)
    }

    /// A picture has this width and height in the window, in pixels.
    pub fn show(&self, (width, height): (u16, u16)) {
        self.0.shown.store(u32::from(width) << 16 | u32::from(height), Ordering::Relaxed);
    }

    /// The size that a picture has in the window, in pixels, if there is one.
    pub(crate) fn shown(&self) -> Option<(u16, u16)> {
        let shown = self.0.shown.load(Ordering::Relaxed);
        let half = |bits: u32| u16::try_from(bits & 0xFFFF).unwrap_or(u16::MAX);
        (shown != 0).then(|| (half(shown >> 16), half(shown)))
    }

    /// So many pictures so far could not be decoded and shown in time.
    pub fn set_late(&self, late: u64) {
        self.0.late.set(late);
    }

    pub(crate) fn late(&self) -> u64 {
        self.0.late.get()
    }

    /// The tier that is received stays, or may change again: a recording has pictures of one size.
    pub fn hold(&self, held: bool) {
        self.0.held.store(held, Ordering::Relaxed);
    }

    pub(crate) fn is_held(&self) -> bool {
        self.0.held.load(Ordering::Relaxed)
    }

    /// The name of the tier that is received, if it is not the session itself.
    #[must_use]
    pub fn received(&self) -> Option<Arc<str>> {
        lock(&self.0.received).clone()
    }

    pub(crate) fn set_received(&self, name: Option<&str>) {
        *lock(&self.0.received) = name.map(Arc::from);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
