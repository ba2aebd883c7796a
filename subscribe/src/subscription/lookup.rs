//! Looks up where a server is by now: its name may lead to another address than before. On a thread of its own, since
//! that may take seconds, and packets do not wait.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::thread::{Builder, JoinHandle};
use streamsocket_net::machine::random_bytes;
use streamsocket_rtsp::address::Address;

/// A look-up, while one is under way.
#[derive(Debug, Default)]
pub(super) struct Lookup(Option<JoinHandle<Vec<SocketAddr>>>);

impl Lookup {
    /// Begins one, unless the address is a number or one is under way.
    pub(super) fn begin(&mut self, address: &Address) {
        if self.0.is_some() || address.host.parse::<IpAddr>().is_ok() {
            return;
        }
        let (host, port) = (address.host.clone(), address.port);
        let look = move || {
            let found = (host.as_str(), port).to_socket_addrs();
            found.map(Iterator::collect).unwrap_or_default()
        };
        let begun = Builder::new().name("lookup".into()).spawn(look);
        self.0 = begun.map_err(|error| log::debug!("no thread for a look-up: {error}")).ok();
    }

    /// Where to connect next: what was found, if anything was by now, and `server` otherwise. `answered` says that this
    /// one has answered the last time.
    pub(super) fn server(&mut self, server: SocketAddr, answered: bool) -> SocketAddr {
        let Some(done) = self.0.take_if(|thread| thread.is_finished()) else { return server };
        let chance = random_bytes().map_or(0, usize::from_ne_bytes);
        next(&done.join().unwrap_or_default(), server, answered, chance)
    }
}

/// Of the addresses of a name the one to try: the last one if it answers and is still one of them, else any other. All who
/// were served by one that is gone would fill the next one if they went there together, and wait.
fn next(found: &[SocketAddr], server: SocketAddr, answered: bool, chance: usize) -> SocketAddr {
    if answered && found.contains(&server) {
        return server;
    }
    let others = || found.iter().filter(|it| **it != server);
    let nth = chance % others().count().max(1);
    others().nth(nth).copied().unwrap_or(server)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    #[test]
    fn another_address_of_the_name_is_tried_and_a_new_one_at_once() {
        let [old, one, two, three] =
            [1, 2, 3, 4].map(|last| SocketAddr::from(([192, 0, 2, last], 554)));
        assert_eq!(next(&[], old, false, 7), old, "the name is not known");
        assert_eq!(next(&[one, two], old, true, 0), one, "the old one is gone");
        assert_eq!(next(&[one, two], one, true, 1), one, "it has answered");
        let tried = |from| [0, 1, 2, 3].map(|chance| next(&[one, two, three], from, false, chance));
        assert_eq!(tried(one), [two, three, two, three]);
        assert_eq!(tried(two), [one, three, one, three]);
        assert_eq!(next(&[one], one, false, 5), one, "there is no other");
    }

    #[test]
    fn names_are_looked_up_beside_and_numbers_are_not() {
        let address = |text| Address::parse(text, "rtsp", 554).unwrap();
        let (mut lookup, old) = (Lookup::default(), SocketAddr::from(([192, 0, 2, 1], 554)));
        lookup.begin(&address("rtsp://127.0.0.1/"));
        assert!(lookup.0.is_none());
        lookup.begin(&address("rtsp://localhost:8554/"));
        while lookup.0.as_ref().is_some_and(|thread| !thread.is_finished()) {
            thread::yield_now();
        }
        let found = lookup.server(old, true);
        assert!(found.ip().is_loopback() && found.port() == 8554, "{found}");
    }
}
