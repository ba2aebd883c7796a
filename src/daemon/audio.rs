//! The audio stream: from the source through the packetizer to every destination.

use super::beginning::Beginning;
use crate::capture::source::AudioSource;
use crate::capture::{AudioPoll, Error};
use crate::publish::output::Output;
use crate::publish::repair::AudioRepair;
use crate::publish::transport::{Instant, Transport};
use crate::statistics::AudioStatistics;
use streamsocket_media::clock::{Monotonic, WallClock};
use streamsocket_net::{Datagram, Interface};
use streamsocket_stream::send::audio::{AudioPacket, Form, Packetizer, Stream};
use streamsocket_wire::rtp::{RtpTime, Ssrc};

/// Samples read at a time: 85 ms of 48 kHz stereo, more than any card's period.
const SAMPLES_AT_A_TIME: usize = 8192;

/// The parts of an audio stream, opened.
pub(super) struct OpenedAudio {
    pub(super) source: AudioSource,
    pub(super) name: String,
    pub(super) beginning: Beginning,
    pub(super) form: Form,
    pub(super) packet_size: usize,
    pub(super) transport: Transport,
    pub(super) repair: Option<AudioRepair>,
}

impl OpenedAudio {
    /// Makes the stream. It continues with the numbers in `kept` if they are of its SSRC.
    pub(super) fn begin(self, kept: Option<Beginning>) -> Audio {
        let beginning = kept.filter(|it| it.ssrc == self.beginning.ssrc).unwrap_or(self.beginning);
        Audio::new(Self { beginning, ..self })
    }
}

/// The audio stream of a session.
pub(super) struct Audio {
    source: AudioSource,
    name: String,
    ended: bool,
    /// Whether viewers were told that there is no sound.
    away: bool,
    packetizer: Packetizer,
    samples: Vec<i16>,
    pub(super) transport: Transport,
    repair: Option<AudioRepair>,
    /// Discontinuities that the packetizer was told of.
    breaks: u64,
    captured: u64,
    packets: u64,
}

impl Audio {
    fn new(opened: OpenedAudio) -> Self {
        let OpenedAudio { source, name, beginning, form, packet_size, transport, repair } = opened;
        let Beginning { ssrc, sequence, time } = beginning;
        let format = source.format();
        let Form { payload_type, ntp64_id } = form;
        let stream = Stream { ssrc, rate: format.rate, channels: format.channels, ntp64_id };
        let mut packetizer =
            Packetizer::new(stream, sequence, time).with_payload_type(payload_type);
        packetizer.resize(packet_size);
        Self {
            source,
            name,
            ended: false,
            away: false,
            packetizer,
            samples: vec![0; SAMPLES_AT_A_TIME],
            transport,
            repair,
            breaks: 0,
            captured: 0,
            packets: 0,
        }
    }

    /// The session begins at `epoch`.
    pub(super) fn begin(&mut self, epoch: Monotonic) {
        self.source.begin(epoch);
    }

    pub(super) const fn source(&self) -> &AudioSource {
        &self.source
    }

    /// Whether the source has ended and the last packet was sent.
    pub(super) const fn is_over(&self) -> bool {
        self.ended
    }

    pub(super) fn deadline(&self) -> Option<Monotonic> {
        if self.ended { None } else { self.source.deadline() }
    }

    pub(super) const fn ssrc(&self) -> Ssrc {
        self.packetizer.ssrc()
    }

    /// The numbers that a stream of the same format continues with.
    pub(super) const fn kept(&self, time: RtpTime) -> Beginning {
        Beginning { ssrc: self.ssrc(), sequence: self.packetizer.sequence(), time }
    }

    /// Changes the longest packet from the next one on.
    pub(super) fn adjust(&mut self, packet_size: usize) {
        self.packetizer.resize(packet_size);
    }

    /// The source's descriptor at `index` had an event.
    pub(super) fn handle_event(&mut self, index: usize, now: Monotonic) {
        self.source.handle_event(index, now);
    }

    /// A device has come or gone.
    pub(super) const fn rescan(&mut self, now: Monotonic) {
        self.source.rescan(now);
    }

    /// Reads what the source has, and sends it.
    pub(super) fn turn(&mut self, now: Monotonic, wall: &WallClock) -> Result<(), Error> {
        let channels = usize::from(self.source.format().channels.max(1));
        while !self.ended {
            match self.source.poll(now, &mut self.samples)? {
                AudioPoll::Samples { frames, capture } => {
                    self.captured += frames as u64;
                    if self.source.breaks() != self.breaks {
                        self.breaks = self.source.breaks();
                        self.packetizer.mark_discontinuity();
                    }
                    let samples = self.samples.get(..frames * channels).unwrap_or_default();
                    let ways = (&mut self.transport, &mut self.repair, &mut self.packets);
                    self.packetizer.push(samples, capture, wall, |packet| {
                        send(packet, ways.0, ways.1, ways.2, now);
                    });
                }
                AudioPoll::Idle => break,
                AudioPoll::End => {
                    self.ended = true;
                    let ways = (&mut self.transport, &mut self.repair, &mut self.packets);
                    self.packetizer.flush(wall, |packet| send(packet, ways.0, ways.1, ways.2, now));
                }
            }
        }
        if self.away != self.source.is_away() {
            self.away = !self.away;
            self.transport.tell(now);
        }
        Ok(())
    }

    /// The sockets, media and repair, each list in the order of the destinations.
    pub(super) fn outputs(&self) -> impl Iterator<Item = &[Output]> {
        let repair = self.repair.as_ref().map(|repair| repair.way.outputs());
        std::iter::once(self.transport.outputs()).chain(repair)
    }

    /// Sends from another interface or address from now on.
    pub(super) fn reopen(&mut self, interface: &Interface, ttl: u8) -> Result<(), String> {
        let media = self.transport.reopen(interface, ttl);
        media.and(self.repair.as_mut().map_or(Ok(()), |repair| repair.way.reopen(interface, ttl)))
    }

    /// `now` on the stream's clock and on the wall clock.
    pub(super) fn instant(&self, now: Monotonic, wall: &WallClock) -> Instant {
        (self.packetizer.clock().rtp(now), wall.ntp(now))
    }

    pub(super) fn statistics(&self) -> AudioStatistics {
        let format = self.source.format();
        AudioStatistics {
            source: self.source.name().unwrap_or(&self.name).to_owned(),
            away: self.source.why_away(),
            returns: self.source.returns(),
            rate: format.rate,
            channels: format.channels,
            samples: self.captured,
            packets: self.packets,
            overruns: self.source.overruns(),
            repair_packets: self.repair.as_ref().map_or(0, |repair| repair.way.packets()),
            clock_ppm: self.packetizer.clock().ppm(),
        }
    }
}

fn send(
    packet: AudioPacket<'_>,
    transport: &mut Transport,
    repair: &mut Option<AudioRepair>,
    count: &mut u64,
    now: Monotonic,
) {
    let datagram = Datagram { header: packet.header, payload: packet.payload };
    transport.send(std::iter::once(datagram));
    transport.count(1, packet.payload.len(), now);
    if let Some(repair) = repair {
        repair.send(&packet);
    }
    *count += 1;
}
