//! A connection to a server by which a session is had by unicast (RTSP, RFC 2326): what it has is asked for, and packets
//! come by sockets that are opened for them, or within the connection.

use crate::plan::chosen::{Chosen, is_served};
use crate::plan::{StreamPlan, Unicast};
use crate::rtp_session::moving::{Kind, Sockets};
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use streamsocket_media::clock::Monotonic;
use streamsocket_net::ReceiveSocket;
use streamsocket_rtsp::client::Failure;
use streamsocket_rtsp::player::{News, Player, Wish};
use streamsocket_rtsp::transport::{Granted, Offer, Profile};
use streamsocket_stream::receive::depayloader::Encoding;
use streamsocket_wire::sdp::Session;

/// What this program calls itself.
pub(crate) const AGENT: &str = concat!("streamsocket-receiver/", env!("CARGO_PKG_VERSION"));

/// Bytes read in a turn of the loop: what is complete is handed on in between.
const READ_MAX: usize = 256 << 10;

/// Bytes that wait to be sent at most: requests and reports of a server that takes nothing for minutes.
const UNSENT_MAX: usize = 64 << 10;

/// How packets come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// By sockets of their own.
    Udp,
    /// Within the connection, which is how they get through what lets no UDP through.
    Tcp,
}

impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
        })
    }
}

/// A track that is wanted, as it was described when the session was planned.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    encoding: Encoding,
    payload_type: u8,
    clock_rate: u32,
    channels: u8,
    /// Payload type of repair packets, if they are wanted, too.
    repair: Option<u8>,
}

impl Wanted {
    /// What a plan has.
    pub(crate) fn planned(plan: &StreamPlan) -> Self {
        let StreamPlan { encoding, payload_type, clock_rate, channels, .. } = *plan;
        let repair = plan.repair.map(|(_, payload_type)| payload_type);
        Self { encoding, payload_type, clock_rate, channels, repair }
    }

    /// The medium of a description that it is, if there still is one, which would be played alike.
    fn of<'s, 'a>(&self, session: &'s Session<'a>) -> Option<Chosen<'s, 'a>> {
        let chosen = Chosen::of(session, self.encoding.medium(), is_served)?;
        let format = chosen.format;
        let alike = (chosen.encoding, format.number, format.clock_rate, chosen.channels)
            == (self.encoding, self.payload_type, self.clock_rate, self.channels);
        alike.then_some(chosen)
    }
}

/// What comes of a connection. Tracks are known by their numbers among those wanted.
pub(crate) enum Event<'a> {
    /// A track comes by these sockets from now on.
    Sockets(usize, Box<Sockets>),
    /// Its repair packets come by this one.
    Repair(usize, Box<ReceiveSocket>),
    /// A track comes within the connection from now on.
    Linked(usize),
    /// A packet has come within the connection.
    Packet(usize, Kind, &'a [u8]),
    /// All that was wanted comes now.
    Playing,
}

/// Why a connection has ended: some words, for behind the server's name.
#[derive(Debug)]
pub(crate) enum Ended {
    /// The kernel's words.
    Connection(io::Error),
    /// The server's.
    Server(Failure),
    /// What it describes is something else than was wanted.
    Changed,
    /// What it describes cannot be read.
    Unreadable,
}

impl Ended {
    /// Whether the server does not send packets in this way.
    pub(crate) const fn is_of_transport(&self) -> bool {
        matches!(self, Self::Server(Failure::Refused(461, _) | Failure::NoTransport))
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connection(error) if error.kind() == ErrorKind::UnexpectedEof => {
                f.write_str("has ended the connection")
            }
            Self::Connection(error) => write!(f, "cannot be reached: {error}"),
            Self::Server(failure) => failure.fmt(f),
            Self::Changed => f.write_str("has other media than before"),
            Self::Unreadable => f.write_str("describes nothing that can be read"),
        }
    }
}

impl From<Failure> for Ended {
    fn from(failure: Failure) -> Self {
        Self::Server(failure)
    }
}

