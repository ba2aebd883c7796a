//! When a receiver really presented what: its own account, with the clock read after a picture was
//! shown, and the sound card's position for sound.

use crate::recording::Recording;
use std::process::Command;

/// A picture or a packet of sound.
#[derive(Clone, Copy, Debug)]
pub struct Presented {
    /// When it was captured, by the sender's wall clock: nanoseconds since 1970.
    pub wall: i64,
    /// When it was due, and when it was presented: nanoseconds of CLOCK_MONOTONIC.
    pub due: i64,
    /// See `due`.
    pub at: i64,
}

/// Makes a receiver give that account.
pub fn account(receiver: &mut Command) -> &mut Command {
    receiver.env("RUST_LOG", "info,shown=trace,heard=trace,decoded=trace")
}

/// What it said was `shown`, `heard` or `decoded`, in order.
pub fn presented(said: &str, what: &str) -> Vec<Presented> {
    let marker = format!(" {what}: wall=Some(");
    let lines = said.lines().filter_map(|line| line.split_once(&marker));
    lines.filter_map(|(_, line)| parse(line)).collect()
}

fn parse(line: &str) -> Option<Presented> {
    let (wall, rest) = line.split_once(')')?;
    let field = |name: &str| {
        let (_, value) = rest.split_once(name)?;
        value.split_whitespace().next()?.parse::<i64>().ok()
    };
    let at = field(" at=")?;
    Some(Presented { wall: wall.parse().ok()?, due: field(" due=").unwrap_or(at), at })
}

/// When what was captured at `wall` was presented, in seconds: by its own packet or picture, or the
/// one that it is in.
pub fn time_of(presented: &[Presented], wall: i64) -> Option<f64> {
    let after = presented.partition_point(|it| it.wall <= wall + SAME_NANOS);
    let it = presented.get(after.checked_sub(1)?)?;
    let within = wall - it.wall;
    (within < PIECE_NANOS).then(|| (it.at + within.max(0)) as f64 / 1e9)
}

/// A recording rounds capture times to its ticks.
const SAME_NANOS: i64 = 500_000;

/// A packet of sound at most.
const PIECE_NANOS: i64 = 30_000_000;

/// The sender's wall-clock time at which a recording begins, from the account of what was decoded:
/// the first of that is its first picture. Checked by all the others.
#[track_caller]
pub fn beginning(recording: &Recording, decoded: &[Presented]) -> i64 {
    let first = i64::try_from(recording.video[0].0).unwrap();
    let start = decoded.first().expect("nothing was decoded").wall - first;
    let same = decoded.iter().filter(|it| {
        let place = recording
            .video
            .binary_search_by_key(&(it.wall - start), |(nanos, _)| i64::try_from(*nanos).unwrap());
        let near = |index: usize| {
            let frame = recording.video.get(index);
            frame.is_some_and(|(nanos, _)| {
                (i64::try_from(*nanos).unwrap() - it.wall + start).abs() < SAME_NANOS
            })
        };
        place.is_ok() || place.is_err_and(|index| near(index) || index > 0 && near(index - 1))
    });
    assert!(same.count() * 10 > decoded.len() * 8, "the recording is of another time");
    start
}
