//! Lines of a log that repeat: whatever happens over and over, in a loop or because a stranger wants it, the
//! log says it a few times and from then on how often it was. Time comes in, a decision goes out.

/// Lines of the same text that are written as they come: a camera that is unplugged a few times is worth a line
/// each time.
const FREE_OF_TEXT: u32 = 60;

/// Lines of one place in the source that are written as they come, whatever they say: more than a report at the
/// end has.
const FREE_OF_PLACE: u32 = 120;

/// Beyond those, one line is written after so long, in nanoseconds; each further one after twice as long...
const WAIT_FIRST_NANOS: i64 = 10_000_000_000;

/// ... up to an hour: a fault that lasts stays visible in a log.
const WAIT_MAX_NANOS: i64 = 3_600_000_000_000;

/// A kind that was silent for so long, in nanoseconds, is news again.
const FORGET_NANOS: i64 = 600_000_000_000;

/// Places, and texts, that are remembered: there are not many more places where the programs write a line. Of
/// more, the one that was silent longest is forgotten.
const KINDS_MAX: usize = 256;

/// What becomes of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is written.
    Write,
    /// It is written, and so is how many of its kind were left out since the last one, in how many seconds.
    WriteWithCount {
        /// Lines that were left out.
        left_out: u64,
        /// Seconds since the last line that was written.
        seconds: i64,
    },
    /// It is left out.
    LeaveOut,
}

/// The place in the source that writes a line.
pub type Place = (&'static str, u32);

/// The lines that were written lately: a line is left out when its text repeats, or its place writes too many.
#[derive(Debug)]
pub struct Repeats {
    texts: Kinds<(Place, u64)>,
    places: Kinds<Place>,
}

impl Default for Repeats {
    fn default() -> Self {
        Self { texts: Kinds::new(FREE_OF_TEXT), places: Kinds::new(FREE_OF_PLACE) }
    }
}

impl Repeats {
    /// A line that this place writes at `now`, in nanoseconds of a clock that does not go back; `text` is a hash of
    /// what it says.
    pub fn line(&mut self, place: Place, text: u64, now: i64) -> Verdict {
        let of_text = self.texts.line((place, text), now);
        if of_text == Verdict::LeaveOut {
            return of_text;
        }
        match self.places.line(place, now) {
            Verdict::Write => of_text,
            other => other,
        }
    }
}

/// Histories of one kind of thing.
#[derive(Debug)]
struct Kinds<K> {
    free: u32,
    known: Vec<(K, History)>,
}

#[derive(Clone, Copy, Debug)]
struct History {
    free: u32,
    left_out: u64,
    written: i64,
    heard: i64,
    wait: i64,
}

impl<K: PartialEq> Kinds<K> {
    const fn new(free: u32) -> Self {
        Self { free, known: Vec::new() }
    }

    fn line(&mut self, kind: K, now: i64) -> Verdict {
        let new = History {
            free: self.free,
            left_out: 0,
            written: now,
            heard: now,
            wait: WAIT_FIRST_NANOS,
        };
        let known = self.known.iter().position(|(it, _)| *it == kind);
        let index = known.unwrap_or_else(|| self.make_room(kind, new));
        let history = &mut self.known[index].1;
        if now.saturating_sub(history.heard) >= FORGET_NANOS && history.left_out == 0 {
            *history = new;
        }
        history.heard = now;
        history.decide(now)
    }

    fn make_room(&mut self, kind: K, new: History) -> usize {
        if self.known.len() < KINDS_MAX {
            self.known.push((kind, new));
            return self.known.len() - 1;
        }
        let silent = self.known.iter().enumerate().min_by_key(|(_, (_, history))| history.heard);
        let index = silent.map_or(0, |(index, _)| index);
        self.known[index] = (kind, new);
        index
    }
}

impl History {
    fn decide(&mut self, now: i64) -> Verdict {
        if self.free > 0 {
            self.free -= 1;
            self.written = now;
            return Verdict::Write;
        }
        let since = now.saturating_sub(self.written);
        if since < self.wait {
            self.left_out += 1;
            return Verdict::LeaveOut;
        }
        self.written = now;
        self.wait = self.wait.saturating_mul(2).min(WAIT_MAX_NANOS);
        match core::mem::take(&mut self.left_out) {
            0 => Verdict::Write,
            left_out => Verdict::WriteWithCount { left_out, seconds: since / 1_000_000_000 },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;
    const PLACE: Place = ("a.rs", 1);

    #[test]
    fn what_happens_now_and_then_is_always_written() {
        let mut repeats = Repeats::default();
        for quarter in 0..100 {
            assert_eq!(repeats.line(PLACE, 7, quarter * 900 * SECOND), Verdict::Write);
        }
    }

    #[test]
    fn what_repeats_is_counted_ever_more_rarely() {
        let mut repeats = Repeats::default();
        // 200 a second for a day.
        let mut written = Vec::new();
        let mut all = 0;
        for line in 0..24 * 3600 * 200_i64 {
            match repeats.line(PLACE, 7, line * SECOND / 200) {
                Verdict::Write => all += 1,
                Verdict::WriteWithCount { left_out, seconds } => {
                    all += 1 + left_out;
                    written.push(seconds);
                }
                Verdict::LeaveOut => {}
            }
        }
        assert_eq!(written[..4], [10, 20, 40, 80]);
        assert!(written.len() < 40, "{written:?}");
        assert!(all > 22 * 3600 * 200, "{all} are accounted for");
    }

    #[test]
    fn kinds_do_not_hide_each_other_and_are_bounded() {
        let mut repeats = Repeats::default();
        for line in 0..100_000 {
            repeats.line(PLACE, 7, line);
        }
        assert_eq!(repeats.line(("a.rs", 2), 7, 100_000), Verdict::Write);
        assert_eq!(repeats.line(PLACE, 8, 100_000), Verdict::Write, "another text");
        for place in 0..10_000 {
            assert_eq!(repeats.line(("b.rs", place), 7, 200_000), Verdict::Write);
        }
        assert_eq!((repeats.texts.known.len(), repeats.places.known.len()), (KINDS_MAX, KINDS_MAX));
    }

    #[test]
    fn a_report_of_many_lines_is_written_whole_and_texts_without_end_are_not() {
        let mut repeats = Repeats::default();
        let written = |verdict: &Verdict| *verdict == Verdict::Write;
        let report = (0..30).map(|line| repeats.line(PLACE, line, 0)).filter(written).count();
        assert_eq!(report, 30);
        // Numbers that somebody else chooses.
        let flood = (0..100_000).map(|line| repeats.line(("b.rs", 1), line, 1)).filter(written);
        assert_eq!(flood.count(), 120);
    }

    #[test]
    fn after_a_pause_it_is_news_again() {
        let mut repeats = Repeats::default();
        for line in 0..65 {
            repeats.line(PLACE, 7, line);
        }
        assert_eq!(repeats.line(PLACE, 7, 70), Verdict::LeaveOut);
        let later = 700 * SECOND;
        let counted = Verdict::WriteWithCount { left_out: 6, seconds: 699 };
        assert_eq!(repeats.line(PLACE, 7, later), counted);
        assert_eq!(repeats.line(PLACE, 7, 2 * later), Verdict::Write);
        for _ in 0..4 {
            assert_eq!(repeats.line(PLACE, 7, 2 * later), Verdict::Write);
        }
    }
}