impl From<io::Error> for Ended {
    fn from(error: io::Error) -> Self {
        Self::Connection(error)
    }
}

/// A track, or its repair packets, in the order in which they are asked for.
struct Place {
    track: usize,
    repair: bool,
    /// Opened before they are asked for.
    sockets: Option<[ReceiveSocket; 2]>,
    /// Those that it comes by within the connection: servers need not take those that were asked for.
    channels: Option<[u8; 2]>,
}

/// A connection.
pub(crate) struct Link {
    stream: TcpStream,
    player: Player,
    server: SocketAddr,
    by: By,
    wanted: Vec<Wanted>,
    places: Vec<Place>,
    /// When packets were to begin.
    playing: Option<Monotonic>,
}

impl Link {
    /// Begins to connect, and registers the connection by this token.
    ///
    /// # Errors
    /// The kernel's.
    pub(crate) fn begin(
        unicast: &Unicast,
        by: By,
        wanted: Vec<Wanted>,
        (registry, token): (&Registry, Token),
        now: Monotonic,
    ) -> io::Result<Self> {
        let mut stream = TcpStream::connect(unicast.server)?;
        registry.register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
        let player = Player::new(&unicast.address, AGENT, now);
        let (places, playing) = (Vec::new(), None);
        Ok(Self { stream, player, server: unicast.server, by, wanted, places, playing })
    }

    /// How packets come.
    pub(crate) const fn by(&self) -> By {
        self.by
    }

    /// The server.
    pub(crate) const fn server(&self) -> SocketAddr {
        self.server
    }

    /// When packets were to begin; `None` while they are being asked for.
    pub(crate) const fn playing(&self) -> Option<Monotonic> {
        self.playing
    }

    /// When to take a [turn](Self::turn) even if nothing has come.
    pub(crate) const fn deadline(&self) -> Monotonic {
        self.player.deadline()
    }

    /// Sends a report on a track within the connection.
    pub(crate) fn send_report(&mut self, track: usize, report: &[u8]) {
        let place = self.places.iter().find(|it| it.track == track && !it.repair);
        let channels = place.and_then(|place| place.channels);
        let Some(([_, channel], len)) = channels.zip(u16::try_from(report.len()).ok()) else {
            return;
        };
        let [high, low] = len.to_be_bytes();
        let out = self.player.out();
        out.extend([b'$', channel, high, low]);
        out.extend(report);
        // A connection that is broken says so in the next turn.
        let _ = self.write();
    }

