//! The way to a relay that the session is published to (RFC 2326 sections 10.3 and 10.11): a connection, what is said by it,
//! and when it is tried again. Its sinks are those of a viewer who is served alone.

mod connection;

pub use self::connection::{Going, Lost, Open, Step};
use super::description::{Described, Description};
use crate::beside::{Panicked, Work};
use crate::clock::monotonic;
use crate::settings::shown;
use mio::Waker;
use std::io;
use std::net::TcpStream;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;
use streamsocket_media::clock::Monotonic;
use streamsocket_net::tcp;
use streamsocket_rtsp::address::Address;

/// Longest time from the first look for a name until there is a connection.
const CONNECT_MAX: Duration = Duration::from_secs(10);

/// Waits between two attempts: the first, and the longest, which each one doubles to.
const WAITS: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(10)];

/// A relay that ends the connection so long after the first packet, though some were sent, has got none: it waits 5 s for
/// one, and may take a second or two to notice. One that ends it earlier has been stopped.
const DEAF: Range<Duration> = Duration::from_secs(4)..Duration::from_secs(8);

/// A session's way to a relay.
pub struct Relay {
    address: Address,
    described: Vec<Described>,
    way: Way,
    /// The next wait for another attempt.
    wait: Duration,
    /// Packets go within the connection: by UDP none arrive.
    within: bool,
    /// The first attempt must not fail: nobody has said that it is to be waited for.
    must: bool,
    /// Why it is not there, if so: one line.
    why: Option<String>,
    /// What was said of that last: that it is refused, or not reached.
    refused: Option<bool>,
}

enum Way {
    Waiting(Monotonic),
    Connecting(Work<io::Result<TcpStream>>),
    Open(Box<Open>),
}

impl Relay {
    /// To this address, which is tried at once. `must` says that it must not fail the first time.
    #[must_use]
    pub fn new(address: Address, description: &Description, must: bool, now: Monotonic) -> Self {
        let described = description.tracks.clone();
        let (way, wait) = (Way::Waiting(now), WAITS[0]);
        Self { address, described, way, wait, within: false, must, why: None, refused: None }
    }

    /// The address, as it may be shown.
    #[must_use]
    pub fn shown(&self) -> String {
        shown(&self.address)
    }

    /// Whether it goes on as it is for a session that is described like this.
    #[must_use]
    pub fn fits(&self, address: &Address, description: &Description) -> bool {
        let same = |(one, other): (&Described, &Described)| {
            one.id == other.id && one.format == other.format && one.ssrc == other.ssrc
        };
        self.address == *address
            && self.described.len() == description.tracks.len()
            && self.described.iter().zip(&description.tracks).all(same)
    }

    /// The connection, if there is one.
    pub fn open_mut(&mut self) -> Option<&mut Open> {
        match &mut self.way {
            Way::Open(open) => Some(open),
            Way::Waiting(_) | Way::Connecting(_) => None,
        }
    }

    /// The tracks that go there.
    pub fn going(&self) -> &[Going] {
        match &self.way {
            Way::Open(open) => &open.tracks,
            Way::Waiting(_) | Way::Connecting(_) => &[],
        }
    }

    /// Whether packets are taken.
    #[must_use]
    pub fn is_on(&self) -> bool {
        matches!(&self.way, Way::Open(open) if open.began.is_some())
    }

    /// How they go.
    #[must_use]
    pub const fn by(&self) -> &'static str {
        if self.within { "within the connection, since UDP does not get there" } else { "by UDP" }
    }

    /// Why it is not there, if so: one line.
    #[must_use]
    pub fn why(&self) -> Option<&str> {
        self.why.as_deref()
    }

    /// When to take a turn even if nothing comes.
    #[must_use]
    pub fn deadline(&self) -> Option<Monotonic> {
        match &self.way {
            Way::Waiting(until) => Some(*until),
            Way::Connecting(_) => None,
            Way::Open(open) if open.roused => Some(Monotonic(0)),
            Way::Open(open) => Some(open.player.deadline()),
        }
    }

    /// Connects, if that is due. True if there is a connection.
    ///
    /// # Errors
    /// Why there is none.
    pub fn turn(
        &mut self,
        description: &Description,
        waker: &Arc<Waker>,
        now: Monotonic,
    ) -> Result<bool, Lost> {
        match &mut self.way {
            Way::Open(_) => return Ok(true),
            Way::Waiting(until) if *until > now => return Ok(false),
            Way::Waiting(_) => {
                let (host, port) = (self.address.host.clone(), self.address.port);
                let connect = move || {
                    let began = monotonic();
                    let spent = || monotonic().since(began);
                    tcp::connect(&host, port, || CONNECT_MAX.saturating_sub(spent()))
                };
                self.way = Way::Connecting(Work::begin("relay", Arc::clone(waker), connect)?);
                return Ok(false);
            }
            Way::Connecting(work) => {
                let stream = match work.take() {
                    None => return Ok(false),
                    Some(Ok(connected)) => connected?,
                    Some(Err(Panicked)) => {
                        return Err(Lost::Unreached("was not looked for".into()));
                    }
                };
                let open = Open::new(stream, &self.address, description, self.within, now)?;
                self.way = Way::Open(Box::new(open));
            }
        }
        Ok(true)
    }

    /// It takes packets now.
    pub fn begins(&mut self) {
        (self.wait, self.must) = (WAITS[0], false);
        (self.why, self.refused) = (None, None);
    }

    /// Nothing goes there any more: it is tried again. `sent` says whether packets were sent.
    ///
    /// # Errors
    /// It is not to be waited for: one line.
    pub fn lose(&mut self, lost: Lost, sent: bool, now: Monotonic) -> Result<(), String> {
        let began = self.open_mut().and_then(|open| open.began);
        let reached = matches!(self.way, Way::Open(_));
        let deaf = began.is_some_and(|it| sent && DEAF.contains(&now.since(it)));
        let again = match lost {
            Lost::NotByUdp => true,
            Lost::Ended => deaf,
            _ => false,
        };
        self.way = Way::Waiting(now);
        if again && !self.within {
            self.within = true;
            return Ok(());
        }
        // Another relay may be there by then.
        self.within &= reached;
        let refused = matches!(lost, Lost::Refused(_) | Lost::NotByUdp);
        let why = match lost {
            Lost::Unreached(why) | Lost::Refused(why) => why,
            Lost::NotByUdp => "does not take what is sent within the connection (461)".into(),
            Lost::Ended => "has ended the connection".into(),
        };
        let line = format!("{} {why}", self.shown());
        if self.must {
            return Err(line);
        }
        if self.refused == Some(refused) {
            log::debug!("{line}");
        } else {
            log::warn!("{line}; trying again");
            (self.refused, self.why) = (Some(refused), Some(line));
        }
        self.way = Way::Waiting(now + self.wait);
        self.wait = (2 * self.wait).min(WAITS[1]);
        Ok(())
    }
}
