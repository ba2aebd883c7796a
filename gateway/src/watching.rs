//! The pictures that one viewer is sent, of a session or of one of its tiers, and the change from one to another.

use crate::handover::Handover;
use crate::picture::Picture;
use crate::quality::{Quality, Wish};
use crate::reception::Pictures;
use crate::sessions::{Session, Viewer};
use crate::tiers::Feed;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;
use streamsocket_media::clock::Monotonic;
use streamsocket_subscribe::clock::monotonic;
use streamsocket_subscribe::plan::Plan;
use tokio::time::{Interval, MissedTickBehavior, interval};

/// Interval at which it is looked whether another tier is wanted.
const LOOK: Duration = Duration::from_millis(250);

/// A tier of which no picture comes for so long cannot be had: a first one takes a few seconds if it is made on demand.
const PATIENCE: Duration = Duration::from_secs(8);

/// A tier whose pictures stay away for so long is not waited for by who has not chosen it.
const SILENT: Duration = Duration::from_millis(2500);

/// Where pictures come from.
struct Source {
    /// The tier, if it is one.
    name: Option<Arc<str>>,
    pictures: Pictures,
    /// The tier is received for as long as this is kept.
    _feed: Option<Arc<Feed>>,
    /// Number of the last picture.
    number: Option<u64>,
    /// Nanoseconds between two pictures, as they are described; 0: they are not.
    interval: i64,
    since: Monotonic,
}

impl Source {
    /// The session itself.
    fn whole(session: &Session, now: Monotonic) -> Self {
        Self::of(None, &session.plan, session.pictures.clone(), None, now)
    }

    fn tier(plan: &Plan, feed: Arc<Feed>, now: Monotonic) -> Self {
        let name = plan.tier.as_deref().map(Arc::from);
        Self::of(name, plan, feed.pictures.clone(), Some(feed), now)
    }

    fn of(
        name: Option<Arc<str>>,
        plan: &Plan,
        mut pictures: Pictures,
        feed: Option<Arc<Feed>>,
        now: Monotonic,
    ) -> Self {
        // The picture that is there is the first one.
        pictures.mark_changed();
        let rate = plan.video.as_ref().and_then(|video| video.framerate).filter(|rate| *rate > 0);
        let interval = rate.map_or(0, |rate| 1_000_000_000_000 / i64::from(rate));
        Self { name, pictures, _feed: feed, number: None, interval, since: now }
    }

    /// The newest picture, and how many were left out before it.
    fn take(&mut self) -> Option<(Arc<Picture>, u64)> {
        let picture = self.pictures.borrow_and_update().clone()?;
        let before = self.number.replace(picture.number);
        let left_out = before.map_or(0, |before| picture.number.saturating_sub(before + 1));
        Some((picture, left_out))
    }

    /// When the last picture came, or it was turned to.
    fn arrival(&self) -> Monotonic {
        let newest = self.pictures.borrow().as_ref().map(|picture| picture.arrival);
        newest.map_or(self.since, |arrival| arrival.max(self.since))
    }
}

/// What happens to a viewer.
pub(crate) enum Event {
    /// A picture is to be sent.
    Picture(Arc<Picture>),
    /// Another tier is sent from now on, or there are others to choose from.
    Changed,
}

/// What one viewer is sent.
pub(crate) struct Watching {
    session: Arc<Session>,
    quality: Quality,
    current: Source,
    /// What is changed to as soon as it comes.
    next: Option<Source>,
    handover: Handover,
    tiers: Arc<Vec<Plan>>,
    look: Option<Interval>,
    /// There is something that has not been told.
    news: bool,
    _viewer: Viewer,
}

impl Watching {
    /// Of a viewer who comes now.
    pub(crate) fn new(session: Arc<Session>, wish: Wish) -> Self {
        let (now, is_chosen) = (monotonic(), matches!(wish, Wish::Tier(_)));
        let mut own = Self {
            quality: Quality::new(wish.clone(), now),
            current: Source::whole(&session, now),
            next: None,
            handover: Handover::default(),
            tiers: session.tiers.plans(),
            look: None,
            news: false,
            _viewer: session.viewer(),
            session,
        };
        if wish != Wish::Full {
            own.look_from_now_on();
            own.look(now);
        }
        // Who has chosen a tier is sent nothing else before it.
        if let Some(chosen) = own.next.take_if(|_| is_chosen) {
            own.current = chosen;
        }
        own
    }

    /// The same of a page, which is told what there is to choose from.
    pub(crate) fn for_page(session: Arc<Session>, wish: Wish) -> Self {
        let mut own = Self::new(session, wish);
        own.look_from_now_on();
        own.news = true;
        own
    }

    fn look_from_now_on(&mut self) {
        self.look.get_or_insert_with(|| {
            let mut looks = interval(LOOK);
            looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            looks
        });
    }

    /// Wants this from now on.
    pub(crate) fn wish(&mut self, wish: Wish) {
        self.quality.wish(wish);
        self.next = None;
        self.handover.forget();
        self.news = true;
        self.look(monotonic());
    }

    /// A page has said that so many pictures came too late for it so far, and how large they are there.
    pub(crate) const fn told(&mut self, late: u64, window: Option<(u16, u16)>) {
        self.quality.told(late, window);
    }

