//! A connection to a camera by which its pictures come, and its sound. All that it describes is asked for: servers
//! there are whose media fail as a whole if one of them is not.

use super::track::{Content, Each, Track, content};
use crate::capture::error::{Cause, Error};
use crate::clock::monotonic;
use nix::poll::{PollFd, PollFlags, poll};
use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::time::Duration;
use streamsocket_media::AudioFormat;
use streamsocket_media::clock::Monotonic;
use streamsocket_net::tcp;
use streamsocket_rtsp::address::Address;
use streamsocket_rtsp::client::Failure;
use streamsocket_rtsp::player::{DEFAULT_PORT, News, Player, Wish};
use streamsocket_rtsp::transport::{Granted, Offer, Profile};
use streamsocket_wire::sdp::{Media, Medium, Session as Description};

/// Longest time from the first look for a name to the first packet: cameras take two or three seconds.
const OPEN_MAX: Duration = Duration::from_secs(15);

/// A camera that is connected and gives nothing for so long is connected to again.
const SILENCE_MAX: Duration = Duration::from_secs(15);

/// Milliseconds after which it is looked whether a camera still gives nothing.
const MOMENT: u8 = 100;

/// Bytes read in a turn of the loop: all else has its turn in between.
const READ_MAX: usize = 1 << 20;

/// When to go on reading where more was there than that.
const RETRY: Duration = Duration::from_millis(1);

/// What this program calls itself.
const AGENT: &str = concat!("streamsocket/", env!("CARGO_PKG_VERSION"));

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
    /// When to go on reading what nothing will report any more.
    retry: Option<Monotonic>,
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
        let connected = tcp::connect(&address.host, address.port, left);
        let stream = connected.map_err(|why| failed(&unreached(&why)))?;
        let player = Player::new(&address, AGENT, began);
        let (tracks, sound) = (Vec::new(), Sound::Nothing);
        let mut session = Self { shown, stream, player, tracks, sound, heard: began, retry: None };
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
                News::Granted(nth, Some(Granted::Tcp { channels })) => {
                    // Others than were asked for, if the camera will have it so.
                    self.tracks
                        .get_mut(nth)
                        .into_iter()
                        .for_each(|it| it.channels = Some(channels));
                }
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
            profile: Profile::Avp,
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
        let due = self.player.deadline().min(self.heard + SILENCE_MAX);
        self.retry.map_or(due, |retry| retry.min(due))
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
        self.retry = None;
        self.player.look(now)?;
        let mut read = 0;
        loop {
            self.write()?;
            match self.player.take(now)? {
                News::Packet { channel, at } => {
                    let Self { player, tracks, heard, .. } = self;
                    let mut tracks = tracks.iter_mut().enumerate();
                    let track = tracks.find(|(_, track)| track.comes_by(channel));
                    let Some((nth, track)) = track else { continue };
                    let Some(more) = track.admit(player.packet(at), now, each) else { continue };
                    // The pictures are the first.
                    if nth == 0 {
                        *heard = now;
                    }
                    if !more {
                        return Ok(());
                    }
                }
                News::Described(_) | News::Granted(..) | News::Playing => {}
                News::Nothing if read >= READ_MAX => {
                    self.retry = Some(now + RETRY);
                    return self.write().map_err(Stop::from);
                }
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

#[cfg(test)]
mod tests;
