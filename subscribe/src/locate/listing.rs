//! Keeps the list of announced sessions, each once, without those that were deleted. Nothing is listened to here.

use crate::plan::{Plan, Protected};
use crate::text::{printable, text_of};
use std::net::IpAddr;
use streamsocket_wire::sap::Announcement;
use streamsocket_wire::sdp::identity;

/// Most sessions that are listed.
pub(super) const LISTED_MAX: usize = 256;

/// Most sessions that are named in one line, so that a viewer finds the right one there.
const NAMED_MAX: usize = 8;

/// A change in the list of sessions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// A new session: its name, address, media and origin, separated by tabs.
    Announced(String),
    /// The session of this name was deleted.
    Gone(String),
}

/// An announced session.
struct Listed {
    /// Who announces it.
    announcer: IpAddr,
    /// What identifies it (RFC 2974 section 6): hash and originating source of its announcement, or the origin of its
    /// description.
    hash: (u16, IpAddr),
    identity: Option<String>,
    name: String,
    line: String,
    /// It has video.
    video: bool,
}

/// The sessions that are announced.
#[derive(Default)]
pub(super) struct Listing(Vec<Listed>);

impl Listing {
    /// Takes an announcement or a deletion that `announcer` has sent. Returns what it changes.
    pub(super) fn hear(&mut self, it: &Announcement<'_>, announcer: IpAddr) -> Option<News> {
        let text = text_of(it.payload);
        let identity = identity(&text).map(|words| words.join(" "));
        let hash = (it.hash, it.origin);
        if it.deletion {
            return self.remove(announcer, hash, identity.as_deref());
        }
        let plan = Plan::from_sdp(&text).ok()?;
        let address = plan.address().map(|address| address.to_string()).unwrap_or_default();
        let kinds = match (&plan.video, &plan.audio) {
            (Some(_), Some(_)) => "video and sound",
            (Some(_), None) => "video",
            _ => "sound",
        };
        let protected = if plan.protected == Protected::Yes { ", protected" } else { "" };
        let video = plan.video.is_some();
        if self.knows_more(identity.as_deref(), announcer, video) {
            return None;
        }
        let name = plan.name;
        let line = format!("{name}\t{address}\t{kinds}{protected}\tfrom {}", it.origin);
        let heard = Listed { announcer, hash, identity, name, line, video };
        // The same session may be announced in several groups, and described anew.
        if let Some(known) = self.0.iter_mut().find(|known| known.line == heard.line) {
            // Another announcer must not become able to delete it.
            if known.announcer == announcer {
                *known = heard;
            }
            return None;
        }
        if self.0.len() >= LISTED_MAX {
            return None;
        }
        let news = News::Announced(heard.line.clone());
        self.0.push(heard);
        Some(news)
    }

    /// Whether an announcement without video is of a session that is announced with video as well, for the sake of
    /// players that take audio alone.
    fn knows_more(&self, identity: Option<&str>, announcer: IpAddr, video: bool) -> bool {
        let same = |it: &&Listed| it.announcer == announcer && it.identity.as_deref() == identity;
        !video && identity.is_some() && self.0.iter().filter(same).any(|it| it.video)
    }

    /// The plan for the announced session, if it can be received and no fuller announcement of it is known.
    pub(super) fn plan_of(&self, it: &Announcement<'_>, announcer: IpAddr) -> Option<Plan> {
        let text = text_of(it.payload);
        let mut plan = Plan::from_sdp(&text).ok().filter(|_| !it.deletion)?;
        plan.unicast = plan.unicast.map(|unicast| unicast.announced_by(announcer));
        let identity = identity(&text).map(|words| words.join(" "));
        let lesser = self.knows_more(identity.as_deref(), announcer, plan.video.is_some());
        (!lesser).then_some(plan)
    }

    /// Whether it takes no more.
    pub(super) fn is_full(&self) -> bool {
        self.0.len() >= LISTED_MAX
    }

    /// Deletes a session, if its own announcer says so.
    fn remove(
        &mut self,
        announcer: IpAddr,
        hash: (u16, IpAddr),
        identity: Option<&str>,
    ) -> Option<News> {
        let is_meant = |listed: &Listed| match identity {
            Some(identity) => listed.identity.as_deref() == Some(identity),
            None => hash.0 != 0 && listed.hash == hash,
        };
        let at = self.0.iter().position(|it| it.announcer == announcer && is_meant(it))?;
        let name = self.0.swap_remove(at).name;
        self.0.retain(|it| it.announcer != announcer || !is_meant(it));
        Some(News::Gone(name))
    }

