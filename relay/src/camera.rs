//! A camera that is asked for what it has: the connection to it, and when it is tried again.

use crate::configuration::{Pull, Room};
use crate::offer::{Announced, described};
use crate::places::Key;
use mio::Waker;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::ops::Range;
use std::os::fd::RawFd;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};
use std::thread::Builder;
use std::time::Duration;
use streamsocket_media::clock::Monotonic;
use streamsocket_net::tcp;
use streamsocket_rtsp::player::{News, Player, Wish};
use streamsocket_rtsp::transport::{Granted, Offer, Profile};
use streamsocket_station::clock::monotonic;
use streamsocket_station::outbox::Connection;

/// Longest time from the first look for a name until there is a connection.
const CONNECT_MAX: Duration = Duration::from_secs(10);

/// Waits between two attempts: the first, and the longest, which each one doubles to.
const WAITS: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(10)];

/// How long a camera is left alone of which nothing can be handed on: somebody has to change its settings.
const UNFIT: Duration = Duration::from_secs(60);

/// What this program calls itself.
const AGENT: &str = concat!("streamsocket-relay/", env!("CARGO_PKG_VERSION"));

/// Why nothing comes of a camera.
#[derive(Debug)]
pub(crate) struct Lost {
    /// Some words, for behind its name.
    pub(crate) why: String,
    /// It has nothing that can be handed on.
    unfit: bool,
}

impl<T: Into<String>> From<T> for Lost {
    fn from(why: T) -> Self {
        Self { why: why.into(), unfit: false }
    }
}

/// What has come of it.
pub(crate) enum Step {
    /// It has this; what goes by which channels is told with each.
    Described(Vec<(Announced, [u8; 2])>),
    /// Packets come from now on.
    Plays,
    /// A packet, by that channel.
    Packet(u8),
}

/// A camera.
pub(crate) struct Camera {
    pub(crate) key: Key,
    pull: Pull,
    way: Way,
    waker: Arc<Waker>,
    wait: Duration,
    /// That it is away was said.
    said: bool,
}

enum Way {
    Waiting(Monotonic),
    Connecting(Receiver<io::Result<TcpStream>>),
    Open(Box<Open>),
}

/// A connection to a camera.
pub(crate) struct Open {
    connection: Connection,
    player: Player,
    pub(crate) peer: SocketAddr,
    /// Something may have come, or may be written.
    pub(crate) roused: bool,
    /// Packets come.
    pub(crate) plays: bool,
    packet: Range<usize>,
    /// Channels, as they were asked for and as the camera will have them.
    channels: Vec<[[u8; 2]; 2]>,
}

impl Camera {
    /// All that these rooms name.
    pub(crate) fn all(rooms: &[Room], waker: &Arc<Waker>, now: Monotonic) -> Vec<Self> {
        let of = |room: &Room, pull: &Pull| Self {
            key: Key { room: room.name.clone(), name: pull.name.clone() },
            pull: pull.clone(),
            way: Way::Waiting(now),
            waker: Arc::clone(waker),
            wait: WAITS[0],
            said: false,
        };
        rooms.iter().flat_map(|room| room.pull.iter().map(move |pull| of(room, pull))).collect()
    }

    /// When to look again even if nothing comes.
    pub(crate) fn deadline(&self) -> Option<Monotonic> {
        match &self.way {
            Way::Waiting(until) => Some(*until),
            Way::Connecting(_) => None,
            Way::Open(open) if open.roused => Some(Monotonic(0)),
            Way::Open(open) => Some(open.player.deadline()),
        }
    }

    /// The connection, if there is one.
    pub(crate) fn open_mut(&mut self) -> Option<&mut Open> {
        match &mut self.way {
            Way::Open(open) => Some(open),
            Way::Waiting(_) | Way::Connecting(_) => None,
        }
    }

    /// Connects, if that is due. The descriptor of a connection that is new, to be watched.
    ///
    /// # Errors
    /// Why there is none.
    pub(crate) fn turn(&mut self, now: Monotonic) -> Result<Option<RawFd>, Lost> {
        let connected = match &mut self.way {
            Way::Open(_) => return Ok(None),
            Way::Waiting(until) if *until > now => return Ok(None),
            Way::Waiting(_) => {
                self.way = Way::Connecting(self.connect().map_err(|it| unreached(&it))?);
                return Ok(None);
            }
            Way::Connecting(receiver) => match receiver.try_recv() {
                Err(TryRecvError::Empty) => return Ok(None),
                Err(TryRecvError::Disconnected) => return Err("was not looked for".into()),
                Ok(connected) => connected,
            },
        };
        let open = connected.and_then(|stream| {
            let peer = stream.peer_addr()?;
            stream.set_nonblocking(true)?;
            tcp::prepare(&stream)?;
            let (connection, player) =
                (Connection::new(stream), Player::new(&self.pull.address, AGENT, now));
            let (roused, plays, packet, channels) = (true, false, 0..0, Vec::new());
            Ok(Open { connection, player, peer, roused, plays, packet, channels })
        });
        let open = open.map_err(|it| unreached(&it))?;
        let descriptor = open.connection.outbox().descriptor();
        self.way = Way::Open(Box::new(open));
        Ok(Some(descriptor))
    }

