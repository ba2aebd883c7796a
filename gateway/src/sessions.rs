//! The sessions that are received, by their names.

use crate::reception::{Pictures, Sound};
use crate::tiers::{Feed, SessionTiers};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use streamsocket_media::clock::Monotonic;
use streamsocket_stream::receive::depayloader::Encoding;
use streamsocket_subscribe::clock::monotonic;
use streamsocket_subscribe::counters::Counters;
use streamsocket_subscribe::plan::Plan;

/// Without a picture for so long none comes.
const SILENT: Duration = Duration::from_secs(2);

/// What rooms' paths begin with: no session has this name here.
pub(crate) const ROOM: &str = "room";

/// A session.
#[derive(Debug)]
pub(crate) struct Session {
    /// Its name in paths: no other session has it.
    pub(crate) name: String,
    /// Its place among what the user named: the first one is meant where no name is. All that were not named have
    /// the same, the last one.
    place: usize,
    pub(crate) pictures: Pictures,
    pub(crate) sound: Sound,
    pub(crate) counters: Arc<Counters>,
    pub(crate) plan: Plan,
    pub(crate) tiers: Arc<SessionTiers>,
    viewers: Arc<()>,
}

/// Counts as a viewer for as long as it is kept.
#[derive(Clone, Debug)]
#[must_use = "a viewer is one for as long as it is kept"]
pub(crate) struct Viewer {
    #[expect(dead_code, reason = "its copies are counted")]
    counted: Arc<()>,
    #[expect(dead_code, reason = "it is received for as long as it is kept")]
    of: Option<Arc<Feed>>,
}

impl Session {
    /// One viewer more.
    pub(crate) fn viewer(&self) -> Viewer {
        self.viewer_of(None)
    }

    /// The same, of a tier.
    pub(crate) fn viewer_of(&self, of: Option<Arc<Feed>>) -> Viewer {
        Viewer { counted: Arc::clone(&self.viewers), of }
    }

    /// Whether its sound is Opus.
    pub(crate) fn has_opus(&self) -> bool {
        self.plan.audio.as_ref().is_some_and(|audio| audio.encoding == Encoding::Opus)
    }

    /// How many there are.
    pub(crate) fn viewers(&self) -> usize {
        Arc::strong_count(&self.viewers) - 1
    }

    /// How long nothing has come of it, not even a report: senders report once a second. `None` if nothing ever has.
    pub(crate) fn silent(&self) -> Option<Duration> {
        let Counters { video, audio, reported, .. } = &*self.counters;
        let last = [video.arrived.get(), audio.arrived.get(), reported.get()];
        let last = last.into_iter().flatten().max().map(Monotonic)?;
        Some(monotonic().since(last))
    }

    /// Pictures that come in a second now: 0 when none has come for two.
    pub(crate) fn rate(&self) -> Option<f64> {
        let newest = self.pictures.borrow();
        let newest = newest.as_ref()?;
        let silent = monotonic().since(newest.arrival) > SILENT;
        if silent { Some(0.0) } else { newest.rate }
    }

    /// How long after it was captured the last picture was here, in seconds. `None` if the two machines' clocks cannot
    /// be compared.
    pub(crate) fn latency(&self) -> Option<f64> {
        let comparable = self.counters.same_machine.get() + self.counters.synchronised.get() > 0;
        let latency = self.pictures.borrow().as_ref().and_then(|newest| newest.latency);
        #[expect(clippy::cast_precision_loss, reason = "a latency is seconds")]
        latency.filter(|_| comparable).map(|nanos| nanos as f64 / 1e9)
    }
}

/// All of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sessions(Arc<RwLock<Vec<Arc<Session>>>>);

impl Sessions {
    /// The session of this name.
    pub(crate) fn named(&self, name: &str) -> Option<Arc<Session>> {
        self.with(|all| all.iter().find(|session| session.name == name).cloned())
    }

    /// The session whose samples are the sound of this one: itself, or if its sound is Opus, the one that it is a tier
    /// of.
    pub(crate) fn with_samples(&self, session: &Arc<Session>) -> Option<Arc<Session>> {
        if !session.has_opus() {
            return Some(Arc::clone(session));
        }
        let tier = session.plan.tier.as_deref()?;
        let whole = session.plan.name.strip_suffix(tier)?.strip_suffix(", ")?;
        self.named(whole).filter(|it| it.plan.audio.is_some() && !it.has_opus())
    }

