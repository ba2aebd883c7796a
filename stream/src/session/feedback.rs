//! The receiver's side of RTCP for one stream: receiver reports by unicast to where the sender
//! reports come from (RFC 5760), and goodbye.

use super::interval::{randomize, receiver_interval};
use crate::receive::fate::Runs;
use streamsocket_media::clock::Monotonic;
use streamsocket_wire::Error;
use streamsocket_wire::rtcp::{Items, ReportBlock, Writer};
use streamsocket_wire::rtp::{Sequence, Ssrc};

/// Bits a second that a session is taken to have while its description says nothing: a VGA camera.
pub const BANDWIDTH_DEFAULT: u64 = 10_000_000;

/// Bytes of one of our reports until one has been made, with the headers of UDP and IP.
const REPORT_SIZE: u64 = 120;

/// Bytes of the headers of UDP and IP.
const HEADERS: u64 = 28;

/// Weight of the past in the mean size of reports (RFC 3550 section 6.3.3).
const SIZE_WEIGHT: u64 = 16;

/// Reports about a stream that we receive.
#[derive(Debug)]
pub struct Feedback {
    ssrc: Ssrc,
    bandwidth: u64,
    members: u64,
    /// Bytes of our reports, on average.
    size: u64,
    last: Monotonic,
    next: Option<Monotonic>,
}

impl Feedback {
    /// Feedback from the receiver `ssrc` (random) on a stream of so many bits a second, if known.
    #[must_use]
    pub fn new(ssrc: Ssrc, bandwidth: Option<u64>) -> Self {
        let bandwidth = bandwidth.unwrap_or(BANDWIDTH_DEFAULT);
        Self { ssrc, bandwidth, members: 1, size: REPORT_SIZE, last: Monotonic(0), next: None }
    }

    /// The sender says how many receivers there are: what is left of the wait grows or shrinks with it
    /// (RFC 3550 sections 6.3.3 and 6.3.4). A forged number can only make reports rare.
    pub fn group_size(&mut self, members: u32, now: Monotonic) {
        let before = self.interval();
        self.members = u64::from(members.max(1));
        let after = self.interval();
        let ratio = after.as_secs_f64() / before.as_secs_f64();
        if let (Some(next), true) = (&mut self.next, after > before) {
            *next = self.last + next.since(self.last).mul_f64(ratio);
        } else if let (Some(next), true) = (&mut self.next, after < before) {
            // From now on: else all whose shorter wait is over already would speak at once.
            *next = now + next.since(now).mul_f64(ratio);
            self.last = now.offset(-nanos(now.since(self.last).mul_f64(ratio)));
        }
    }

    /// A source is there to report on: the first report is due after half an interval.
    pub fn start(&mut self, now: Monotonic, random: u32) {
        if self.next.is_none() {
            self.last = now;
            self.next = Some(now + randomize(self.interval(), random) / 2);
        }
    }

    /// A source is there that waits for somebody: the first report is due at once.
    pub fn start_at_once(&mut self, now: Monotonic) {
        if self.next.is_none() {
            (self.last, self.next) = (now, Some(now));
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
        about: &About<'_>,
        random: u32,
        out: &mut [u8],
    ) -> Result<usize, Error> {
        self.last = now;
        self.next = Some(now + randomize(self.interval(), random));
        let mut writer = self.open(about.block, about.cname, out)?;
        if let (Some(block), Some((begin, runs))) = (&about.block, &about.fates) {
            writer.post_repair_loss(self.ssrc, block.ssrc, *begin, runs)?;
        }
        let len = writer.finish();
        self.size = (self.size * (SIZE_WEIGHT - 1) + len as u64 + HEADERS) / SIZE_WEIGHT;
        Ok(len)
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
        receiver_interval(self.members, self.size, self.bandwidth)
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

fn nanos(span: core::time::Duration) -> i64 {
    i64::try_from(span.as_nanos()).unwrap_or(i64::MAX)
}

/// What a report says.
#[derive(Clone, Debug, Default)]
pub struct About<'a> {
    /// Canonical name of the receiver (RFC 3550 section 6.5.1).
    pub cname: &'a str,
    /// What came of the stream, if there is one.
    pub block: Option<ReportBlock>,
    /// What repair has left lost of it (RFC 5725): the first packet, and runs from there.
    pub fates: Option<(Sequence, Runs)>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_that_grows_makes_the_wait_longer() {
        let mut feedback = Feedback::new(Ssrc(1), Some(8_000_000));
        feedback.start(Monotonic(0), u32::MAX / 2);
        let before = feedback.deadline().unwrap().0;
        feedback.group_size(10_000, Monotonic(0));
        let long = feedback.deadline().unwrap().0;
        assert!(long > before * 5, "{feedback:?}");
        // The sender was restarted, and has not heard of the others yet.
        let now = long * 9 / 10;
        feedback.group_size(1, Monotonic(now));
        let left = feedback.deadline().unwrap().0 - now;
        assert!(left > 0 && left < (long - now) / 4, "{left}");
    }

    #[test]
    fn many_members_make_reports_rare() {
        let mut feedback = Feedback::new(Ssrc(1), Some(8_000_000));
        feedback.group_size(10_000, Monotonic(0));
        let mut out = [0; super::super::COMPOUND_MAX];
        let now = Monotonic(0);
        feedback.report(now, &About::default(), u32::MAX / 2, &mut out).unwrap();
        let next = feedback.deadline().unwrap();
        assert!(next.0 > 20_000_000_000, "{next:?}");
    }
}
