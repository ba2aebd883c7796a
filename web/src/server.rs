//! Takes connections and hands them to HTTP, with bounds on what strangers may hold.

use crate::admission::Admission;
use crate::places::{Asking, Places};
use axum::Router;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use socket2::{Domain, Socket, Type};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use streamsocket_net::tcp;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// Connections at a time: 200 viewers with a few each. Every one takes a descriptor, some 10 kB, and two pictures if it
/// is a viewer that takes them slowly.
const CONNECTIONS_MAX: usize = 600;

/// Of one address: a page takes one for each of its sessions, and a few for what it loads.
const OF_ONE_MAX: usize = 60;

/// The same of those who are too far away, and are only told so.
const FAR_MAX: usize = 16;
const FAR_OF_ONE_MAX: usize = 2;

/// Time until a request is there whole, and before it until both ends have agreed on keys: who sends it byte by byte
/// holds a connection no longer.
pub const REQUEST_PATIENCE: Duration = Duration::from_secs(10);

/// Bytes of a request, and of an answer that wait in the program while the next picture is not asked for yet. The
/// least that hyper takes.
const BUFFER_MAX: usize = 8192;

/// Bytes that wait encrypted in the program, at most: one record, so that pictures do not get old there.
const ENCRYPTED_MAX: usize = 16 << 10;

/// Connections that may wait to be taken.
const BACKLOG: i32 = 128;

/// Time after which taking connections is tried again when it fails, such as for want of descriptors.
const RETRY: Duration = Duration::from_millis(100);

/// Opens the port that an option names.
///
/// # Errors
/// One line: the option, the address, and why not.
pub fn listen(option: &str, address: SocketAddr) -> Result<TcpListener, String> {
    let opened = open(address).and_then(|socket| TcpListener::from_std(socket.into()));
    opened.map_err(|error| {
        let hint = match error.kind() {
            io::ErrorKind::AddrInUse => format!("; choose another with {option}"),
            io::ErrorKind::PermissionDenied => {
                "; ports below 1024 need root or CAP_NET_BIND_SERVICE".to_owned()
            }
            _ => String::new(),
        };
        format!("{option} {address}: {error}{hint}")
    })
}

fn open(address: SocketAddr) -> io::Result<Socket> {
    let new = |domain| Socket::new(domain, Type::STREAM.nonblocking(), None);
    let socket = new(Domain::for_address(address))?;
    // A restart takes the port that the program before it has just left.
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        // All addresses means those of IPv4, too.
        socket.set_only_v6(!address.ip().is_unspecified())?;
    }
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket)
}

/// What is served, and to whom.
#[derive(Clone)]
pub struct Server {
    served: Router,
    /// For those who are too far away.
    refused: Router,
    admission: Admission,
    places: Places,
    /// Those who are not served take no places of those who are.
    far: Places,
}

impl Server {
    /// Serves one router to those who are admitted, and the other to the rest.
    pub fn new(served: Router, refused: Router, admission: Admission) -> Self {
        let places = Places::new(CONNECTIONS_MAX, OF_ONE_MAX);
        let far = Places::new(FAR_MAX, FAR_OF_ONE_MAX);
        Self { served, refused, admission, places, far }
    }

    /// Takes connections and serves them, encrypted if `tls` says how, for as long as the program runs.
    pub async fn serve(&self, listener: &TcpListener, tls: Option<&TlsAcceptor>) {
        loop {
            let (stream, peer) = accept(listener).await;
            self.take(stream, peer.ip(), tls);
        }
    }

    fn take(&self, stream: TcpStream, peer: IpAddr, tls: Option<&TlsAcceptor>) {
        let served = self.admission.serves(peer);
        let (places, router) =
            if served { (&self.places, &self.served) } else { (&self.far, &self.refused) };
        let Some(place) = places.take(peer, self.admission.is_proxy(peer)) else {
            log::debug!("{peer}: there are too many connections");
            return;
        };
        let asking = Asking::new(peer, tls.is_some(), place);
        let (router, tls) = (router.clone(), tls.cloned());
        tokio::spawn(async move {
            let served = match (tcp::prepare(&stream), tls) {
                (Err(error), _) => Err(error.to_string()),
                (Ok(()), None) => connection(stream, router, asking).await,
                (Ok(()), Some(tls)) => encrypted(stream, &tls, router, asking).await,
            };
            if let Err(error) = served {
                log::debug!("{peer}: {error}");
            }
        });
    }
}

/// The next connection.
pub async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(error) => {
                log::debug!("a connection is not taken: {error}");
                tokio::time::sleep(RETRY).await;
            }
        }
    }
}

/// A connection that is encrypted from now on.
///
/// # Errors
/// One line: no keys were agreed on.
pub async fn handshake(
    stream: TcpStream,
    tls: &TlsAcceptor,
) -> Result<TlsStream<TcpStream>, String> {
    let limit = |tls: &mut rustls::ServerConnection| tls.set_buffer_limit(Some(ENCRYPTED_MAX));
    let accepted = timeout(REQUEST_PATIENCE, tls.accept_with(stream, limit)).await;
    let stream = accepted.map_err(|_| "no keys were agreed on in time".to_owned())?;
    stream.map_err(|error| error.to_string())
}

async fn encrypted(
    stream: TcpStream,
    tls: &TlsAcceptor,
    router: Router,
    asking: Asking,
) -> Result<(), String> {
    connection(handshake(stream, tls).await?, router, asking).await
}

/// Serves a connection until it ends.
pub async fn connection(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    router: Router,
    asking: Asking,
) -> Result<(), String> {
    let inner = TowerToHyperService::new(router);
    // A WebSocket outlives its connection here, and keeps the place.
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(asking.clone());
        inner.call(request)
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(REQUEST_PATIENCE)
        .max_buf_size(BUFFER_MAX)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    served.await.map_err(|error| error.to_string())
}
