//! What is tried, and how it is run: sender, network and viewer in one loop of events.

use crate::sender::Sender;
use crate::viewer::Viewer;
use crate::world::{Link, MS, SECOND, Time};

/// A seed of another run: SIM_SEED=N.
pub(crate) fn seed() -> u64 {
    std::env::var("SIM_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1)
}

/// What is tried.
#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) length: Time,
    pub(crate) seed: u64,
    /// Errors of the clocks: the sender's and its sound card's, the viewer's and its card's.
    pub(crate) sender_ppm: i64,
    pub(crate) card_ppm: i64,
    pub(crate) viewer_ppm: i64,
    pub(crate) speaker_ppm: i64,
    /// What lies behind the viewer's card: sound is heard so much later.
    pub(crate) behind: Time,
    pub(crate) jitter: Time,
    pub(crate) reordered: i64,
    pub(crate) lost: i64,
    /// Fixed, or as low as it goes.
    pub(crate) latency: Option<i64>,
    /// The sender's wall clock is set: when, and by how much.
    pub(crate) steps: &'static [(Time, i64)],
    /// The card loses sound each minute.
    pub(crate) overruns: bool,
    /// Frames of up to some dozens of packets.
    pub(crate) large_frames: bool,
    /// The sender is restarted.
    pub(crate) restart: Option<Time>,
    /// The sender is stopped: when, and for how long. It sends then what was captured meanwhile.
    pub(crate) held: Option<(Time, Time)>,
    /// The viewer is stopped: when, and for how long.
    pub(crate) stall: Option<(Time, Time)>,
    /// The network is away: when, and for how long.
    pub(crate) away: Option<(Time, Time)>,
}

/// Packets that a socket's buffer holds.
const SOCKET_PACKETS: usize = 500;

impl Scenario {
    pub(crate) fn new(name: &'static str, length: Time) -> Self {
        Self {
            name,
            length,
            seed: seed(),
            sender_ppm: 0,
            card_ppm: 0,
            viewer_ppm: 0,
            speaker_ppm: 0,
            behind: 0,
            jitter: MS,
            reordered: 0,
            lost: 0,
            latency: None,
            steps: &[],
            overruns: false,
            large_frames: false,
            restart: None,
            held: None,
            stall: None,
            away: None,
        }
    }

    /// What the sender's wall clock is ahead of its monotonic one.
    pub(crate) fn wall_at(&self, now: Time) -> i64 {
        let set = self.steps.iter().filter(|(at, _)| *at <= now);
        1_700_000_000 * SECOND + set.map(|(_, by)| by).sum::<i64>()
    }

    /// When what is to be sent at a time is sent.
    fn sends(&self, next: Time) -> Time {
        let held = self.held.filter(|(at, span)| (*at..at + span).contains(&next));
        held.map_or(next, |(at, span)| at + span)
    }

    /// Runs it to the end; `look` is called each second.
    pub(crate) fn run(&self, mut look: impl FnMut(Time, &Viewer)) -> Viewer {
        let mut link = Link::new(self.jitter, self.seed);
        (link.reordered, link.lost, link.away) = (self.reordered, self.lost, self.away);
        let mut sender = Sender::new(self, 0, 1);
        let mut viewer = Viewer::new(self);
        let (mut restart, mut second) = (self.restart, SECOND);
        let (mut waiting, mut before) = (Vec::new(), 0);
        loop {
            let arrival = link.next().unwrap_or(Time::MAX);
            let (sends, turns) = (self.sends(sender.next()), viewer.next().max(before));
            let stopped = self.stall.is_some_and(|(at, span)| (at..at + span).contains(&before));
            let now = arrival.min(sends).min(if stopped { Time::MAX } else { turns });
            before = now;
            if now > self.length {
                return viewer;
            }
            if now > second {
                look(second, &viewer);
                second += SECOND;
            }
            if restart.is_some_and(|at| now >= at) {
                restart = None;
                sender = Sender::new(self, now, 2);
            }
            let stopped = self.stall.is_some_and(|(at, span)| (at..at + span).contains(&now));
            if !stopped {
                for packet in waiting.drain(..) {
                    viewer.receive(&packet, now, &mut sender.truth);
                }
                viewer.turn(now, &mut sender.truth);
            }
            if now >= sends {
                sender.turn(now, self, &mut link);
                continue;
            }
            if now < arrival {
                continue;
            }
            let Some(packet) = link.receive() else { continue };
            if stopped {
                if waiting.len() < SOCKET_PACKETS {
                    waiting.push(packet);
                }
                continue;
            }
            viewer.receive(&packet, now, &mut sender.truth);
        }
    }
}
