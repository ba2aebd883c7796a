//! What comes from those who are served one by one.

use super::reading::{Heard, Reading, read_some};
use super::{UnicastSink, UnicastWay};

impl UnicastSink {
    /// Reads what has come from the client, by whatever port: each report is handed on. Whoever is behind an
    /// address translation sends first, and its packets go where that came from.
    pub(super) fn receive(&mut self, buffer: &mut [u8], read: &mut Reading<'_>) -> Heard {
        let UnicastWay::Udp(sockets) = &mut self.way else { return Heard::default() };
        let [rtp, rtcp] = &mut **sockets;
        let client = rtp.destination().ip();
        let Self { latched, viewer, fixed, .. } = self;
        let first = read_some(rtp, buffer, client, &mut |rtp, _, from| {
            if !*fixed && !std::mem::replace(latched, true) {
                rtp.redirect(from);
            }
        });
        let second = read_some(rtcp, buffer, client, &mut |rtcp, bytes, from| {
            let Some(now) = read(bytes, from, viewer) else { return };
            *viewer = now;
            if !*fixed && from != rtcp.destination() {
                rtcp.redirect(from);
            }
        });
        Heard { viewer: first.viewer || second.viewer, left: first.left || second.left }
    }
}
