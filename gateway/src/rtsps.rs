//! RTSP encrypted (RTSPS, RFC 7826 section 19): takes connections and hands what is said on to the daemon of this
//! machine that it is for, which is told whose they are.

mod daemon;
mod first;
mod relay;

use first::First;
use std::net::SocketAddr;
use streamsocket_net::tcp;
use streamsocket_web::admission::Admission;
use streamsocket_web::places::{Place, Places};
use streamsocket_web::server::{REQUEST_PATIENCE, accept, handshake};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

/// Connections at a time: as many as a daemon takes. Each takes two descriptors and some 100 kB.
const CONNECTIONS_MAX: usize = 256;

/// Of one address: an eighth.
const OF_ONE_MAX: usize = 32;

/// The same of those who are far away, and whom a daemon serves only if they have a name and a password there. They
/// take no places of those who are near.
const FAR_MAX: usize = 64;
const FAR_OF_ONE_MAX: usize = 8;

/// Takes connections by RTSPS.
pub(crate) struct Rtsps {
    listener: TcpListener,
    tls: TlsAcceptor,
    admission: Admission,
    near: Places,
    far: Places,
}

impl Rtsps {
    /// At this port.
    pub(crate) fn new(listener: TcpListener, tls: TlsAcceptor, admission: Admission) -> Self {
        let near = Places::new(CONNECTIONS_MAX, OF_ONE_MAX);
        let far = Places::new(FAR_MAX, FAR_OF_ONE_MAX);
        Self { listener, tls, admission, near, far }
    }

    /// Serves for as long as the program runs.
    pub(crate) async fn serve(&self) {
        loop {
            let (stream, peer) = accept(&self.listener).await;
            let places = if self.admission.serves(peer.ip()) { &self.near } else { &self.far };
            let Some(place) = places.take(peer.ip(), false) else {
                log::debug!("RTSPS: {peer}: there are too many connections");
                continue;
            };
            let tls = self.tls.clone();
            tokio::spawn(async move {
                match connection(stream, peer, &tls, place).await {
                    Ok(()) => log::debug!("RTSPS: {peer} has ended"),
                    Err(why) => log::debug!("RTSPS: {peer}: {why}"),
                }
            });
        }
    }
}

/// Serves a connection until it ends.
async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    tls: &TlsAcceptor,
    place: Place,
) -> Result<(), String> {
    let failed = |error: std::io::Error| error.to_string();
    tcp::prepare(&stream).map_err(failed)?;
    let local = stream.local_addr().map_err(failed)?;
    let mut viewer = handshake(stream, tls).await?;
    let Some(first) = asked(&mut viewer).await? else { return Ok(()) };
    let ended = match daemon::connected(first.session(), peer, local).await {
        Ok(daemon) => relay::relay(viewer, daemon, &first.bytes).await.map_err(failed),
        Err(why) => {
            log::info!("RTSPS: {peer} is not served: {why}");
            goodbye(viewer, &first.refusal(503, &format!("Service Unavailable: {why}"))).await;
            Ok(())
        }
    };
    drop(place);
    ended
}

/// What is asked for first; `None` if it is nothing.
async fn asked(
    viewer: &mut (impl AsyncRead + AsyncWrite + Unpin),
) -> Result<Option<First>, String> {
    let heard = timeout(REQUEST_PATIENCE, first::first(viewer)).await;
    match heard.map_err(|_| "nothing was asked for in time".to_owned())? {
        Ok(first) => Ok(first),
        Err(why) => {
            goodbye(viewer, &first::unreadable()).await;
            Err(why)
        }
    }
}

/// Says the last of a connection; who does not hear it is not waited for.
async fn goodbye(mut viewer: impl AsyncWrite + Unpin, answer: &[u8]) {
    let said = async {
        viewer.write_all(answer).await?;
        viewer.shutdown().await
    };
    let _ = timeout(REQUEST_PATIENCE, said).await;
}
