//! Tries whether packets of an announced session arrive.

use crate::plan::{Error, Plan};
use streamsocket_net::{Interface, ReceiveSocket};
use streamsocket_wire::{rtcp, rtp};

/// The sockets of a session that is being tried.
pub(super) struct Probe {
    plan: Plan,
    /// Each with the payload type that its packets have; `None` for RTCP.
    sockets: Vec<(ReceiveSocket, Option<u8>)>,
}

impl Probe {
    /// Joins a session, as a subscription will.
    ///
    /// # Errors
    /// One line: why it cannot be joined.
    pub(super) fn open(plan: Plan, interface: Option<&Interface>) -> Result<Self, Error> {
        let mut sockets = Vec::new();
        for stream in [&plan.video, &plan.audio].into_iter().flatten() {
            let types = [(stream.rtp, Some(stream.payload_type)), (stream.rtcp, None)];
            for (address, payload_type) in types {
                let sources = stream.asked_of(plan.only_from_sources).iter().copied();
                let opened = ReceiveSocket::open(address, interface, sources);
                let socket = opened.map_err(|error| Error(error.to_string()))?;
                sockets.push((socket, payload_type));
            }
        }
        Ok(Self { plan, sockets })
    }

    /// The session that is being tried.
    pub(super) const fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The sockets, to be polled.
    pub(super) fn sockets(&self) -> impl Iterator<Item = &ReceiveSocket> {
        self.sockets.iter().map(|(socket, _)| socket)
    }

    /// The session, if RTP packets of its payload types, or RTCP packets, have come.
    pub(super) fn heard(&mut self) -> Option<Plan> {
        let mut heard = false;
        for (socket, payload_type) in &mut self.sockets {
            // A socket with an error is a silent one.
            let _ = socket.receive(&mut |received| {
                let known = match payload_type {
                    Some(known) => rtp::Packet::parse(received.data)
                        .is_ok_and(|packet| packet.header().payload_type == *known),
                    None => rtcp::packets(received.data).is_ok(),
                };
                heard |= known;
            });
        }
        heard.then(|| self.plan.clone())
    }
}
