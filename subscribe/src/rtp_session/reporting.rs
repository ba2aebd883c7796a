//! What is sent back: receiver reports and the goodbye (RFC 3550 section 6).

use super::RtpSession;
use super::inlet::Inlet;
use streamsocket_media::clock::Monotonic;
use streamsocket_net::machine;
use streamsocket_stream::session::COMPOUND_MAX;
use streamsocket_stream::session::feedback::About;

impl RtpSession {
    /// When the next receiver report is due.
    pub(crate) const fn deadline(&self) -> Option<Monotonic> {
        self.stream.feedback.deadline()
    }

    /// Sends a receiver report (RFC 3550 section 6.4.2) if it is due and there is an address to send it to.
    pub(crate) fn report(&mut self, now: Monotonic, cname: &str) {
        if self.deadline().is_none_or(|deadline| deadline > now) {
            return;
        }
        let mut out = [0; COMPOUND_MAX];
        let block = self.stream.source.report(now);
        let random = machine::random().unwrap_or(u32::MAX / 2);
        // Without repair, a report of post-repair loss (RFC 5725) would repeat the receiver report.
        let fates = self.stream.repair.as_ref().and(self.stream.fates.report());
        let about = About { cname, block, fates };
        if let Ok(len) = self.stream.feedback.report(now, &about, random, &mut out) {
            self.reply(&out[..len]);
        }
    }

    /// Sends BYE (RFC 3550 section 6.6).
    pub(crate) fn bye(&mut self, cname: &str) {
        let mut out = [0; COMPOUND_MAX];
        if let Ok(len) = self.stream.feedback.bye(cname, &mut out) {
            self.reply(&out[..len]);
        }
    }

    fn reply(&mut self, packet: &[u8]) {
        let Some(to) = self.report_to else { return };
        let packet = match &mut self.stream.unsealing {
            Some(unsealing) => unsealing.seal(packet),
            None => Some(packet),
        };
        let Some(packet) = packet else { return };
        let sent = match (&self.rtcp, &self.replies) {
            (Inlet::Linked(_), _) => {
                self.outgoing.push(packet.to_vec());
                Ok(())
            }
            (Inlet::Socket(socket), _) if self.symmetric => socket.get().send_to(packet, to),
            (_, Some(socket)) => socket.send_to(packet, to).map(drop),
            (_, None) => Ok(()),
        };
        if let Err(error) = sent {
            log::debug!("report to {to}: {error}");
        }
    }
}
