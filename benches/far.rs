//! The far end of a measurement: viewers that count packets, or that say how long the first picture takes.
//!
//!     far listen ADDRESS PORT VIEWERS    at PORT and every second one above
//!     far play URL VIEWERS ADDRESS...    over RTSP, by UDP, from these addresses in turn
//!     far first URL TIMES RATE           over RTSP, by UDP: seconds from connecting to the last packet of a whole picture,
//!                                        begun at other moments between two pictures each time
//!
//! With the first two it says "ready", counts from each line on standard input to the next, and prints for each such time
//! what has come as JSON: packets, those that were lost, pictures of the one who got fewest, and of packets that say when
//! they have left, how many microseconds half of them, 99 % and all took at most.

#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_possible_truncation,
    reason = "it measures in real time, or ends"
)]

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use socket2::{Domain, Socket, Type};
use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};
use streamsocket_benches::delay::Delays;
use streamsocket_media::clock::Monotonic;
use streamsocket_net::ReceiveSocket;
use streamsocket_rtsp::address::Address;
use streamsocket_rtsp::player::{DEFAULT_PORT, News, Player, Wish};
use streamsocket_rtsp::transport::{Offer, Profile};
use streamsocket_wire::rtp::Packet;
use streamsocket_wire::sdp::{Medium, Session};

/// From one moment between two pictures to the next: by the golden ratio they are spread evenly.
const STEP: f64 = 0.618;

/// Who watches: a socket, and the connection by which it was asked for.
struct Viewer {
    rtp: ReceiveSocket,
    _asked: Option<(ReceiveSocket, TcpStream)>,
    came: u64,
    lost: u64,
    pictures: u64,
    /// Those of which all came, from the first packet on.
    whole: u64,
    is_whole: bool,
    last: Option<u16>,
}

impl Viewer {
    fn new(rtp: ReceiveSocket, asked: Option<(ReceiveSocket, TcpStream)>) -> Self {
        let (came, lost, pictures, whole) = (0, 0, 0, 0);
        Self { rtp, _asked: asked, came, lost, pictures, whole, is_whole: false, last: None }
    }

    /// Reads what has come.
    fn read(&mut self, delays: &mut Delays) {
        let Self { rtp, came, lost, pictures, whole, is_whole, last, .. } = self;
        let mut each = |received: streamsocket_net::Received<'_>| {
            let Ok(packet) = Packet::parse(received.data) else { return };
            let (sequence, marker) = (packet.header().sequence.0, packet.header().marker);
            let next = last.replace(sequence).map_or(sequence, |last| last.wrapping_add(1));
            let missing = sequence.wrapping_sub(next);
            *lost += u64::from(missing);
            *came += 1;
            received.arrival.iter().for_each(|at| delays.take(received.data, *at));
            *pictures += u64::from(marker);
            // The offset of a fragment (RFC 2435 section 3.1.2).
            let begins = packet.payload().get(1..4) == Some(&[0, 0, 0]);
            *is_whole = begins || (*is_whole && missing == 0);
            *whole += u64::from(marker && *is_whole);
        };
        while rtp.receive(&mut each).unwrap() > 0 && !rtp.is_drained() {}
    }

    fn forget(&mut self) {
        (self.came, self.lost, self.pictures) = (0, 0, 0);
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["listen", address, port, viewers] => {
            let (first, count): (u16, u16) = (port.parse().unwrap(), viewers.parse().unwrap());
            let at = |nth| SocketAddr::new(address.parse().unwrap(), first + 2 * nth);
            let open = |nth| Viewer::new(ReceiveSocket::open(at(nth), None, None).unwrap(), None);
            count_all((0..count).map(open).collect());
        }
        ["play", url, viewers, ref from @ ..] => {
            let count: usize = viewers.parse().unwrap();
            let from: Vec<IpAddr> = from.iter().map(|it| it.parse().unwrap()).collect();
            count_all((0..count).map(|nth| play(url, from[nth % from.len()])).collect());
        }
        ["first", url, times, rate] => {
            let interval = 1.0 / rate.parse::<f64>().unwrap();
            for nth in 0..times.parse::<u32>().unwrap() {
                // The one before has ended with a picture.
                let phase = (f64::from(nth) * STEP).fract();
                std::thread::sleep(Duration::from_secs_f64(interval * phase));
                let began = Instant::now();
                let mut viewer = play(url, [0, 0, 0, 0].into());
                let mut delays = Delays::default();
                while viewer.whole == 0 {
                    wait(&viewer);
                    viewer.read(&mut delays);
                }
                println!("{}", began.elapsed().as_secs_f64());
            }
        }
        _ => {
            panic!(
                "far listen ADDRESS PORT VIEWERS, far play URL VIEWERS, or far first URL TIMES RATE"
            )
        }
    }
}

