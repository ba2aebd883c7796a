//! Checks rate and channels that were assumed because only an address was given. Packets tell them: length over the
//! step of the RTP time is the channels, RTP time over capture time the rate.

use crate::plan::StreamPlan;
use std::net::SocketAddr;
use streamsocket_media::clock::{Delay, Wall};
use streamsocket_wire::rtp::ExtendedTime;

/// Usual sampling rates, in Hz.
const RATES: [u32; 9] = [8_000, 11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000];

/// Capture time after which 44.1 and 48 kHz can be told apart by any clock.
const SPAN: Delay = Delay::from_secs(2);

/// The rate and channels that were assumed, and what the packets have told so far.
#[derive(Debug)]
pub(super) struct Assumption {
    rate: u32,
    channels: u8,
    address: SocketAddr,
    last: Option<Seen>,
    first: Option<Timed>,
}

/// A packet: its extended sequence number and RTP time, and the length of its payload.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    pub(super) sequence: u64,
    pub(super) time: ExtendedTime,
    pub(super) bytes: usize,
}

/// A packet with its capture time, and the channels that it tells.
#[derive(Clone, Copy, Debug)]
struct Timed {
    time: ExtendedTime,
    wall: Wall,
    channels: u8,
}

impl Assumption {
    /// The plan's rate and channels, if they were assumed.
    pub(super) fn of(plan: &StreamPlan) -> Option<Self> {
        let address = SocketAddr::new(plan.rtp.ip(), plan.rtp.port().saturating_sub(2));
        let (rate, channels) = (plan.clock_rate, plan.channels);
        plan.assumed.then_some(Self { rate, channels, address, last: None, first: None })
    }

    /// Looks at a packet and its capture time by the sender's clock. `None` until it can be told; then the warning
    /// for the user, if there is reason for one.
    pub(super) fn check(&mut self, packet: Seen, wall: Option<Wall>) -> Option<Option<String>> {
        let Seen { sequence, time, .. } = packet;
        let last = self.last.replace(packet)?;
        let frames = usize::try_from(time.ticks_since(last.time)).ok().filter(|it| *it > 0)?;
        if sequence != last.sequence + 1 {
            return None;
        }
        let channels = u8::try_from(last.bytes / 2 / frames).ok()?;
        let wall = wall?;
        let first = *self.first.get_or_insert(Timed { time, wall, channels });
        let span = Some(wall - first.wall).filter(|span| *span >= SPAN)?;
        let ticks = u64::try_from(time.ticks_since(first.time)).ok()?;
        let rate = u128::from(ticks) * 1_000_000_000 / u128::from(span.nanos().unsigned_abs());
        let rate = RATES.into_iter().find(|usual| u128::from(*usual).abs_diff(rate) * 50 < rate);
        let rate = rate?;
        if channels != first.channels || (rate, channels) == (self.rate, self.channels) {
            return Some(None);
        }
        let address = self.address;
        Some(Some(format!(
            "the sound is not {} Hz with {} channels, as an address alone is taken to mean: play \
             rtp://{address}?audio={rate}/{channels}, or the session's description",
            self.rate, self.channels
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said of packets of 5 ms for three seconds.
    fn said(rate: i64, channels: usize) -> Option<String> {
        let plan = crate::plan::Plan::at("239.1.1.1:5004".parse().unwrap(), None);
        let mut assumption = Assumption::of(&plan.audio.unwrap()).unwrap();
        let frames = rate / 200;
        let bytes = usize::try_from(frames).unwrap() * 2 * channels;
        let packets = (0_i64..600).map(|index| (index, index * frames));
        let mut told = packets.filter_map(|(index, time)| {
            let sequence = u64::try_from(index).unwrap();
            assumption.check(
                Seen { sequence, time: ExtendedTime(time), bytes },
                Some(Wall(time * 1_000_000_000 / rate)),
            )
        });
        told.next().expect("it could not be told")
    }

    #[test]
    fn what_is_as_usual_needs_no_word() {
        assert_eq!(said(48_000, 2), None);
    }

    #[test]
    fn what_is_not_is_said_with_the_way_out() {
        assert!(said(16_000, 1).unwrap().contains("rtp://239.1.1.1:5004?audio=16000/1"));
        assert!(said(44_100, 2).unwrap().contains("audio=44100/2"));
        assert!(said(48_000, 1).unwrap().contains("audio=48000/1"));
    }
}
