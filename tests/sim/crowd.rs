//! Ten thousand receivers and what their reports take of the bandwidth: the real feedback of each and
//! the sender's real table, with the group's size told once a second.

use crate::world::{Chance, MS, SECOND};
use std::net::{Ipv4Addr, SocketAddr};
use streamsocket_media::clock::Monotonic;
use streamsocket_stream::receive::fate::Runs;
use streamsocket_stream::session::COMPOUND_MAX;
use streamsocket_stream::session::feedback::{About, Feedback};
use streamsocket_stream::session::viewers::Viewers;
use streamsocket_wire::ntp::NtpTime;
use streamsocket_wire::rtcp::{ReportBlock, Run};
use streamsocket_wire::rtp::{Sequence, Ssrc};

/// IP and UDP headers of a report.
const HEADERS: usize = 28;

/// What the reports of a crowd took.
pub(crate) struct Crowd {
    /// Of the bandwidth, in per cent, in each second.
    pub(crate) shares: Vec<f64>,
    /// How many the sender took them for, at the end.
    pub(crate) counted: usize,
}

struct Member {
    feedback: Feedback,
    ssrc: u32,
    address: SocketAddr,
    joins: i64,
}

/// So many receivers of a stream of so many bits a second, who join within `arrival` nanoseconds.
pub(crate) fn run(members: u32, bandwidth: u64, arrival: i64, seconds: i64, seed: u64) -> Crowd {
    let mut chance = Chance::new(seed);
    let mut random = || {
        let [high, low] = [(); 2].map(|()| u32::try_from(chance.below(1 << 16)).unwrap());
        high << 16 | low
    };
    let stream = Ssrc(1);
    let mut viewers = Viewers::new(stream, bandwidth);
    let member = |random: &mut dyn FnMut() -> u32, number: u32| {
        let ssrc = random();
        let joins = i64::from(random()) % (arrival / MS) * MS;
        let address = (Ipv4Addr::from(0x0A00_0000 + number), 5555).into();
        Member { feedback: Feedback::new(Ssrc(ssrc), Some(bandwidth)), ssrc, address, joins }
    };
    let mut crowd: Vec<_> = (0..members).map(|number| member(&mut random, number)).collect();
    let mut shares = Vec::new();
    for second in 0..seconds {
        let (begin, end) = (second * SECOND, (second + 1) * SECOND);
        let mut bytes = 0;
        // The sender speaks first, and is heard by those who are there.
        let told = u32::try_from(viewers.len()).unwrap();
        let asked = NtpTime((second.unsigned_abs() + 1) << 32);
        viewers.ask(asked, Monotonic(begin));
        for member in crowd.iter_mut().filter(|member| member.joins < end) {
            if second > 0 && member.joins < begin {
                member.feedback.group_size(told, Monotonic(begin));
            }
            member.feedback.start(Monotonic(begin.max(member.joins)), random());
            while let Some(due) = member.feedback.deadline().filter(|due| due.0 < end) {
                let mut out = [0; COMPOUND_MAX];
                let delay = u32::try_from((due.0 - begin) * 65_536 / SECOND).unwrap();
                let about = about(stream, member.ssrc, (asked.middle(), delay));
                let len = member.feedback.report(due, &about, random(), &mut out).unwrap();
                bytes += len + HEADERS;
                viewers.receive(&out[..len], member.address, due);
            }
        }
        viewers.forget(Monotonic(end - MS));
        shares.push(bytes as f64 * 8.0 * 100.0 / bandwidth as f64);
    }
    Crowd { shares, counted: viewers.len() }
}

fn about(stream: Ssrc, member: u32, (last_sr, delay): (u32, u32)) -> About<'static> {
    let block = ReportBlock {
        ssrc: stream,
        fraction_lost: 0,
        lost: 0,
        highest: member,
        jitter: 0,
        last_sr,
        delay,
    };
    let runs = [Run { received: true, packets: 9000 }];
    let fates = Some((Sequence(0), Runs::from_slice(&runs).unwrap()));
    About { cname: "0123abcd@raspberrypi", block: Some(block), fates }
}
