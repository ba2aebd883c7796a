//! Viewers who are served one by one: each is a sink of the running track, with its own socket, or with a channel of
//! its own connection. They come and go by requests; a sink begins with a whole picture.

mod reading;
mod receiving;

pub use self::reading::{Heard, Reading};
use crate::outbox::{Connection, PICTURES_MAX, SOUNDS_MAX};
use crate::output::Sent;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, RawFd};
use streamsocket_net::{Datagram, Filled, Packets, UnicastSocket, Unsent};
use streamsocket_stream::session::viewers::Viewer;
use streamsocket_wire::sdp::Medium;

/// Bytes that connections of a track's viewers hold at most before whoever has not yet got all is left out: a hundred
/// pictures, a sixteenth of the memory of the smallest Pi. Who has got all takes a picture more.
const WAITING_MAX: usize = 32 << 20;

/// Bytes that a connection holds at most, whatever begins: what there may be before it is crowded, and a picture of
/// 8 MB more, which is the largest that is sent. So a picture that has begun goes on whole.
const HELD_MAX: usize = WAITING_MAX + (8 << 20);

/// Which sink it is: no other one has or had the same number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnicastId(pub u64);

/// How packets reach a viewer.
pub enum UnicastWay {
    /// By two sockets of its own: of RTP, and of RTCP.
    Udp(Box<[UnicastSocket; 2]>),
    /// Within its connection.
    Interleaved {
        /// The connection.
        connection: Connection,
        /// Channels of RTP and RTCP.
        channels: [u8; 2],
    },
}

/// What a sink takes of a track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// The packets that everybody gets.
    Media,
    /// Packets of a protected track that are not sealed: the connection is encrypted.
    Plain,
    /// Repair packets, instead of the track's own.
    Repair,
}

/// One viewer's part of a track.
pub struct UnicastSink {
    id: UnicastId,
    way: UnicastWay,
    form: Form,
    playing: bool,
    /// What is being sent now is for this sink, too.
    takes: bool,
    /// Its first picture is still to come.
    is_new: bool,
    /// Where in the connection what is still being written ends.
    ends: VecDeque<u64>,
    /// Where the last report ends there.
    report_ends: u64,
    sent: Sent,
    left_out: u64,
    /// What it reports.
    viewer: Option<Viewer>,
    /// The port that RTP is sent to is that which the client has sent from.
    latched: bool,
    /// It is sent to the ports that were agreed on, wherever the other side sends from.
    fixed: bool,
}

impl UnicastSink {
    /// A sink that takes nothing before it is to [play](Unicast::play).
    #[must_use]
    pub fn new(id: UnicastId, way: UnicastWay, form: Form) -> Self {
        Self {
            id,
            way,
            form,
            playing: false,
            takes: false,
            is_new: false,
            ends: VecDeque::new(),
            report_ends: 0,
            sent: Sent::default(),
            left_out: 0,
            viewer: None,
            latched: false,
            fixed: false,
        }
    }

    /// One whose ports are those that the other side has named, and stay so whoever sends from others: it is known to be
    /// reached by them.
    #[must_use]
    pub fn fixed(id: UnicastId, way: UnicastWay, form: Form) -> Self {
        Self { fixed: true, ..Self::new(id, way, form) }
    }

    /// Its number.
    #[must_use]
    pub const fn id(&self) -> UnicastId {
        self.id
    }

    /// What was sent to it.
    #[must_use]
    pub const fn sent(&self) -> Sent {
        self.sent
    }

    /// Pictures, or pieces of sound, that its connection had no room for.
    #[must_use]
    pub const fn left_out(&self) -> u64 {
        self.left_out
    }

    /// What it reports, if it has reported anything.
    #[must_use]
    pub const fn viewer(&self) -> Option<&Viewer> {
        self.viewer.as_ref()
    }

    /// Bytes that wait in its connection.
    fn waiting(&self) -> usize {
        match &self.way {
            UnicastWay::Udp(_) => 0,
            UnicastWay::Interleaved { connection, .. } => connection.outbox().waiting(),
        }
    }

    /// What begins now is for this sink if it plays and has room.
    fn begin(&mut self, medium: Medium, crowded: bool) {
        self.takes = self.playing;
        if let (true, UnicastWay::Interleaved { connection, .. }) = (self.playing, &self.way) {
            let outbox = connection.outbox();
            self.ends.retain(|end| !outbox.has_written(*end));
            let most = match medium {
                Medium::Video => PICTURES_MAX,
                Medium::Audio => SOUNDS_MAX,
            };
            let has_room = self.ends.len() < most && (!crowded || outbox.is_empty());
            self.takes = has_room && !outbox.is_gone();
            self.left_out += u64::from(!self.takes);
            if self.takes {
                self.ends.push_back(outbox.end());
            }
        }
    }

