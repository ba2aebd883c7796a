//! Ten thousand viewers who are served one by one, by several relays of the same session: what each relay has to send, what
//! of it waits or is lost, and how long it takes until all play again when one of the relays dies. Batches are those of the
//! real pacer; whom a viewer asks, and when, is as `subscribe` does it.

use crate::world::{Chance, MS, SECOND, Time};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use streamsocket_media::clock::Monotonic;
use streamsocket_stream::send::pacer::{Load, Pace, Pacer};

/// Viewers that a relay takes (`relay/src/viewings.rs`).
pub(crate) const PLACES: usize = 128;

/// Between two connections that it takes: 80 a second (`relay/src/connections.rs`).
const ADMITTED_EACH: Time = SECOND / 80;

/// Nanoseconds of processor for a packet, as measured (docs/performance.md, "The relay").
const CPU_EACH: Time = 400;

/// Nanoseconds of a byte on a wire of 1 Gbit/s, and bytes of a packet besides its payload: UDP, IP, Ethernet with the gap.
const BYTE: Time = 8;
const HEADERS: usize = 28 + 38;

/// Messages that wait for the wire at most, each a batch for one viewer: Linux's `txqueuelen`.
const QUEUE: usize = 1000;

/// How long a viewer waits after a server has failed it, at first and at most; how long it waits for an answer; and for
/// packets, before it asks anew (`subscribe/src/subscription/own.rs`, `rtsp/src/player.rs`).
const AGAIN: Time = SECOND;
const AGAIN_MAX: Time = 10 * SECOND;
const ANSWER: Time = 10 * SECOND;
const SILENT: Time = 15 * SECOND;

/// What a viewer's link carries, and so which tier it takes: pictures a second, packets of one and their bytes. Measured:
/// the tests' clip of 1280x720, half as large at 15 and a quarter at 10 (quality 80).
struct Kind {
    rate: i64,
    packets: usize,
    bytes: usize,
}

const KINDS: [Kind; 3] = [
    Kind { rate: 30, packets: 88, bytes: 119_300 },
    Kind { rate: 15, packets: 26, bytes: 34_700 },
    Kind { rate: 10, packets: 9, bytes: 11_300 },
];

impl Kind {
    /// When its batches leave behind the begin of a picture, and how many packets each has.
    fn batches(&self) -> Vec<(Time, i64)> {
        let mut pacer = Pacer::new(Pace::default(), SECOND / self.rate);
        let load = Load { media: self.packets, repairs: 0, bytes: self.bytes };
        pacer.begin(Monotonic(0), Monotonic(0), load);
        let mut batches = Vec::new();
        while let Some(at) = pacer.deadline() {
            batches.push((at.0, pacer.due(at).len().try_into().unwrap()));
        }
        batches
    }

    /// Nanoseconds that a packet takes on the wire.
    fn wire_each(&self) -> Time {
        let bytes = self.bytes / self.packets + HEADERS;
        Time::try_from(bytes).unwrap() * BYTE
    }
}

/// Which of the addresses of the relays' name a viewer asks that the one before has failed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// The next one.
    Next,
    /// Any other, as our receiver does.
    Chance,
}

/// How a relay dies.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Death {
    /// The program: connections end at once, and new ones are refused.
    Killed,
    /// The machine: nothing comes, and nothing answers.
    Off,
}

/// What is simulated.
pub(crate) struct Plan {
    pub(crate) relays: usize,
    /// Viewers of each kind.
    pub(crate) viewers: [usize; 3],
    pub(crate) order: Order,
    /// The first relay dies after a third of the time.
    pub(crate) death: Option<Death>,
    pub(crate) length: Time,
    pub(crate) seed: u64,
}

/// What came of it, between the time when all play and that of a death.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// Viewers of a relay, at least and at most.
    pub(crate) viewers: [usize; 2],
    /// Of the relay that had most to do: Mbit/s that were to be sent, and per cent of a processor.
    pub(crate) wire: f64,
    pub(crate) cpu: f64,
    /// Milliseconds from a batch's arrival at the relay to its end on the wire: what half of them take at most, and 99 %.
    pub(crate) delays: [f64; 2],
    /// Per cent of all packets.
    pub(crate) lost: f64,
    /// Seconds until all play at first, and after a death until half of those that it concerns do, and all of them; none:
    /// not in the time.
    pub(crate) begun: Option<f64>,
    pub(crate) back: [Option<f64>; 2],
    /// Times that those ask until they are served.
    pub(crate) asked: usize,
}