    /// On a thread that ends with it.
    fn connect(&self) -> io::Result<Receiver<io::Result<TcpStream>>> {
        let (sender, receiver) = sync_channel(1);
        let (host, port) = (self.pull.address.host.clone(), self.pull.address.port);
        let waker = Arc::clone(&self.waker);
        Builder::new().name("camera".into()).spawn(move || {
            let began = monotonic();
            let left = || CONNECT_MAX.saturating_sub(monotonic().since(began));
            // The loop has ended if nobody takes it.
            let _ = sender.send(tcp::connect(&host, port, left));
            let _ = waker.wake();
        })?;
        Ok(receiver)
    }

    /// Packets are handed on.
    pub(crate) fn begins(&mut self) {
        (self.wait, self.said) = (WAITS[0], false);
    }

    /// Nothing comes of it any more: it is tried again. It is said once.
    pub(crate) fn lose(&mut self, lost: &Lost, now: Monotonic) {
        let line = format!("{} {}", self.pull.shown(), lost.why);
        if std::mem::replace(&mut self.said, true) && !lost.unfit {
            log::debug!("{line}");
        } else {
            log::warn!("{line}; trying again");
        }
        self.leave(now);
        self.way = Way::Waiting(now + if lost.unfit { UNFIT } else { self.wait });
        self.wait = (2 * self.wait).min(WAITS[1]);
    }

    /// Says that nothing more is wanted: cameras serve few at a time, and wait a minute for who just goes.
    pub(crate) fn leave(&mut self, now: Monotonic) {
        if let Some(open) = self.open_mut() {
            open.player.leave(now);
            open.connection.outbox().say(&std::mem::take(open.player.out()));
        }
    }
}

impl Open {
    /// Says what is due, and takes what has come next; `None` if there is nothing more at the moment. At most so many
    /// pieces are read, of which this takes those that it reads.
    ///
    /// # Errors
    /// Nothing more will come.
    pub(crate) fn take(
        &mut self,
        pieces: &mut usize,
        now: Monotonic,
    ) -> Result<Option<Step>, Lost> {
        self.player.look(now).map_err(|it| it.to_string())?;
        loop {
            let mut outbox = self.connection.outbox();
            outbox.say(&std::mem::take(self.player.out()));
            outbox.write();
            match self.player.take(now).map_err(|it| it.to_string())? {
                News::Described(sdp) => {
                    drop(outbox);
                    return self.choose(&sdp, now).map(Some);
                }
                News::Granted(nth, Some(Granted::Tcp { channels })) => {
                    self.channels.get_mut(nth).into_iter().for_each(|it| it[1] = channels);
                }
                News::Granted(_, None) => {}
                News::Granted(..) => return Err("sends by UDP only".into()),
                News::Playing => {
                    self.plays = true;
                    return Ok(Some(Step::Plays));
                }
                News::Packet { channel, at } => {
                    self.packet = at;
                    let place = |[asked, given]: &[[u8; 2]; 2]| {
                        given.iter().position(|it| *it == channel).map(|kind| asked[kind])
                    };
                    if let Some(channel) = self.channels.iter().find_map(place) {
                        return Ok(Some(Step::Packet(channel)));
                    }
                }
                // What is to be said comes first.
                News::Nothing if !self.player.out().is_empty() => {}
                News::Nothing if *pieces == 0 => return Ok(None),
                News::Nothing => match outbox.read(self.player.room()) {
                    Ok(Some(0)) => return Err("has ended the connection".into()),
                    Err(error) => return Err(format!("breaks off: {}", tcp::said(&error)).into()),
                    Ok(Some(count)) => {
                        self.player.filled(count);
                        *pieces -= 1;
                    }
                    Ok(None) => {
                        self.roused = false;
                        return Ok(None);
                    }
                },
            }
        }
    }

    /// The packet that was just taken.
    pub(crate) fn packet(&self) -> &[u8] {
        self.player.packet(self.packet.clone())
    }

    /// Asks for what is described. All of it: servers there are whose media fail as a whole if one of them is not set up.
    fn choose(&mut self, sdp: &str, now: Monotonic) -> Result<Step, Lost> {
        let media = described(sdp)
            .map_err(|it| Lost { why: format!("is not handed on: {it}"), unfit: true })?;
        let (mut wishes, mut taken) = (Vec::new(), Vec::new());
        for ((control, medium), first) in media.into_iter().zip((0..=254).step_by(2)) {
            let channels = [first, first + 1];
            let (offer, profile) = (Offer::Tcp { channels: Some(channels) }, Profile::Avp);
            wishes.push(Wish { control, profile, offer, dispensable: medium.is_err() });
            self.channels.push([channels; 2]);
            match medium {
                Ok(medium) => taken.push((medium, channels)),
                Err(why) => log::warn!("{}: a part of it is not handed on: {why}", self.peer),
            }
        }
        self.player.want(wishes, now);
        Ok(Step::Described(taken))
    }
}

fn unreached(error: &io::Error) -> Lost {
    format!("cannot be reached: {}", tcp::said(error)).into()
}