    /// Sends packets that were taken, by its own socket.
    fn send(&mut self, filled: &mut Filled<'_, '_>) {
        if let UnicastWay::Udp(sockets) = &mut self.way {
            self.sent += sent(filled.send(&mut sockets[0]));
        }
    }

    /// Sends packets within its connection, which holds at most that many bytes: the rest of what has begun is left out.
    fn interleave<'a>(&mut self, batch: impl Iterator<Item = Datagram<'a>>, most: usize) {
        let UnicastWay::Interleaved { connection, channels: [channel, _] } = &self.way else {
            return;
        };
        let mut outbox = connection.outbox();
        for Datagram { header, payload } in batch {
            if outbox.waiting() + header.len() + payload.len() > most {
                self.takes = false;
                self.left_out += 1;
                break;
            }
            outbox.push(*channel, header, payload);
            self.sent.packets += 1;
            self.sent.bytes += (header.len() + payload.len()) as u64;
        }
        if let Some(end) = self.ends.back_mut() {
            *end = outbox.end();
        }
        outbox.write();
    }

    fn send_rtcp(&mut self, packets: &mut Packets, packet: &[u8]) {
        let datagram = Datagram { header: packet, payload: &[] };
        match &mut self.way {
            UnicastWay::Udp(sockets) => {
                // What becomes of it shows in the client's reports.
                let _ = packets.fill(&mut std::iter::once(datagram)).send(&mut sockets[1]);
            }
            UnicastWay::Interleaved { connection, channels: [_, channel] } => {
                let mut outbox = connection.outbox();
                // Of two that wait the second says all, and another one comes in time.
                if outbox.has_written(self.report_ends) {
                    outbox.push(*channel, packet, &[]);
                    self.report_ends = outbox.end();
                    outbox.write();
                }
            }
        }
    }
}

/// What became of packets; errors are the client's own, and show in its reports.
fn sent(result: Result<streamsocket_net::Sent, Unsent>) -> Sent {
    let sent = result.unwrap_or_else(|unsent| unsent.sent);
    Sent { packets: sent.packets as u64, bytes: sent.bytes as u64, dropped: sent.dropped as u64 }
}

/// The viewers of a track who are served one by one.
pub struct Unicast {
    sinks: Vec<UnicastSink>,
    /// Made for the first of them: 32 kB that those who have none need not keep.
    packets: Option<Packets>,
    /// Bytes that a connection holds at most.
    most: usize,
}

impl Default for Unicast {
    fn default() -> Self {
        Self::holding(HELD_MAX)
    }
}

impl Unicast {
    /// Nobody yet. The connection of each holds at most so many bytes: for what somebody else sends, who may let a
    /// picture go on for ever.
    #[must_use]
    pub const fn holding(most: usize) -> Self {
        Self { sinks: Vec::new(), packets: None, most }
    }

    /// Adds a sink.
    pub fn add(&mut self, sink: UnicastSink) {
        self.packets.get_or_insert_default();
        self.sinks.push(sink);
    }

    /// Removes a sink; `None` if it is not here.
    pub fn remove(&mut self, id: UnicastId) -> Option<UnicastSink> {
        let at = self.sinks.iter().position(|sink| sink.id == id)?;
        Some(self.sinks.swap_remove(at))
    }

    /// Takes all sinks from a track that this one takes the place of.
    pub fn take_over(&mut self, before: &mut Self) {
        before.sinks.drain(..).for_each(|sink| self.add(sink));
    }

    /// A sink.
    #[must_use]
    pub fn get(&self, id: UnicastId) -> Option<&UnicastSink> {
        self.sinks.iter().find(|sink| sink.id == id)
    }

    /// Whether a sink takes packets that are not sealed, of a protected track.
    #[must_use]
    pub fn is_plain(&self, id: UnicastId) -> bool {
        self.get(id).is_some_and(|sink| sink.form == Form::Plain)
    }

    fn get_mut(&mut self, id: UnicastId) -> Option<&mut UnicastSink> {
        self.sinks.iter_mut().find(|sink| sink.id == id)
    }

