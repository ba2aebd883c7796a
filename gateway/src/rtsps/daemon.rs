//! The daemons of this machine: which of them is meant, and a connection to its RTSP port of which it knows whose it
//! is.

use socket2::{Domain, Socket, Type};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;
use streamsocket_control::{Answer, Command, Request, Vouch, client};
use streamsocket_net::tcp;
use streamsocket_wire::sdp::Session;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::{sleep, timeout};

/// Threads that wait for daemons at a time: each does for some milliseconds.
static TURNS: Semaphore = Semaphore::const_new(2);

/// How long one waits for its turn.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long a daemon of this machine may take to be connected to.
const CONNECTING: Duration = Duration::from_secs(1);

/// How often it is asked, in what intervals, to take a connection for somebody's: it takes 16 in 20 ms.
const ATTEMPTS: u32 = 5;
const INTERVAL: Duration = Duration::from_millis(30);

/// Bytes that wait in the kernel for this program at most. The daemon leaves pictures out for who takes them slowly:
/// what waits here as well makes them older.
const WAITING_MAX: usize = 64 << 10;

/// A daemon, and where it serves.
struct Daemon {
    name: String,
    /// The name of its session.
    session: String,
    /// An address of it; it may not listen at that one.
    at: SocketAddr,
}

/// A connection to the daemon of the session of that name, else to the first one, which takes it for that of `peer`, who
/// has reached this machine at `local`.
///
/// # Errors
/// Why there is none: one line.
pub(super) async fn connected(
    session: Option<String>,
    peer: SocketAddr,
    local: SocketAddr,
) -> Result<TcpStream, String> {
    let Daemon { name, at, .. } = beside(move || find(session.as_deref())).await?;
    let here = [IpAddr::from(Ipv4Addr::LOCALHOST), at.ip(), Ipv6Addr::LOCALHOST.into()];
    let mut problem = None;
    for address in here {
        let at = SocketAddr::new(address, at.port());
        let failed = |error: io::Error| format!("the daemon '{name}', {at}: {error}");
        let stream = beside(move || open(at).map_err(|error| error.to_string()));
        let connected = match stream.await {
            Ok(stream) => {
                let connection = stream.local_addr().map_err(failed)?;
                let vouched = vouch(&name, Vouch { connection, peer, local }).await;
                vouched.and_then(|()| TcpStream::from_std(stream).map_err(failed))
            }
            Err(why) => Err(format!("the daemon '{name}', {at}: {why}")),
        };
        match connected {
            Ok(stream) => return Ok(stream),
            // What is said of the first place is of use.
            Err(why) => problem = problem.or(Some(why)),
        }
    }
    Err(problem.unwrap_or_default())
}

/// Does what would hold everybody up where it holds up nobody.
async fn beside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Result<T, String> {
    let busy = "this machine is busy: try again";
    let turn = timeout(PATIENCE, TURNS.acquire()).await;
    let turn = turn.ok().and_then(Result::ok).ok_or(busy)?;
    // Who hangs up leaves the thread to its work, and the turn with it.
    let work = move || {
        let done = work();
        drop(turn);
        done
    };
    spawn_blocking(work).await.map_err(|_| busy)?
}

/// The daemon that has this name, or whose session has; else the first one, which says what there is.
fn find(session: Option<&str>) -> Result<Daemon, String> {
    let names = client::names();
    let first = names.first().ok_or("no daemon runs on this machine")?;
    match session {
        None => serving(first),
        Some(session) if names.iter().any(|name| name == session) => serving(session),
        Some(session) => {
            let is_meant =
                |it: &Result<Daemon, String>| it.as_ref().is_ok_and(|it| it.session == session);
            names.iter().map(|name| serving(name)).find(is_meant).unwrap_or_else(|| serving(first))
        }
    }
}

/// Where the daemon of that name serves.
fn serving(name: &str) -> Result<Daemon, String> {
    let Answer::Sdp(text) = client::ask(Some(name), &Command::Sdp.into())? else {
        return Err(format!("the daemon '{name}' says nothing of its session"));
    };
    let described = Session::parse(&text).map_err(|error| format!("'{name}': {error}"))?;
    let at = described.rtsp.and_then(|url| {
        let rest = url.strip_prefix("rtsp://")?;
        rest.split('/').next()?.parse().ok()
    });
    let at = at.ok_or_else(|| format!("the daemon '{name}' serves nobody over RTSP"))?;
    Ok(Daemon { name: name.to_owned(), session: described.name.to_owned(), at })
}

fn open(at: SocketAddr) -> io::Result<std::net::TcpStream> {
    let socket = Socket::new(Domain::for_address(at), Type::STREAM, None)?;
    // Before it connects, so that the daemon hears of it.
    socket.set_recv_buffer_size(WAITING_MAX)?;
    socket.connect_timeout(&at.into(), CONNECTING)?;
    tcp::prepare(&socket)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// Says whose a connection is: the daemon has to know before anything is said by it.
async fn vouch(daemon: &str, vouch: Vouch) -> Result<(), String> {
    let mut attempt = 1;
    loop {
        let daemon = daemon.to_owned();
        let request = Request { vouch: Some(vouch), ..Command::Vouch.into() };
        match beside(move || client::ask(Some(&daemon), &request)).await {
            Ok(_) => return Ok(()),
            Err(why) if attempt == ATTEMPTS => return Err(why),
            Err(_) => sleep(INTERVAL).await,
        }
        attempt += 1;
    }
}
