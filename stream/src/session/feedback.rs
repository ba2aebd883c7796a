//! The receiver's side of RTCP for one stream: receiver reports by unicast to where the sender
//! reports come from (RFC 5760), and goodbye.

use super::interval::{randomize, receiver_interval};
use crate::clock::Monotonic;
use streamsocket_wire::Error;
use streamsocket_wire::rtcp::{Items, ReportBlock, Writer};
use streamsocket_wire::rtp::Ssrc;

/// Bits a second that a session is taken to have while its description says nothing: a VGA camera.
const BANDWIDTH_DEFAULT: u64 = 10_000_000;

/// Bytes of one of our reports with UDP and IP headers: the mean that an interval is computed with.
const REPORT_SIZE: u64 = 100;

/// Reports about a stream that we receive.
#[derive(Debug)]
pub struct Feedback {
    ssrc: Ssrc,
    bandwidth: u64,
    members: u64,
    next: Option<Monotonic>,
}

impl Feedback {
    /// Feedback from the receiver `ssrc` (random) on a stream of so many bits a second, if known.
    #[must_use]
    pub fn new(ssrc: Ssrc, bandwidth: Option<u64>) -> Self {
        Self { ssrc, bandwidth: bandwidth.unwrap_or(BANDWIDTH_DEFAULT), members: 1, next: None }
    }

    /// The sender says how many receivers there are. A forged number can only make reports rare.
    pub fn group_size(&mut self, members: u32) {
        self.members = u64::from(members.max(1));
    }

    /// A source is there to report on: the first report is due after half an interval or less.
    pub fn start(&mut self, now: Monotonic, random: u32) {
        if self.next.is_none() {
            self.next = Some(now + randomize(self.interval(), random) / 4);
        }
    }

    /// When the next report is due.
    #[must_use]
    pub const fn deadline(&self) -> Option<Monotonic> {
        self.next
    }

    /// Writes the compound packet of a report and plans the next. Returns its length.
    ///
    /// # Errors
    /// If `out` is too small.
    pub fn report(
        &mut self,
        now: Monotonic,
        block: Option<ReportBlock>,
        cname: &str,
        random: u32,
        out: &mut [u8],
    ) -> Result<usize, Error> {
        self.next = Some(now + randomize(self.interval(), random));
        self.open(block, cname, out).map(Writer::finish)
    }

    /// Writes the compound packet with which this receiver leaves.
    ///
    /// # Errors
    /// If `out` is too small.
    pub fn bye(&self, cname: &str, out: &mut [u8]) -> Result<usize, Error> {
        let mut writer = self.open(None, cname, out)?;
        writer.bye(&[self.ssrc], None)?;
        Ok(writer.finish())
    }

    fn interval(&self) -> core::time::Duration {
        receiver_interval(self.members, REPORT_SIZE, self.bandwidth)
    }

    fn open<'a>(
        &self,
        block: Option<ReportBlock>,
        cname: &str,
        out: &'a mut [u8],
    ) -> Result<Writer<'a>, Error> {
        let mut writer = Writer::new(out);
        writer.receiver_report(self.ssrc, block.as_slice())?;
        writer.description(self.ssrc, &Items { cname, ..Items::default() })?;
        Ok(writer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_members_make_reports_rare() {
        let mut feedback = Feedback::new(Ssrc(1), Some(8_000_000));
        feedback.group_size(10_000);
        let mut out = [0; super::super::COMPOUND_MAX];
        let now = Monotonic(0);
        feedback.report(now, None, "a@b", u32::MAX / 2, &mut out).unwrap();
        let next = feedback.deadline().unwrap();
        assert!(next.0 > 20_000_000_000, "{next:?}");
    }
}
