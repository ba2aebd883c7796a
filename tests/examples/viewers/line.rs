//! A viewer's connection: it is made when it is needed, and made anew when it has failed.

use crate::dns;
use crate::place::Place;
use bytes::Bytes;
use flate2::read::GzDecoder;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper::{Request, Response, StatusCode, header};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::ServerName;
use std::cell::{Cell, RefCell};
use std::fmt::Display;
use std::io::Read;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use streamsocket_tests::board::monotonic;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UdpSocket};
use tokio::sync::Mutex;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// Who does not answer a connection within this is passed over: on a network whose round trip is a tenth of it at most.
const CONNECT: Duration = Duration::from_secs(1);

/// Longer than an origin lets a request wait, which is three lengths of segments.
const ANSWER: Duration = Duration::from_secs(10);

/// A server of names has this long; there are others.
const NAME: Duration = Duration::from_millis(500);

/// A playlist of a day has less.
const PLAYLIST_MAX: u64 = 8 << 20;

/// What is in front of a part or segment is not longer.
const BOX: usize = 8;

/// Whom all viewers ask, and how.
#[derive(Debug)]
pub(crate) struct Server {
    /// Where the session is.
    pub(crate) place: Place,
    /// How it is encrypted, if it is.
    pub(crate) tls: Option<Arc<rustls::ClientConfig>>,
    /// Addresses that are known.
    pub(crate) addresses: Vec<SocketAddr>,
    /// Who knows the others.
    pub(crate) dns: Vec<SocketAddr>,
    /// CLOCK_REALTIME minus CLOCK_MONOTONIC in nanoseconds.
    pub(crate) unix_offset: i64,
    /// Connections that were made.
    pub(crate) connections: Cell<u64>,
}

impl Server {
    /// Nanoseconds since 1970.
    pub(crate) fn now(&self) -> i64 {
        monotonic() + self.unix_offset
    }
}

/// An answer with status 200, which came whole.
#[derive(Debug)]
pub(crate) struct Answer {
    /// When its headers came, in nanoseconds since 1970.
    pub(crate) first: i64,
    /// When its last byte came.
    pub(crate) last: i64,
    /// The bytes of its body.
    pub(crate) length: usize,
}

/// A connection, or none yet.
#[derive(Debug)]
pub(crate) struct Line {
    server: Rc<Server>,
    names: Rc<Names>,
    open: Mutex<Option<(u64, Sender)>>,
    made: Cell<u64>,
}

/// What one viewer knows of the addresses of the server, and which of them it is connected with.
#[derive(Debug)]
pub(crate) struct Names {
    known: RefCell<(Vec<SocketAddr>, i64)>,
    chosen: Cell<usize>,
}

impl Names {
    /// Those of the viewer of this number: others begin with others.
    pub(crate) fn of(viewer: usize) -> Self {
        Self { known: RefCell::default(), chosen: Cell::new(viewer) }
    }

    /// All addresses now, the one that was good last in front.
    async fn addresses(&self, server: &Server) -> Vec<SocketAddr> {
        let mut addresses = server.addresses.clone();
        if addresses.is_empty() {
            let good = self.known.borrow().1;
            if monotonic() >= good {
                self.ask(server).await;
            }
            addresses.clone_from(&self.known.borrow().0);
        }
        let chosen = self.chosen.get() % addresses.len().max(1);
        addresses.rotate_left(chosen);
        addresses
    }

    /// Asks the servers of names, one after the other. If none of them answers, what was known is good still.
    async fn ask(&self, server: &Server) {
        for (index, &dns) in server.dns.iter().enumerate() {
            let id = u16::try_from(index).unwrap_or_default() + 1;
            let answered = timeout(NAME, asked(dns, id, &server.place.host)).await;
            if let Ok(Some((addresses, seconds))) = answered {
                let port = server.place.port;
                let addresses = addresses.into_iter().map(|it| (it, port).into()).collect();
                let good = monotonic() + i64::from(seconds) * 1_000_000_000;
                *self.known.borrow_mut() = (addresses, good);
                // In the order in which they were said.
                return self.chosen.set(0);
            }
        }
    }
}

async fn asked(dns: SocketAddr, id: u16, name: &str) -> Option<(Vec<std::net::Ipv4Addr>, u32)> {
    let socket = UdpSocket::bind(("0.0.0.0", 0)).await.ok()?;
    socket.connect(dns).await.ok()?;
    socket.send(&dns::question(id, name)?).await.ok()?;
    // What has room in a datagram without further words (RFC 1035 section 4.2.1).
    let mut bytes = [0; 512];
    let length = socket.recv(&mut bytes).await.ok()?;
    dns::answer(id, &bytes[..length])
}

#[derive(Debug)]
enum Sender {
    One(http1::SendRequest<Empty<Bytes>>),
    Two(http2::SendRequest<Empty<Bytes>>),
}

impl Sender {
    fn is_closed(&self) -> bool {
        match self {
            Self::One(sender) => sender.is_closed(),
            Self::Two(sender) => sender.is_closed(),
        }
    }

    async fn send(&mut self, request: Request<Empty<Bytes>>) -> hyper::Result<Response<Incoming>> {
        match self {
            Self::One(sender) => {
                sender.ready().await?;
                sender.send_request(request).await
            }
            Self::Two(sender) => sender.send_request(request).await,
        }
    }
}

impl Line {
    /// One that is not connected.
    pub(crate) fn new(server: Rc<Server>, names: Rc<Names>) -> Self {
        Self { server, names, open: Mutex::default(), made: Cell::new(0) }
    }

