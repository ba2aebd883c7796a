//! What became of each packet in the end, repair included: for reports of the loss that remains (RFC 5725).

use streamsocket_wire::rtcp::Run;
use streamsocket_wire::rtp::Sequence;

/// Packets remembered: all that a 16-bit sequence number can tell apart.
const PACKETS: u64 = 1 << 16;

/// Words of the map.
const WORDS: usize = 1 << 10;

/// Packets of a report at most: one less, so that its range cannot be taken for an empty one.
const REPORT_MAX: u64 = PACKETS - 1;

/// Runs of a report at most: 400 bytes. What is beyond is not reported on.
const RUNS_MAX: usize = 200;

/// Packets of a run at most (RFC 3611 section 4.1.1).
const RUN_MAX: u16 = 0x3FFF;

/// A report's runs.
pub type Runs = heapless::Vec<Run, RUNS_MAX>;

/// What became of the packets of one stream.
#[derive(Debug)]
pub struct Fates {
    came: Box<[u64; WORDS]>,
    /// The next one to come.
    end: u64,
    /// What had come at the last report but one, and at the last one: what lies between is decided.
    reported: Option<(u64, u64)>,
}

impl Default for Fates {
    fn default() -> Self {
        Self { came: Box::new([0; WORDS]), end: 0, reported: None }
    }
}

impl Fates {
    /// Forgets everything: the source has changed.
    pub fn reset(&mut self) {
        self.came.fill(0);
        (self.end, self.reported) = (0, None);
    }

    /// A packet came, or was made out of repair packets; `sequence` is extended.
    pub fn came(&mut self, sequence: u64) {
        if self.reported.is_none() {
            (self.end, self.reported) = (sequence, Some((sequence, sequence)));
        }
        if sequence + PACKETS <= self.end {
            return;
        }
        // What lies between has not come yet.
        let from = self.end.max(sequence.saturating_sub(PACKETS - 1));
        for skipped in from..sequence {
            self.put(skipped, false);
        }
        self.put(sequence, true);
        self.end = self.end.max(sequence + 1);
    }

    /// The first packet and the runs of a report on what was decided since the last one: packets that
    /// were overdue then already. Begins the next report.
    pub fn report(&mut self) -> Option<(Sequence, Runs)> {
        let (begin, end) = self.reported?;
        self.reported = Some((end, self.end));
        let begin = begin.max(end.saturating_sub(REPORT_MAX)).max(self.end.saturating_sub(PACKETS));
        let mut runs = Runs::new();
        for sequence in begin..end {
            let received = self.has(sequence);
            let same = |run: &&mut Run| run.received == received && run.packets < RUN_MAX;
            if let Some(run) = runs.last_mut().filter(same) {
                run.packets += 1;
            } else if runs.push(Run { received, packets: 1 }).is_err() {
                break;
            }
        }
        let low = u16::try_from(begin % PACKETS).unwrap_or(0);
        (!runs.is_empty()).then_some((Sequence(low), runs))
    }

    fn put(&mut self, sequence: u64, came: bool) {
        let (word, bit) = place(sequence);
        let word = &mut self.came[word];
        *word = *word & !bit | if came { bit } else { 0 };
    }

    fn has(&self, sequence: u64) -> bool {
        let (word, bit) = place(sequence);
        self.came[word] & bit != 0
    }
}

fn place(sequence: u64) -> (usize, u64) {
    let at = sequence % PACKETS;
    (usize::try_from(at / 64).unwrap_or(0), 1 << (at % 64))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(fates: &mut Fates) -> Option<(u16, Vec<(bool, u16)>)> {
        let (begin, runs) = fates.report()?;
        Some((begin.0, runs.iter().map(|run| (run.received, run.packets)).collect()))
    }

    #[test]
    fn a_report_is_on_what_the_last_one_had_seen_and_repair_has_decided_since() {
        let mut fates = Fates::default();
        assert_eq!(runs(&mut fates), None);
        let first = (1 << 16) + 65_530;
        for sequence in (first..first + 20).filter(|sequence| sequence % 10 > 1) {
            fates.came(sequence);
        }
        assert_eq!(runs(&mut fates), None, "nothing is decided yet");
        // One of them was repaired meanwhile.
        fates.came(first + 4);
        fates.came(first + 25);
        let (begin, of) = runs(&mut fates).unwrap();
        let lost: u16 = of.iter().filter(|(came, _)| !came).map(|(_, packets)| packets).sum();
        let all: u16 = of.iter().map(|(_, packets)| packets).sum();
        assert_eq!((begin, all, lost), (65_530, 20, 3), "{of:?}");
        assert_eq!(runs(&mut fates), Some((14, vec![(false, 5), (true, 1)])));
        assert_eq!(runs(&mut fates), None);
    }

    #[test]
    fn a_long_gap_is_reported_as_far_as_numbers_reach() {
        let mut fates = Fates::default();
        fates.came(1 << 16);
        fates.came((1 << 16) + 200_000);
        fates.report();
        let (_, runs) = fates.report().unwrap();
        let all: u64 = runs.iter().map(|run| u64::from(run.packets)).sum();
        assert!((65_000..=REPORT_MAX).contains(&all), "{all}");
        fates.reset();
        assert!(fates.report().is_none());
    }

    #[test]
    fn a_report_of_many_losses_is_cut_and_not_wrong() {
        let mut fates = Fates::default();
        for sequence in (1 << 16)..(1 << 16) + 2000 {
            if sequence % 2 == 0 {
                fates.came(sequence);
            }
        }
        fates.report();
        let (_, runs) = fates.report().unwrap();
        assert_eq!(runs.len(), RUNS_MAX);
        assert!(runs.iter().all(|run| run.packets == 1));
    }
}
