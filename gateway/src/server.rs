//! Takes connections and hands them to HTTP, with bounds on what strangers may hold.

use crate::guard::Names;
use crate::login::Logins;
use crate::neighbours::is_near;
use crate::places::{Asking, Places};
use crate::routes::{refusing, routes};
use crate::sessions::Sessions;
use axum::Router;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use socket2::{Domain, Socket, TcpKeepalive, Type};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};

/// Connections at a time: 200 viewers with a few each. Every one takes a descriptor, some 10 kB, and two pictures if it
/// is a viewer that takes them slowly.
const CONNECTIONS_MAX: usize = 600;

/// Of one address: a page takes one for each of its sessions, and a few for what it loads.
const OF_ONE_MAX: usize = 60;

/// The same of those who are too far away, and are only told so.
const FAR_MAX: usize = 16;
const FAR_OF_ONE_MAX: usize = 2;

/// Time until a request is there whole: who sends it byte by byte holds a connection no longer.
const REQUEST_PATIENCE: Duration = Duration::from_secs(10);

/// Bytes of a request, and of an answer that wait in the program while the next picture is not asked for yet. The
/// least that hyper takes.
const BUFFER_MAX: usize = 8192;

/// Bytes that the kernel holds for a viewer and has not sent, at most: what waits there gets old, and cannot be left
/// out any more.
const UNSENT_MAX: u32 = 16 << 10;

/// Bytes that the kernel holds for a viewer at all, sent ones that may be lost included.
const SEND_BUFFER: usize = 256 << 10;

/// A viewer that takes nothing for so long is gone, or might as well be.
const GONE: Duration = Duration::from_secs(30);

/// Connections that may wait to be taken.
const BACKLOG: i32 = 128;

/// Time after which taking connections is tried again when it fails, such as for want of descriptors.
const RETRY: Duration = Duration::from_millis(100);

/// What those hear who are too far away.
const TOO_FAR: &str =
    "without a password, only this machine's own networks are served: see --password-file";

/// Opens the port.
///
/// # Errors
/// One line: the address, and why not.
pub(crate) fn listen(address: SocketAddr) -> Result<TcpListener, String> {
    let opened = open(address).and_then(|socket| TcpListener::from_std(socket.into()));
    opened.map_err(|error| {
        let hint = match error.kind() {
            io::ErrorKind::AddrInUse => "; choose another with --listen",
            io::ErrorKind::PermissionDenied => "; ports below 1024 need root",
            _ => "",
        };
        format!("--listen {address}: {error}{hint}")
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

/// Takes connections and serves them, for as long as the program runs.
pub(crate) async fn serve(
    listener: TcpListener,
    sessions: Sessions,
    names: Names,
    logins: Option<Logins>,
) {
    let anywhere = logins.is_some();
    let (served, refused) = (routes(sessions, names, logins), refusing(TOO_FAR));
    // Those who are not served take no places of those who are.
    let places = Places::new(CONNECTIONS_MAX, OF_ONE_MAX);
    let far = Places::new(FAR_MAX, FAR_OF_ONE_MAX);
    loop {
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                log::debug!("a connection is not taken: {error}");
                tokio::time::sleep(RETRY).await;
                continue;
            }
        };
        let is_served = anywhere || is_near(peer.ip());
        let (places, router) = if is_served { (&places, &served) } else { (&far, &refused) };
        let Some(place) = places.take(peer.ip()) else {
            log::debug!("{peer}: there are too many connections");
            continue;
        };
        let router = router.clone();
        tokio::spawn(async move {
            if let Err(error) = connection(stream, router, Asking::new(peer.ip(), place)).await {
                log::debug!("{peer}: {error}");
            }
        });
    }
}

async fn connection(stream: TcpStream, router: Router, asking: Asking) -> Result<(), String> {
    bound(&stream).map_err(|error| error.to_string())?;
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

/// Bounds what the kernel holds for a viewer.
fn bound(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let socket = socket2::SockRef::from(stream);
    socket.set_send_buffer_size(SEND_BUFFER)?;
    socket.set_tcp_user_timeout(Some(GONE))?;
    // The same while nothing is sent.
    let alive = TcpKeepalive::new().with_time(GONE).with_interval(GONE / 3);
    socket.set_tcp_keepalive(&alive)?;
    socket.set_tcp_notsent_lowat(UNSENT_MAX)
}
