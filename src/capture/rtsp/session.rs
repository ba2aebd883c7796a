//! A connection to a camera by which its pictures come, and its sound. All that it describes is asked for: servers
//! there are whose media fail as a whole if one of them is not.

use crate::capture::error::{Cause, Error};
use crate::clock::monotonic;
use nix::poll::{PollFd, PollFlags, poll};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::time::Duration;
use streamsocket_media::AudioFormat;
use streamsocket_media::clock::Monotonic;
use streamsocket_rtsp::address::Address;
use streamsocket_rtsp::client::Failure;
use streamsocket_rtsp::player::{DEFAULT_PORT, News, Player, Wish};
use streamsocket_rtsp::transport::Offer;
use streamsocket_stream::receive::arrival::ArrivalClock;
use streamsocket_stream::receive::source::{Admission, Source};
use streamsocket_stream::receive::source_packet::SourcePacket;
use streamsocket_wire::payload_format::PayloadFormat;
use streamsocket_wire::rtp;
use streamsocket_wire::sdp::{Media, Medium, Session as Description};

/// Longest time from the first look for a name to the first packet: cameras take two or three seconds.
const OPEN_MAX: Duration = Duration::from_secs(15);

/// A camera that is connected and gives nothing for so long is connected to again.
const SILENCE_MAX: Duration = Duration::from_secs(15);

/// Milliseconds after which it is looked whether a camera still gives nothing.
const MOMENT: u8 = 100;

/// Bytes read in a turn of the loop: all else has its turn in between.
const READ_MAX: usize = 1 << 20;

/// What this program calls itself.
const AGENT: &str = concat!("streamsocket/", env!("CARGO_PKG_VERSION"));

/// What a track carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// JPEGs, and their size, if it is described.
    Jpeg(Option<(u16, u16)>),
    /// Samples of 16 bits.
    L16(AudioFormat),
    /// Samples of 8 bits by the one law or the other (ITU-T G.711).
    Pcmu(AudioFormat),
    Pcma(AudioFormat),
}

impl Content {
    /// Format of sound.
    pub(super) const fn sound(self) -> Option<AudioFormat> {
        match self {
            Self::Jpeg(_) => None,
            Self::L16(format) | Self::Pcmu(format) | Self::Pcma(format) => Some(format),
        }
    }
}

/// What sound a camera has beside its pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sound {
    /// None.
    Nothing,
    /// Sound that is read here.
    Here(AudioFormat),
    /// Sound for others.
    Other,
}

/// A track.
#[derive(Debug)]
struct Track {
    content: Content,
    payload_type: u8,
    source: Source,
    clock: ArrivalClock,
}

impl Track {
    fn new(format: &PayloadFormat<'_>, content: Content) -> Self {
        let (source, clock) =
            (Source::new(format.clock_rate), ArrivalClock::new(format.clock_rate));
        Self { content, payload_type: format.number, source, clock }
    }
}

impl Track {
    /// Passes a packet on, if it is the source's. False if more may wait.
    fn admit(&mut self, packet: &rtp::Packet<'_>, now: Monotonic, each: Each<'_>) -> bool {
        let header = packet.header();
        let (sequence, time) = match self.source.admit(&header, now) {
            Admission::Admitted { sequence, time } => (sequence, time),
            Admission::NewSource { sequence, time } => {
                self.clock.reset();
                (sequence, time)
            }
            Admission::Refused => return true,
        };
        self.clock.observe(time, now);
        let undelayed = self.clock.undelayed(time).unwrap_or(now).min(now);
        let (marker, payload) = (header.marker, packet.payload());
        let packet = SourcePacket { sequence, time, marker, ntp: None, payload, arrival: now };
        each(self.content, &packet, undelayed)
    }
}