    /// A sink takes what begins from now on, or nothing more.
    pub fn play(&mut self, id: UnicastId, playing: bool) {
        if let Some(sink) = self.get_mut(id) {
            (sink.playing, sink.takes) = (playing, false);
            sink.is_new = playing && sink.form != Form::Repair;
        }
    }

    /// A picture begins, or a piece of sound that is sent at once.
    pub fn begin(&mut self, medium: Medium) {
        let waiting: usize = self.sinks.iter().map(UnicastSink::waiting).sum();
        let crowded = waiting > WAITING_MAX;
        self.sinks.iter_mut().for_each(|sink| sink.begin(medium, crowded));
    }

    /// Whether anybody plays.
    #[must_use]
    pub fn is_playing(&self) -> bool {
        self.sinks.iter().any(|sink| sink.playing)
    }

    /// Whether there are viewers whose first picture is still to come.
    #[must_use]
    pub fn has_new(&self) -> bool {
        self.sinks.iter().any(|sink| sink.is_new)
    }

    /// Sends the picture that is being sent to those whose first it is, all at once: who begins to watch waits for no
    /// pacing, nor for the next picture if this one has just begun.
    pub fn send_first<'a>(
        &mut self,
        picture: &(impl Iterator<Item = Datagram<'a>> + Clone),
        form: Form,
    ) {
        let Self { sinks, packets: Some(packets), most } = self else { return };
        for sink in sinks.iter_mut().filter(|sink| sink.is_new && sink.form == form) {
            if !sink.takes {
                sink.begin(Medium::Video, false);
            }
            if !sink.takes {
                continue;
            }
            let mut left = picture.clone();
            while matches!(sink.way, UnicastWay::Udp(_)) {
                let mut filled = packets.fill(&mut left);
                if filled.is_empty() {
                    break;
                }
                sink.send(&mut filled);
            }
            sink.interleave(picture.clone(), *most);
            (sink.is_new, sink.takes) = (false, false);
        }
    }

    /// Sends packets of what has begun to those who take this form of them.
    pub fn send<'a>(&mut self, batch: &(impl Iterator<Item = Datagram<'a>> + Clone), form: Form) {
        let Self { sinks, packets: Some(packets), most } = self else { return };
        let taking = |sink: &&mut UnicastSink| sink.takes && sink.form == form;
        let by_udp = |sink: &UnicastSink| {
            sink.takes && sink.form == form && matches!(sink.way, UnicastWay::Udp(_))
        };
        if sinks.iter().any(by_udp) {
            let mut left = batch.clone();
            loop {
                let mut filled = packets.fill(&mut left);
                if filled.is_empty() {
                    break;
                }
                sinks.iter_mut().filter(taking).for_each(|sink| sink.send(&mut filled));
            }
        }
        sinks.iter_mut().filter(taking).for_each(|sink| sink.interleave(batch.clone(), *most));
    }

    /// Sends a report to those who take this form of packets.
    pub fn send_rtcp(&mut self, packet: &[u8], form: Form) {
        let Some(packets) = &mut self.packets else { return };
        for sink in self.sinks.iter_mut().filter(|sink| sink.playing && sink.form == form) {
            sink.send_rtcp(packets, packet);
        }
    }

    /// Reads what has come for a sink by sockets of its own.
    pub fn receive(&mut self, id: UnicastId, read: &mut Reading<'_>) -> Heard {
        let mut buffer = [0; 1500];
        self.get_mut(id).map_or(Heard::default(), |sink| sink.receive(&mut buffer, read))
    }

    /// Takes a report that has come for a sink within its connection.
    pub fn take_report(
        &mut self,
        id: UnicastId,
        bytes: &[u8],
        from: SocketAddr,
        read: &mut Reading<'_>,
    ) {
        if let Some(sink) = self.get_mut(id) {
            if let Some(now) = read(bytes, from, &mut sink.viewer) {
                sink.viewer = now;
            }
        }
    }

    /// All sinks.
    pub fn iter(&self) -> impl Iterator<Item = &UnicastSink> {
        self.sinks.iter()
    }

    /// The descriptors of a sink's own sockets.
    pub fn descriptors(&self, id: UnicastId) -> impl Iterator<Item = RawFd> {
        let sockets = self.get(id).and_then(|sink| match &sink.way {
            UnicastWay::Udp(sockets) => Some(sockets.each_ref().map(AsRawFd::as_raw_fd)),
            UnicastWay::Interleaved { .. } => None,
        });
        sockets.into_iter().flatten()
    }
}

#[cfg(test)]
mod tests;
