//! What a camera's pictures cost the daemon, beside a program that only takes them from the kernel: a
//! measurement, which `make board-bench` makes.

use crate::number_before;
use crate::{clips, v4l2};
use streamsocket_tests::board::Webcam;
use streamsocket_tests::cost::{Cost, median};
use streamsocket_tests::place::Place;
use streamsocket_tests::program::{Program, output, peer};
use streamsocket_tests::session::daemon_at;

/// Rounds, of which the medians are printed.
const ROUNDS: usize = 5;

/// Pictures of the long run and of the short one that is taken off it.
const PICTURES: [usize; 2] = [330, 30];

/// What 300 pictures may cost, in seconds of this board's processor and as a multiple of the other
/// program's, which has been seen to take from 0.12 to 0.17 s.
const SECONDS_MAX: f64 = 0.6;
const TIMES_MAX: f64 = 2.5;

#[test]
#[ignore = "a measurement of several minutes: make board-bench"]
fn what_a_camera_costs() {
    let clips = clips(&["1280x720"]);
    let webcam = Webcam::plug("cost", &[&clips[0], "--rates", "30"]);
    let mut costs = [Vec::new(), Vec::new(), Vec::new()];
    for round in 1..=ROUNDS {
        costs[0].push(each(|pictures| taken(&webcam, pictures)));
        costs[1].push(each(|pictures| {
            streamed(&webcam, pictures, &["--pace", "off", "--repair", "0"])
        }));
        costs[2].push(each(|pictures| streamed(&webcam, pictures, &[])));
        let of = |index: usize| costs[index].last().unwrap();
        println!(
            "round {round} of {ROUNDS}: v4l2-ctl {:.3} s for 300 pictures, streamsocket plain {:.3}, \
             as it comes {:.3}",
            of(0),
            of(1),
            of(2)
        );
    }
    let [alone, plain, as_it_comes] = costs.map(median);
    println!(
        "1280x720 at 30 a second, user and system, medians of {ROUNDS}, for 300 pictures: v4l2-ctl \
         {alone:.3} s, streamsocket plain {plain:.3} s ({:.2} times), as it comes, paced and with \
         repair, {as_it_comes:.3} s ({:.2} times)",
        plain / alone,
        as_it_comes / alone
    );
    assert!(plain <= SECONDS_MAX && plain <= TIMES_MAX * alone);
}

/// Seconds of processor for 300 pictures: of a long run without a short one.
fn each(run: impl Fn(usize) -> (f64, usize)) -> f64 {
    let [(all, many), (first, few)] = PICTURES.map(run);
    (all - first) * 300.0 / (many - few) as f64
}

/// v4l2-ctl takes pictures and does nothing with them.
fn taken(webcam: &Webcam, pictures: usize) -> (f64, usize) {
    let before = Cost::of_children();
    let mut v4l2_ctl = peer("v4l2-ctl");
    v4l2_ctl.arg("-d").arg(webcam.camera());
    v4l2_ctl.args(["--set-fmt-video=width=1280,height=720,pixelformat=MJPG", "--set-parm=30"]);
    v4l2_ctl.args(["--stream-mmap", "--stream-to=/dev/null"]);
    output(v4l2_ctl.arg(format!("--stream-count={pictures}")));
    ((Cost::of_children() - before).cpu(), pictures)
}

/// Our daemon streams them, about so many.
fn streamed(webcam: &Webcam, pictures: usize, options: &[&str]) -> (f64, usize) {
    let before = Cost::of_children();
    let mut daemon = daemon_at(Place::new());
    daemon.args(["--audio", "none", "--no-announce", "--size", "1280x720", "--fps", "30"]);
    let mut program =
        Program::start(daemon.args(["--video", &v4l2(&webcam.camera())]).args(options));
    program.wait_for("goes to");
    std::thread::park_timeout(std::time::Duration::from_millis(pictures as u64 * 1000 / 30));
    let said = program.interrupt().succeeded();
    ((Cost::of_children() - before).cpu(), number_before(&said, " sent ("))
}