/// Waits until something has come.
fn wait(viewer: &Viewer) {
    let mut polled = [PollFd::new(viewer.rtp.as_fd(), PollFlags::POLLIN)];
    poll(&mut polled, PollTimeout::from(1000_u16)).unwrap();
}

/// Counts from line to line.
fn count_all(mut viewers: Vec<Viewer>) {
    println!("ready");
    let mut delays = Delays::default();
    loop {
        let stdin = std::io::stdin();
        let mut polled: Vec<_> =
            viewers.iter().map(|it| PollFd::new(it.rtp.as_fd(), PollFlags::POLLIN)).collect();
        polled.push(PollFd::new(stdin.as_fd(), PollFlags::POLLIN));
        poll(&mut polled, PollTimeout::NONE).unwrap();
        let ready: Vec<_> = polled.iter().map(|it| it.any().unwrap_or(true)).collect();
        for (viewer, _) in viewers.iter_mut().zip(&ready).filter(|(_, ready)| **ready) {
            viewer.read(&mut delays);
        }
        if ready.last() == Some(&true) {
            let mut line = String::new();
            if stdin.read_line(&mut line).unwrap() == 0 {
                return;
            }
            let came: u64 = viewers.iter().map(|it| it.came).sum();
            let lost: u64 = viewers.iter().map(|it| it.lost).sum();
            let fewest = viewers.iter().map(|it| it.pictures).min().unwrap();
            let [half, most, all] = [500, 990, 1000].map(|it| delays.at(it).unwrap_or_default());
            println!(
                "{{\"packets\":{came},\"lost\":{lost},\"fewest\":{fewest},\"p50\":{half},\"p99\":{most},\"most\":{all}}}"
            );
            viewers.iter_mut().for_each(Viewer::forget);
            delays.clear();
        }
    }
}

/// Asks for the pictures of a session, and gets them.
fn play(url: &str, from: IpAddr) -> Viewer {
    let address = Address::parse(url, "rtsp", DEFAULT_PORT).expect("an address");
    let to = (address.host.as_str(), address.port).to_socket_addrs().unwrap().next().unwrap();
    let socket = Socket::new(Domain::for_address(to), Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::new(from, 0).into()).unwrap();
    socket.connect(&to.into()).unwrap();
    let mut stream = TcpStream::from(socket);
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let [rtp, rtcp] = ReceiveSocket::pair(stream.local_addr().unwrap(), to.ip()).unwrap();
    let client = [&rtp, &rtcp].map(|it| it.local_addr().unwrap().port());
    let now = Monotonic(0);
    let mut player = Player::new(&address, "far", now);
    loop {
        let out = std::mem::take(player.out());
        stream.write_all(&out).unwrap();
        match player.take(now).unwrap() {
            News::Described(sdp) => {
                let session = Session::parse(&sdp).unwrap();
                let video = session.media.iter().find(|media| media.medium == Medium::Video);
                let control = video.unwrap().control.unwrap().to_owned();
                let (profile, offer) = (Profile::Avp, Offer::Udp { client });
                let wish = Wish { control, profile, offer, dispensable: false };
                player.want(vec![wish], now);
            }
            News::Playing => return Viewer::new(rtp, Some((rtcp, stream))),
            News::Nothing if !player.out().is_empty() => {}
            News::Nothing => match stream.read(player.room()) {
                Ok(0) => panic!("the server has ended the connection"),
                Ok(count) => player.filled(count),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => panic!("{error}"),
            },
            News::Granted(..) | News::Packet { .. } => {}
        }
    }
}
