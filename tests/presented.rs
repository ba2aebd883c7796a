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

/// Pictures that a recording may have before the first one that was decoded: one that was repaired is
/// recorded, but may be too late to be shown.
const BEFORE_MAX: usize = 3;

/// The sender's wall-clock time at which a recording begins, from the account of what was decoded:
/// the first of that is one of its first pictures. Checked by all the others.
#[track_caller]
pub fn beginning(recording: &Recording, decoded: &[Presented]) -> i64 {
    let nanos = |index: usize| Some(i64::try_from(recording.video.get(index)?.0).unwrap());
    let wall = decoded.first().expect("nothing was decoded").wall;
    let agrees = |start: &i64| {
        let same = decoded.iter().filter(|it| {
            let at = recording
                .video
                .partition_point(|(nanos, _)| i64::try_from(*nanos).unwrap() < it.wall - start);
            let near = |index| {
                nanos(index).is_some_and(|it_is| (it_is - it.wall + start).abs() < SAME_NANOS)
            };
            near(at) || at > 0 && near(at - 1)
        });
        same.count() * 10 > decoded.len() * 8
    };
    let starts = (0..BEFORE_MAX).filter_map(|first| Some(wall - nanos(first)?));
    starts.into_iter().find(agrees).expect("the recording is of another time")
}
