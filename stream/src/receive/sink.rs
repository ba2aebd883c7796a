//! What lies behind a sound card's buffer: a converter, a sound server, a radio link with a codec. Sound that
//! is handed over takes so much longer to be heard, which the latency has to allow for. How much that is
//! comes in as what the card says of itself; no card is asked here.

/// Weight of the past in what is known of it: cards tell their position in steps.
const WEIGHT: i64 = 16;

/// So many mean deviations above the mean are allowed for.
const DEVIATIONS: i64 = 2;

/// What is believed of a card, in nanoseconds: more than wireless ones have.
const OWN_MAX_NANOS: i64 = 900_000_000;

/// What an output of sound needs beyond what is in its buffer.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sink {
    /// Mean and mean deviation of its own delay, in nanoseconds.
    own: Option<(i64, i64)>,
    /// By how much more it was too late, in nanoseconds, though it had what it needs.
    behind: i64,
}

impl Sink {
    /// A sample that is written now is heard `delay` nanoseconds later, of which it waits `held` in the
    /// card's buffer.
    pub fn observe(&mut self, held: i64, delay: i64) {
        let now = delay.saturating_sub(held).clamp(0, OWN_MAX_NANOS);
        let (mean, deviation) = self.own.unwrap_or((now, 0));
        let off = now - mean;
        self.own = Some((mean + off / WEIGHT, deviation + (off.abs() - deviation) / WEIGHT));
    }

    /// Sound is played `behind` nanoseconds too late, with a latency of `latency` of which `needed` are for
    /// the card. It says something of the card only if that is known, and if there was enough.
    pub fn learn(&mut self, behind: i64, latency: i64, needed: i64) {
        if self.own.is_some() && latency >= needed {
            self.behind = self.behind.max(behind).min(OWN_MAX_NANOS);
        }
    }

    /// How much earlier than what is in the card's buffer says it needs its samples, in nanoseconds.
    #[must_use]
    pub fn lead(&self) -> i64 {
        let own = self.own.map_or(0, |(mean, deviation)| mean + DEVIATIONS * deviation);
        own + self.behind
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: i64 = 1_000_000;

    #[test]
    fn a_delay_of_its_own_is_known_soon_and_followed() {
        let mut sink = Sink::default();
        assert_eq!(sink.lead(), 0);
        sink.observe(12 * MS, 299 * MS);
        assert_eq!(sink.lead(), 287 * MS);
        for packet in 0..1000 {
            // In steps of 5 ms.
            sink.observe(20 * MS, (160 + packet * 7919 % 5) * MS);
        }
        assert!((140 * MS..150 * MS).contains(&sink.lead()), "{}", sink.lead());
    }

    #[test]
    fn a_card_without_one_needs_nothing() {
        let mut sink = Sink::default();
        for packet in 0..1000 {
            sink.observe(20 * MS, (19 + packet % 3) * MS);
        }
        assert!(sink.lead() < 2 * MS, "{}", sink.lead());
    }

    #[test]
    fn sound_that_is_late_for_want_of_latency_says_nothing_of_the_card() {
        let mut sink = Sink::default();
        sink.learn(190 * MS, 100 * MS, 8 * MS);
        sink.observe(0, 287 * MS);
        sink.learn(190 * MS, 100 * MS, 300 * MS);
        assert_eq!(sink.lead(), 287 * MS);
        sink.learn(20 * MS, 300 * MS, 300 * MS);
        sink.learn(0, 320 * MS, 320 * MS);
        assert_eq!(sink.lead(), 307 * MS);
    }
}