    /// The tiers that there are; the one that is sent, if it is one; and whether that was chosen automatically.
    pub(crate) fn state(&self) -> (&[Plan], Option<&str>, bool) {
        (&self.tiers, self.current.name.as_deref(), self.quality.is_automatic())
    }

    /// What happens next; `None` when the session has ended. Who asks late is given the newest picture. Nothing is lost if
    /// it is not waited for.
    pub(crate) async fn next(&mut self) -> Option<Event> {
        loop {
            if std::mem::take(&mut self.news) {
                return Some(Event::Changed);
            }
            let picture = tokio::select! {
                biased;
                // Who reads slowly always finds another picture.
                () = tick(self.look.as_mut()) => {
                    self.look(monotonic());
                    None
                }
                next = changed(self.next.as_mut()) => self.take_over(next),
                current = self.current.pictures.changed() => match current {
                    Ok(()) => self.go_on(),
                    Err(_) if self.current.name.is_none() => return None,
                    Err(_) => {
                        self.return_home(monotonic());
                        None
                    }
                },
            };
            if let Some(picture) = picture {
                return Some(Event::Picture(picture));
            }
        }
    }

    /// A picture of the tier so far, if it is to be sent.
    fn go_on(&mut self) -> Option<Arc<Picture>> {
        let (picture, left_out) = self.current.take()?;
        self.quality.took(left_out);
        Some(picture).filter(|picture| self.handover.takes(picture.captured))
    }

    /// A picture of the next tier, if that takes over with it.
    fn take_over(&mut self, alive: bool) -> Option<Arc<Picture>> {
        let (now, next) = (monotonic(), self.next.as_mut()?);
        if !alive {
            self.give_up(now);
            return None;
        }
        let (picture, _) = next.take()?;
        let is_fresh = now.since(picture.arrival) < SILENT;
        if !is_fresh || !self.handover.takes_over(picture.captured, next.interval) {
            return None;
        }
        let next = self.next.take()?;
        let better = self.place(&next) < self.place(&self.current);
        self.current = Source { since: now, ..next };
        self.quality.changed(now, better);
        self.news = true;
        Some(picture)
    }

    /// Looks whether another tier is wanted, and whether what is sent or waited for comes.
    fn look(&mut self, now: Monotonic) {
        let tiers = self.session.tiers.plans();
        if !Arc::ptr_eq(&tiers, &self.tiers) {
            (self.tiers, self.news) = (tiers, true);
        }
        let waits = |source: &Source| now.since(source.since) >= PATIENCE;
        if self.current.name.is_some() && self.is_silent() {
            self.return_home(now);
        } else if self.next.as_ref().is_some_and(waits) {
            self.give_up(now);
        }
        let wanted = self.quality.wants(now, self.place(&self.current), &self.tiers);
        if let (Some((to, why)), None) = (wanted, &self.next) {
            log::debug!("'{}': tier {to} for a viewer: {why:?}", self.session.name);
            self.begin(to, now);
        }
    }

    /// Whether the tier has stayed away while the session itself goes on.
    fn is_silent(&self) -> bool {
        let newest = self.session.pictures.borrow().as_ref().map(|picture| picture.arrival);
        let started = self.current.number.is_some();
        let slow = Duration::from_nanos(2 * self.current.interval.unsigned_abs());
        let patience = slow + if started { SILENT } else { PATIENCE };
        newest.is_some_and(|newest| newest.since(self.current.arrival()) >= patience)
    }

    /// Has the pictures of another tier come: 0 is the session itself.
    fn begin(&mut self, to: usize, now: Monotonic) {
        let Some(plan) = to.checked_sub(1).and_then(|at| self.tiers.get(at)) else {
            self.next = Some(Source::whole(&self.session, now));
            return;
        };
        match self.session.tiers.watch(plan.tier.as_deref().unwrap_or_default()) {
            Ok(feed) => self.next = Some(Source::tier(plan, feed, now)),
            Err(why) => {
                log::debug!("'{}': {why}", self.session.name);
                self.quality.failed(now);
            }
        }
    }

    /// Sends the session itself: of the tier nothing comes any more.
    fn return_home(&mut self, now: Monotonic) {
        (self.current, self.next) = (Source::whole(&self.session, now), None);
        self.handover.forget();
        self.quality.changed(now, false);
        self.quality.failed(now);
        self.news = true;
    }

    /// What was to be next does not come.
    fn give_up(&mut self, now: Monotonic) {
        self.next = None;
        self.handover.forget();
        self.quality.failed(now);
    }

    /// The number of a tier; one that is announced no more is behind the last.
    fn place(&self, source: &Source) -> usize {
        let Some(name) = source.name.as_deref() else { return 0 };
        let at = self.tiers.iter().position(|it| it.tier.as_deref() == Some(name));
        at.unwrap_or(self.tiers.len()) + 1
    }
}

/// Whether there is another picture of the next tier, or there will be none any more.
async fn changed(next: Option<&mut Source>) -> bool {
    match next {
        Some(next) => next.pictures.changed().await.is_ok(),
        None => pending().await,
    }
}

async fn tick(look: Option<&mut Interval>) {
    match look {
        Some(look) => drop(look.tick().await),
        None => pending().await,
    }
}
