//! Says on the LAN which rooms there are and where one publishes to them, so that nobody has to be told an address: each is
//! announced as a session without media, which players pass over, with its room and its URL.

use crate::description::TTL;
use crate::event::Event;
use crate::state::Relay;
use mio::Interest;
use std::net::{IpAddr, SocketAddr};
use streamsocket_media::clock::Monotonic;
use streamsocket_net::{Interface, machine};
use streamsocket_rtsp::target::encoded;
use streamsocket_station::announce::{Announcer, Reach, Texts};
use streamsocket_wire::sdp::{Session, Sources};

impl Relay {
    /// Announces all rooms from now on. Where there is no network, or none that can be told, users have to know the address.
    pub(crate) fn put_up_notices(&mut self, now: Monotonic) {
        let interface = self.interface.as_ref();
        let own = |it: &Interface| it.address.map(IpAddr::V4).or(it.only_ipv6().map(IpAddr::V6));
        let Some(origin) = interface.and_then(own) else { return };
        let Ok(listening) = self.listener.local_addr() else { return };
        let at = Some(listening.ip()).filter(|it| !it.is_unspecified()).unwrap_or(origin);
        let (host, clock) = (SocketAddr::new(at, listening.port()), machine::unix_nanos() / 1000);
        let reach = Reach { origin, interface, ttl: TTL };
        for (room, number) in self.rooms.iter().zip(0_u64..) {
            let id = u64::try_from(clock).unwrap_or(0) + number;
            let notice = text(&room.name, id, origin, host).map_err(|it| it.to_string());
            let notice = notice
                .and_then(|it| Announcer::new(Texts { session: &it, sound: None }, reach, now));
            match notice {
                Ok(notice) => self.notices.push(notice),
                Err(why) => {
                    log::warn!("the rooms are not announced: {why}");
                    break;
                }
            }
        }
        for (number, notice) in self.notices.iter().enumerate() {
            if let Some(ears) = notice.descriptor() {
                // Without it who asks waits for the next regular announcement.
                let _ = self.watch(ears, Event::Room(number), Interest::READABLE);
            }
        }
    }
}

fn text(
    room: &str,
    session_id: u64,
    origin: IpAddr,
    host: SocketAddr,
) -> Result<String, std::fmt::Error> {
    let url = format!("rtsp://{host}/{}", encoded(room));
    let session = Session {
        name: room,
        info: None,
        tool: Some(concat!("streamsocket-relay ", env!("CARGO_PKG_VERSION"))),
        session_id,
        version: session_id,
        origin,
        group: origin,
        ttl: None,
        sources: Sources::new(),
        rtcp_unicast: false,
        tier: None,
        room: Some(room),
        protected: None,
        rtsp: Some(&url),
        control: None,
        media: heapless::Vec::new(),
    };
    let mut text = String::new();
    session.write(&mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_is_a_session_without_media_with_an_address() {
        let (origin, host) = ([192, 0, 2, 1].into(), "192.0.2.1:8554".parse().unwrap());
        let text = text("Hall 2", 7, origin, host).unwrap();
        let has = |line: &str| text.contains(&format!("\r\n{line}\r\n"));
        assert!(has("o=- 7 7 IN IP4 192.0.2.1") && has("a=x-room:Hall 2"), "{text}");
        assert!(has("a=x-rtsp:rtsp://192.0.2.1:8554/Hall%202") && !text.contains("m="), "{text}");
        assert!(Session::parse(&text).is_err(), "players find nothing in it");
    }
}
