//! How far a client is that sends a session itself (RFC 2326 sections 10.3, 10.4 and 10.11): it has announced tracks, sets
//! each of them up, and records them all.

use crate::answer::Refusal;
use crate::target::Target;

/// A session that a client sends.
#[derive(Clone, Debug)]
pub struct Publication {
    /// The URL that was announced, as the client wrote it.
    base: Target,
    tracks: Vec<Track>,
    recording: bool,
}

#[derive(Clone, Debug)]
struct Track {
    target: Target,
    set_up: bool,
}

impl Publication {
    /// A session at this URL, with a track for each of these controls (section C.1.1): whole URLs, or what follows that
    /// of the session.
    #[must_use]
    pub fn new<'a>(base: Target, controls: impl IntoIterator<Item = &'a str>) -> Self {
        let track = |control: &str| {
            let whole = control.contains("://");
            let url = if whole { control.to_owned() } else { format!("{}/{control}", base.base) };
            Track { target: Target::parse(&url, ""), set_up: false }
        };
        let tracks = controls.into_iter().map(track).collect();
        Self { base, tracks, recording: false }
    }

    /// The track that a URL names, to be set up.
    ///
    /// # Errors
    /// It names none, or the session as a whole, or one that was set up already, or packets come already.
    pub fn track(&self, target: &Target) -> Result<usize, Refusal> {
        if self.recording {
            return Err(Refusal::Order);
        }
        let Some(index) = self.tracks.iter().position(|it| same(&it.target, target)) else {
            let whole = same(&self.base, target);
            return match self.tracks.len() {
                // Without a control of its own the only one is the whole.
                1 if whole => self.free(0),
                _ if whole => Err(Refusal::Aggregate),
                _ => Err(Refusal::NotFound),
            };
        };
        self.free(index)
    }

    fn free(&self, index: usize) -> Result<usize, Refusal> {
        let set_up = self.tracks.get(index).is_some_and(|it| it.set_up);
        if set_up { Err(Refusal::Order) } else { Ok(index) }
    }

    /// That [track](Self::track) is set up now.
    pub fn set_up(&mut self, index: usize) {
        if let Some(track) = self.tracks.get_mut(index) {
            track.set_up = true;
        }
    }

    /// The client begins to send what was set up.
    ///
    /// # Errors
    /// Nothing was, or it sends already, or the URL is another one.
    pub fn record(&mut self, target: &Target) -> Result<(), Refusal> {
        // Some clients name a track, or what stands in their description.
        let own = same(&self.base, target)
            || self.tracks.iter().any(|it| same(&it.target, target))
            || target.path.is_empty();
        if !own {
            return Err(Refusal::NotFound);
        }
        if self.recording || !self.tracks.iter().any(|it| it.set_up) {
            return Err(Refusal::Order);
        }
        self.recording = true;
        Ok(())
    }

    /// Whether the client sends.
    #[must_use]
    pub const fn is_recording(&self) -> bool {
        self.recording
    }
}

/// Whether two URLs name the same, at whatever name of the machine.
fn same(one: &Target, other: &Target) -> bool {
    one.path == other.path && one.track == other.track && one.repair == other.repair
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(url: &str) -> Target {
        Target::parse(url, "")
    }

    fn publication(controls: &[&str]) -> Publication {
        Publication::new(target("rtsp://pi/lesson/anna"), controls.iter().copied())
    }

    #[test]
    fn tracks_are_found_by_what_the_description_calls_them() {
        let controls = ["streamid=0", "rtsp://10.0.0.1/lesson/anna/stream=1", "trackID=a"];
        let publication = publication(&controls);
        for (url, index) in [
            ("rtsp://pi:8554/lesson/anna/streamid=0", Ok(0)),
            ("rtsp://pi/lesson/anna/stream=1/", Ok(1)),
            ("rtsp://anna:pw@pi/lesson/anna/trackID=a?x", Ok(2)),
            ("rtsp://pi/lesson/anna", Err(Refusal::Aggregate)),
            ("rtsp://pi/lesson/anna/streamid=1", Err(Refusal::NotFound)),
            ("rtsp://pi/lesson/berta/streamid=0", Err(Refusal::NotFound)),
            ("*", Err(Refusal::NotFound)),
        ] {
            assert_eq!(publication.track(&target(url)), index, "{url}");
        }
        let one = self::publication(&["x"]);
        assert_eq!(one.track(&target("rtsp://pi/lesson/anna/")), Ok(0));
    }

    #[test]
    fn nothing_is_recorded_before_it_is_set_up_and_nothing_is_set_up_afterwards() {
        let mut publication = publication(&["streamid=0", "streamid=1"]);
        let whole = target("rtsp://pi/lesson/anna");
        assert_eq!(publication.record(&whole), Err(Refusal::Order));
        let first = target("rtsp://pi/lesson/anna/streamid=0");
        publication.set_up(publication.track(&first).unwrap());
        assert_eq!(publication.track(&first), Err(Refusal::Order));
        assert_eq!(publication.record(&target("rtsp://pi/x")), Err(Refusal::NotFound));
        assert!(!publication.is_recording());
        assert_eq!(publication.record(&whole), Ok(()));
        assert!(publication.is_recording());
        assert_eq!(publication.record(&whole), Err(Refusal::Order));
        let second = target("rtsp://pi/lesson/anna/streamid=1");
        assert_eq!(publication.track(&second), Err(Refusal::Order));
    }
}
