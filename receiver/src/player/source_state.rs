//! The state of the source: awaited, playing, without its camera or its microphone, or stopped. It follows from when
//! packets and reports last came; nothing is drawn here.

use std::fmt;
use std::time::Duration;
use streamsocket_media::clock::Monotonic;
use streamsocket_subscribe::plan::ANOTHER_KEY;

/// Without a packet for so long a stream is said to be silent.
pub(super) const SILENCE: Duration = Duration::from_secs(2);

/// What to look at when nothing comes.
pub(super) const ADVICE: &str = "is the sender on, in the same network, and is --interface the one that leads to it? A firewall must let its UDP packets in";

/// What is known of a session at a moment.
#[derive(Clone, Debug, Default)]
pub(super) struct Evidence {
    pub(super) video: StreamEvidence,
    pub(super) audio: StreamEvidence,
    /// When the sender last reported.
    pub(super) reported: Option<Monotonic>,
    /// How long it has been waited for.
    pub(super) waited: Duration,
}

/// What is known of one stream of it.
#[derive(Clone, Debug, Default)]
pub(super) struct StreamEvidence {
    /// Whether the session has it.
    pub(super) expected: bool,
    /// When its last packet came.
    pub(super) heard: Option<Monotonic>,
    /// When the last packet came that is not authentic.
    pub(super) forged: Option<Monotonic>,
    /// What the sender says about its state.
    pub(super) note: Option<String>,
    /// Why nothing of it was presented, though something came.
    pub(super) refused: Option<String>,
}

/// The state of the source, as the viewer is told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum SourceState {
    Waiting,
    /// Waiting, and advised what to look at.
    Advised,
    /// Something comes that is not presented, for this reason.
    Refused(String),
    Playing,
    /// The sender is there but has no picture, for this reason if it has told one.
    NoPicture(Option<String>),
    /// The same of sound.
    NoSound(Option<String>),
    Stopped,
}

impl SourceState {
    pub(super) fn of(evidence: &Evidence, now: Monotonic) -> Self {
        let Evidence { video, audio, reported, waited } = evidence;
        let silent = |heard: &Option<Monotonic>| heard.is_none_or(|at| now.since(at) >= SILENCE);
        let all = [video.heard, audio.heard, *reported];
        if all.iter().all(Option::is_none) {
            // Packets of before we joined, or of others, come first now and then.
            return match video.refused.as_ref().or(audio.refused.as_ref()) {
                _ if *waited < 2 * SILENCE => Self::Waiting,
                Some(why) => Self::Refused(why.clone()),
                None => Self::Advised,
            };
        }
        if all.iter().all(silent) {
            let forged = [video.forged, audio.forged];
            let goes_on = !forged.iter().all(silent);
            return if goes_on { Self::Refused(ANOTHER_KEY.into()) } else { Self::Stopped };
        }
        // A session that has just begun to be heard need not have said everything.
        let began = *waited < SILENCE;
        let lacks = |stream: &StreamEvidence| {
            let missing = stream.refused.is_some() || silent(&stream.heard);
            stream.expected && (stream.note.is_some() || missing && !began)
        };
        let why = |stream: &StreamEvidence| stream.note.clone().or_else(|| stream.refused.clone());
        if lacks(video) {
            return Self::NoPicture(why(video));
        }
        // A plan by address alone expects sound that may never have been there.
        if lacks(audio) && (audio.heard.is_some() || why(audio).is_some()) {
            return Self::NoSound(why(audio));
        }
        Self::Playing
    }

    /// Whether the picture on the screen is an old one.
    pub(super) const fn is_stale(&self) -> bool {
        matches!(self, Self::Refused(_) | Self::NoPicture(_) | Self::Stopped)
    }

    /// The message for the middle of the screen, if any; `name` is the session's.
    pub(super) fn notice(&self, name: &str) -> Option<String> {
        Some(match self {
            Self::Playing => return None,
            Self::Waiting => format!("waiting for {name}"),
            Self::Advised => format!("nothing comes from {name}: {ADVICE}"),
            Self::Refused(why) => format!("nothing of {name} can be presented: {why}"),
            Self::NoPicture(note) => lacking(format_args!("no picture from {name}"), note),
            Self::NoSound(note) => lacking(format_args!("no sound from {name}"), note),
            Self::Stopped => format!("{name} has stopped; waiting for it to return"),
        })
    }
}

