//! What is asked for behind the `?` of a path.

use crate::quality::Wish;
use percent_encoding::percent_decode_str;

/// Pictures a second that may be asked for: from one in 1000 seconds to more than any camera has.
const RATES: std::ops::RangeInclusive<f64> = 0.001..=1000.0;

/// What is asked for behind the `?`.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Query {
    /// The tier, by its name, or how it is chosen.
    pub(crate) tier: Option<Wish>,
    /// Samples, of a session whose sound is encoded.
    pub(crate) samples: bool,
    /// mjpg-streamer's way to say which path is meant.
    pub(crate) action: Option<Action>,
    /// Pictures a second at most.
    pub(crate) rate: Option<f64>,
    /// Whether parts say their length.
    pub(crate) length: Option<bool>,
}

/// A path, as mjpg-streamer calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Stream,
    Snapshot,
}

impl Query {
    /// # Errors
    /// One line: what is wrong, and what is expected. Names that are not known are passed over: browsers are often
    /// given one, so that they do not take a picture from their cache.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut query = Self::default();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            match name {
                "action" => {
                    query.action = Some(match value {
                        "stream" => Action::Stream,
                        "snapshot" => Action::Snapshot,
                        _ => return Err("action: expected stream or snapshot".to_owned()),
                    });
                }
                "fps" => {
                    let rate = value.parse().ok().filter(|rate| RATES.contains(rate));
                    query.rate =
                        Some(rate.ok_or("fps: expected pictures a second, such as 5 or 0.5")?);
                }
                "length" => {
                    query.length = Some(match value {
                        "0" => false,
                        "1" => true,
                        _ => return Err("length: expected 0 or 1".to_owned()),
                    });
                }
                "tier" => {
                    let name = percent_decode_str(value).decode_utf8().ok();
                    let name = name.filter(|name| !name.is_empty());
                    query.tier = Some(Wish::named(
                        &name.ok_or("tier: expected the name of a tier, auto or full")?,
                    ));
                }
                "sound" => query.samples = value == "pcm",
                _ => {}
            }
        }
        Ok(query)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_in_a_query_is_said() {
        assert_eq!(Query::parse(""), Ok(Query::default()));
        let query = Query::parse("action=stream&fps=0.5&length=0&_=17").unwrap();
        let (action, rate, length) = (Some(Action::Stream), Some(0.5), Some(false));
        assert_eq!(query, Query { action, rate, length, ..Query::default() });
        let query = Query::parse("tier=very%20low&sound=pcm").unwrap();
        let expected =
            Query { tier: Some(Wish::Tier("very low".into())), samples: true, ..Query::default() };
        assert_eq!(query, expected);
        for (text, wish) in [("tier=auto", Wish::Automatic), ("tier=full", Wish::Full)] {
            assert_eq!(Query::parse(text).unwrap().tier, Some(wish));
        }
        for (wrong, why) in [
            ("fps=0", "fps: expected"),
            ("fps=fast", "fps: expected"),
            ("fps=NaN", "fps: expected"),
            ("action=command", "action: expected"),
            ("length", "length: expected"),
            ("tier=", "tier: expected"),
            ("tier=%ff", "tier: expected"),
        ] {
            assert!(Query::parse(wrong).unwrap_err().starts_with(why), "{wrong}");
        }
    }
}
