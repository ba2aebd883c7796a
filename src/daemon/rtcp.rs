//! RTCP of the session: when reports are due, what they say, and who has reported.

use super::state::Daemon;
use crate::publish::transport::Transport;
use crate::publish::viewers::{StreamViewers, ViewerList, ViewerStatistics};
use std::os::fd::RawFd;
use streamsocket_media::clock::Monotonic;
use streamsocket_net::machine;
use streamsocket_stream::session::report::About;
use streamsocket_stream::session::viewers::{self, REPORT_SIZE};

/// RTP clock rate of video in hertz (RFC 3551 section 5).
const VIDEO_RATE: u32 = 90_000;

impl Daemon {
    fn transports(&self) -> impl Iterator<Item = &Transport> {
        let video = self.video.as_ref().map(|video| &video.transport);
        video.into_iter().chain(self.audio.as_ref().map(|audio| &audio.transport))
    }

    fn transports_mut(&mut self) -> impl Iterator<Item = &mut Transport> {
        let video = self.video.as_mut().map(|video| &mut video.transport);
        video.into_iter().chain(self.audio.as_mut().map(|audio| &mut audio.transport))
    }

    /// The descriptors of sockets that reports may arrive at.
    pub(super) fn rtcp_descriptors(&self) -> impl Iterator<Item = RawFd> {
        self.transports().flat_map(Transport::descriptors)
    }

    pub(super) fn reports_deadline(&self) -> Option<Monotonic> {
        self.transports().filter_map(Transport::deadline).min()
    }

    /// Number of known receivers: of the stream that has more, since each may receive one or both.
    pub(super) fn viewers(&self) -> usize {
        self.transports().map(Transport::viewers).map(viewers::Viewers::len).max().unwrap_or(0)
    }

    /// The known receivers, each of them once.
    pub(super) fn viewer_list(&self, now: Monotonic) -> Vec<ViewerStatistics> {
        let mut list = ViewerList::default();
        if let Some(video) = &self.video {
            let viewers = video.transport.viewers().iter();
            let rate = VIDEO_RATE;
            StreamViewers { viewers, rate, place: |it| &mut it.video, list: &mut list }.add(now);
        }
        if let Some(audio) = &self.audio {
            let viewers = audio.transport.viewers().iter();
            let rate = audio.source().format().rate;
            StreamViewers { viewers, rate, place: |it| &mut it.audio, list: &mut list }.add(now);
        }
        list.into_list()
    }

    pub(super) fn schedule_reports(&mut self, now: Monotonic) {
        self.transports_mut().for_each(|transport| transport.schedule(now));
    }

    pub(super) fn forget_viewers(&mut self, now: Monotonic) {
        self.transports_mut().for_each(|transport| transport.forget(now));
    }

    pub(super) fn send_reports(&mut self, now: Monotonic) {
        if self.reports_deadline().is_none_or(|deadline| deadline > now) {
            return;
        }
        let about = About {
            cname: &self.cname,
            note: None,
            clock: Some(self.wall.reference()),
            members: u32::try_from(self.viewers()).unwrap_or(u32::MAX),
            report_size: REPORT_SIZE,
            // Without random numbers reports are merely regular.
            random: machine::random().unwrap_or(u32::MAX / 2),
        };
        let due = |transport: &Transport| transport.deadline().is_some_and(|due| due <= now);
        if let Some(video) = self.video.as_mut().filter(|video| due(&video.transport)) {
            let instant = video.instant(now, &self.wall.clock);
            let note = video.source().why_away();
            let about = About { note: note.as_deref(), ..about };
            video.transport.report(now, instant, &about);
        }
        if let Some(audio) = self.audio.as_mut().filter(|audio| due(&audio.transport)) {
            let instant = audio.instant(now, &self.wall.clock);
            let note = audio.source().why_away();
            let about = About { note: note.as_deref(), ..about };
            audio.transport.report(now, instant, &about);
        }
    }

    pub(super) fn send_byes(&mut self, now: Monotonic) {
        if let Some(video) = &mut self.video {
            let instant = video.instant(now, &self.wall.clock);
            video.transport.bye(instant, &self.cname);
        }
        if let Some(audio) = &mut self.audio {
            let instant = audio.instant(now, &self.wall.clock);
            audio.transport.bye(instant, &self.cname);
        }
    }

    pub(super) fn receive_reports(&mut self, now: Monotonic) {
        let left = self.transports_mut().map(|transport| transport.receive(now));
        self.reports_left = left.fold(false, |any, left| any | left);
    }
}
