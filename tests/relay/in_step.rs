//! Publishers whose clocks are wrong, at a receiver that shows their room.

use crate::pusher::{OWN, Pusher, Way, packet, pictures};
use crate::relaying::{Relay, all_to_port, announced, of};
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use streamsocket_tests::board::{monotonic, unix_offset, wait_until};
use streamsocket_tests::long::{long_or, whole};
use streamsocket_tests::place::Place;
use streamsocket_tests::presented::{Presented, account, presented};
use streamsocket_tests::program::{Program, receiver};
use streamsocket_tests::session::daemon_at;
use streamsocket_tests::turn;
use streamsocket_tests::wire::{Datagram, Tap, join};
use streamsocket_wire::extension::emit_ntp64;
use streamsocket_wire::ntp::NtpTime;
use streamsocket_wire::rtcp::{self, Items, SenderInfo, Writer, packets};
use streamsocket_wire::rtp::{Packet, RtpTime, Ssrc};
use streamsocket_wire::sdp::Session;

/// By how much the clock of the second publisher is wrong, in nanoseconds: none of its pictures has the time of one of the
/// first's.
const WRONG: i64 = 520_770_000;

/// By how much it is too fast, in nanoseconds a second: 100 ppm.
const FAST: i64 = 100_000;

/// Pictures are a fifth of a second apart. In ten minutes of that no picture of the one comes so near one of the other that
/// is not its copy, in nanoseconds.
const RATE: &str = "5";
const NEAR: i64 = 2_000_000;

/// How far apart pictures of one instant may be due, in milliseconds.
const APART_MAX: f64 = 5.0;

/// What is not judged at the beginning, in nanoseconds: the latency is looked for.
const SETTLING: i64 = 5_000_000_000;

/// Among so many pictures before and after one of the first is that of the second.
const AROUND: usize = 30;

/// Pictures that are shown of both at least, on a machine that has other things to do as well.
const PICTURES_MIN: usize = 10;

/// Id of the extension with the time of capture.
const NTP64_ID: u8 = 1;

fn later(ntp: NtpTime, by: i64) -> NtpTime {
    NtpTime::from_unix_nanos(ntp.unix_nanos() + by)
}

/// Somebody who publishes what a daemon sends, as if it were its own, by a clock that is so many nanoseconds ahead, and
/// since it began so many more in each second.
struct Copier {
    pusher: Pusher,
    ssrc: Ssrc,
    ahead: i64,
    faster: i64,
    begun: i64,
}

impl Copier {
    fn begin(relay: &Relay, name: &str, ssrc: Ssrc, (ahead, faster): (i64, i64)) -> Self {
        let mut pusher = Pusher::connect(relay, name);
        let timed = "a=extmap:1 urn:ietf:params:rtp-hdrext:ntp-64\r\n";
        assert_eq!(pusher.announce(&(pictures() + timed)), 200);
        assert_eq!(pusher.set_up(Way::Udp, "streamid=0"), 200);
        assert_eq!(pusher.ask("RECORD", "", "Range: npt=0.000-\r\n", "").0, 200);
        Self { pusher, ssrc, ahead, faster, begun: monotonic() }
    }

    /// What its clock says then.
    fn own(&self, ntp: NtpTime) -> NtpTime {
        let millis = (monotonic() - self.begun) / 1_000_000;
        later(ntp, self.ahead + millis * self.faster / 1000)
    }

    fn packet(&mut self, packet: &[u8]) {
        let mut bytes = packet.to_vec();
        bytes[8..12].copy_from_slice(&self.ssrc.0.to_be_bytes());
        let extension = Packet::parse(packet).unwrap().extension();
        if let Some(ntp) = extension.and_then(|it| it.ntp64(NTP64_ID)) {
            emit_ntp64(NTP64_ID, self.own(ntp), &mut bytes[12..]).unwrap();
        }
        self.pusher.send(0, &bytes);
    }

    fn report(&mut self, report: &[u8]) {
        let sender = packets(report).unwrap().flatten().find_map(|packet| match packet {
            rtcp::Packet::SenderReport { info, .. } => Some(info),
            _ => None,
        });
        let Some(info) = sender else { return };
        let info = SenderInfo { ntp: self.own(info.ntp), ..info };
        let mut bytes = [0; 200];
        let mut writer = Writer::new(&mut bytes);
        writer.sender_report(self.ssrc, &info, &[]).unwrap();
        writer.description(self.ssrc, &Items { cname: "a@b", ..Items::default() }).unwrap();
        let len = writer.finish();
        self.pusher.send(1, &bytes[..len]);
    }
}

/// Copies what is sent there until it is told to end.
fn copy(place: Place, mut copiers: [Copier; 2], ends: &AtomicBool) {
    let [rtp, rtcp] = [0, 1].map(|above| join(place.at(above)));
    rtp.set_read_timeout(Some(Duration::from_millis(5))).unwrap();
    rtcp.set_nonblocking(true).unwrap();
    let mut buffer = [0; 2000];
    while !ends.load(Ordering::Relaxed) {
        if let Ok((len, _)) = rtp.recv_from(&mut buffer) {
            copiers.iter_mut().for_each(|it| it.packet(&buffer[..len]));
        }
        if let Ok((len, _)) = rtcp.recv_from(&mut buffer) {
            copiers.iter_mut().for_each(|it| it.report(&buffer[..len]));
        }
    }
}