    /// Reads what has come, and passes what it means to `each`; writes what is to be sent. Returns whether more may be
    /// left for the next turn.
    ///
    /// # Errors
    /// Nothing more will come.
    pub(crate) fn turn(
        &mut self,
        now: Monotonic,
        each: &mut dyn FnMut(Event<'_>),
    ) -> Result<bool, Ended> {
        self.player.look(now)?;
        self.write()?;
        let mut read = 0;
        let mut left = true;
        while left && read < READ_MAX {
            match self.stream.read(self.player.room()) {
                Ok(0) => return Err(io::Error::from(ErrorKind::UnexpectedEof).into()),
                Ok(count) => {
                    read += count;
                    self.player.filled(count);
                    self.take(now, each)?;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if is_early(&error) => left = false,
                Err(error) => return Err(error.into()),
            }
        }
        self.write()?;
        Ok(left)
    }

    /// Ends the session, as far as that can be said at once.
    pub(crate) fn leave(&mut self, now: Monotonic) {
        self.player.leave(now);
        // Whoever does not take it finds out by himself.
        let _ = self.write();
    }

    fn write(&mut self) -> Result<(), Ended> {
        let out = self.player.out();
        while !out.is_empty() {
            match self.stream.write(out) {
                Ok(count) => drop(out.drain(..count)),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if is_early(&error) => break,
                Err(error) => return Err(error.into()),
            }
        }
        if out.len() > UNSENT_MAX {
            return Err(Failure::Silent.into());
        }
        Ok(())
    }

    fn take(&mut self, now: Monotonic, each: &mut dyn FnMut(Event<'_>)) -> Result<(), Ended> {
        loop {
            match self.player.take(now)? {
                News::Nothing => return Ok(()),
                News::Described(sdp) => self.want(&sdp, now)?,
                News::Granted(nth, granted) => self.granted(nth, granted, each),
                News::Playing => {
                    self.playing = Some(now);
                    each(Event::Playing);
                }
                News::Packet { channel, at } => {
                    let comes_to = |place: &Place| {
                        let [media, reports] = place.channels?;
                        let kinds = [(media, Kind::Media), (reports, Kind::Reports)];
                        let kind = kinds.into_iter().find(|(its, _)| *its == channel)?.1;
                        Some((place.track, kind))
                    };
                    if let Some((track, kind)) = self.places.iter().find_map(comes_to) {
                        each(Event::Packet(track, kind, self.player.packet(at)));
                    }
                }
            }
        }
    }

    /// Asks for what is wanted of a description.
    fn want(&mut self, sdp: &str, now: Monotonic) -> Result<(), Ended> {
        // What cannot be read was left out when the session was planned, too.
        let session = Session::parse_leaving_out(sdp, &mut |_| {});
        let session = session.map_err(|_| Ended::Unreadable)?;
        let local = self.stream.local_addr()?;
        let mut wishes = Vec::new();
        for (track, wanted) in self.wanted.iter().enumerate() {
            let media = wanted.of(&session).ok_or(Ended::Changed)?.media;
            let control = media.control.ok_or(Ended::Changed)?;
            let profile = Profile::of(media.sealed);
            let repaired = media.repair.map(|repair| repair.payload_type);
            // Within the connection nothing is lost.
            let repair = self.by == By::Udp && wanted.repair.is_some() && repaired == wanted.repair;
            let repair = repair.then_some(true);
            for repair in [false].into_iter().chain(repair) {
                let place = self.places.len();
                let (offer, sockets) = match self.by {
                    By::Tcp => (Offer::Tcp { channels: channels(place) }, None),
                    By::Udp => {
                        let pair = ReceiveSocket::pair(local, self.server.ip());
                        let pair = pair.map_err(io::Error::other)?;
                        let [rtp, rtcp] = [pair[0].local_addr()?, pair[1].local_addr()?];
                        (Offer::Udp { client: [rtp.port(), rtcp.port()] }, Some(pair))
                    }
                };
                let control = if repair { format!("{control}/repair") } else { control.to_owned() };
                wishes.push(Wish { control, profile, offer, dispensable: repair });
                self.places.push(Place { track, repair, sockets, channels: None });
            }
        }
        self.player.want(wishes, now);
        Ok(())
    }

    fn granted(&mut self, nth: usize, granted: Option<Granted>, each: &mut dyn FnMut(Event<'_>)) {
        let Some(place) = self.places.get_mut(nth) else { return };
        let track = place.track;
        match (granted, place.sockets.take()) {
            (Some(Granted::Udp { server, .. }), Some([rtp, rtcp])) => {
                let to = server.map(|port| {
                    let mut to = self.server;
                    to.set_port(port);
                    to
                });
                // An address translation on the way lets in what answers to something.
                for (socket, to) in [(&rtp, to[0]), (&rtcp, to[1])] {
                    let _ = socket.send_to(&[], to);
                }
                if place.repair {
                    each(Event::Repair(track, Box::new(rtp)));
                } else {
                    let sockets = Sockets { rtp, rtcp, report_to: to[1] };
                    each(Event::Sockets(track, Box::new(sockets)));
                }
            }
            (Some(Granted::Tcp { channels }), _) if !place.repair => {
                place.channels = Some(channels);
                each(Event::Linked(track));
            }
            _ => {}
        }
    }
}

/// Nothing is to be read or written yet.
fn is_early(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::NotConnected)
}

/// The channels of the track or repair packets that are asked for as the `nth`.
fn channels(nth: usize) -> Option<[u8; 2]> {
    let first = u8::try_from(2 * nth).ok()?;
    Some([first, first.checked_add(1)?])
}

#[cfg(test)]
mod tests;