    /// Asks for a path. The body is written behind what is in `body`, if that is given; else it is to be a part or segment.
    ///
    /// # Errors
    ///
    /// Says in words what failed. The connection is closed then, unless it brought an answer.
    pub(crate) async fn get(
        &self,
        path: &str,
        body: Option<&mut Vec<u8>>,
    ) -> Result<Answer, String> {
        let failed = |what: &dyn Display| format!("{path}: {what}");
        let (number, mut sender) = self.sender().await.map_err(|it| failed(&it))?;
        let answered = timeout(ANSWER, self.exchange(&mut sender, path, body)).await;
        let answered = answered.unwrap_or_else(|_| Err("no answer in time".to_owned()));
        let is_good = !matches!(&answered, Err(why) if !why.starts_with("status"));
        let mut open = self.open.lock().await;
        match sender {
            Sender::One(_) if is_good => *open = Some((number, sender)),
            Sender::Two(_) if !is_good => *open = open.take().filter(|(it, _)| *it != number),
            _ => {}
        }
        answered.map_err(|it| failed(&it))
    }

    async fn exchange(
        &self,
        sender: &mut Sender,
        path: &str,
        body: Option<&mut Vec<u8>>,
    ) -> Result<Answer, String> {
        let said = |error: hyper::Error| format!("connection: {error}");
        let place = &self.server.place;
        let request = match sender {
            Sender::One(_) => Request::get(path).header(header::HOST, place.authority()),
            Sender::Two(_) => Request::get(format!("https://{}{path}", place.authority())),
        };
        // Players do, and what is compressed anyway is not compressed again.
        let request = request.header(header::ACCEPT_ENCODING, "gzip");
        let request = request.body(Empty::new()).map_err(|error| format!("status: {error}"))?;
        let response = sender.send(request).await.map_err(said)?;
        let (first, status) = (self.server.now(), response.status());
        let packed = response.headers().get(header::CONTENT_ENCODING).is_some();
        let (mut incoming, mut length, mut kept) = (response.into_body(), 0, body);
        let (mut head, mut filled) = ([0; BOX], 0);
        while let Some(frame) = incoming.frame().await {
            let Ok(data) = frame.map_err(said)?.into_data() else { continue };
            length += data.len();
            if let Some(kept) = &mut kept {
                kept.extend_from_slice(&data);
            }
            let more = data.len().min(BOX - filled);
            head[filled..filled + more].copy_from_slice(&data[..more]);
            filled += more;
        }
        if status != StatusCode::OK {
            return Err(format!("status {}", status.as_u16()));
        }
        match kept {
            None if !is_media(head) => {
                return Err("status 200, but it is no part or segment".to_owned());
            }
            Some(kept) if packed => unpack(kept).map_err(|error| format!("status 200: {error}"))?,
            _ => {}
        }
        Ok(Answer { first, last: self.server.now(), length })
    }

    /// The connection, which is made if there is none.
    async fn sender(&self) -> Result<(u64, Sender), String> {
        let mut open = self.open.lock().await;
        let ready = open.take().filter(|(_, sender)| !sender.is_closed());
        let (number, sender) = match ready {
            Some(ready) => ready,
            None => {
                self.made.set(self.made.get() + 1);
                (self.made.get(), self.connect().await?)
            }
        };
        if let Sender::Two(two) = &sender {
            *open = Some((number, Sender::Two(two.clone())));
        }
        Ok((number, sender))
    }

    /// Tries all addresses, one after the other.
    async fn connect(&self) -> Result<Sender, String> {
        let server = &self.server;
        let addresses = self.names.addresses(server).await;
        let mut why = format!("no address of {} is known", server.place.host);
        for (index, address) in addresses.into_iter().enumerate() {
            match timeout(CONNECT, self.connect_to(address)).await {
                Ok(Ok(sender)) => {
                    self.names.chosen.set(self.names.chosen.get() + index);
                    server.connections.set(server.connections.get() + 1);
                    return Ok(sender);
                }
                Ok(Err(error)) => why = format!("connecting to {address}: {error}"),
                Err(_) => why = format!("connecting to {address}: no answer in time"),
            }
        }
        Err(why)
    }

    async fn connect_to(&self, address: SocketAddr) -> Result<Sender, String> {
        let text = |error: std::io::Error| error.to_string();
        let stream = TcpStream::connect(address).await.map_err(text)?;
        stream.set_nodelay(true).map_err(text)?;
        let Some(tls) = &self.server.tls else { return speak(stream, false).await };
        let name = ServerName::try_from(self.server.place.host.clone());
        let name = name.map_err(|error| error.to_string())?;
        let stream =
            TlsConnector::from(Arc::clone(tls)).connect(name, stream).await.map_err(text)?;
        let two = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        speak(stream, two).await
    }
}

/// Puts in place of what gzip has made (RFC 1952) what it was.
fn unpack(kept: &mut Vec<u8>) -> std::io::Result<()> {
    let packed = std::mem::take(kept);
    GzDecoder::new(&packed[..]).take(PLAYLIST_MAX).read_to_end(kept)?;
    Ok(())
}

/// Whether bytes are the begin of a part or segment: a box of ISO/IEC 14496-12.
fn is_media(head: [u8; BOX]) -> bool {
    matches!(&head[4..], b"moof" | b"styp" | b"ftyp" | b"prft" | b"emsg" | b"sidx")
}

/// Begins HTTP on a stream. What is on its way goes on in a task, which ends with the connection.
async fn speak<T>(stream: T, two: bool) -> Result<Sender, String>
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (io, text) = (TokioIo::new(stream), |error: hyper::Error| error.to_string());
    if two {
        let (sender, connection) =
            http2::handshake(TokioExecutor::new(), io).await.map_err(text)?;
        tokio::spawn(connection);
        return Ok(Sender::Two(sender));
    }
    let (sender, connection) = http1::handshake(io).await.map_err(text)?;
    tokio::spawn(connection);
    Ok(Sender::One(sender))
}
