//! What else both programs read off the machine: its clocks, its name, and random numbers. Only
//! the event loops call these; everything behind them gets time as an argument.

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::time::TimeValLike;
use nix::time::{ClockId, clock_gettime};
use std::path::Path;
use std::{fs, io};

/// CLOCK_MONOTONIC in nanoseconds: the clock that V4L2 and ALSA stamp with.
#[must_use]
pub fn monotonic_nanos() -> i64 {
    read(ClockId::CLOCK_MONOTONIC)
}

/// CLOCK_REALTIME in nanoseconds since 1970.
#[must_use]
pub fn unix_nanos() -> i64 {
    read(ClockId::CLOCK_REALTIME)
}

/// Two readings of a clock this close, in nanoseconds, were not interrupted.
const UNDISTURBED_NANOS: i64 = 20_000;

/// A busy machine interrupts often, but not so often in a row.
const READINGS_MAX: usize = 8;

/// CLOCK_REALTIME minus CLOCK_MONOTONIC, in nanoseconds: both read at the same instant. A thread that
/// is held up between the two readings would otherwise see a clock that was set.
#[must_use]
pub fn unix_offset_nanos() -> i64 {
    clocks_nanos().1
}

/// CLOCK_MONOTONIC, and [`unix_offset_nanos`], for who needs both.
#[must_use]
pub fn clocks_nanos() -> (i64, i64) {
    let mut now = monotonic_nanos();
    let mut best = (i64::MAX, 0);
    for _ in 0..READINGS_MAX {
        let (before, unix) = (now, unix_nanos());
        now = monotonic_nanos();
        let span = now - before;
        best = best.min((span, unix - before - span / 2));
        if span <= UNDISTURBED_NANOS {
            break;
        }
    }
    (now, best.1)
}

/// Descriptors that this process may have at a time: so many, if whoever has started it lets it have them.
#[must_use]
pub fn have_descriptors(wanted: usize) -> usize {
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return 0 };
    let more = (wanted as u64).min(hard);
    let raised = more > soft && setrlimit(Resource::RLIMIT_NOFILE, more, hard).is_ok();
    usize::try_from(if raised { more } else { soft }).unwrap_or(usize::MAX)
}

/// Whether somebody keeps CLOCK_REALTIME right: the kernel says so or, to a service that may not ask
/// it, systemd-timesyncd.
#[must_use]
pub fn is_synchronised() -> bool {
    crate::adjtimex::is_synchronised().unwrap_or_else(|| Path::new(TIMESYNCD).exists())
}

/// There as soon as systemd-timesyncd has set the clock since the machine was started.
const TIMESYNCD: &str = "/run/systemd/timesync/synchronized";

/// Reading these clocks cannot fail on Linux; 0 stands for the impossible.
fn read(clock: ClockId) -> i64 {
    clock_gettime(clock).map_or(0, |time| time.num_nanoseconds())
}

/// Whether a signal of this number was ignored when this program was started, as by nohup(1), and is since. To block
/// it would make it arrive (proc(5), `SigIgn`).
#[must_use]
pub fn is_ignored(signal: u32) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    signal.checked_sub(1).and_then(|bit| mask.checked_shr(bit)).is_some_and(|mask| mask & 1 == 1)
}

/// 32 random bits of the kernel's, as RTP wants them (RFC 3550 section 5.1).
///
/// # Errors
/// If the kernel gives none.
pub fn random() -> io::Result<u32> {
    let mut bytes = [0; 4];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(u32::from_ne_bytes(bytes))
}

/// Random bytes of the kernel's, which nobody guesses.
///
/// # Errors
/// If the kernel gives none.
pub fn random_bytes<const LEN: usize>() -> io::Result<[u8; LEN]> {
    let mut bytes = [0; LEN];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(bytes)
}

/// The host's name without its domain, `streamsocket` where it has none.
#[must_use]
pub fn host_name() -> String {
    let name = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok());
    let name = name.unwrap_or_default();
    match name.split('.').next() {
        Some(host) if !host.is_empty() => host.to_owned(),
        _ => "streamsocket".to_owned(),
    }
}