#[derive(Clone, Default)]
struct Relay {
    dead: Option<Death>,
    /// Viewers of each kind.
    viewers: [usize; 3],
    /// When it takes the next connection.
    admits: Time,
    /// When the processor and the wire are free.
    cpu_free: Time,
    wire_free: Time,
    /// When those leave that wait for the wire.
    waiting: VecDeque<Time>,
    /// Nanoseconds that processor and wire were asked for.
    cpu: Time,
    wire: Time,
}

/// In steps of 10 us up to 600 ms.
const STEP: Time = MS / 100;
const STEPS: usize = 60_000;

struct Counts {
    delays: Vec<u64>,
    lost: i64,
    sent: i64,
}

impl Relay {
    /// Sends a batch to each viewer of that kind; what finds no room is lost.
    fn hand_on(&mut self, now: Time, kind: usize, packets: i64, counts: Option<&mut Counts>) {
        let wire = packets * KINDS[kind].wire_each();
        let (mut lost, mut delays) = (0, Vec::new());
        for _ in 0..self.viewers[kind] {
            self.cpu_free = self.cpu_free.max(now) + packets * CPU_EACH;
            while self.waiting.front().is_some_and(|leaves| *leaves <= self.cpu_free) {
                self.waiting.pop_front();
            }
            if self.waiting.len() >= QUEUE {
                lost += packets;
                continue;
            }
            self.wire_free = self.wire_free.max(self.cpu_free) + wire;
            self.waiting.push_back(self.wire_free);
            delays.push(self.wire_free - now);
        }
        let Some(counts) = counts else { return };
        let viewers = i64::try_from(self.viewers[kind]).unwrap();
        self.cpu += viewers * packets * CPU_EACH;
        self.wire += viewers * wire;
        counts.lost += lost;
        counts.sent += viewers * packets;
        for delay in delays {
            counts.delays[usize::try_from(delay / STEP).unwrap().min(STEPS - 1)] += 1;
        }
    }
}

#[derive(Clone)]
struct Viewer {
    kind: usize,
    at: Option<usize>,
    /// The relay that was asked last, and whether it has served.
    last: usize,
    served: bool,
    wait: Time,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    /// The nth batch of a kind's picture, of that number.
    Batch(usize, usize, i64),
    /// A viewer asks.
    Ask(usize),
    /// The first relay dies.
    Die,
}

struct World {
    chance: Chance,
    order: Order,
    relays: Vec<Relay>,
    viewers: Vec<Viewer>,
    events: BinaryHeap<Reverse<(Time, Event)>>,
}

/// Seconds within which viewers come.
const ARRIVAL: Time = 10 * SECOND;

impl World {
    fn new(plan: &Plan) -> Self {
        let mut own = Self {
            chance: Chance::new(plan.seed),
            order: plan.order,
            relays: vec![Relay::default(); plan.relays],
            viewers: Vec::new(),
            events: BinaryHeap::new(),
        };
        for kind in (0..KINDS.len()).filter(|kind| plan.viewers[*kind] > 0) {
            own.events.push(Reverse((0, Event::Batch(kind, 0, 0))));
        }
        for kind in (0..KINDS.len()).flat_map(|kind| vec![kind; plan.viewers[kind]]) {
            let (last, comes) = (own.below(plan.relays), own.chance.below(ARRIVAL / MS) * MS);
            own.events.push(Reverse((comes, Event::Ask(own.viewers.len()))));
            own.viewers.push(Viewer { kind, at: None, last, served: true, wait: AGAIN });
        }
        own
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.chance.below(bound.try_into().unwrap())).unwrap()
    }

    /// A viewer asks; true if it is served from now on.
    fn ask(&mut self, now: Time, viewer: usize) -> bool {
        // The one before if it has served, as `subscribe/src/subscription/lookup.rs` does it.
        let Viewer { last, served, kind, .. } = self.viewers[viewer];
        let to = match (served, self.order) {
            (true, _) => last,
            (false, Order::Next) => (last + 1) % self.relays.len(),
            (false, Order::Chance) => {
                (last + 1 + self.below((self.relays.len() - 1).max(1))) % self.relays.len()
            }
        };
        let relay = &mut self.relays[to];
        let mut failed = now;
        match relay.dead {
            Some(Death::Off) => failed += ANSWER,
            Some(Death::Killed) => {}
            None => {
                failed = now.max(relay.admits);
                relay.admits = failed + ADMITTED_EACH;
                if relay.viewers.iter().sum::<usize>() < PLACES {
                    relay.viewers[kind] += 1;
                    let own = &mut self.viewers[viewer];
                    (own.at, own.last, own.served, own.wait) = (Some(to), to, true, AGAIN);
                    return true;
                }
            }
        }
        let own = &mut self.viewers[viewer];
        (own.last, own.served) = (to, false);
        self.events.push(Reverse((failed + own.wait, Event::Ask(viewer))));
        own.wait = (2 * own.wait).min(AGAIN_MAX);
        false
    }

    /// The first relay dies; returns how many it served.
    fn die(&mut self, now: Time, death: Death) -> usize {
        let noticed = now + if death == Death::Off { SILENT } else { 0 };
        self.relays[0] = Relay { dead: Some(death), ..Relay::default() };
        let mut concerned = 0;
        for (number, viewer) in self.viewers.iter_mut().enumerate() {
            if viewer.at == Some(0) {
                (viewer.at, viewer.wait) = (None, 2 * AGAIN);
                self.events.push(Reverse((noticed + AGAIN, Event::Ask(number))));
                concerned += 1;
            }
        }
        concerned
    }
}

