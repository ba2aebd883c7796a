//! Joins sessions: those that the user names, or all that are announced. Each is received on a thread of its own.

use crate::reception::Reception;
use crate::sessions::Sessions;
use crate::tiers::{Means, SessionTiers};
use std::collections::HashMap;
use std::sync::Arc;
use std::thread::Builder;
use streamsocket_subscribe::clock::monotonic;
use streamsocket_subscribe::counters::Counters;
use streamsocket_subscribe::latency::TargetLatency;
use streamsocket_subscribe::locate::{Change, Wanted, follow, follow_tiers, locate};
use streamsocket_subscribe::plan::Plan;
use streamsocket_subscribe::subscription::{Ending, Stop, Subscription};
use tokio::sync::mpsc::UnboundedSender;

/// What joining takes.
#[derive(Clone)]
pub(crate) struct Receiving {
    /// Where those that are joined are listed.
    pub(crate) sessions: Sessions,
    pub(crate) means: Means,
    /// Takes what the program cannot go on without, in one line.
    pub(crate) failed: UnboundedSender<String>,
}

impl Receiving {
    /// Receives what `source` names. `place` is its place among those that are named.
    ///
    /// # Errors
    /// One line, if there can be no more threads.
    pub(crate) fn begin_named(&self, place: usize, source: String) -> Result<(), String> {
        self.spawn(format!("source {place}"), move |own| {
            loop {
                let wanted = Wanted { source: Some(&source), ..Wanted::default() };
                let located = locate(wanted, own.means.interface.as_ref(), |_| false);
                let Some(plan) = located.map_err(|error| error.to_string())? else {
                    return Ok(());
                };
                let (name, _stop, mut subscription) = own.join(plan, place)?;
                log::info!("'{name}' is received");
                match subscription.run()? {
                    Ending::Stopped => return Ok(()),
                    Ending::Changed => own.sessions.remove(&name),
                }
            }
        })
    }

    /// Receives all that is announced.
    ///
    /// # Errors
    /// One line, if there can be no more threads.
    pub(crate) fn begin_announced(&self) -> Result<(), String> {
        self.spawn("announced".to_owned(), |own| {
            let mut joined = HashMap::new();
            let mut each = |change| own.follow(change, &mut joined);
            follow(own.means.interface.as_ref(), || false, &mut each)
                .map_err(|error| error.to_string())
        })
    }

    fn spawn(
        &self,
        name: String,
        run: impl FnOnce(&Self) -> Result<(), String> + Send + 'static,
    ) -> Result<(), String> {
        let own = self.clone();
        let spawned = Builder::new().name(name).spawn(move || {
            if let Err(why) = run(&own) {
                // The program is ending if nobody hears it.
                let _ = own.failed.send(why);
            }
        });
        spawned.map(drop).map_err(|error| format!("no thread for a session: {error}"))
    }

    /// Joins a session that has come, or leaves one that has ended. Returns false if it cannot be joined.
    fn follow(&self, change: Change, joined: &mut HashMap<u64, (String, Stop)>) -> bool {
        match change {
            Change::Found(number, plan) => {
                let announced = plan.name.clone();
                match self.begin_found(*plan) {
                    Ok((name, stop)) => {
                        log::info!("'{name}' is received");
                        joined.insert(number, (name, stop));
                    }
                    Err(why) => {
                        log::warn!("'{announced}' is not received: {why}");
                        return false;
                    }
                }
            }
            Change::Gone(number) => {
                if let Some((name, stop)) = joined.remove(&number) {
                    log::info!("'{name}' has ended");
                    stop.stop();
                    self.sessions.remove(&name);
                }
            }
        }
        true
    }

    fn begin_found(&self, plan: Plan) -> Result<(String, Stop), String> {
        let (name, stop, mut subscription) = self.join(plan, usize::MAX)?;
        let own = name.clone();
        let begun = self.spawn(format!("of {name}"), move |receiving| {
            // It costs no other session.
            if let Err(why) = subscription.run() {
                log::warn!("'{own}' is not received any more: {why}");
                receiving.sessions.remove(&own);
            }
            Ok(())
        });
        if begun.is_err() {
            self.sessions.remove(&name);
        }
        begun.map(|()| (name, stop))
    }

    /// Joins a session and lists it.
    fn join(&self, plan: Plan, place: usize) -> Result<(String, Stop, Subscription), String> {
        plan.left_out.iter().for_each(|left_out| log::warn!("{left_out}"));
        let format = plan.audio.as_ref().map(|audio| (audio.clock_rate, audio.channels));
        let (rate, channels) = format.unwrap_or_default();
        let (reception, pictures, sound) = Reception::new(rate, channels);
        let (counters, outlet) = (Arc::<Counters>::default(), Box::new(reception));
        let Means { interface, keys, rooms } = &self.means;
        let (latency, counted) = (TargetLatency::Auto, Arc::clone(&counters));
        let (interface, keys) = (interface.as_ref(), keys.clone());
        let opened = Subscription::open(&plan, interface, latency, outlet, counted, keys);
        let (mut subscription, stop) = opened?;
        if let Some(room) = &plan.room {
            subscription.keep_in_step(rooms.member(room));
        }
        let tiers = Arc::new(SessionTiers::new(self.means.clone()));
        self.follow_tiers(plan.clone(), Arc::clone(&tiers))?;
        let name = self.sessions.add(plan, place, (pictures, sound), counters, tiers);
        Ok((name, stop, subscription))
    }

    /// Listens for the tiers of a session that may have some, until it ends.
    fn follow_tiers(&self, plan: Plan, tiers: Arc<SessionTiers>) -> Result<(), String> {
        let is_from = plan.video.as_ref().is_some_and(|video| !video.sources.is_empty());
        if !is_from || plan.tier.is_some() {
            return Ok(());
        }
        self.spawn(format!("tiers of {}", plan.name), move |own| {
            let ended = || tiers.turn(monotonic());
            let interface = own.means.interface.as_ref();
            if let Err(why) = follow_tiers(interface, &plan, tiers.announced(), ended) {
                log::warn!("the tiers of '{}' are not heard of: {why}", plan.name);
            }
            Ok(())
        })
    }
}