fn lacking(what: fmt::Arguments<'_>, note: &Option<String>) -> String {
    match note {
        Some(note) => format!("{what}: {note}"),
        None => format!("{what} at the moment"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    fn heard(second: i64) -> StreamEvidence {
        StreamEvidence {
            expected: true,
            heard: Some(Monotonic(second * SECOND)),
            ..StreamEvidence::default()
        }
    }

    fn at(
        second: i64,
        video: StreamEvidence,
        audio: StreamEvidence,
        reported: Option<i64>,
    ) -> SourceState {
        let reported = reported.map(|second| Monotonic(second * SECOND));
        let waited = Duration::from_secs(second.unsigned_abs());
        SourceState::of(&Evidence { video, audio, reported, waited }, Monotonic(second * SECOND))
    }

    #[test]
    fn what_was_never_heard_is_waited_for() {
        let none = || StreamEvidence { expected: true, ..StreamEvidence::default() };
        assert_eq!(at(1, none(), none(), None), SourceState::Waiting);
        assert_eq!(at(4, none(), none(), None), SourceState::Advised);
    }

    #[test]
    fn what_comes_and_is_not_presented_is_said_and_not_blamed_on_the_network() {
        let refused = |heard| StreamEvidence {
            expected: true,
            heard,
            refused: Some("so".into()),
            ..StreamEvidence::default()
        };
        assert_eq!(at(1, refused(None), StreamEvidence::default(), None), SourceState::Waiting);
        let state = at(4, refused(None), StreamEvidence::default(), None);
        assert_eq!(state, SourceState::Refused("so".into()));
        assert_eq!(state.notice("Door").unwrap(), "nothing of Door can be presented: so");
        // Packets that are the stream's, of which no picture can be made; the sound is heard.
        let heard_at = Some(Monotonic(4 * SECOND));
        let state = at(4, refused(heard_at), heard(4), Some(4));
        assert_eq!(state, SourceState::NoPicture(Some("so".into())));
        assert_eq!(
            at(4, heard(4), refused(heard_at), None),
            SourceState::NoSound(Some("so".into()))
        );
    }

    #[test]
    fn a_sender_that_still_speaks_has_lost_its_camera() {
        assert_eq!(at(9, heard(8), heard(9), Some(9)), SourceState::Playing);
        assert_eq!(at(9, heard(7), heard(9), Some(9)), SourceState::NoPicture(None));
        assert_eq!(
            at(9, heard(7), StreamEvidence::default(), Some(8)),
            SourceState::NoPicture(None)
        );
        assert_eq!(at(9, heard(9), heard(5), Some(9)), SourceState::NoSound(None));
        assert_eq!(at(9, heard(5), heard(6), Some(7)), SourceState::Stopped);
    }

    #[test]
    fn a_sender_with_another_key_has_not_stopped() {
        let video = StreamEvidence { forged: Some(Monotonic(8 * SECOND)), ..heard(5) };
        let state = at(9, video.clone(), heard(5), Some(5));
        assert!(state.is_stale() && state.notice("Door").unwrap().contains("another key"));
        // A stranger's, while the sender is heard; and nobody's.
        assert_eq!(at(6, video.clone(), heard(6), Some(6)), SourceState::Playing);
        assert_eq!(at(19, video, heard(5), Some(5)), SourceState::Stopped);
    }

    #[test]
    fn a_note_counts_at_once() {
        let note = || Some("camera \"Eye\" was unplugged".to_owned());
        let state = at(9, StreamEvidence { note: note(), ..heard(9) }, heard(9), Some(9));
        assert_eq!(state, SourceState::NoPicture(note()));
        assert!(state.is_stale());
        let notice = state.notice("Door").unwrap();
        assert_eq!(notice, "no picture from Door: camera \"Eye\" was unplugged");
    }

    #[test]
    fn sound_that_was_never_there_is_not_missed() {
        let never = StreamEvidence { expected: true, ..StreamEvidence::default() };
        assert_eq!(at(9, heard(9), never, None), SourceState::Playing);
    }
}