/// Takes packets.
pub(super) type Each<'a> = &'a mut dyn FnMut(Content, &SourcePacket<'_>, Monotonic) -> bool;

/// A connection.
#[derive(Debug)]
pub(super) struct Session {
    /// The address, as it may be shown.
    shown: String,
    stream: TcpStream,
    player: Player,
    /// Pictures, and sound if there is any that is read here; each by two channels.
    tracks: Vec<Track>,
    sound: Sound,
    /// When a packet of the pictures last came.
    heard: Monotonic,
}

/// A camera that was asked for something.
pub(super) enum Asked {
    /// They come.
    Session(Box<Session>),
    /// It has something that others may be able to read.
    Foreign,
}

impl Session {
    /// Asks a camera for its pictures and its sound, and waits until they come: 15 s at most.
    ///
    /// # Errors
    /// Nobody is there, or it says no: one line, without passwords.
    pub(super) fn open(url: &str) -> Result<Asked, Error> {
        let shown = crate::capture::child::without_password(url);
        let failed =
            |why: &str| Error::new(format!("{shown} {why}")).from_cause(Cause::Unreachable);
        let hint = "cannot be read as an address: in a name or password '/', '?', '#' and '@' are written %2F, %3F, %23 and %40";
        let address = Address::parse(url, "rtsp", DEFAULT_PORT).ok_or_else(|| failed(hint))?;
        let began = monotonic();
        let left = || OPEN_MAX.saturating_sub(monotonic().since(began));
        let stream = connect(&address, left).map_err(|why| failed(&unreached(&why)))?;
        let player = Player::new(&address, AGENT, began);
        let (tracks, sound) = (Vec::new(), Sound::Nothing);
        let mut session = Self { shown, stream, player, tracks, sound, heard: began };
        match session.ask(left) {
            Ok(true) => {
                let prepared = session.stream.set_nonblocking(true);
                prepared.map_err(|why| session.over(&unreached(&why)))?;
                Ok(Asked::Session(Box::new(session)))
            }
            // It may send by UDP only.
            Ok(false) | Err(Stop::Server(Failure::Refused(461, _) | Failure::NoTransport)) => {
                Ok(Asked::Foreign)
            }
            Err(Stop::Server(failure)) => Err(session.over(&failure.to_string())),
            Err(Stop::Connection(why)) => Err(session.over(&unreached(&why))),
        }
    }

    /// Asks until packets come; false if there are no pictures that are read here.
    fn ask(&mut self, left: impl Fn() -> Duration) -> Result<bool, Stop> {
        loop {
            let now = monotonic();
            self.write()?;
            match self.player.take(now)? {
                News::Described(sdp) => {
                    if self.choose(&sdp, now).is_none() {
                        return Ok(false);
                    }
                }
                News::Playing => return Ok(true),
                News::Granted(..) | News::Packet { .. } => {}
                News::Nothing if !self.player.out().is_empty() => {}
                News::Nothing => {
                    let left = left();
                    if left.is_zero() {
                        return Err(Failure::Silent.into());
                    }
                    self.stream.set_read_timeout(Some(left))?;
                    match self.stream.read(self.player.room()) {
                        Ok(0) => return Err(io::Error::from(ErrorKind::UnexpectedEof).into()),
                        Ok(count) => self.player.filled(count),
                        Err(why) if why.kind() == ErrorKind::Interrupted => {}
                        Err(why) if why.kind() == ErrorKind::WouldBlock => {}
                        Err(why) => return Err(why.into()),
                    }
                }
            }
        }
    }

    /// Asks for the media of a description, if there are pictures among them that are read here.
    fn choose(&mut self, sdp: &str, now: Monotonic) -> Option<()> {
        let session = Description::parse(sdp).ok()?;
        let of = |medium| session.media.iter().filter(move |media| media.medium == medium);
        let here = |medium| of(medium).find_map(|media| Some((media, content(media)?)));
        let (pictures, sound) = (here(Medium::Video)?, here(Medium::Audio));
        self.sound = match sound.as_ref().and_then(|(_, (_, content))| content.sound()) {
            Some(format) => Sound::Here(format),
            None if of(Medium::Audio).next().is_some() => Sound::Other,
            None => Sound::Nothing,
        };
        let chosen: Vec<_> = std::iter::once(pictures).chain(sound).collect();
        self.tracks = chosen.iter().map(|(_, (format, it))| Track::new(format, *it)).collect();
        let is_chosen = |media: &Media<'_>| chosen.iter().any(|(it, _)| std::ptr::eq(*it, media));
        let others = session.media.iter().filter(|media| !is_chosen(media));
        let media = chosen.iter().map(|(media, _)| *media).chain(others);
        let wish = |(media, nth): (&Media<'_>, u8)| Wish {
            control: media.control.or(session.control).unwrap_or("*").to_owned(),
            offer: Offer::Tcp { channels: Some([2 * nth, 2 * nth + 1]) },
            dispensable: nth > 0,
        };
        self.player.want(media.zip(0..).map(wish).collect(), now);
        Some(())
    }

    /// Size of the pictures, if it is described.
    pub(super) fn size(&self) -> Option<(u16, u16)> {
        match self.tracks.first()?.content {
            Content::Jpeg(size) => size,
            _ => None,
        }
    }

    /// What sound there is.
    pub(super) const fn sound(&self) -> Sound {
        self.sound
    }

    /// Waits until something has come, or for a moment.
    pub(super) fn wait(&self) {
        let mut polled = [PollFd::new(self.stream.as_fd(), PollFlags::POLLIN)];
        // A signal that comes meanwhile is one moment less.
        let _ = poll(&mut polled, MOMENT);
    }

    /// What to watch for reading.
    pub(super) fn descriptor(&self) -> RawFd {
        self.stream.as_raw_fd()
    }

    /// When to poll again even if nothing arrives.
    pub(super) fn deadline(&self) -> Monotonic {
        self.player.deadline().min(self.heard + SILENCE_MAX)
    }

    /// Reads what has come, and passes each packet to `each`, with what it carries and the time at which it comes if
    /// nothing delays it, until that returns false: then more may be left.
    ///
    /// # Errors
    /// The connection is over: it is to be opened again.
    pub(super) fn poll(&mut self, now: Monotonic, each: Each<'_>) -> Result<(), Error> {
        match self.receive(now, each) {
            Ok(()) if now.since(self.heard) >= SILENCE_MAX => {
                Err(self.over(&format!("has sent nothing for {} s", SILENCE_MAX.as_secs())))
            }
            Ok(()) => Ok(()),
            Err(Stop::Server(failure)) => Err(self.over(&failure.to_string())),
            Err(Stop::Connection(why)) if why.kind() == ErrorKind::UnexpectedEof => {
                Err(self.over("has ended the stream"))
            }
            Err(Stop::Connection(why)) => Err(self.over(&format!("breaks off: {why}"))),
        }
    }

    fn receive(&mut self, now: Monotonic, each: Each<'_>) -> Result<(), Stop> {
        self.player.look(now)?;
        let mut read = 0;
        loop {
            self.write()?;
            match self.player.take(now)? {
                News::Packet { channel, at } => {
                    let Self { player, tracks, heard, .. } = self;
                    let track = tracks.get_mut(usize::from(channel / 2));
                    // By the odd ones come reports, which say nothing that is needed here.
                    let Some(track) = track.filter(|_| channel % 2 == 0) else { continue };
                    let packet = rtp::Packet::parse(player.packet(at)).ok();
                    let own = |it: &rtp::Packet<'_>| it.header().payload_type == track.payload_type;
                    let Some(packet) = packet.filter(own) else { continue };
                    if channel == 0 {
                        *heard = now;
                    }
                    if !track.admit(&packet, now, each) {
                        return Ok(());
                    }
                }
                News::Described(_) | News::Granted(..) | News::Playing => {}
                News::Nothing if read >= READ_MAX => return self.write().map_err(Stop::from),
                News::Nothing => match self.stream.read(self.player.room()) {
                    Ok(0) => return Err(io::Error::from(ErrorKind::UnexpectedEof).into()),
                    Ok(count) => {
                        read += count;
                        self.player.filled(count);
                    }
                    Err(why) if why.kind() == ErrorKind::WouldBlock => {
                        return self.write().map_err(Stop::from);
                    }
                    Err(why) if why.kind() == ErrorKind::Interrupted => {}
                    Err(why) => return Err(why.into()),
                },
            }
        }
    }

    fn write(&mut self) -> io::Result<()> {
        let out = self.player.out();
        while !out.is_empty() {
            match self.stream.write(out) {
                Ok(count) => drop(out.drain(..count)),
                Err(why) if why.kind() == ErrorKind::WouldBlock => break,
                Err(why) if why.kind() == ErrorKind::Interrupted => {}
                Err(why) => return Err(why),
            }
        }
        Ok(())
    }

    fn over(&self, why: &str) -> Error {
        Error::new(format!("{} {why}", self.shown)).from_cause(Cause::Unreachable)
    }
}

impl Drop for Session {
    /// Cameras serve few at a time, and wait a minute for who just goes.
    fn drop(&mut self) {
        self.player.leave(self.heard);
        let _ = self.write();
    }
}

/// Why nothing more comes.
enum Stop {
    Server(Failure),
    Connection(io::Error),
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Server(failure)
    }
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Connection(error)
    }
}

