//! Asks a server for the description of a session (RTSP).

use crate::clock::monotonic;
use crate::link::AGENT;
use crate::plan::{Error, Plan};
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::Duration;
use streamsocket_media::clock::Monotonic;
use streamsocket_rtsp::address::Address;
use streamsocket_rtsp::player::{DEFAULT_PORT, News, Player};

/// How long a server may take to accept a connection.
const PATIENCE: Duration = Duration::from_secs(5);

/// The same, of one that announces its session: it is near.
const PATIENCE_NEAR: Duration = Duration::from_millis(300);

/// Interval at which it is asked whether to stop.
const STEP: Duration = Duration::from_millis(100);

/// The plan for what a server has at `source`; `None` once `stop` returns true. `shown` is the source without a
/// password.
///
/// # Errors
/// One line: the server cannot be reached, or has nothing that can be received.
pub(super) fn describe(
    source: &str,
    shown: &str,
    stop: &mut impl FnMut(Monotonic) -> bool,
) -> Result<Option<Plan>, Error> {
    let failed = |what: String| Error(format!("{shown}: {what}"));
    let address = Address::parse(source, "rtsp", DEFAULT_PORT);
    let address = address.ok_or_else(|| failed("expected rtsp://HOST[:PORT]/PATH".into()))?;
    let (mut stream, server) = connect(&address).map_err(failed)?;
    let set = stream.set_read_timeout(Some(STEP));
    set.map_err(|error| failed(error.to_string()))?;
    let mut player = Player::new(&address, AGENT, monotonic());
    while !stop(monotonic()) {
        let now = monotonic();
        let out = std::mem::take(player.out());
        let written = stream.write_all(&out);
        written.map_err(|error| failed(format!("the connection has ended: {error}")))?;
        let looked = player.look(now);
        looked.map_err(|failure| failed(format!("the server {failure}")))?;
        match player.take(now).map_err(|failure| failed(format!("the server {failure}")))? {
            News::Described(sdp) => {
                let plan = Plan::from_server(&sdp, address, server);
                return plan.map(Some).map_err(|error| failed(error.to_string()));
            }
            News::Nothing if !player.out().is_empty() => {}
            News::Nothing => match stream.read(player.room()) {
                Ok(0) => return Err(failed("the server has ended the connection".into())),
                Ok(count) => player.filled(count),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(failed(format!("the connection has ended: {error}"))),
            },
            News::Granted(..) | News::Playing | News::Packet { .. } => {}
        }
    }
    Ok(None)
}

/// Whether somebody listens there.
pub(super) fn is_there(server: SocketAddr) -> bool {
    TcpStream::connect_timeout(&server, PATIENCE_NEAR).is_ok()
}

fn connect(address: &Address) -> Result<(TcpStream, SocketAddr), String> {
    let Address { host, port, .. } = address;
    let places = (host.as_str(), *port).to_socket_addrs();
    let places = places.map_err(|error| format!("{host} is not known: {error}"))?;
    let mut failed = format!("{host} has no address");
    for server in places {
        match TcpStream::connect_timeout(&server, PATIENCE) {
            Ok(stream) => return Ok((stream, server)),
            Err(error) => failed = format!("{server} cannot be reached: {error}"),
        }
    }
    if *port == DEFAULT_PORT {
        failed += &format!("; streamsocket serves port {}", streamsocket_rtsp::PORT);
    }
    Err(failed)
}
