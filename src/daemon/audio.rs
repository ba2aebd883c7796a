//! An input of sound: a source, and the tracks that its samples go to.

use super::encoded::{Encoded, OpenedEncoded};
use super::kept::KeptTracks;
use super::parts;
use crate::capture::{AudioPoll, Error};
use crate::publish::sound::Chunk;
use crate::publish::track::{OpenedTrack, Outgoing, Track};
use crate::settings::Settings;
use crate::source::AudioSource;
use crate::statistics::AudioStatistics;
use streamsocket_media::clock::{Monotonic, WallClock};
use streamsocket_stream::send::opus::room;

/// Samples read at a time: 85 ms of 48 kHz stereo, more than any card's period.
const SAMPLES_AT_A_TIME: usize = 8192;

/// Turns that a second of sound takes at least: a turn has as much of it as of pictures, 8 of 30 a second. On a
/// machine that is too slow there is more after each read, and pictures, reports and commands have their turn all
/// the same.
const TURNS_A_SECOND: u32 = 4;

/// The parts of an input of sound, opened.
pub(super) struct OpenedAudio {
    pub(super) source: AudioSource,
    pub(super) name: String,
    pub(super) tracks: Vec<OpenedTrack>,
    /// Those of tiers.
    pub(super) encoded: Vec<OpenedEncoded>,
}

/// An input of sound.
pub(super) struct AudioInput {
    source: AudioSource,
    name: String,
    ended: bool,
    /// The source may have more: this turn read as much as it may.
    more: bool,
    /// Whether viewers were told that there is no sound.
    away: bool,
    samples: Vec<i16>,
    /// Discontinuities that the tracks were told of.
    breaks: u64,
    captured: u64,
    pub(super) tracks: Vec<Track>,
    pub(super) encoded: Vec<Encoded>,
}

impl OpenedAudio {
    /// The input, whose tracks begin at `now` and continue with the numbers that were kept.
    pub(super) fn begin(self, kept: &KeptTracks, now: Monotonic) -> AudioInput {
        let begin = |track: OpenedTrack| {
            let numbers = kept.of(&track.id);
            track.begin(numbers, now)
        };
        let encoded = self.encoded.into_iter().map(|encoded| {
            let numbers = kept.of(&encoded.track.id);
            encoded.begin(numbers, now)
        });
        AudioInput {
            source: self.source,
            name: self.name,
            ended: false,
            more: false,
            away: false,
            samples: vec![0; SAMPLES_AT_A_TIME],
            breaks: 0,
            captured: 0,
            tracks: self.tracks.into_iter().map(begin).collect(),
            encoded: encoded.collect(),
        }
    }
}

impl AudioInput {
    /// The session begins at `epoch`.
    pub(super) fn begin(&mut self, epoch: Monotonic) {
        self.source.begin(epoch);
    }

    pub(super) const fn source(&self) -> &AudioSource {
        &self.source
    }

    /// Whether the source has ended and the last packet was sent.
    pub(super) fn is_over(&self) -> bool {
        self.ended && self.encoded.iter().all(Encoded::is_idle)
    }

    pub(super) fn deadline(&self) -> Option<Monotonic> {
        match (self.ended, self.more) {
            (true, _) => None,
            (false, true) => Some(Monotonic(0)),
            (false, false) => self.source.deadline(),
        }
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
        for encoded in &mut self.encoded {
            encoded.send_encoded(now, wall);
        }
        let format = self.source.format();
        let channels = usize::from(format.channels.max(1));
        let mut left = usize::try_from(format.rate / TURNS_A_SECOND).unwrap_or(usize::MAX);
        while left > 0 && !self.ended {
            match self.source.poll(now, &mut self.samples)? {
                AudioPoll::Samples { frames, capture } => {
                    left = left.saturating_sub(frames);
                    self.captured += frames as u64;
                    let broken = self.source.breaks() != self.breaks;
                    self.breaks = self.source.breaks();
                    let samples = self.samples.get(..frames * channels).unwrap_or_default();
                    for track in &mut self.tracks {
                        if broken {
                            track.mark_discontinuity();
                        }
                        track.send_samples(Chunk { samples, capture }, now, wall);
                    }
                    let mut encoded = self.encoded.iter_mut();
                    encoded.try_for_each(|it| it.take(Chunk { samples, capture }, broken))?;
                }
                AudioPoll::Idle => break,
                AudioPoll::End => {
                    self.ended = true;
                    self.tracks.iter_mut().for_each(|track| track.finish(now, wall));
                    self.encoded.iter_mut().try_for_each(Encoded::finish)?;
                }
            }
        }
        self.more = left == 0;
        if self.away != self.source.is_away() {
            self.away = !self.away;
            let encoded = self.encoded.iter_mut().map(|it| &mut it.track);
            let tracks = self.tracks.iter_mut().chain(encoded);
            tracks.for_each(|track| track.transport_mut().tell(now));
        }
        Ok(())
    }

    /// Changes the longest packet from the next one on.
    pub(super) fn adjust(&mut self, settings: &Settings, now: Monotonic) {
        let sending = parts::sound_sending(settings, self.source.format());
        self.tracks.iter_mut().for_each(|track| track.adjust(Outgoing::Sound(sending), now));
        self.encoded.iter_mut().for_each(|it| it.resize(room(sending.packet_size)));
    }

    /// Statistics of a track.
    pub(super) fn statistics(&self, track: &Track) -> AudioStatistics {
        let format = self.source.format();
        AudioStatistics {
            source: self.source.name().unwrap_or(&self.name).to_owned(),
            away: self.source.why_away(),
            returns: self.source.returns(),
            rate: format.rate,
            channels: format.channels,
            samples: self.captured,
            packets: track.counts().packets,
            overruns: self.source.overruns(),
            repair_packets: track.transport().fec_packets(),
            clock_ppm: track.ppm(),
            ..AudioStatistics::default()
        }
    }

    /// Statistics of an encoded track.
    pub(super) fn encoded_statistics(&self, encoded: &Encoded) -> AudioStatistics {
        let (bits, left_out) = encoded.figures();
        AudioStatistics {
            opus_kbit: Some(bits / 1000),
            encoder_was_busy: left_out,
            ..self.statistics(&encoded.track)
        }
    }
}

#[cfg(test)]
mod tests;
