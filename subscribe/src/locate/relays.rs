//! Finds the relay that has a room: it announces the room itself, as a session without media, and where one publishes.

use super::candidates::Candidates;
use super::sap_listener::SapListener;
use crate::clock::monotonic;
use crate::text::text_of;
use std::net::IpAddr;
use std::time::Duration;
use streamsocket_net::Interface;
use streamsocket_rtsp::PORT;
use streamsocket_rtsp::address::Address;

/// How long a relay may take that is asked: it announces once a second at most.
const PATIENCE: Duration = Duration::from_millis(1300);

/// Interval at which it is asked again.
const STEP: Duration = Duration::from_millis(50);

/// Where one publishes to a room, as the relay says that has it: a URL without a name behind the room. Takes 1.3 s. Only a
/// relay that names its own address is believed: others would have this machine's camera sent to somebody else. None is if
/// there are several.
#[must_use]
pub fn relay_of_room(room: &str, interface: Option<&Interface>) -> Option<String> {
    let began = monotonic();
    let mut listener = SapListener::open(interface, began).ok()?;
    let (mut candidates, mut found) = (Candidates::new(), Vec::<String>::new());
    while monotonic().since(began) < PATIENCE {
        let each = &mut |announcement: &streamsocket_wire::sap::Announcement<'_>, announcer| {
            let url = url_of(&text_of(announcement.payload), room, announcer);
            // Two are as many as have to be known.
            let is_news = |it: &String| found.len() < 2 && !found.contains(it);
            let url = url.filter(|it| !announcement.deletion && is_news(it));
            found.extend(url);
        };
        listener.listen(monotonic(), STEP, &mut candidates, each).ok()?;
    }
    if let [one, other] = &*found {
        log::warn!(
            "{one} and {other} both say that they have the room '{room}': neither is believed"
        );
        return None;
    }
    found.pop()
}

/// What a description says, if it is that of the room itself.
fn url_of(sdp: &str, room: &str, announcer: IpAddr) -> Option<String> {
    let value = |name: &str| sdp.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    let is_it = value("a=x-room:") == Some(room) && value("m=").is_none();
    let address = Address::parse(value("a=x-rtsp:").filter(|_| is_it)?, "rtsp", PORT)?;
    let own = address.host.parse() == Ok(announcer) && address.credentials.is_none();
    own.then(|| format!("rtsp://{}{}", address.host_header(0), address.target))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relay_is_believed_for_its_own_address_alone() {
        let relay = IpAddr::from([192, 0, 2, 1]);
        let text = |rtsp: &str| {
            format!("v=0\r\ns=x\r\na=x-room:Hall 2\r\na=x-rtsp:rtsp://{rtsp}/Hall%202\r\n")
        };
        let own = text("192.0.2.1:8554");
        let url = Some("rtsp://192.0.2.1:8554/Hall%202".to_owned());
        assert_eq!(url_of(&own, "Hall 2", relay), url);
        assert_eq!(url_of(&text("192.0.2.1"), "Hall 2", relay), url);
        assert_eq!(url_of(&own, "Hall", relay), None);
        assert_eq!(url_of(&own, "Hall 2", [192, 0, 2, 9].into()), None);
        assert_eq!(url_of(&(own + "m=video 5004 RTP/AVP 26\r\n"), "Hall 2", relay), None);
        for other in ["192.0.2.9:8554", "evil.example:8554", "me:pw@192.0.2.1:8554"] {
            assert_eq!(url_of(&text(other), "Hall 2", relay), None, "{other}");
        }
    }
}
