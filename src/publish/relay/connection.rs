//! A connection to a relay, as far as the loop has it: what is asked and answered, and the way of each track.

use crate::publish::description::Description;
use crate::publish::outbox::Connection;
use crate::publish::track::TrackId;
use crate::publish::unicast::{UnicastId, UnicastWay};
use crate::settings::shown;
use std::io;
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::os::fd::{AsRawFd, RawFd};
use streamsocket_media::clock::Monotonic;
use streamsocket_net::{UnicastSocket, tcp};
use streamsocket_rtsp::address::Address;
use streamsocket_rtsp::client::Failure;
use streamsocket_rtsp::player::{News, Player, Wish};
use streamsocket_rtsp::target::track_url;
use streamsocket_rtsp::transport::{Granted, Offer, Profile};

/// What this program calls itself.
const AGENT: &str = concat!("streamsocket/", env!("CARGO_PKG_VERSION"));

/// Why nothing goes there.
#[derive(Debug)]
pub enum Lost {
    /// Nobody is there, or is no more: some words.
    Unreached(String),
    /// The relay does not want it: some words.
    Refused(String),
    /// It does not want it by UDP.
    NotByUdp,
    /// It has ended the connection.
    Ended,
}

impl From<io::Error> for Lost {
    fn from(error: io::Error) -> Self {
        Self::Unreached(format!("cannot be reached: {}", tcp::said(&error)))
    }
}

impl From<Failure> for Lost {
    fn from(failure: Failure) -> Self {
        let why = match failure {
            Failure::Refused(461, _) => return Self::NotByUdp,
            Failure::Silent => return Self::Unreached(failure.to_string()),
            Failure::Refused(403, _) => "does not let this machine or user publish there (403)",
            Failure::Refused(404, _) => "has no such room (404)",
            Failure::Refused(409, _) => {
                "has somebody else under this name, or keeps it for who was there before (409)"
            }
            Failure::Refused(415, _) => "does not take what is sent (415): its log says why",
            other => return Self::Refused(other.to_string()),
        };
        Self::Refused(why.into())
    }
}

/// What has come of it.
pub enum Step {
    /// Packets are taken from now on.
    Begins,
    /// A report of the relay's on the track of this number, within the connection.
    Report(usize, Vec<u8>),
}

/// A connection.
pub struct Open {
    connection: Connection,
    pub(super) player: Player,
    peer: SocketAddr,
    local: SocketAddr,
    pub(super) tracks: Vec<Going>,
    /// Something may have come, or may be written.
    pub(super) roused: bool,
    moved: bool,
    /// When it began to take packets.
    pub(super) began: Option<Monotonic>,
}

/// A track that goes there.
pub struct Going {
    /// Which.
    pub track: TrackId,
    /// Until it goes.
    way: Option<UnicastWay>,
    channels: [u8; 2],
    /// Its sink, once it goes.
    pub sink: Option<UnicastId>,
}

impl Open {
    pub(super) fn new(
        stream: TcpStream,
        address: &Address,
        description: &Description,
        within: bool,
        now: Monotonic,
    ) -> Result<Self, Lost> {
        let (peer, local) = (stream.peer_addr()?, stream.local_addr()?);
        stream.set_nonblocking(true)?;
        tcp::prepare(&stream)?;
        let url = shown(address);
        let undescribed = |_| Lost::Refused("cannot be told what is sent".into());
        let keys: [&str; 0] = [];
        let sdp = description.served_text(&url, local.is_ipv6(), &keys).map_err(undescribed)?;
        let (mut tracks, mut wishes) = (Vec::new(), Vec::new());
        for (track, first) in description.tracks.iter().zip((0..=254).step_by(2)) {
            let channels = [first, first + 1];
            let (way, offer) = if within {
                (None, Offer::Tcp { channels: Some(channels) })
            } else {
                let failed = |error: streamsocket_net::Error| Lost::Unreached(error.to_string());
                let pair = UnicastSocket::pair(local, [peer; 2]).map_err(failed)?;
                let client = [pair[0].local_addr()?.port(), pair[1].local_addr()?.port()];
                (Some(UnicastWay::Udp(Box::new(pair))), Offer::Udp { client })
            };
            let control = track_url(&url, track.mid());
            wishes.push(Wish { control, profile: Profile::Avp, offer, dispensable: false });
            tracks.push(Going { track: track.id.clone(), way, channels, sink: None });
        }
        let player = Player::sending(address, AGENT, sdp, wishes, now);
        let connection = Connection::new(stream);
        Ok(Self {
            connection,
            player,
            peer,
            local,
            tracks,
            roused: true,
            moved: false,
            began: None,
        })
    }