/// How much later what both captured at one instant was due of the second than of the first, in milliseconds.
fn apart(shown: &[Presented]) -> Vec<f64> {
    let begun = shown.iter().map(|it| it.at).min().unwrap();
    let late: Vec<_> = shown.iter().filter(|it| it.at > begun + SETTLING).collect();
    // By the time that each has by the clock of the first; those of the second are a little ahead.
    let same = late.iter().enumerate().filter_map(|(at, one)| {
        let ahead = WRONG + (one.at - begun) / 1_000_000 * FAST / 1000;
        let is_it = |other: &&&Presented| (other.wall - one.wall - ahead).abs() < NEAR;
        // What was captured at once is shown at about the same time.
        let near = &late[at.saturating_sub(AROUND)..late.len().min(at + AROUND)];
        Some((near.iter().find(is_it)?.due - one.due) as f64 / 1e6)
    });
    same.collect()
}

/// What is said to a group of the clock of a source, in nanoseconds.
fn told(datagrams: &[Datagram]) -> Option<i64> {
    let packets = all_to_port(datagrams, 1).filter_map(|it| packets(it).ok()).flatten().flatten();
    let shared = packets.filter_map(|packet| match packet {
        rtcp::Packet::Description(mut chunks) => chunks.find_map(|it| it.shared),
        _ => None,
    });
    shared.filter(|it| it.of == OWN).last().map(|it| it.clock.ahead)
}

/// The same as it is announced.
fn announced_clock(datagrams: &[Datagram], title: &str) -> Option<i64> {
    // A deletion says no more than which session it is of.
    let described = announced(datagrams, title).into_iter().rfind(|(deletion, _)| !deletion);
    let (_, sdp) = described?;
    Some(Session::parse(&sdp).unwrap().media[0].shared?.ahead)
}

#[test]
fn how_far_a_publishers_clock_is_behind_is_told_and_announced() {
    let mut relay = Relay::new();
    let mut copier = Copier::begin(&relay, "slow", OWN, (-WRONG, 0));
    let tap = Tap::on(of(relay.wait_for_group("slow")));
    let (mut got, title) = (Vec::new(), relay.title("slow"));
    let mut sent = 0;
    let mut compound = [0; 200];
    wait_until("what the relay knows of the clock", || {
        let info = SenderInfo {
            ntp: NtpTime::from_unix_nanos(monotonic() + unix_offset()),
            time: RtpTime(u32::from(sent) * 9000),
            packets: 0,
            octets: 0,
        };
        let mut writer = Writer::new(&mut compound);
        writer.sender_report(OWN, &info, &[]).unwrap();
        let len = writer.finish();
        if sent % 10 == 0 {
            copier.report(&compound[..len]);
        }
        copier.packet(&packet(OWN, 26, sent, 200));
        sent += 1;
        got.extend(tap.so_far());
        told(&got).is_some() && announced_clock(&got, &title).is_some()
    });
    let both = [told(&got), announced_clock(&got, &title)].map(|it| it.unwrap() - WRONG);
    println!("behind by {WRONG} ns, told and announced {both:?} ns more");
    assert!(both.iter().all(|it| it.abs() < 50_000_000), "{both:?}");
}

#[test]
fn publishers_whose_clocks_are_apart_are_shown_in_step() {
    let _turn = turn();
    let (relay, place) = (Relay::new(), Place::new());
    let mut command = daemon_at(place);
    command.args(["--video", "pattern", "--audio", "none", "--size", "320x240", "--fps", RATE]);
    command.arg("--no-announce");
    let mut daemon = Program::start(&mut command);
    daemon.wait_for("goes to");
    let copiers = [("one", Ssrc(1), (0, 0)), ("two", Ssrc(2), (WRONG, FAST))];
    let copiers = copiers.map(|(name, ssrc, clock)| Copier::begin(&relay, name, ssrc, clock));
    let ends = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&ends);
    let copying = std::thread::spawn(move || copy(place, copiers, &asked));
    let mut command = receiver();
    let seconds = long_or(14, 600).to_string();
    command.args(["--room", &relay.room, "--stats", "-", "--for", &seconds]);
    let mut viewer = Program::start(account(&mut command).stdout(Stdio::piped()));
    let lines = BufReader::new(viewer.stdout()).lines().map_while(Result::ok);
    let seconds: Vec<serde_json::Value> =
        lines.map(|line| serde_json::from_str(&line).unwrap()).collect();
    let said = viewer.succeed();
    ends.store(true, Ordering::Relaxed);
    copying.join().unwrap();
    daemon.interrupt().succeeded();
    for name in ["one", "two"] {
        let title = relay.title(name);
        let last = seconds.iter().rev().find(|it| it["source"] == *title).expect(&said);
        assert_eq!(last["in_step"], true, "{last}");
    }
    let mut apart: Vec<f64> = apart(&presented(&said, "shown")).iter().map(|it| it.abs()).collect();
    assert!(apart.len() > PICTURES_MIN, "{}: {said}", apart.len());
    apart.sort_by(f64::total_cmp);
    let part = |of: usize| apart[apart.len() * of / 100];
    let (middle, most) = (part(50), part(99));
    println!("{} pictures of each, {middle:.3} ms apart, 99 % at most {most:.3} ms", apart.len());
    assert!(middle < APART_MAX && (most < APART_MAX || !whole()));
}