    /// The names of the sessions as a part of a sentence; `None` if there are none.
    pub(super) fn names(&self) -> Option<String> {
        let mut names: Vec<_> =
            self.0.iter().map(|it| format!("'{}'", printable(&it.name))).collect();
        names.sort();
        names.dedup();
        let more = names.len().saturating_sub(NAMED_MAX);
        names.truncate(NAMED_MAX);
        let named = names.join(", ");
        match (named.is_empty(), more) {
            (true, _) => None,
            (_, 0) => Some(named),
            _ => Some(format!("{named} and {more} more")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORIGIN: &str = "o=- 7 1 IN IP4 192.0.2.1";

    fn at(last: u8) -> IpAddr {
        [192, 0, 2, last].into()
    }

    fn hear(listing: &mut Listing, deletion: bool, payload: &[u8], from: u8) -> Option<News> {
        let hash = 1;
        listing.hear(&Announcement { deletion, hash, origin: at(1), payload }, at(from))
    }

    fn session(name: &str) -> Vec<u8> {
        let media = "c=IN IP4 239.1.1.1\r\nm=video 5004 RTP/AVP 26\r\nm=audio 5006 RTP/AVP 10\r\n";
        format!("v=0\r\n{ORIGIN}\r\ns={name}\r\n{media}").into_bytes()
    }

    #[test]
    fn a_session_is_news_once_and_its_origin_line_takes_it_back() {
        let mut listing = Listing::default();
        let line = "Door\t239.1.1.1:5004\tvideo and sound\tfrom 192.0.2.1";
        let announced = Some(News::Announced(line.into()));
        assert_eq!(hear(&mut listing, false, &session("Door"), 1), announced);
        assert_eq!(hear(&mut listing, false, &session("Door"), 1), None);
        assert_eq!(listing.names().unwrap(), "'Door'");
        let deletion = ORIGIN.replace("7 1 IN", "7 9 IN");
        assert_eq!(hear(&mut listing, true, deletion.as_bytes(), 2), None, "a stranger's");
        let gone = Some(News::Gone("Door".into()));
        assert_eq!(hear(&mut listing, true, deletion.as_bytes(), 1), gone);
        assert_eq!(listing.names(), None);
        assert_eq!(hear(&mut listing, false, &session("Door"), 1), announced, "it is back");
    }

    #[test]
    fn a_protected_session_is_listed_as_one() {
        let text = String::from_utf8(session("Door")).unwrap().replace("RTP/AVP", "RTP/SAVP");
        let news = hear(&mut Listing::default(), false, text.as_bytes(), 1);
        let line = "Door\t239.1.1.1:5004\tvideo and sound, protected\tfrom 192.0.2.1";
        assert_eq!(news, Some(News::Announced(line.into())));
    }

    #[test]
    fn the_sound_alone_of_a_session_is_no_other_session() {
        let (mut listing, whole) = (Listing::default(), session("Door"));
        let text = String::from_utf8(whole.clone()).unwrap();
        let alone = text.replace("m=video 5004 RTP/AVP 26\r\n", "").into_bytes();
        assert!(hear(&mut listing, false, &whole, 1).is_some());
        assert_eq!(hear(&mut listing, false, &alone, 1), None);
        let plan = |payload, announcer| {
            let it = Announcement { deletion: false, hash: 2, origin: at(1), payload };
            listing.plan_of(&it, at(announcer))
        };
        assert!(plan(&alone, 1).is_none() && plan(&whole, 1).is_some());
        assert!(plan(&alone, 2).is_some(), "somebody else's");
    }

    #[test]
    fn a_deletion_without_a_line_is_known_by_its_hash() {
        let mut listing = Listing::default();
        hear(&mut listing, false, &session("Door"), 1);
        assert_eq!(hear(&mut listing, true, b"v=0\r\n", 1), Some(News::Gone("Door".into())));
    }

    #[test]
    fn names_are_few_and_the_rest_is_counted() {
        let mut listing = Listing::default();
        for number in 0..1000 {
            hear(&mut listing, false, &session(&format!("{number:03}\u{1b}")), 1);
        }
        let names = listing.names().unwrap();
        assert!(
            names.starts_with("'000?', '001?'") && names.ends_with("'007?' and 248 more"),
            "{names}"
        );
        assert_eq!(listing.0.len(), LISTED_MAX);
    }
}