    /// Something has come, or may be written.
    pub const fn rouse(&mut self) {
        self.roused = true;
    }

    /// What to watch: the connection, for writing as well.
    #[must_use]
    pub fn descriptor(&self) -> RawFd {
        self.connection.outbox().descriptor()
    }

    /// The same of its sockets.
    pub fn sockets(&self) -> impl Iterator<Item = RawFd> {
        self.tracks.iter().flat_map(|going| match &going.way {
            Some(UnicastWay::Udp(pair)) => pair.iter().map(AsRawFd::as_raw_fd).collect(),
            _ => Vec::new(),
        })
    }

    /// Where the relay is.
    #[must_use]
    pub const fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// The network has changed: perhaps this machine has that address no more by which the relay knows it.
    pub fn look_around(&mut self) {
        let mut local = self.local;
        local.set_port(0);
        self.moved = UdpSocket::bind(local).is_err();
        self.roused |= self.moved;
    }

    /// What goes there.
    pub const fn tracks_mut(&mut self) -> &mut Vec<Going> {
        &mut self.tracks
    }

    /// Says what is due, and takes what has come next; `None` if there is nothing more at the moment. At most so many
    /// pieces are read, of which this takes those that it reads.
    ///
    /// # Errors
    /// Nothing more will come.
    pub fn take(&mut self, pieces: &mut usize, now: Monotonic) -> Result<Option<Step>, Lost> {
        if self.moved {
            return Err(Lost::Unreached("was reached by an address that is gone".into()));
        }
        self.player.look(now)?;
        loop {
            let mut outbox = self.connection.outbox();
            outbox.say(&std::mem::take(self.player.out()));
            outbox.write();
            if outbox.is_gone() {
                return Err(Lost::Ended);
            }
            match self.player.take(now)? {
                News::Granted(nth, Some(granted)) => {
                    if let Some(going) = self.tracks.get_mut(nth) {
                        going.granted(granted, self.peer);
                    }
                }
                News::Playing => {
                    self.began = Some(now);
                    return Ok(Some(Step::Begins));
                }
                News::Packet { channel, at } => {
                    let track = self.tracks.iter().position(|it| it.channels[1] == channel);
                    if let Some(track) = track {
                        return Ok(Some(Step::Report(track, self.player.packet(at).to_vec())));
                    }
                }
                News::Described(_) | News::Granted(_, None) => {}
                // What is to be said comes first.
                News::Nothing if !self.player.out().is_empty() => {}
                // The rest waits for the next turn.
                News::Nothing if *pieces == 0 => return Ok(None),
                News::Nothing => match outbox.read(self.player.room()) {
                    Ok(Some(0)) | Err(_) => return Err(Lost::Ended),
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

    /// Says that nothing follows.
    pub fn leave(&mut self, now: Monotonic) {
        self.player.leave(now);
        self.connection.outbox().say(&std::mem::take(self.player.out()));
    }

    /// The way of a track, once, for its sink.
    pub fn take_way(&mut self, nth: usize) -> Option<UnicastWay> {
        let connection = self.connection.clone();
        let going = self.tracks.get_mut(nth)?;
        let interleaved = UnicastWay::Interleaved { connection, channels: going.channels };
        Some(going.way.take().unwrap_or(interleaved))
    }
}

impl Going {
    /// It is to go there.
    fn granted(&mut self, granted: Granted, peer: SocketAddr) {
        match (granted, &mut self.way) {
            (Granted::Udp { server, .. }, Some(UnicastWay::Udp(pair))) => {
                for (socket, port) in pair.iter_mut().zip(server) {
                    socket.redirect(SocketAddr::new(peer.ip(), port));
                }
            }
            (Granted::Tcp { channels }, None) => self.channels = channels,
            // The player takes nothing else than what was offered.
            _ => {}
        }
    }
}
