//! How much longer sound takes to be heard than a card's buffer says: behind the buffer there may be a
//! converter, a sound server, or a radio link with a codec. The latency has to allow for it. What the card
//! says of itself comes in; no card is asked here.

use streamsocket_media::clock::Delay;

/// Weight of the past in what is known of it: cards tell their position in steps.
const WEIGHT: i64 = 16;

/// So many mean deviations above the mean are allowed for.
const DEVIATIONS: i64 = 2;

/// What is believed of a card: more than wireless ones have.
const OWN_MAX: Delay = Delay::from_millis(900);

/// What an output of sound needs beyond what is in its buffer.
#[derive(Clone, Copy, Debug, Default)]
pub struct OutputDelay {
    /// Mean and mean deviation of its own delay.
    own: Option<(Delay, Delay)>,
    /// By how much more it was too late, though it had what it needs.
    behind: Delay,
}

impl OutputDelay {
    /// A sample that is written now is heard `delay` later, of which it waits `held` in the
    /// card's buffer.
    pub fn observe(&mut self, held: Delay, delay: Delay) {
        let now = (delay - held).clamp(Delay::ZERO, OWN_MAX);
        let (mean, deviation) = self.own.unwrap_or((now, Delay::ZERO));
        let off = now - mean;
        self.own = Some((mean + off / WEIGHT, deviation + (off.abs() - deviation) / WEIGHT));
    }

    /// Sound is played `behind` too late, with a latency of `latency` of which `needed` are for
    /// the card. It says something of the card only if that is known, and if there was enough.
    pub fn learn(&mut self, behind: Delay, latency: Delay, needed: Delay) {
        if self.own.is_some() && latency >= needed {
            self.behind = self.behind.max(behind).min(OWN_MAX);
        }
    }

    /// How much earlier than what is in the card's buffer says it needs its samples.
    #[must_use]
    pub fn lead(&self) -> Delay {
        let own = self.own.map_or(Delay::ZERO, |(mean, deviation)| mean + deviation * DEVIATIONS);
        own + self.behind
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(millis: i64) -> Delay {
        Delay::from_millis(millis)
    }

    #[test]
    fn a_delay_of_its_own_is_known_soon_and_followed() {
        let mut output = OutputDelay::default();
        assert_eq!(output.lead(), Delay::ZERO);
        output.observe(ms(12), ms(299));
        assert_eq!(output.lead(), ms(287));
        for packet in 0..1000 {
            // In steps of 5 ms.
            output.observe(ms(20), ms(160 + packet * 7919 % 5));
        }
        assert!((ms(140)..ms(150)).contains(&output.lead()), "{:?}", output.lead());
    }

    #[test]
    fn a_card_without_one_needs_nothing() {
        let mut output = OutputDelay::default();
        for packet in 0..1000 {
            output.observe(ms(20), ms(19 + packet % 3));
        }
        assert!(output.lead() < ms(2), "{:?}", output.lead());
    }

    #[test]
    fn sound_that_is_late_for_want_of_latency_says_nothing_of_the_card() {
        let mut output = OutputDelay::default();
        output.learn(ms(190), ms(100), ms(8));
        output.observe(Delay::ZERO, ms(287));
        output.learn(ms(190), ms(100), ms(300));
        assert_eq!(output.lead(), ms(287));
        output.learn(ms(20), ms(300), ms(300));
        output.learn(Delay::ZERO, ms(320), ms(320));
        assert_eq!(output.lead(), ms(307));
    }
}
