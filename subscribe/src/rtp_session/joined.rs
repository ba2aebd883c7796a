//! The sockets that a plan asks for.

use super::inlet::Inlet;
use crate::plan::StreamPlan;
use mio::Token;
use streamsocket_net::{Error, Interface, ReceiveSocket};
use streamsocket_wire::sdp::Medium;

/// The sockets of a plan.
pub(super) struct Joined {
    pub(super) rtp: Inlet,
    pub(super) rtcp: Inlet,
    pub(super) repair: Inlet,
}

impl Joined {
    /// Opens them; none if the plan has nothing to join.
    pub(super) fn open(
        plan: &StreamPlan,
        interface: Option<&Interface>,
        only_from_sources: bool,
        first_token: usize,
    ) -> Result<Self, Error> {
        if plan.rtp.port() == 0 {
            return Ok(Self { rtp: Inlet::Closed, rtcp: Inlet::Closed, repair: Inlet::Closed });
        }
        let sources = plan.asked_of(only_from_sources);
        let open = |address| ReceiveSocket::open(address, interface, sources.iter().copied());
        let inlet = |socket, number| Inlet::socket(socket, Token(first_token + number));
        let rtp = open(plan.rtp)?;
        if plan.encoding.medium() == Medium::Video {
            warn_of_small_buffer(&rtp);
        }
        let repair = plan.repair.and_then(|(to, _)| usable(open(to)));
        Ok(Self {
            rtp: inlet(rtp, 0),
            rtcp: inlet(open(plan.rtcp)?, 1),
            repair: repair.map_or(Inlet::Closed, |socket| inlet(socket, 2)),
        })
    }
}

fn warn_of_small_buffer(rtp: &ReceiveSocket) {
    let (got, wanted) = (rtp.buffer_size(), ReceiveSocket::BUFFER_SIZE_WANTED);
    if got < wanted {
        log::warn!(
            "the kernel grants {} of {} kB to receive into, which large pictures overrun: \
             sudo sysctl -w net.core.rmem_max={wanted}",
            got / 1024,
            wanted / 1024,
        );
    }
}

/// The socket for repair packets, if it could be opened: the session works without.
fn usable(opened: Result<ReceiveSocket, Error>) -> Option<ReceiveSocket> {
    opened.map_err(|error| log::warn!("what is lost will not be repaired: {error}")).ok()
}
