//! A network that loses packets, between two places: everything that a session sends to the one is
//! sent on to the other, but for what a seeded process of losses takes, one process for all ports.

use crate::place::Place;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use streamsocket_net::{Interface, ReceiveSocket, Received};

/// Between two looks whether it is to end, in milliseconds.
const LOOK: u8 = 50;

/// How packets are lost: in bursts (Gilbert).
#[derive(Clone, Copy, Debug)]
pub struct Loss {
    /// Lost packets in 1000.
    pub per_mille: u64,
    /// Packets of a burst on average; 1: each by itself.
    pub burst: u64,
    /// Another chance.
    pub seed: u64,
}

/// The network, until it is dropped.
#[derive(Debug)]
pub struct Relay {
    quit: Arc<AtomicBool>,
    lost: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

impl Relay {
    /// From a place to another one.
    pub fn open(from: Place, to: Place, loss: Loss) -> Self {
        let lo = Interface::named("127.0.0.1").unwrap();
        let open = |from| ReceiveSocket::open(SocketAddr::V4(from), Some(&lo), None).unwrap();
        let mut sockets: Vec<_> =
            ways(from).zip(ways(to)).map(|(from, to)| (open(from), to)).collect();
        let out = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        socket2::SockRef::from(&out).set_multicast_if_v4(&Ipv4Addr::LOCALHOST).unwrap();
        let (quit, lost) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (ends, count) = (Arc::clone(&quit), Arc::clone(&lost));
        let thread = std::thread::spawn(move || run(&mut sockets, &out, loss, &ends, &count));
        Self { quit, lost, thread: Some(thread) }
    }

    /// Packets lost so far.
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.quit.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Video, sound, their RTCP, and their repair.
fn ways(place: Place) -> impl Iterator<Item = SocketAddrV4> {
    let repair = [4, 6].map(|above| place.repair_at(above));
    (0..4).map(move |above| place.at(above)).chain(repair)
}

fn run(
    sockets: &mut [(ReceiveSocket, SocketAddrV4)],
    out: &UdpSocket,
    loss: Loss,
    quit: &AtomicBool,
    lost: &AtomicU64,
) {
    let mut process = Process { loss, losing: false, state: loss.seed.wrapping_mul(2) | 1 };
    let mut waiting = Vec::new();
    while !quit.load(Ordering::Relaxed) {
        let sources = sockets.iter().map(|(socket, _)| socket.as_fd());
        let mut descriptors: Vec<_> =
            sources.map(|source| PollFd::new(source, PollFlags::POLLIN)).collect();
        let _ = poll(&mut descriptors, PollTimeout::from(LOOK));
        for (socket, to) in &mut *sockets {
            let mut each = |got: Received<'_>| waiting.push((got.arrival, *to, got.data.to_vec()));
            while socket.receive(&mut each).is_ok_and(|taken| taken > 0) {}
        }
        // As they were sent, whatever port they went to.
        waiting.sort_by_key(|(arrival, ..)| *arrival);
        for (_, to, bytes) in waiting.drain(..) {
            if process.loses() {
                lost.fetch_add(1, Ordering::Relaxed);
            } else {
                let _ = out.send_to(&bytes, to);
            }
        }
    }
}

struct Process {
    loss: Loss,
    losing: bool,
    state: u64,
}

impl Process {
    fn loses(&mut self) -> bool {
        const WHOLE: u64 = 1_000_000;
        let Loss { per_mille, burst, .. } = self.loss;
        let drawn = self.draw() % WHOLE;
        if burst == 1 {
            return drawn < per_mille * WHOLE / 1000;
        }
        let leave = WHOLE / burst;
        let enter = per_mille * leave / (1000 - per_mille);
        self.losing ^= drawn < if self.losing { leave } else { enter };
        self.losing
    }

    /// xorshift64*
    const fn draw(&mut self) -> u64 {
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        self.state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 32
    }
}
