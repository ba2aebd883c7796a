//! Follows the announcements of a session's tiers.

use super::candidates::Candidates;
use super::listing::{Listing, News};
use super::sap_listener::SapListener;
use crate::clock::monotonic;
use crate::plan::{Error, Plan, Protected, StreamPlan};
use crate::tiers::{TIERS_MAX, Tiers};
use std::net::IpAddr;
use std::time::Duration;
use streamsocket_media::clock::{Delay, Monotonic};
use streamsocket_net::Interface;
use streamsocket_wire::sap::Announcement;

/// Interval at which it is asked whether to stop.
const STEP: Duration = Duration::from_millis(200);

/// A tier that was announced, and has not been for so long, is gone: ours are announced every 5 s, and announcements
/// get lost.
const FORGOTTEN: Delay = Delay::from_secs(60);

/// Tells `tiers` which tiers of the session of this plan are announced, by who sends it, until `stop` returns true; it is
/// asked five times a second.
///
/// # Errors
/// One line, if announcements cannot be listened to.
pub fn follow_tiers(
    interface: Option<&Interface>,
    plan: &Plan,
    tiers: &Tiers,
    mut stop: impl FnMut() -> bool,
) -> Result<(), Error> {
    let mut listener = SapListener::open(interface, monotonic())?;
    let mut announced = AnnouncedTiers::new(plan);
    while !stop() {
        let mut changed = false;
        let each = &mut |it: &Announcement<'_>, announcer| {
            changed |= announced.hear(it, announcer, monotonic());
        };
        listener.listen(monotonic(), STEP, &mut Candidates::new(), each)?;
        if changed | announced.forget(monotonic()) {
            tiers.announce(announced.plans());
        }
    }
    Ok(())
}

/// A tier that is announced.
struct AnnouncedTier {
    plan: Plan,
    announcer: IpAddr,
    heard: Monotonic,
}

/// The tiers of a session that are announced.
struct AnnouncedTiers {
    /// The session's name, and where it comes from.
    name: String,
    sources: Vec<IpAddr>,
    protected: Protected,
    listing: Listing,
    tiers: Vec<AnnouncedTier>,
}

impl AnnouncedTiers {
    fn new(plan: &Plan) -> Self {
        let sources = plan.video.as_ref().map(|video| video.sources.clone()).unwrap_or_default();
        let listing = Listing::default();
        let (name, protected) = (plan.name.clone(), plan.protected);
        Self { name, sources, protected, listing, tiers: Vec::new() }
    }

    /// Takes notice of an announcement. Returns whether it changes anything.
    fn hear(&mut self, it: &Announcement<'_>, announcer: IpAddr, now: Monotonic) -> bool {
        // Where a session does not say whence it comes, everybody could say that a tier is its own.
        if !self.sources.contains(&announcer) {
            return false;
        }
        if self.listing.is_full() {
            self.listing = Listing::default();
        }
        if let Some(News::Gone(name)) = self.listing.hear(it, announcer) {
            let before = self.tiers.len();
            self.tiers.retain(|tier| tier.plan.name != name || tier.announcer != announcer);
            return self.tiers.len() != before;
        }
        let plan = self.listing.plan_of(it, announcer).filter(|plan| self.is_own(plan));
        let Some(plan) = plan else { return false };
        if let Some(known) = self.tiers.iter_mut().find(|tier| tier.plan.name == plan.name) {
            if known.announcer != announcer {
                return false;
            }
            known.heard = now;
            return std::mem::replace(&mut known.plan, plan.clone()) != plan;
        }
        let has_room = self.tiers.len() < TIERS_MAX - 1;
        if has_room {
            self.tiers.push(AnnouncedTier { plan, announcer, heard: now });
        }
        has_room
    }

    /// Whether it is a tier of this session, which comes from where that does.
    fn is_own(&self, plan: &Plan) -> bool {
        let Some((tier, video)) = plan.tier.as_ref().zip(plan.video.as_ref()) else { return false };
        let named = plan.name == format!("{}, {tier}", self.name);
        named && plan.protected == self.protected && video.sources == self.sources
    }

    /// Forgets those that nobody has announced for too long. Returns whether there are any.
    fn forget(&mut self, now: Monotonic) -> bool {
        let before = self.tiers.len();
        self.tiers.retain(|tier| now - tier.heard < FORGOTTEN);
        self.tiers.len() != before
    }

