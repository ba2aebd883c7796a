//! Joins sessions: those that the user names, and a room's. Each is received on a thread of its own.

use crate::intake::Intake;
use crate::names::{SOUND, TIERS};
use crate::session::{Session, Sessions, Turn};
use crate::storage::{Keep, Storage};
use crate::tier::Encoding;
use crate::timeline::Timeline;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread::Builder;
use std::time::Duration;
use streamsocket_archive::Archive;
use streamsocket_net::Interface;
use streamsocket_subscribe::clock::monotonic;
use streamsocket_subscribe::counters::Counters;
use streamsocket_subscribe::keys::KeyRing;
use streamsocket_subscribe::latency::TargetLatency;
use streamsocket_subscribe::locate::{Change, Wanted, follow_room, locate, shown};
use streamsocket_subscribe::plan::Plan;
use streamsocket_subscribe::subscription::{Ending, Stop, Subscription};
use tokio::sync::mpsc::UnboundedSender;

/// How long after a named session could not be received it is looked for again: its server may be away for a while.
const AGAIN: Duration = Duration::from_secs(5);

/// What joining takes.
#[derive(Clone)]
pub(crate) struct Receiving {
    /// Where those that are joined are listed.
    pub(crate) sessions: Sessions,
    pub(crate) interface: Option<Interface>,
    /// For protected sessions.
    pub(crate) keys: KeyRing,
    pub(crate) encoding: Encoding,
    pub(crate) archive: Option<(Archive, Keep)>,
    /// Takes what the program cannot go on without, in one line.
    pub(crate) failed: UnboundedSender<String>,
}

impl Receiving {
    /// Receives what `source` names, whenever it is there. `name`: what it is called here, if not as it calls itself.
    ///
    /// # Errors
    /// One line, if there can be no more threads.
    pub(crate) fn begin_named(&self, source: String, name: Option<String>) -> Result<(), String> {
        let is_address = source.contains("://");
        let said = if is_address { shown(&source) } else { source.clone() };
        self.spawn(said.clone(), move |own| {
            let mut is_new = true;
            let (_silent, pause) = channel::<()>();
            loop {
                let found = own.find(&source).and_then(|plan| {
                    plan.map_or(Ok(Ending::Changed), |plan| own.receive(&plan, name.as_deref()))
                });
                match found {
                    Ok(Ending::Stopped) => return Ok(()),
                    Ok(Ending::Changed) => {}
                    // What is wrong at the first time is the user's to mend; but for a server that is off.
                    Err(why) if is_new && !is_address => return Err(why),
                    Err(why) => {
                        log::warn!("'{said}': {why}; it is tried again");
                        // Nobody ever says anything: it waits.
                        let _ = pause.recv_timeout(AGAIN);
                    }
                }
                is_new = false;
            }
        })
    }

    fn find(&self, source: &str) -> Result<Option<Plan>, String> {
        let wanted = Wanted { source: Some(source), ..Wanted::default() };
        locate(wanted, self.interface.as_ref(), |_| false).map_err(|error| error.to_string())
    }

    /// Receives all who publish to a room.
    ///
    /// # Errors
    /// One line, if there can be no more threads.
    pub(crate) fn begin_room(&self, room: String) -> Result<(), String> {
        self.spawn(format!("room {room}"), move |own| {
            let mut joined = HashMap::new();
            let mut each = |change| own.follow(change, &mut joined);
            let followed = follow_room(&room, own.interface.as_ref(), || false, &mut each);
            followed.map_err(|error| error.to_string())
        })
    }

    fn spawn(
        &self,
        name: String,
        run: impl FnOnce(&Self) -> Result<(), String> + Send + 'static,
    ) -> Result<(), String> {
        let own = self.clone();
        let spawned = Builder::new().name(name.replace('\0', "")).spawn(move || {
            if let Err(why) = run(&own) {
                // The program is ending if nobody hears it.
                let _ = own.failed.send(why);
            }
        });
        spawned.map(drop).map_err(|error| format!("no thread for a session: {error}"))
    }

    /// Joins a session that has come, or leaves one that has ended. Returns false if it cannot be joined.
    fn follow(&self, change: Change, joined: &mut HashMap<u64, Stop>) -> bool {
        match change {
            Change::Found(number, plan) => {
                let begun = self.join(&plan, None).and_then(|(stop, mut subscription)| {
                    let name = plan.name.clone();
                    let run = move |_: &Self| {
                        // It costs no other session.
                        if let Err(why) = subscription.run() {
                            log::warn!("'{name}' is not received any more: {why}");
                        }
                        Ok(())
                    };
                    self.spawn(plan.name.clone(), run).map(|()| stop)
                });
                match begun {
                    Ok(stop) => drop(joined.insert(number, stop)),
                    Err(why) => {
                        log::warn!("'{}' is not received: {why}", plan.name);
                        return false;
                    }
                }
            }
            Change::Gone(number) => {
                if let Some(stop) = joined.remove(&number) {
                    stop.stop();
                }
            }
        }
        true
    }

    fn receive(&self, plan: &Plan, name: Option<&str>) -> Result<Ending, String> {
        let (_stop, mut subscription) = self.join(plan, name)?;
        subscription.run()
    }

    /// Joins a session and lists it.
    fn join(&self, plan: &Plan, name: Option<&str>) -> Result<(Stop, Subscription), String> {
        plan.left_out.iter().for_each(|left_out| log::warn!("{left_out}"));
        // Whoever has no key for it touches nothing of a session of its name.
        self.keys.get().open(plan).map_err(|error| error.to_string())?;
        let name = Sessions::name_for(name.unwrap_or(&plan.name));
        let session = self.sessions.add(&name, |name| self.session(name))?;
        let newest = self.newest(&name);
        let timeline = Timeline::new(self.encoding.grid, newest);
        let counters = Arc::clone(&session.counters);
        let turn = Turn::take(&session).ok_or_else(|| {
            format!("a session called '{name}' is received already: give one of them another name")
        })?;
        let intake = Intake::new(turn, plan, self.encoding, timeline)?;
        let (latency, outlet) = (TargetLatency::Auto, Box::new(intake));
        let (interface, keys) = (self.interface.as_ref(), self.keys.clone());
        let opened = Subscription::open(plan, interface, latency, outlet, counters, keys);
        let (subscription, stop) = opened?;
        log::info!("'{name}' is received");
        Ok((stop, subscription))
    }

    fn session(&self, name: String) -> Result<Session, String> {
        let counters = Arc::<Counters>::default();
        let stored = self.archive.as_ref().map(|(archive, keep)| {
            Storage::begin(archive, &name, *keep, self.encoding.grid, Arc::clone(&counters))
        });
        Ok(Session::new(name, counters, stored.transpose()?))
    }

    /// The highest number that is stored of a session. What cannot be read is said when it is written to.
    fn newest(&self, name: &str) -> Option<u64> {
        let (archive, _) = self.archive.as_ref()?;
        let tracks = TIERS.into_iter().chain([SOUND]);
        tracks.filter_map(|track| archive.newest(name, track).ok().flatten()).max()
    }

    /// Closes what is over in all tracks although nothing more comes, five times a second, for as long as the program
    /// runs.
    pub(crate) async fn tick(&self) {
        let mut ticks = tokio::time::interval(self.encoding.grid.part_length());
        loop {
            ticks.tick().await;
            let now = monotonic();
            for session in self.sessions.all() {
                session.tracks().iter().for_each(|track| track.idle(now));
            }
        }
    }
}
