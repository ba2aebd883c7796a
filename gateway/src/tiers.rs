//! The tiers of a session: each is received while somebody watches it, and a little longer.

use crate::reception::{Pictures, Reception, Sound};
use crate::rooms::Rooms;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::Builder;
use std::time::Duration;
use streamsocket_media::clock::Monotonic;
use streamsocket_net::Interface;
use streamsocket_stream::receive::depayloader::Encoding;
use streamsocket_subscribe::counters::Counters;
use streamsocket_subscribe::keys::KeyRing;
use streamsocket_subscribe::latency::TargetLatency;
use streamsocket_subscribe::locate::is_received_alike;
use streamsocket_subscribe::plan::{Plan, StreamPlan};
use streamsocket_subscribe::subscription::{Stop, Subscription};
use streamsocket_subscribe::tiers::Tiers;

/// A tier that nobody watches is received for so long: viewers come back, and change to and fro.
const KEPT: Duration = Duration::from_secs(5);

/// What receiving takes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Means {
    pub(crate) interface: Option<Interface>,
    /// For protected sessions.
    pub(crate) keys: KeyRing,
    pub(crate) rooms: Rooms,
}

/// The tiers of a session.
#[derive(Debug, Default)]
pub(crate) struct SessionTiers {
    means: Means,
    announced: Tiers,
    /// Those that are received.
    feeds: Mutex<Vec<Received>>,
    ended: AtomicBool,
}

/// A tier that is received.
#[derive(Debug)]
struct Received {
    feed: Arc<Feed>,
    plan: Plan,
    stop: Stop,
    /// Since when nobody watches it.
    idle: Option<Monotonic>,
}

/// What comes of a tier, for as long as this is kept.
#[derive(Debug)]
pub(crate) struct Feed {
    pub(crate) pictures: Pictures,
    pub(crate) sound: Sound,
    /// What its sound is, if it is another than the session's.
    pub(crate) opus: Option<StreamPlan>,
}

impl SessionTiers {
    /// Of a session of which none is known yet.
    pub(crate) fn new(means: Means) -> Self {
        Self { means, ..Self::default() }
    }

    /// Takes those that are announced.
    pub(crate) const fn announced(&self) -> &Tiers {
        &self.announced
    }

    /// The plans of those that there are, the largest first.
    pub(crate) fn plans(&self) -> Arc<Vec<Plan>> {
        self.announced.announced()
    }

    /// Whether the tier of this name is received now.
    pub(crate) fn is_received(&self, name: &str) -> bool {
        self.lock().iter().any(|it| it.plan.tier.as_deref() == Some(name))
    }

    /// The tier of this name, which is joined if nobody watches it yet.
    ///
    /// # Errors
    /// One line: there is none, or why it cannot be joined.
    pub(crate) fn watch(&self, name: &str) -> Result<Arc<Feed>, String> {
        let mut feeds = self.lock();
        if let Some(known) = feeds.iter_mut().find(|it| it.plan.tier.as_deref() == Some(name)) {
            known.idle = None;
            return Ok(Arc::clone(&known.feed));
        }
        let plans = self.plans();
        let plan = plans.iter().find(|plan| plan.tier.as_deref() == Some(name));
        let plan = plan.filter(|plan| plan.video.is_some() && !self.has_ended());
        let plan = plan.ok_or_else(|| {
            let names: Vec<_> = plans.iter().filter_map(|it| it.tier.as_deref()).collect();
            let there = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            format!("there is no tier '{name}' of it, but {there}")
        })?;
        let received = self.join(plan)?;
        let feed = Arc::clone(&received.feed);
        feeds.push(received);
        Ok(feed)
    }

    fn join(&self, plan: &Plan) -> Result<Received, String> {
        // Samples are those of the session.
        let opus = plan.audio.clone().filter(|audio| audio.encoding == Encoding::Opus);
        let own = Plan { audio: opus.clone(), ..plan.clone() };
        let (reception, pictures, sound) = Reception::new(0, 0);
        let Means { interface, keys, rooms } = &self.means;
        let (counters, latency) = (Arc::<Counters>::default(), TargetLatency::Auto);
        let (interface, outlet) = (interface.as_ref(), Box::new(reception));
        let opened = Subscription::open(&own, interface, latency, outlet, counters, keys.clone());
        let (mut subscription, stop) = opened?;
        if let Some(room) = &plan.room {
            subscription.keep_in_step(rooms.member(room));
        }
        let name = plan.name.clone();
        let run = move || {
            log::debug!("'{name}' is received");
            match subscription.run() {
                Ok(_) => log::debug!("'{name}' is not received any more"),
                Err(why) => log::warn!("'{name}' is not received any more: {why}"),
            }
        };
        let spawned = Builder::new().name("tier".to_owned()).spawn(run);
        spawned.map_err(|error| format!("no thread for a tier: {error}"))?;
        let feed = Arc::new(Feed { pictures, sound, opus });
        Ok(Received { feed, plan: plan.clone(), stop, idle: None })
    }

    /// Leaves tiers that nobody watches, or that are not announced any more as they were. Whether the session has ended.
    pub(crate) fn turn(&self, now: Monotonic) -> bool {
        let plans = self.plans();
        self.lock().retain_mut(|it| {
            let watched = Arc::strong_count(&it.feed) > 1;
            let since = *it.idle.get_or_insert(now);
            if watched {
                it.idle = None;
            }
            // What else a description says of it changes nothing of what is received.
            let is_it =
                |plan: &Plan| plan.tier == it.plan.tier && is_received_alike(plan, &it.plan);
            let stays = (watched || now.since(since) < KEPT) && plans.iter().any(is_it);
            if !stays {
                it.stop.stop();
            }
            stays
        });
        self.has_ended()
    }

    /// The session has ended.
    pub(crate) fn end(&self) {
        self.ended.store(true, Ordering::Relaxed);
        self.lock().drain(..).for_each(|it| it.stop.stop());
    }

    fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Received>> {
        self.feeds.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
