use super::super::candidates;
use super::*;
use std::sync::{Mutex, MutexGuard, PoisonError};
use streamsocket_srtp::seal::PacketSealer;

/// One search runs at a time in a program, and so do tests of it; each begins an hour after the one before.
static HOURS: Mutex<i64> = Mutex::new(0);

fn turn() -> (MutexGuard<'static, i64>, Monotonic) {
    let mut hours = HOURS.lock().unwrap_or_else(PoisonError::into_inner);
    // That of the test before may go on behind its end.
    while candidates::is_any_searching() {
        std::thread::yield_now();
    }
    *hours += 1;
    let now = Monotonic(*hours * 3_600_000_000_000);
    (hours, now)
}

const SENDER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
const STRANGER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 66));

fn key(byte: u8) -> MasterKey {
    MasterKey::new(&[byte; 30])
}

/// A stream of small packets.
struct Stream {
    sealer: PacketSealer,
    ssrc: u32,
    sequence: u16,
}

impl Stream {
    fn new(key: &MasterKey, suite: Suite, rollovers: u32) -> Self {
        Self { sealer: PacketSealer::new(key, suite, rollovers), ssrc: 7, sequence: 100 }
    }

    fn next(&mut self) -> Vec<u8> {
        let mut header = [0x80, 26, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        header[2..4].copy_from_slice(&self.sequence.to_be_bytes());
        header[8..].copy_from_slice(&self.ssrc.to_be_bytes());
        self.sequence = self.sequence.wrapping_add(1);
        let mut out = Vec::new();
        self.sealer.seal(&header, b"a part of a picture", &mut out);
        out
    }
}

/// Hands packets on, a millisecond apart, until one is opened; returns how many that took.
fn opened_after(
    unsealing: &mut Unsealing,
    now: &mut Monotonic,
    mut each: impl FnMut(u32) -> (Vec<u8>, IpAddr),
) -> Option<u32> {
    (0..20_000).find(|at| {
        let (packet, from) = each(*at);
        *now = *now + Delay::from_millis(1);
        let opened = unsealing.open(&packet, from, *now).is_ok();
        // A search takes its time, which passes here only as packets come.
        while unsealing.candidates.is_searching() {
            std::thread::yield_now();
        }
        opened
    })
}

#[test]
fn who_joins_late_finds_the_counter() {
    let (_turn, mut now) = turn();
    for suite in Suite::ALL {
        for rollovers in [0, 1, 5, 200_000, (1 << 20) - 1] {
            let mut stream = Stream::new(&key(1), suite, rollovers);
            let mut unsealing = Unsealing::new(&[key(1)], &[suite]);
            let late = stream.next();
            let after = opened_after(&mut unsealing, &mut now, |_| (stream.next(), SENDER));
            // What was sent before it was joined may come behind.
            let came = unsealing.open(&late, SENDER, now);
            assert!(rollovers == 0 || came.is_ok(), "{suite}, {rollovers}: {came:?}");
            assert_eq!(after, Some(u32::from(rollovers > 0)), "{suite}, {rollovers}");
            let over_the_end = (0..70_000).all(|_| {
                let packet = stream.next();
                unsealing.open(&packet, SENDER, now).is_ok()
            });
            assert!(over_the_end, "{suite}, {rollovers}");
        }
    }
}

#[test]
fn a_stranger_delays_joining_by_two_searches_at_most() {
    let (_turn, mut now) = turn();
    let began = now;
    let mut stream = Stream::new(&key(1), Suite::AesCm128HmacSha1_80, 5);
    let mut stranger = Stream::new(&key(9), Suite::AesCm128HmacSha1_80, 5);
    let mut unsealing = Unsealing::new(&[key(1)], &[Suite::AesCm128HmacSha1_80]);
    // Ten packets of the stranger's for each of the stream's, each of another source.
    let after = opened_after(&mut unsealing, &mut now, |at| {
        stranger.ssrc = at;
        if at % 11 == 10 { (stream.next(), SENDER) } else { (stranger.next(), STRANGER) }
    });
    // The second search begins a second after the first one, whichever packet comes then.
    assert!(after.is_some() && now - began <= Delay::from_millis(1020), "{after:?}");
}

#[test]
fn what_is_not_authentic_is_refused_and_searched_for_only_in_silence() {
    let (_turn, now) = turn();
    let mut stream = Stream::new(&key(1), Suite::AeadAes128Gcm, 0);
    let mut stranger = Stream::new(&key(9), Suite::AeadAes128Gcm, 3);
    stranger.sequence = 500;
    let mut unsealing = Unsealing::new(&[key(1)], &[Suite::AeadAes128Gcm]);
    let first = stream.next();
    assert_eq!(
        unsealing.open(&first, SENDER, now),
        Ok(&[&first[..12], b"a part of a picture"].concat()[..])
    );
    unsealing.admitted(7, now);
    assert_eq!(unsealing.open(&first, SENDER, now), Err(Reason::Replayed));
    let mut changed = stream.next();
    changed[20] ^= 1;
    assert_eq!(unsealing.open(&changed, SENDER, now), Err(Reason::Forged));
    changed[20] ^= 1;
    // One that was made may still come.
    assert!(unsealing.open_made(&changed).is_some());
    assert!(unsealing.open(&changed, SENDER, now).is_ok());
    assert_eq!(unsealing.open(&stranger.next(), STRANGER, now), Err(Reason::Forged));
    assert!(!unsealing.candidates.is_searching());
    assert_eq!(unsealing.open(b"?", SENDER, now), Err(Reason::NotRtp));
    let _ = unsealing.open(&stranger.next(), STRANGER, now + SILENCE);
    assert!(unsealing.candidates.has_begun());
    while unsealing.candidates.is_searching() {
        std::thread::yield_now();
    }
}

#[test]
fn another_key_takes_over_without_a_lost_packet() {
    let (_turn, now) = turn();
    for suite in Suite::ALL {
        let mut stream = Stream::new(&key(1), suite, 0);
        stream.sequence = 65_500;
        let mut unsealing = Unsealing::new(&[key(1), key(2)], &[suite]);
        let mut sent = 0;
        for rollovers in [0, 1] {
            for _ in 0..100 {
                sent += 1;
                assert!(unsealing.open(&stream.next(), SENDER, now).is_ok(), "{suite}, {sent}");
            }
            stream.sealer = PacketSealer::new(&key(2), suite, rollovers + 1);
        }
    }
}

#[test]
fn a_key_that_returns_much_later_opens_the_next_packet() {
    let (_turn, now) = turn();
    for suite in Suite::ALL {
        let mut stream = Stream::new(&key(1), suite, 0);
        let mut unsealing = Unsealing::new(&[key(1), key(2)], &[suite]);
        let first = stream.next();
        assert!(unsealing.open(&first, SENDER, now).is_ok());
        for (number, packets) in [(2, 100_000), (1, 10), (2, 10)] {
            let rollovers = stream.sealer.rollovers_at(stream.sequence);
            stream.sealer = PacketSealer::new(&key(number), suite, rollovers);
            for packet in 0..packets {
                let opened = unsealing.open(&stream.next(), SENDER, now);
                assert!(opened.is_ok(), "{suite}, key {number}, {packet}");
            }
        }
        // What was taken with either key is not taken again.
        assert!(unsealing.open(&first, SENDER, now).is_err());
    }
}

#[test]
fn a_recording_takes_no_place_of_the_stream() {
    let (_turn, mut now) = turn();
    for suite in Suite::ALL {
        let [mut recorded, mut stream] = [3, 9].map(|it| Stream::new(&key(1), suite, it));
        let mut unsealing = Unsealing::new(&[key(1)], &[suite]);
        opened_after(&mut unsealing, &mut now, |_| (stream.next(), SENDER)).unwrap();
        unsealing.admitted(7, now);
        // After a silence only what is newer is found.
        now = now + SILENCE;
        for _ in 0..3 {
            now = now + Delay::from_secs(2);
            assert!(unsealing.open(&recorded.next(), SENDER, now).is_err());
            while unsealing.candidates.is_searching() {
                std::thread::yield_now();
            }
        }
        assert!(unsealing.open(&stream.next(), SENDER, now).is_ok(), "{suite}");
        // Beginnings of other streams do not crowd it out.
        for ssrc in 100..120 {
            let mut other = Stream { ssrc, ..Stream::new(&key(1), suite, 0) };
            let _ = unsealing.open(&other.next(), SENDER, now);
        }
        assert!(unsealing.open(&stream.next(), SENDER, now).is_ok(), "{suite}");
    }
}

#[test]
fn who_was_shown_a_recording_comes_back_to_the_stream() {
    let (_turn, mut now) = turn();
    let suite = Suite::AesCm128HmacSha1_80;
    let [mut recorded, mut stream] = [3, 9].map(|it| Stream::new(&key(1), suite, it));
    let mut unsealing = Unsealing::new(&[key(1)], &[suite]);
    opened_after(&mut unsealing, &mut now, |_| (recorded.next(), SENDER)).unwrap();
    let back = (0..20_000).find(|_| {
        now = now + Delay::from_millis(1);
        if unsealing.open(&recorded.next(), SENDER, now).is_ok() {
            unsealing.admitted(7, now);
        }
        let opened = unsealing.open(&stream.next(), SENDER, now).is_ok();
        while unsealing.candidates.is_searching() {
            std::thread::yield_now();
        }
        opened
    });
    assert!(back.is_some_and(|turns| turns <= 10_100), "{back:?}");
}

#[test]
fn keys_are_exchanged_while_the_stream_goes_on() {
    let (_turn, now) = turn();
    let suite = Suite::AesCm128HmacSha1_80;
    let mut stream = Stream::new(&key(1), suite, 0);
    let mut unsealing = Unsealing::new(&[key(1)], &[suite]);
    let report = [0x80, 201, 0, 1, 0, 0, 0, 9];
    let mut theirs = [1, 2].map(|it| Unsealing::new(&[key(it)], &[suite]));
    stream.sequence = 65_510;
    for (keys, sent_with) in [(&[2, 1][..], 1), (&[2, 1], 2), (&[2], 2)] {
        let keys: Vec<_> = keys.iter().map(|it| key(*it)).collect();
        unsealing.take_keys(&keys);
        let rollovers = stream.sealer.rollovers_at(stream.sequence);
        stream.sealer = PacketSealer::new(&key(sent_with), suite, rollovers);
        for _ in 0..20 {
            assert!(unsealing.open(&stream.next(), SENDER, now).is_ok(), "{sent_with}");
        }
        let sealed = unsealing.seal(&report).unwrap();
        assert!(theirs[usize::from(sent_with) - 1].open_report(sealed).is_some());
    }
    unsealing.take_keys(&[]);
    assert_eq!(unsealing.open(&stream.next(), SENDER, now), Err(Reason::Forged));
}

#[test]
fn reports_are_sealed_with_the_key_of_the_sender() {
    let report = [0x80, 201, 0, 1, 0, 0, 0, 9];
    let (_turn, now) = turn();
    let [mut ours, mut theirs] = [&[key(1), key(2)][..], &[key(2)]]
        .map(|keys| Unsealing::new(keys, &[Suite::AeadAes128Gcm]));
    let sealed = ours.seal(&report).unwrap().to_vec();
    assert_eq!(theirs.open_report(&sealed), None);
    let packet = Stream::new(&key(2), Suite::AeadAes128Gcm, 0).next();
    assert!(ours.open(&packet, SENDER, now).is_ok());
    let sealed = ours.seal(&report).unwrap().to_vec();
    assert_eq!(theirs.open_report(&sealed), Some(&report[..]));
    assert_eq!(theirs.open_report(&sealed), None, "replayed");
}