/// Simulates it.
pub(crate) fn run(plan: &Plan) -> Outcome {
    let mut world = World::new(plan);
    let batches = KINDS.each_ref().map(Kind::batches);
    let mut counts = Counts { delays: vec![0; STEPS], lost: 0, sent: 0 };
    let mut outcome = Outcome::default();
    let died = plan.length / 3;
    if plan.death.is_some() {
        world.events.push(Reverse((died, Event::Die)));
    }
    let (all, mut playing, mut concerned, mut settled) = (world.viewers.len(), 0, 0, None);
    let mut died_yet = false;
    while let Some(Reverse((now, event))) = world.events.pop().filter(|it| it.0.0 < plan.length) {
        match event {
            Event::Batch(kind, nth, picture) => {
                let counted = settled.is_some() && !died_yet;
                for relay in &mut world.relays {
                    let counts = counted.then_some(&mut counts);
                    relay.hand_on(now, kind, batches[kind][nth].1, counts);
                }
                let last = nth + 1 == batches[kind].len();
                let (nth, picture) = if last { (0, picture + 1) } else { (nth + 1, picture) };
                let at = picture * SECOND / KINDS[kind].rate + batches[kind][nth].0;
                world.events.push(Reverse((at, Event::Batch(kind, nth, picture))));
            }
            Event::Ask(viewer) => {
                outcome.asked += usize::from(died_yet);
                if !world.ask(now, viewer) {
                    continue;
                }
                playing += 1;
                let seconds = |since: Time| Some((now - since) as f64 / 1e9);
                if died_yet && playing == all - concerned / 2 {
                    outcome.back[0] = seconds(died);
                }
                if playing == all {
                    match died_yet {
                        true => outcome.back[1] = seconds(died),
                        false => (outcome.begun, settled) = (seconds(0), Some(now)),
                    }
                }
            }
            Event::Die => {
                let loads = world.relays.iter().map(|it| it.viewers.iter().sum::<usize>());
                outcome.viewers = [loads.clone().min().unwrap(), loads.max().unwrap()];
                finish(&world.relays, &counts, died - settled.unwrap_or(died), &mut outcome);
                concerned = world.die(now, plan.death.unwrap());
                playing -= concerned;
                died_yet = true;
            }
        }
    }
    if !died_yet {
        let loads = world.relays.iter().map(|it| it.viewers.iter().sum::<usize>());
        outcome.viewers = [loads.clone().min().unwrap(), loads.max().unwrap()];
        finish(&world.relays, &counts, plan.length - settled.unwrap_or(plan.length), &mut outcome);
    }
    outcome
}

/// Says what was counted in that time.
fn finish(relays: &[Relay], counts: &Counts, time: Time, outcome: &mut Outcome) {
    let most = |get: fn(&Relay) -> Time| relays.iter().map(get).max().unwrap() as f64;
    let time = time.max(1) as f64;
    outcome.wire = most(|it| it.wire) / time * 1000.0;
    outcome.cpu = most(|it| it.cpu) / time * 100.0;
    outcome.lost = counts.lost as f64 * 100.0 / counts.sent.max(1) as f64;
    let total: u64 = counts.delays.iter().sum();
    outcome.delays = [50, 99].map(|percent| {
        let mut seen = 0;
        let at = counts.delays.iter().position(|count| {
            seen += count;
            seen * 100 >= total * percent
        });
        (at.unwrap_or(0) as i64 * STEP) as f64 / 1e6
    });
}
