//! What single requests, bytes and viewers cost, by what whole runs cost.

use crate::plan::Cost;
use crate::results::Run;

/// A machine of whose processors less than this share is idle measures its queues, not its programs.
const IDLE: f64 = 0.1;

/// All that was measured on one machine.
#[derive(Clone, Debug)]
pub(crate) struct Measured {
    pub(crate) runs: Vec<Run>,
    /// Processors of the machine.
    pub(crate) processors: f64,
}

impl Measured {
    /// Of runs of the same, the one that had most of the machine is the one that counts.
    pub(crate) fn new(runs: Vec<Run>, processors: f64) -> Self {
        let mut best: Vec<Run> = Vec::new();
        for run in runs {
            let is_same =
                |it: &&mut Run| it.layer == run.layer && it.viewers.total_cmp(&run.viewers).is_eq();
            match best.iter_mut().find(is_same) {
                Some(same) if same.idle < run.idle => *same = run,
                Some(_) => {}
                None => best.push(run),
            }
        }
        Self { runs: best, processors }
    }

    /// The run of a layer with so many viewers.
    pub(crate) fn run(&self, layer: &str, viewers: f64) -> Option<&Run> {
        self.of(layer).find(|run| run.viewers.total_cmp(&viewers).is_eq())
    }

    /// Runs of a layer.
    pub(crate) fn of(&self, layer: &str) -> impl Iterator<Item = &Run> + use<'_> {
        let layer = layer.to_owned();
        self.runs.iter().filter(move |run| run.layer == layer)
    }

    /// Whether a run, with whatever else ran then, had all of the machine.
    pub(crate) fn is_full(&self, run: &Run) -> bool {
        run.idle < self.processors * IDLE
    }

    /// The run with the most viewers that the machine had room for; else the one with the fewest.
    pub(crate) fn largest(&self, layer: &str) -> Option<&Run> {
        let fits = self.of(layer).filter(|run| !self.is_full(run));
        fits.max_by(|one, other| one.viewers.total_cmp(&other.viewers))
            .or_else(|| self.of(layer).min_by(|one, other| one.viewers.total_cmp(&other.viewers)))
    }

    /// Processors that programs had that are not measured.
    pub(crate) fn others(&self, run: &Run) -> f64 {
        (self.processors - run.idle - run.all_cores()).max(0.0)
    }

    /// The run with the most viewers none of whose requests failed.
    pub(crate) fn faultless(&self, layer: &str) -> Option<&Run> {
        let good = self.of(layer).filter(|run| run.errors[0] == 0.0);
        good.max_by(|one, other| one.viewers.total_cmp(&other.viewers))
    }

    /// Processors that the origin has without viewers: it encodes.
    pub(crate) fn idle(&self) -> f64 {
        self.of("idle").next().map_or(0.0, |run| run.cores("origin"))
    }

    /// Seconds of a processor that a program had for each request of a run.
    pub(crate) fn a_request(&self, run: &Run, program: &str) -> f64 {
        let idle = if program == "origin" { self.idle() } else { 0.0 };
        (run.cores(program) - idle).max(0.0) / run.requests
    }

    /// What a program costs in this layer. Of a byte: by the same viewers with another quality, `HAProxy` before it. Of a
    /// viewer: only `HAProxy` knows them; what the others hold is what is live, and is bounded.
    pub(crate) fn cost(&self, layer: &str, program: &str) -> Option<Cost> {
        let run = self.largest(layer)?;
        let byte = self.a_byte(program).unwrap_or(0.0);
        let all = self.a_request(run, program);
        let request = (all - byte * run.bytes / run.requests).max(0.0);
        let viewer = if program == "haproxy" { self.a_viewer(layer, program, run) } else { 0.0 };
        Some(Cost { request, byte, viewer })
    }

    /// Bytes of memory that a program had more for each viewer more.
    fn a_viewer(&self, layer: &str, program: &str, many: &Run) -> f64 {
        let few = self.of(layer).min_by(|one, other| one.viewers.total_cmp(&other.viewers));
        let few = few.filter(|few| few.viewers < many.viewers);
        let grown = |few: &Run| many.megabytes(program) - few.megabytes(program);
        few.map_or(0.0, |few| grown(few).max(0.0) * 1e6 / (many.viewers - few.viewers))
    }

    fn a_byte(&self, program: &str) -> Option<f64> {
        let high = self.of("haproxy-high").next()?;
        let low = self.run("haproxy", high.viewers)?;
        let more = high.bytes - low.bytes;
        // As many requests: whoever fell behind had others.
        let as_many = (high.requests / low.requests - 1.0).abs() < 0.05;
        let cores = high.cores(program) - low.cores(program);
        (more > 0.0 && as_many).then(|| (cores / more).max(0.0))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::Measured;
    use crate::results::Run;

    pub(crate) fn run(layer: &str, viewers: f64, haproxy: f64, bytes: f64, megabytes: f64) -> Run {
        Run {
            layer: layer.to_owned(),
            viewers,
            requests: viewers * 20.0,
            bytes,
            playlist_bytes: viewers * 10.0 * 500.0,
            playlists: viewers * 10.0,
            latency: [viewers, 80.0, 90.0],
            stall: 0.0,
            errors: [0.0, 0.0],
            asked: Some(1.0),
            idle: 2.0 - 0.6 - haproxy,
            programs: vec![
                ("haproxy".into(), haproxy, megabytes),
                ("origin".into(), 0.5, 20.0),
                ("viewers".into(), 0.1, f64::NAN),
            ],
        }
    }

    #[test]
    fn a_full_machine_says_nothing_of_a_request() {
        let runs = [(50.0, 0.1, 30.0), (200.0, 0.4, 45.0), (500.0, 1.9, 60.0)];
        let runs = runs.map(|(viewers, cores, mb)| run("haproxy", viewers, cores, 0.0, mb));
        let measured = Measured { runs: runs.to_vec(), processors: 2.0 };
        let cost = measured.cost("haproxy", "haproxy").unwrap();
        // 4000 requests a second with 0.4 of a processor, 15 MB more for 150 viewers.
        assert!((cost.request - 1e-4).abs() < 1e-9 && (cost.viewer - 1e5).abs() < 1e-3, "{cost:?}");
        assert_eq!(measured.cost("varnish", "varnish"), None);
    }

    #[test]
    fn of_the_same_the_least_disturbed_counts() {
        let mut runs = vec![run("haproxy", 50.0, 0.1, 0.0, 30.0); 3];
        (runs[0].idle, runs[1].idle, runs[2].idle) = (0.2, 0.7, 0.5);
        runs.push(run("haproxy", 200.0, 0.4, 0.0, 30.0));
        let measured = Measured::new(runs, 2.0);
        assert_eq!(measured.runs.len(), 2);
        assert!((measured.run("haproxy", 50.0).unwrap().idle - 0.7).abs() < 1e-9);
    }

    #[test]
    fn a_byte_costs_what_more_of_them_cost() {
        let mut runs = vec![run("haproxy", 50.0, 0.1, 1e6, 30.0)];
        runs.push(run("haproxy-high", 50.0, 0.12, 11e6, 30.0));
        let measured = Measured { runs, processors: 2.0 };
        let cost = measured.cost("haproxy", "haproxy").unwrap();
        assert!((cost.byte - 2e-9).abs() < 1e-15, "{cost:?}");
        // 0.002 of the 0.1 were for the bytes.
        assert!((cost.request - 0.098 / 1000.0).abs() < 1e-9, "{cost:?}");
    }

    #[test]
    fn encoding_is_no_request() {
        let mut idle = run("idle", 0.0, 0.0, 0.0, 0.0);
        idle.programs = vec![("origin".into(), 0.3, 20.0)];
        let measured =
            Measured { runs: vec![idle, run("origin", 50.0, 0.0, 0.0, 0.0)], processors: 2.0 };
        let cost = measured.cost("origin", "origin").unwrap();
        assert!((cost.request - 0.2 / 1000.0).abs() < 1e-9, "{cost:?}");
    }
}
