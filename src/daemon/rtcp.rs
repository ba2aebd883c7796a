//! RTCP of the tracks: when reports are due, what they say, and who has reported.

use super::state::Daemon;
use crate::publish::track::Track;
use crate::publish::viewers::{MediumName, StreamViewers, TrackName, ViewerList, ViewerStatistics};
use streamsocket_media::clock::Monotonic;
use streamsocket_net::machine;
use streamsocket_stream::session::report::About;
use streamsocket_stream::session::viewers::REPORT_SIZE;
use streamsocket_wire::sdp;

impl Daemon {
    pub(super) fn reports_deadline(&self) -> Option<Monotonic> {
        self.tracks().filter_map(|track| track.transport().deadline()).min()
    }

    /// Number of known receivers of all sessions, and of those who are served one by one.
    pub(super) fn viewers(&self) -> usize {
        let known = self.sessions.iter().map(|session| viewers(self.tracks(), session.tier()));
        known.sum::<usize>() + self.served().count()
    }

    /// The known receivers, each of them once.
    pub(super) fn viewer_list(&self, now: Monotonic) -> Vec<ViewerStatistics> {
        let mut list = ViewerList::default();
        for track in self.tracks() {
            let media = match track.id().medium {
                sdp::Medium::Video => MediumName::Video,
                sdp::Medium::Audio => MediumName::Audio,
            };
            let tier = track.id().tier.as_deref().map(str::to_owned);
            let name = TrackName { media, tier, ssrc: track.ssrc().0 };
            let viewers = track.transport().viewers().iter();
            let rate = track.clock_rate();
            StreamViewers { viewers, rate, track: name, list: &mut list }.add(now);
        }
        let mut list = list.into_list();
        list.extend(self.served().map(|viewing| self.served_viewer(viewing, now)));
        list
    }

    pub(super) fn schedule_reports(&mut self, now: Monotonic) {
        self.tracks_mut().for_each(|track| track.transport_mut().schedule(now));
    }

    pub(super) fn forget_viewers(&mut self, now: Monotonic) {
        self.tracks_mut().for_each(|track| track.transport_mut().forget(now));
    }

    pub(super) fn send_reports(&mut self, now: Monotonic) {
        if self.reports_deadline().is_none_or(|deadline| deadline > now) {
            return;
        }
        for input in 0..self.inputs.len() {
            let note = self.inputs[input].why_away();
            let branches = self.inputs[input].tracks().count();
            for branch in 0..branches {
                self.send_report(input, branch, note.as_deref(), now);
            }
        }
    }

    /// Sends a report on a track, if one is due.
    fn send_report(&mut self, input: usize, branch: usize, note: Option<&str>, now: Monotonic) {
        let due = |track: &Track| track.transport().deadline().is_some_and(|due| due <= now);
        let track = self.inputs[input].tracks().nth(branch);
        let Some(track) = track.filter(|track| due(track)) else { return };
        let members = viewers(self.tracks(), track.id().tier.as_deref());
        let about = About {
            cname: &self.cname,
            note,
            clock: Some(self.wall.reference()),
            members: u32::try_from(members).unwrap_or(u32::MAX),
            report_size: REPORT_SIZE,
            // Without random numbers reports are merely regular.
            random: machine::random().unwrap_or(u32::MAX / 2),
        };
        let instant = track.instant(now, &self.wall.clock);
        if let Some(track) = self.inputs[input].tracks_mut().nth(branch) {
            track.transport_mut().report(now, instant, &about);
        }
    }

    pub(super) fn send_byes(&mut self, now: Monotonic) {
        let Self { inputs, wall, cname, .. } = self;
        for track in inputs.iter_mut().flat_map(|input| input.tracks_mut()) {
            track.bye(now, &wall.clock, cname);
        }
    }

    pub(super) fn receive_reports(&mut self, now: Monotonic) {
        for track in self.tracks_mut().filter(|track| track.transport().is_reported()) {
            track.transport_mut().receive(now);
        }
    }
}

/// Number of known receivers of a session: of its track that has most, since each may receive one
/// or all.
fn viewers<'a>(tracks: impl Iterator<Item = &'a Track>, tier: Option<&str>) -> usize {
    let own = tracks.filter(|track| track.id().tier.as_deref() == tier);
    own.map(|track| track.transport().viewers().len()).max().unwrap_or(0)
}
