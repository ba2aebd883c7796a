//! A wall clock that is set in the middle of a stream: nobody sees or hears it.

use crate::Session;
use streamsocket_tests::board::{unix_offset, wait_until};
use streamsocket_tests::pairs::is_flash;
use streamsocket_tests::place::Place;
use streamsocket_tests::presented::{account, presented};
use streamsocket_tests::program::{ours, peer, receiver, text};
use streamsocket_tests::session::daemon_at;

/// The greatest time from one to the next of what was presented, in milliseconds, from a second after
/// the first on.
fn greatest_gap(times: &[i64]) -> f64 {
    let late = times.partition_point(|at| *at < times[0] + 4_000_000_000);
    let gaps = times[late..].windows(2).map(|pair| pair[1] - pair[0]);
    gaps.max().unwrap() as f64 / 1e6
}

#[test]
fn a_wall_clock_that_is_set_moves_neither_picture_nor_sound() {
    text(peer("modprobe").arg("snd-aloop"));
    let mut daemon = daemon_at(Place::new());
    daemon.args(["--video", "pattern", "--audio", "tone", "--size", "160x120", "--fps", "10"]);
    daemon.args(crate::WITHOUT_REPAIR);
    let mut receiver = receiver();
    receiver.args(["--speaker", "hw:CARD=Loopback,DEV=0", "--latency", "250"]);
    let session = Session::start_with(&mut daemon, account(&mut receiver));
    session.go_on(6);
    for by in ["2 seconds", "-2 seconds", "3 days"] {
        text(peer("date").args(["-s", by]));
        session.go_on(4);
    }
    let received = session.end();
    assert_eq!(received.said.matches("clock was set by").count(), 3, "{}", received.said);
    // An emulated processor leaves gaps of its own; who followed the clock would leave two seconds.
    for (what, bound) in [("shown", 1500.0), ("heard", 1500.0)] {
        let times: Vec<i64> = presented(&received.played, what).iter().map(|it| it.at).collect();
        let gap = greatest_gap(&times);
        println!("{what}: {} times, {gap:.1} ms apart at most", times.len());
        let begun = |at: &i64| (at - times[0]) as f64 / 1e9;
        let wide = times.windows(2).filter(|pair| (pair[1] - pair[0]) as f64 / 1e6 > bound);
        let wide: Vec<_> = wide.map(|pair| (begun(&pair[0]), begun(&pair[1]))).collect();
        let said = received.played.lines().filter(|line| !line.contains(" TRACE "));
        let said: Vec<_> = said.collect();
        assert!(gap < bound, "{what}: {gap} ms, {wide:.3?}\n{}", said.join("\n"));
    }
    let white = received.recording.video.iter().filter(|(_, jpeg)| is_flash(jpeg));
    let times: Vec<f64> = white.map(|(nanos, _)| *nanos as f64 / 1e9).collect();
    assert!(times.len() >= 12, "{times:.3?}");
    let odd = times.windows(2).filter(|pair| (pair[1] - pair[0] - 1.0).abs() > 0.02).count();
    println!("recorded: {} flashes, {odd} of them not a second apart", times.len());
    assert!(odd <= 1, "{times:.3?}");
}

/// Tells the kernel that somebody keeps its clock right, or that nobody does (adjtimex(2)).
fn synchronise(synchronised: bool) {
    const PROGRAM: &str = "\
import ctypes, sys
state = (ctypes.c_long * 64)()
fields = ctypes.cast(state, ctypes.POINTER(ctypes.c_uint))
fields[0] = 0x10 | 0x04 | 0x08
ctypes.cast(ctypes.addressof(state) + 40, ctypes.POINTER(ctypes.c_int))[0] = int(sys.argv[1])
sys.exit(ctypes.CDLL(None).adjtimex(state) == -1)
";
    // STA_PLL, STA_UNSYNC. Its place in the structure is that of 64-bit machines.
    let status = if synchronised { "1" } else { "64" };
    text(peer("python3").args(["-c", PROGRAM, status]));
}

#[test]
fn synchronised_clocks_say_when_everything_is_presented() {
    const LATENCY_MS: f64 = 300.0;
    synchronise(true);
    let mut daemon = daemon_at(Place::new());
    daemon.args(["--video", "pattern", "--audio", "none", "--size", "160x120", "--fps", "10"]);
    let mut receiver = receiver();
    receiver.args(["--latency", &LATENCY_MS.to_string()]);
    let mut session = Session::start_with(&mut daemon, account(&mut receiver));
    session.go_on(6);
    let said = session.receiver.said();
    assert!(said.contains("both clocks are synchronised"), "{said}");
    let described = text(ours("streamsocket").args(["sdp", "--name", &session.name]));
    assert!(described.contains("a=ts-refclk:ntp=/traceable/"), "{described}");
    synchronise(false);
    session.receiver.wait_for("not synchronised any more");
    // Each program asks the kernel by itself, once in a while: the receiver may be the first to know.
    wait_until("a=ts-refclk:local in the description", || {
        let described = text(ours("streamsocket").args(["sdp", "--name", &session.name]));
        described.contains("a=ts-refclk:local")
    });
    let offset = unix_offset();
    let received = session.end();
    let shown = presented(&received.played, "shown");
    // Not by the fastest packet, but by the clocks: from capture to presentation.
    let latencies = shown.iter().skip(30).map(|it| (it.due + offset - it.wall) as f64 / 1e6);
    let (min, max) = latencies.fold((f64::MAX, f64::MIN), |(a, b), it| (a.min(it), b.max(it)));
    println!("from capture to when it is due: {min:.3} to {max:.3} ms");
    assert!(min > LATENCY_MS - 1.0 && max < LATENCY_MS + 1.0);
}
