//! Pictures one after the other in one answer.

use crate::client::{Gateway, Part};
use crate::requests::{sending, sending_of};
use socket2::{Domain, Socket, Type};
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::sync::mpsc::channel;
use std::thread::spawn;
use std::time::Duration;
use streamsocket_net::machine::unix_nanos;
use streamsocket_tests::board::{monotonic, resources, wait_until};
use streamsocket_tests::place::Place;

/// Kilobytes that the gateway may grow by while a viewer takes nothing.
const GROWTH_MAX_KB: usize = 1024;

/// Pictures in a hundred that a busy machine may cost a viewer: what does not read in time is given the newest.
const LEFT_OUT_MAX: usize = 10;

/// All pictures were captured so many seconds apart, but for a few that were left out.
#[track_caller]
fn are_apart(parts: &[Part], seconds: f64) {
    let gaps = parts.windows(2).map(|pair| pair[1].captured - pair[0].captured);
    let odd: Vec<_> = gaps.filter(|gap| (gap / seconds - 1.0).abs() > 0.2).collect();
    assert!(odd.len() * 100 <= parts.len() * LEFT_OUT_MAX, "{} parts, {odd:?}", parts.len());
}

#[test]
fn programs_are_told_length_and_time_of_each_picture() {
    let _turn = streamsocket_tests::turn();
    let place = Place::new();
    let (_daemon, gateway) = (sending(place, "20"), Gateway::of(place));
    for path in ["/stream", "/stream.mjpg", "/?action=stream"] {
        let parts: Vec<_> = gateway.parts(path).take(40).collect();
        are_apart(&parts, 0.05);
        assert!(parts[0].jpeg != parts[1].jpeg);
    }
    are_apart(&gateway.parts("/stream?fps=5").take(20).collect::<Vec<_>>(), 0.2);
}

#[test]
fn a_browser_need_not_wait_for_the_next_picture() {
    let _turn = streamsocket_tests::turn();
    let place = Place::new();
    let (_daemon, gateway) = (sending(place, "1"), Gateway::of(place));
    wait_until("a picture", || gateway.get("/snapshot", &[]).status == 200);
    let (_curl, mut reader) = gateway.stream("/stream", "Mozilla/5.0 (X11; Linux x86_64)");
    let (sender, came) = channel();
    spawn(move || {
        let mut bytes = [0; 65_536];
        while let Ok(read @ 1..) = reader.read(&mut bytes) {
            let _ = sender.send(bytes[..read].to_vec());
        }
    });
    let mut stream = Vec::new();
    let ahead = b"\r\n--streamsocket\r\nContent-Type: image/jpeg\r\n\r\n";
    for _ in 0..3 {
        // What comes of one picture, until nothing has come for a while.
        stream.extend(came.recv().unwrap());
        while let Ok(more) = came.recv_timeout(Duration::from_millis(400)) {
            stream.extend(more);
        }
        assert!(
            stream.ends_with(ahead),
            "{:?}",
            String::from_utf8_lossy(&stream[stream.len().max(60) - 60..])
        );
    }
    assert!(stream.starts_with(&ahead[2..]));
}

/// A viewer that reads when it likes, with so little room that the gateway notices.
fn viewer(port: u16) -> Socket {
    viewer_of(port, "/stream")
}

/// The same of what is at this path.
pub(crate) fn viewer_of(port: u16, path: &str) -> Socket {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(16 << 10).unwrap();
    socket.connect(&SocketAddr::from(([127, 0, 0, 1], port)).into()).unwrap();
    (&socket).write_all(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes()).unwrap();
    socket
}

#[test]
fn who_stops_reading_costs_nobody_a_picture_and_is_given_the_newest() {
    let _turn = streamsocket_tests::turn();
    let place = Place::new();
    let (_daemon, gateway) = (sending(place, "20"), Gateway::of(place));
    let mut slow = viewer(gateway.port);
    let mut others = gateway.parts("/stream");
    are_apart(&others.by_ref().take(40).collect::<Vec<_>>(), 0.05);
    let (_, before) = resources(gateway.program.id());
    are_apart(&others.take(200).collect::<Vec<_>>(), 0.05);
    let (_, after) = resources(gateway.program.id());
    assert!(after < before + GROWTH_MAX_KB, "{before} kB, then {after} kB");
    // Twelve seconds are over. What comes now was written then, as far as it had room, and then there is the newest.
    let mut read = Vec::new();
    let mut bytes = [0; 65_536];
    let mut ages = Vec::new();
    while ages.len() < 8 {
        let got = slow.read(&mut bytes).unwrap();
        read.extend_from_slice(&bytes[..got]);
        let text = String::from_utf8_lossy(&read);
        let stamps = text.match_indices("X-Timestamp: ").filter_map(|(at, name)| {
            text[at + name.len()..].split_once("\r\n")?.0.parse::<f64>().ok()
        });
        let now = unix_nanos() as f64 / 1e9;
        ages.extend(stamps.skip(ages.len()).map(|captured| now - captured).collect::<Vec<_>>());
    }
    println!("ages of what is read then, in seconds: {ages:.2?}");
    let old = ages.iter().filter(|age| **age > 1.0).count();
    assert!(old <= 3 && ages[7] < 0.5, "{ages:?}");
}

/// Bytes a second of a slow link, 4 Mbit/s, and how they are read: so many at a time.
const SLOW: i64 = 500_000;
const READ: usize = 5_000;

/// Seconds by which a picture may be later on a busy machine.
const LATE: f64 = 0.15;

#[test]
fn over_a_slow_link_a_picture_is_twice_as_old_as_it_takes() {
    let _turn = streamsocket_tests::turn();
    let place = Place::new();
    let (_daemon, gateway) = (sending_of(place, "1280x720", "30"), Gateway::of(place));
    let mut slow = viewer(gateway.port);
    let (mut read, mut bytes) = (Vec::new(), [0; READ]);
    let (begun, mut ages) = (monotonic(), Vec::new());
    let end = |read: &[u8]| read.windows(4).position(|bytes| bytes == b"\r\n\r\n");
    let mut all: i64 = 0;
    while ages.len() < 12 {
        let due = begun + all * 1_000_000_000 / SLOW;
        let early = u64::try_from(due - monotonic()).unwrap_or_default();
        std::thread::park_timeout(Duration::from_nanos(early));
        let got = slow.read(&mut bytes).unwrap();
        all += i64::try_from(got).unwrap();
        read.extend_from_slice(&bytes[..got]);
        // A part that is there whole.
        let Some(head) = end(&read) else { continue };
        let text = String::from_utf8_lossy(&read[..head]).into_owned();
        let value = |name: &str| text.lines().find_map(|line| line.strip_prefix(name));
        let Some(length) = value("Content-Length: ").and_then(|it| it.parse::<usize>().ok()) else {
            read.drain(..head + 4);
            continue;
        };
        if read.len() >= head + 4 + length {
            let captured: f64 = value("X-Timestamp: ").unwrap().parse().unwrap();
            let takes = length as f64 / SLOW as f64;
            ages.push((unix_nanos() as f64 / 1e9 - captured, takes));
            read.drain(..head + 4 + length);
        }
    }
    println!("ages and what each picture takes, in seconds: {ages:.2?}");
    // The first ones were written before the link was full.
    assert!(ages[4..].iter().all(|(age, takes)| *age <= 2.0 * takes + LATE), "{ages:?}");
}