    /// The plans of those that there are, the one with the most pixels a second first.
    fn plans(&self) -> Vec<Plan> {
        let mut plans: Vec<_> = self.tiers.iter().map(|tier| tier.plan.clone()).collect();
        plans.sort_by_key(|plan| std::cmp::Reverse(plan.video.as_ref().map(pixel_rate)));
        plans
    }
}

/// Pixels in 1000 seconds, as far as they are described.
fn pixel_rate(video: &StreamPlan) -> u64 {
    let (width, height) = video.size.unwrap_or_default();
    u64::from(width) * u64::from(height) * u64::from(video.framerate.unwrap_or(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENDER: [u8; 4] = [10, 0, 0, 1];

    /// A description of a session from a sender, which may be a tier; pictures of so many lines.
    fn described(name: &str, tier: Option<&str>, height: u16, sender: [u8; 4]) -> String {
        let [a, b, c, d] = sender;
        let tier = tier.map(|tier| format!("a=x-tier:{tier} 7\r\n")).unwrap_or_default();
        format!(
            "v=0\r\no=- {height} 1 IN IP4 {a}.{b}.{c}.{d}\r\ns={name}\r\nc=IN IP4 239.1.1.{h}/1\r\nt=0 0\r\n\
             a=source-filter: incl IN IP4 * {a}.{b}.{c}.{d}\r\n{tier}m=video 5004 RTP/AVP 26\r\n\
             a=framerate:30\r\na=framesize:26 {w}-{height}\r\n",
            h = height / 10,
            w = height * 4 / 3,
        )
    }

    fn hear(
        tiers: &mut AnnouncedTiers,
        text: &str,
        deletion: bool,
        from: [u8; 4],
        at: i64,
    ) -> bool {
        let announcement =
            Announcement { deletion, hash: 1, origin: from.into(), payload: text.as_bytes() };
        tiers.hear(&announcement, from.into(), Monotonic(at * 1_000_000_000))
    }

    fn names(tiers: &AnnouncedTiers) -> Vec<String> {
        tiers.plans().into_iter().filter_map(|plan| plan.tier).collect()
    }

    #[test]
    fn a_session_has_the_tiers_that_its_sender_announces() {
        let session = Plan::from_sdp(&described("Door", None, 960, SENDER)).unwrap();
        assert_eq!(session.video.as_ref().unwrap().sources, [IpAddr::from(SENDER)]);
        let mut tiers = AnnouncedTiers::new(&session);
        let low = described("Door, low", Some("low"), 240, SENDER);
        assert!(hear(&mut tiers, &low, false, SENDER, 0));
        assert!(!hear(&mut tiers, &low, false, SENDER, 5), "known");
        assert!(hear(
            &mut tiers,
            &described("Door, mid", Some("mid"), 480, SENDER),
            false,
            SENDER,
            0
        ));
        assert_eq!(names(&tiers), ["mid", "low"]);
        // Another session's, one that is none, and one of a stranger.
        let stranger = [10, 0, 0, 9];
        for (text, from) in [
            (described("Gate, low", Some("low"), 240, SENDER), SENDER),
            (described("Door, big", None, 240, SENDER), SENDER),
            (described("Door, big", Some("big"), 720, stranger), stranger),
            (described("Door, big", Some("big"), 720, stranger), SENDER),
            (low.clone(), stranger),
        ] {
            assert!(!hear(&mut tiers, &text, false, from, 6), "{text}");
        }
        assert!(!hear(&mut tiers, &low, true, stranger, 7), "a stranger takes nothing back");
        assert!(hear(&mut tiers, &low, true, SENDER, 8));
        assert_eq!(names(&tiers), ["mid"]);
        assert!(
            !tiers.forget(Monotonic(59_000_000_000)) && tiers.forget(Monotonic(60_000_000_000))
        );
        assert_eq!(names(&tiers), [""; 0]);
    }

    #[test]
    fn there_are_as_many_as_a_daemon_sends() {
        let session = Plan::from_sdp(&described("Door", None, 960, SENDER)).unwrap();
        let mut tiers = AnnouncedTiers::new(&session);
        for number in 1..10 {
            let (name, tier) = (format!("Door, t{number}"), format!("t{number}"));
            hear(&mut tiers, &described(&name, Some(&tier), number * 20, SENDER), false, SENDER, 0);
        }
        assert_eq!(names(&tiers), ["t4", "t3", "t2", "t1"]);
    }
}
