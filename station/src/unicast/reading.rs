//! Reads what viewers send to sockets of their own.

use std::net::{IpAddr, SocketAddr};
use streamsocket_net::UnicastSocket;
use streamsocket_stream::session::viewers::Viewer;

/// Datagrams read from one socket in a turn: a flood of them waits, media does not.
const REPORTS_AT_A_TIME: usize = 16;

/// What has come for a viewer by sockets of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// Something came from the viewer itself.
    pub viewer: bool,
    /// There may be more, for which no event will come.
    pub left: bool,
}

/// Reads a report: its bytes, where it has come from, and what was known of the viewer before. What is known of him now;
/// nothing is changed by a report that is not authentic.
pub type Reading<'a> =
    dyn FnMut(&[u8], SocketAddr, &mut Option<Viewer>) -> Option<Option<Viewer>> + 'a;

/// Reads some datagrams: those of the client are handed on.
pub(super) fn read_some(
    socket: &mut UnicastSocket,
    buffer: &mut [u8],
    client: IpAddr,
    each: &mut dyn FnMut(&mut UnicastSocket, &[u8], SocketAddr),
) -> Heard {
    let mut heard = Heard { viewer: false, left: true };
    for _ in 0..REPORTS_AT_A_TIME {
        match socket.receive(buffer) {
            Ok(Some((len, from))) if from.ip() == client => {
                heard.viewer = true;
                each(socket, &buffer[..len], from);
            }
            Ok(Some(_)) => {}
            Ok(None) | Err(_) => {
                heard.left = false;
                break;
            }
        }
    }
    heard
}