fn unreached(why: &io::Error) -> String {
    match why.kind() {
        ErrorKind::UnexpectedEof => "ends the connection without an answer".to_owned(),
        ErrorKind::WouldBlock | ErrorKind::TimedOut => {
            format!("gives no answer for {} s", OPEN_MAX.as_secs())
        }
        _ => format!("cannot be reached: {}", crate::capture::http::said(why)),
    }
}

/// Looks a name up and connects to one of its addresses; each of those that are left has the same time.
fn connect(
    Address { host, port, .. }: &Address,
    left: impl Fn() -> Duration,
) -> io::Result<TcpStream> {
    let found: Vec<_> = (host.as_str(), *port).to_socket_addrs()?.collect();
    let mut failed = io::Error::from(ErrorKind::NotFound);
    for (tried, address) in found.iter().enumerate() {
        let others = u32::try_from(found.len() - tried).unwrap_or(u32::MAX);
        let patience = (left() / others).max(Duration::from_millis(1));
        match TcpStream::connect_timeout(address, patience) {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(why) => failed = why,
        }
    }
    Err(failed)
}

/// What a medium carries, if it is read here.
fn content<'a>(media: &'a Media<'_>) -> Option<(&'a PayloadFormat<'a>, Content)> {
    media.formats.iter().find_map(|format| {
        let sound = AudioFormat { rate: format.clock_rate, channels: format.channels };
        let usual = (1..=2).contains(&sound.channels) && (4_000..=192_000).contains(&sound.rate);
        let content = match media.medium {
            Medium::Video if format.is("JPEG") => Content::Jpeg(media.size),
            Medium::Audio if format.is("L16") && usual => Content::L16(sound),
            Medium::Audio if format.is("PCMU") && usual => Content::Pcmu(sound),
            Medium::Audio if format.is("PCMA") && usual => Content::Pcma(sound),
            _ => return None,
        };
        Some((format, content))
    })
}
