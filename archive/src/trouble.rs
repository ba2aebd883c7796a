//! What keeps segments from being stored, said once: not again for each segment, and again only after a while in which
//! all were stored.

use core::time::Duration;
use streamsocket_media::clock::Wall;

use crate::error::Error;

/// Media time without an error after which all is well: with several tracks, one of which is stored, less would have it
/// said for each segment.
const QUIET: Duration = Duration::from_secs(60);

/// What is the matter.
#[derive(Debug, Default)]
pub(crate) struct Trouble(Option<Said>);

#[derive(Debug)]
struct Said {
    kind: core::mem::Discriminant<Error>,
    line: String,
    last: Wall,
}

impl Trouble {
    /// Says an error, unless it was the last that was said.
    pub(crate) fn hear(&mut self, error: &Error, at: Wall) {
        let kind = core::mem::discriminant(error);
        if let Some(said) = self.0.as_mut().filter(|it| it.kind == kind) {
            said.last = at;
            return;
        }
        let line = error.to_string();
        log::warn!("{line}");
        self.0 = Some(Said { kind, line, last: at });
    }

    /// Hears of a segment that was stored.
    pub(crate) fn hear_stored(&mut self, at: Wall) {
        let is_over = |said: &mut Said| Duration::from_nanos(at.0.abs_diff(said.last.0)) >= QUIET;
        if self.0.take_if(is_over).is_some() {
            log::info!("segments are stored again");
        }
    }

    /// The line that was said, while it holds.
    pub(crate) fn line(&self) -> Option<&str> {
        self.0.as_ref().map(|it| it.line.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_over_after_a_while_without_errors_alone() {
        let (mut trouble, error) = (Trouble::default(), Error::Span { most: 1 });
        let second = |it: i64| Wall(it * 1_000_000_000);
        trouble.hear(&error, second(0));
        trouble.hear(&error, second(30));
        trouble.hear_stored(second(60));
        assert_eq!(trouble.line(), Some(error.to_string().as_str()));
        trouble.hear_stored(second(90));
        assert_eq!(trouble.line(), None);
    }
}
