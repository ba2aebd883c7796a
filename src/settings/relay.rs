//! A relay that the session is published to, as `--to` names it.

use super::error::{Error, wrong};
use crate::capture::child::without_password;
use std::fmt;
use streamsocket_rtsp::PORT;
use streamsocket_rtsp::address::Address;
use streamsocket_rtsp::target::encoded;

/// What such an address begins with.
const SCHEME: &str = "rtsp";

/// Where a session is published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelayAddress(Address);

impl RelayAddress {
    /// Reads it, if that is what a destination is. Without a port it is that of relays; without a name behind the room it
    /// is to have the [session's](Self::named).
    pub(super) fn read(text: &str) -> Option<Result<Self, Error>> {
        let is_url = text.split_once("://").is_some_and(|it| it.0.eq_ignore_ascii_case(SCHEME));
        is_url.then(|| {
            let address = Address::parse(text, SCHEME, PORT).filter(|it| {
                let names = it.target.split('/').filter(|it| !it.is_empty()).count();
                (1..=2).contains(&names) && !it.target.contains('?')
            });
            address.map(Self).ok_or_else(|| {
                let expected = "expected rtsp://RELAY/ROOM/NAME, or rtsp://USER:PASSWORD@RELAY:PORT/ROOM/NAME; '/', '?', '#' and '@' in a name or password are written %2F, %3F, %23 and %40";
                wrong("to", &without_password(text), expected)
            })
        })
    }

    /// The address for a session of this name.
    #[must_use]
    pub fn named(&self, session: &str) -> Address {
        let mut address = self.0.clone();
        let end = address.target.trim_end_matches('/').len();
        address.target.truncate(end);
        if address.target.rfind('/') == Some(0) {
            address.target.push('/');
            address.target += &encoded(session);
        }
        address
    }
}

impl fmt::Display for RelayAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&shown(&self.0))
    }
}

/// An address without name and password.
#[must_use]
pub fn shown(address: &Address) -> String {
    // The default is none that needs not be said: nobody has this one.
    [SCHEME, "://", &address.host_header(0), &address.target].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<RelayAddress, String> {
        RelayAddress::read(text).unwrap().map_err(|it| it.to_string())
    }

    #[test]
    fn a_session_has_its_own_name_unless_another_one_is_given() {
        for (text, address) in [
            ("rtsp://relay/lesson/Anna", "rtsp://relay:8554/lesson/Anna"),
            ("RTSP://anna:pw@relay:554/lesson/Anna/", "rtsp://relay:554/lesson/Anna"),
            ("rtsp://[2001:db8::1]/Hall%202", "rtsp://[2001:db8::1]:8554/Hall%202/Front%20door"),
            ("rtsp://relay/lesson/", "rtsp://relay:8554/lesson/Front%20door"),
        ] {
            assert_eq!(shown(&read(text).unwrap().named("Front door")), address);
        }
        let own = read("rtsp://anna:p%40w@relay/lesson").unwrap();
        assert_eq!(own.named("x").credentials.unwrap().password, "p@w");
        assert!(!format!("{own} {own:?}").contains("p@w"));
    }

    #[test]
    fn what_names_no_room_is_told_without_its_password() {
        assert!(RelayAddress::read("239.255.1.2:5004").is_none());
        assert!(RelayAddress::read("http://relay/lesson").is_none());
        for text in
            ["rtsp://anna:secret@relay", "rtsp://anna:secret@relay/a/b/c", "rtsp://relay/a?b"]
        {
            let why = read(text).unwrap_err();
            assert!(why.starts_with("--to rtsp://") && why.contains("RELAY/ROOM/NAME"), "{why}");
            assert!(!why.contains("secret"), "{why}");
        }
    }
}
