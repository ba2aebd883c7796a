//! What programs cost, with all that they have started: the kernel's own counts.

use std::fs;

/// Ticks of the processor a second: what the kernel says to programs, whatever its own are (`getconf CLK_TCK`).
const TICKS: f64 = 100.0;

/// A program that is watched, by the name that is said of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Watched {
    /// What it is called.
    pub(crate) name: String,
    /// Its process.
    pub(crate) id: u32,
}

impl Watched {
    /// Reads NAME=PID.
    ///
    /// # Errors
    ///
    /// Says what was expected.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let read = text.split_once('=').and_then(|(name, id)| Some((name, id.parse().ok()?)));
        let (name, id) = read.ok_or("expected NAME=PID")?;
        Ok(Self { name: name.to_owned(), id })
    }

    /// Seconds of processor so far, of it and all that it has started and that run still.
    pub(crate) fn seconds(&self) -> f64 {
        family(self.id).into_iter().map(ticks).sum::<f64>() / TICKS
    }

    /// Megabytes of memory that they have now.
    pub(crate) fn megabytes(&self) -> f64 {
        family(self.id).into_iter().map(kilobytes).sum::<f64>() * 1024.0 / 1e6
    }
}

/// Seconds of processor of this program itself.
pub(crate) fn own_seconds() -> f64 {
    ticks(std::process::id()) / TICKS
}

/// Seconds that the machine's processors had nothing to do, all together.
pub(crate) fn idle_seconds() -> f64 {
    fs::read_to_string("/proc/stat").ok().and_then(|text| idle(&text)).unwrap_or(0.0) / TICKS
}

/// Of /proc/stat: its first line is of all processors; the fourth of its times, and the fifth, in which they waited for a disk.
fn idle(stat: &str) -> Option<f64> {
    let mut times = stat.lines().next()?.strip_prefix("cpu ")?.split_whitespace().skip(3);
    Some(times.next()?.parse::<f64>().ok()? + times.next()?.parse::<f64>().ok()?)
}

/// A process and all that it has started.
fn family(id: u32) -> Vec<u32> {
    let threads = fs::read_dir(format!("/proc/{id}/task")).into_iter().flatten().flatten();
    let children = threads.filter_map(|it| fs::read_to_string(it.path().join("children")).ok());
    let ids =
        |text: String| -> Vec<u32> { text.split(' ').filter_map(|id| id.parse().ok()).collect() };
    let below: Vec<u32> = children.flat_map(ids).flat_map(family).collect();
    std::iter::once(id).chain(below).collect()
}

/// What it has of its own: memory that it shares with its parent is counted there.
fn kilobytes(id: u32) -> f64 {
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    line.and_then(|it| it.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0.0)
}

fn ticks(id: u32) -> f64 {
    fs::read_to_string(format!("/proc/{id}/stat")).ok().and_then(|text| spent(&text)).unwrap_or(0.0)
}

/// Of /proc/PID/stat: user and system time, behind the name, in which anything may stand (proc(5)).
fn spent(stat: &str) -> Option<f64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut times = fields.split_whitespace().skip(11);
    Some(times.next()?.parse::<f64>().ok()? + times.next()?.parse::<f64>().ok()?)
}

#[cfg(test)]
mod tests {
    use super::{Watched, idle, idle_seconds, own_seconds, spent};

    #[test]
    fn times_stand_behind_the_name() {
        let stat = "7 (a) b (c)) S 1 7 7 0 -1 4194304 100 0 0 0 123 45 0 0 20 0 1 0 5 6 7";
        assert_eq!(spent(stat), Some(168.0));
        assert_eq!(spent("7 (x) S 1"), None);
        assert!(own_seconds() >= 0.0 && idle_seconds() >= 0.0);
        assert_eq!(idle("cpu  10 20 30 400 5 6 7 8 0 0\ncpu0 1 2 3 4 5 6"), Some(405.0));
        assert_eq!(idle("intr 1 2 3 4 5 6"), None);
    }

    #[test]
    fn a_program_has_a_name_and_a_number() {
        let watched = Watched::parse("varnish=12").unwrap();
        assert_eq!((watched.name.as_str(), watched.id), ("varnish", 12));
        Watched::parse("varnish").unwrap_err();
        Watched::parse("12=x").unwrap_err();
        let own = Watched { id: std::process::id(), ..watched };
        assert!(own.seconds() >= 0.0 && own.megabytes() > 0.1);
    }
}