    /// The session that is meant where no name is.
    pub(crate) fn first(&self) -> Option<Arc<Session>> {
        self.with(|all| all.iter().min_by_key(|it| (it.place, &it.name)).cloned())
    }

    /// All of them, by name.
    pub(crate) fn all(&self) -> Vec<Arc<Session>> {
        let mut all = self.with(<[_]>::to_vec);
        all.sort_by(|one, other| one.name.cmp(&other.name));
        all
    }

    fn with<T>(&self, look: impl FnOnce(&[Arc<Session>]) -> T) -> T {
        look(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Adds a session, and returns its name here: a second one of a name gets `-2`.
    pub(crate) fn add(
        &self,
        plan: Plan,
        place: usize,
        (pictures, sound): (Pictures, Sound),
        counters: Arc<Counters>,
        tiers: Arc<SessionTiers>,
    ) -> String {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let taken = |name: &str| name == ROOM || all.iter().any(|session| session.name == name);
        // These two mean other places in a path.
        let own = if matches!(&*plan.name, "." | "..") { "-" } else { &plan.name };
        let numbered = (2..).map(|number| format!("{own}-{number}"));
        let name = std::iter::once(own.to_owned()).chain(numbered).find(|name| !taken(name));
        let name = name.unwrap_or_default();
        let viewers = Arc::default();
        let listed = name.clone();
        all.push(Arc::new(Session {
            name: listed,
            place,
            pictures,
            sound,
            counters,
            plan,
            tiers,
            viewers,
        }));
        name
    }

    /// Removes a session.
    pub(crate) fn remove(&self, name: &str) {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        all.retain(|session| {
            let stays = session.name != name;
            if !stays {
                session.tiers.end();
            }
            stays
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reception::Reception;

    fn add(sessions: &Sessions, name: &str, place: usize) {
        let plan =
            Plan { name: name.to_owned(), ..Plan::at("239.1.1.1:5004".parse().unwrap(), None) };
        let (_, pictures, sound) = Reception::new(48_000, 2);
        sessions.add(plan, place, (pictures, sound), Arc::default(), Arc::default());
    }

    #[test]
    fn the_samples_of_a_tier_are_those_of_the_session_that_it_is_of() {
        let sessions = Sessions::default();
        add(&sessions, "Door", 0);
        let text = "v=0\ns=Door, low\nc=IN IP4 239.1.1.1\na=x-tier:low 1\nm=audio 5006 RTP/AVP 99\n\
                    a=rtpmap:99 opus/48000/2\n";
        let (_, pictures, sound) = Reception::new(48_000, 2);
        sessions.add(
            Plan::from_sdp(text).unwrap(),
            1,
            (pictures, sound),
            Arc::default(),
            Arc::default(),
        );
        let [door, low] = ["Door", "Door, low"].map(|name| sessions.named(name).unwrap());
        assert!(low.has_opus() && !door.has_opus());
        for session in [&door, &low] {
            assert_eq!(sessions.with_samples(session).unwrap().name, "Door");
        }
        sessions.remove("Door");
        assert!(sessions.with_samples(&low).is_none());
    }

    #[test]
    fn a_second_one_of_a_name_gets_a_number_and_the_first_named_is_meant() {
        let sessions = Sessions::default();
        assert!(sessions.first().is_none());
        for (name, place) in [("Garden", 2), ("Door", 1), ("Door", 0), ("Door", 3)] {
            add(&sessions, name, place);
        }
        let names: Vec<_> = sessions.all().iter().map(|it| it.name.clone()).collect();
        assert_eq!(names, ["Door", "Door-2", "Door-3", "Garden"]);
        assert_eq!(sessions.first().unwrap().name, "Door-2");
        sessions.remove("Door-2");
        add(&sessions, "Attic", usize::MAX);
        add(&sessions, "Aerie", usize::MAX);
        assert_eq!(sessions.first().unwrap().name, "Door");
        ["Door", "Door-3", "Garden"].iter().for_each(|name| sessions.remove(name));
        assert_eq!(sessions.first().unwrap().name, "Aerie", "by name");
        add(&sessions, "Garden", 0);
        assert!(sessions.named("Garden").is_some() && sessions.named("garden").is_none());
    }
}
