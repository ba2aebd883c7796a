//! A way to the relay by TCP alone, at another address of this machine: what is sent there by UDP arrives nowhere.

use crate::relaying::Relay;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{park_timeout, spawn};
use std::time::Duration;

/// Where it is.
const HERE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 3);

/// What a publisher calls what is to go by UDP, and another name of the same length that the relay refuses.
const NAMES: [&str; 2] = ["RTP/AVP;unicast;client", "RTP/XVP;unicast;client"];

/// What it does to what is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// Nothing.
    Deaf,
    /// UDP is refused.
    Refusing,
}

/// The way, as long as the test.
pub(crate) struct Proxy {
    port: u16,
    stopped: Arc<AtomicBool>,
}

impl Proxy {
    /// One to this relay.
    pub(crate) fn before(relay: &Relay, way: Way) -> Self {
        let listener = TcpListener::bind((HERE, 0)).unwrap();
        let (port, far) = (listener.local_addr().unwrap().port(), relay.port);
        let stopped = Arc::new(AtomicBool::new(false));
        let stops = Arc::clone(&stopped);
        spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                let far = TcpStream::connect((Ipv4Addr::LOCALHOST, far)).unwrap();
                let (back, answers) = (near.try_clone().unwrap(), far.try_clone().unwrap());
                let stops = Arc::clone(&stops);
                spawn(move || pass(near, far, way, &stops));
                spawn(move || pass(answers, back, Way::Deaf, &AtomicBool::new(false)));
            }
        });
        Self { port, stopped }
    }

    /// Where somebody publishes by it.
    pub(crate) fn url(&self, relay: &Relay, name: &str) -> String {
        let own = relay.url(name);
        own.replace(&format!("127.0.0.1:{}", relay.port), &format!("{HERE}:{}", self.port))
    }

    /// Takes nothing more of what is sent to the relay, or goes on.
    pub(crate) fn stop(&self, stop: bool) {
        self.stopped.store(stop, Ordering::Relaxed);
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, way: Way, stopped: &AtomicBool) {
    let mut room = [0; 4096];
    loop {
        while stopped.load(Ordering::Relaxed) {
            park_timeout(Duration::from_millis(10));
        }
        let Ok(len @ 1..) = from.read(&mut room) else { break };
        let piece = &mut room[..len];
        let [said, refused] = NAMES.map(str::as_bytes);
        if let Some(at) =
            piece.windows(said.len()).position(|it| way == Way::Refusing && it == said)
        {
            piece[at..at + refused.len()].copy_from_slice(refused);
        }
        if to.write_all(piece).is_err() {
            break;
        }
    }
    let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}
