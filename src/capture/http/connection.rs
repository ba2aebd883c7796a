//! Connecting to a server and asking it, which takes its time: it is done beside the loop.

use super::body::Body;
use super::exchange::{Ended, Exchange, Step};
use crate::clock::monotonic;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;
use streamsocket_media::clock::Monotonic;
use streamsocket_rtsp::address::Address;

/// Longest time from the first look for a name to the first picture, whatever the server does meanwhile:
/// cameras take two or three seconds.
pub(super) const OPEN_MAX: Duration = Duration::from_secs(15);

/// Bytes of an answer that are read at once.
const PIECE_LEN: usize = 4096;

/// When opening has to be done.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline(Monotonic);

impl Deadline {
    pub(super) fn from_now() -> Self {
        Self(monotonic() + OPEN_MAX)
    }

    /// The time that is left.
    ///
    /// # Errors
    /// None is.
    pub(super) fn left(self) -> io::Result<Duration> {
        let left = self.0.since(monotonic());
        if left.is_zero() { Err(ErrorKind::TimedOut.into()) } else { Ok(left) }
    }
}

/// A connection that pictures come on.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) stream: TcpStream,
    pub(super) body: Body,
    /// Content that has come already.
    pub(super) content: Vec<u8>,
    /// It may be one picture.
    pub(super) still: bool,
}

/// Asks an address for pictures: follows redirects, and answers who asks for a password.
pub(super) fn ask(address: &str, deadline: Deadline) -> Result<Connection, Ended> {
    let Some(mut exchange) = Exchange::begin(address) else {
        let hint = "cannot be read as an address: in a name or password '/', '?', '#' and '@' are written %2F, %3F, %23 and %40";
        return Err(Ended::Failed(hint.into()));
    };
    loop {
        let mut stream = connect(exchange.address(), deadline).map_err(|why| broken(&why))?;
        let sent = deadline.left().and_then(|left| {
            stream.set_write_timeout(Some(left))?;
            stream.write_all(exchange.request().as_bytes())
        });
        sent.map_err(|why| broken(&why))?;
        match answer(&mut exchange, &mut stream, deadline)? {
            Step::Pictures { body, content, still } => {
                return Ok(Connection { stream, body, content, still });
            }
            // Redirects and challenges are counted, so that this ends.
            Step::Again | Step::More => {}
        }
    }
}

/// Reads up to what an answer means.
fn answer(
    exchange: &mut Exchange,
    stream: &mut TcpStream,
    deadline: Deadline,
) -> Result<Step, Ended> {
    let mut piece = [0; PIECE_LEN];
    loop {
        match read(stream, &mut piece, deadline) {
            Ok(0) => return exchange.end(),
            Ok(len) => match exchange.take(&piece[..len])? {
                Step::More => {}
                step => return Ok(step),
            },
            Err(why) if why.kind() == ErrorKind::Interrupted => {}
            Err(why) => return Err(broken(&why)),
        }
    }
}

/// Reads what comes until the deadline.
pub(super) fn read(
    stream: &mut TcpStream,
    bytes: &mut [u8],
    deadline: Deadline,
) -> io::Result<usize> {
    stream.set_read_timeout(Some(deadline.left()?))?;
    stream.read(bytes)
}

/// Looks a name up and connects to one of its addresses; each of those that are left has the same time.
fn connect(Address { host, port, .. }: &Address, deadline: Deadline) -> io::Result<TcpStream> {
    let found: Vec<_> = (host.as_str(), *port).to_socket_addrs()?.collect();
    let mut failed = io::Error::from(ErrorKind::NotFound);
    for (tried, address) in found.iter().enumerate() {
        let others = u32::try_from(found.len() - tried).unwrap_or(u32::MAX);
        match TcpStream::connect_timeout(address, deadline.left()? / others) {
            Ok(stream) => return Ok(stream),
            Err(why) => failed = why,
        }
    }
    Err(failed)
}

/// What the system says of a connection.
fn broken(why: &io::Error) -> Ended {
    Ended::Failed(match why.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => {
            format!("gives no answer for {} s", OPEN_MAX.as_secs())
        }
        _ => format!("cannot be reached: {}", said(why)),
    })
}

pub(in crate::capture) use streamsocket_net::tcp::said;
