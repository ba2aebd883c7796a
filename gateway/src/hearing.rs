//! What a page may say on its WebSocket, and how often. Nothing is answered here and no clock is read.

use crate::quality::Wish;
use serde::Deserialize;
use std::time::Duration;
use streamsocket_media::clock::Monotonic;

/// Bytes of a message from a viewer: what a page says has 100, and the name of a tier.
pub(crate) const HEARD_MAX: usize = 1024;

/// Messages that may come at once, and how long it takes until one more may: a page says three a second, and one for each
/// press of a key.
const AT_ONCE: u32 = 40;
const EACH: Duration = Duration::from_millis(100);

/// What a page has said.
#[derive(Debug, PartialEq)]
pub(crate) enum Said {
    /// What time is it? The number is answered with that.
    Asks(f64),
    /// So many pictures so far came too late for it; and the width and height in pixels that they have there.
    Told { late: u64, window: Option<(u16, u16)> },
    /// Another tier is to be sent.
    Wants(Wish),
}

/// How it goes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Telling {
    late: u64,
    width: u16,
    height: u16,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanting {
    tier: String,
}

/// Listens to one viewer.
#[derive(Debug)]
pub(crate) struct Hearing {
    /// Messages that may come now, and since when that is so.
    left: u32,
    since: Monotonic,
}

impl Hearing {
    pub(crate) const fn new(now: Monotonic) -> Self {
        Self { left: AT_ONCE, since: now }
    }

    /// What a message says; `None` if it is none that a page sends, or if there are too many.
    pub(crate) fn hear(&mut self, text: &str, now: Monotonic) -> Option<Said> {
        if !self.bears(now) {
            return None;
        }
        if let Ok(number) = text.parse() {
            return Some(Said::Asks(number)).filter(|_| f64::is_finite(number));
        }
        if let Ok(Telling { late, width, height }) = serde_json::from_str(text) {
            let window = Some((width, height)).filter(|_| width > 0 && height > 0);
            return Some(Said::Told { late, window });
        }
        let Wanting { tier } = serde_json::from_str(text).ok()?;
        Some(Said::Wants(Wish::named(&tier)))
    }

    /// Whether one more message is not too many.
    pub(crate) fn bears(&mut self, now: Monotonic) -> bool {
        while self.left < AT_ONCE && now.since(self.since) >= EACH {
            (self.left, self.since) = (self.left + 1, self.since + EACH);
        }
        if self.left == AT_ONCE {
            self.since = now;
        }
        let bears = self.left > 0;
        self.left = self.left.saturating_sub(1);
        bears
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_page_says_is_heard_and_nothing_else() {
        let hear = |text: &str| Hearing::new(Monotonic(0)).hear(text, Monotonic(0));
        assert_eq!(hear("1.5"), Some(Said::Asks(1.5)));
        let told = Said::Told { late: 3, window: Some((640, 360)) };
        assert_eq!(hear(r#"{"late":3,"width":640,"height":360}"#), Some(told));
        let told = Said::Told { late: 0, window: None };
        assert_eq!(hear(r#"{"late":0,"width":0,"height":0}"#), Some(told));
        assert_eq!(hear(r#"{"tier":"auto"}"#), Some(Said::Wants(Wish::Automatic)));
        assert_eq!(hear(r#"{"tier":"low"}"#), Some(Said::Wants(Wish::Tier("low".into()))));
        for wrong in [
            "",
            "NaN",
            "inf",
            "{}",
            "[]",
            "null",
            r#"{"tier":7}"#,
            r#"{"tier":"low","late":1}"#,
            r#"{"late":-1,"width":1,"height":1}"#,
            r#"{"late":1,"width":65536,"height":1}"#,
            r#"{"late":1e300,"width":1,"height":1}"#,
            r#"{"late":1}"#,
        ] {
            assert_eq!(hear(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_flood_is_not_borne_and_a_page_is() {
        let at = |millis: i64| Monotonic(millis * 1_000_000);
        let mut hearing = Hearing::new(at(0));
        assert_eq!((0..1000).filter(|n| hearing.bears(at(n / 10))).count(), 40);
        let mut hearing = Hearing::new(at(0));
        assert!((0..10_000).all(|n| hearing.bears(at(n * 150))), "seven a second");
        let rest = (0..60).filter(|n| hearing.bears(at(10_000 * 150 + n))).count();
        assert_eq!(rest, 40, "what is not said is not saved up");
    }
}
