//! What viewers have met, as `scripts/delivery-bench` writes it down: a line of JSON for each time that it was measured.

use serde_json::Value;

/// One time that it was measured.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Run {
    /// Which layers were between viewers and origin, by the first one.
    pub(crate) layer: String,
    pub(crate) viewers: f64,
    /// Requests a second.
    pub(crate) requests: f64,
    /// Bytes of bodies a second.
    pub(crate) bytes: f64,
    /// Those of playlists.
    pub(crate) playlist_bytes: f64,
    /// Playlists a second.
    pub(crate) playlists: f64,
    /// From capture to the last byte of a part or segment, in milliseconds: half, 95 % and 99 % are faster.
    pub(crate) latency: [f64; 3],
    /// The longest time that a player had nothing to play, in milliseconds.
    pub(crate) stall: f64,
    /// Requests that failed, and that failed for good.
    pub(crate) errors: [f64; 2],
    /// Requests that reached the origin for each name that did: none where nothing was counted.
    pub(crate) asked: Option<f64>,
    /// Processors of the machine that nobody had.
    pub(crate) idle: f64,
    /// Processors that each program had, and its memory in megabytes.
    pub(crate) programs: Vec<(String, f64, f64)>,
}

impl Run {
    /// Reads a line.
    ///
    /// # Errors
    ///
    /// Says what is missing in it.
    pub(crate) fn parse(line: &str) -> Result<Self, String> {
        let read: Value = serde_json::from_str(line).map_err(|error| error.to_string())?;
        let number = |name: &str| -> Result<f64, String> {
            let value = name.split('.').fold(&read, |value, name| &value[name]);
            value.as_f64().ok_or_else(|| format!("there is no number {name}"))
        };
        let seconds = number("seconds")?;
        let percentile = |name: &str| number(&format!("latency_ms.{name}")).unwrap_or(f64::NAN);
        let (requests, names) = (number("origin_requests")?, number("origin_names")?);
        let cores = read["cores"].as_object().ok_or("there is no list of cores")?;
        let program = |(name, cores): (&String, &Value)| {
            let megabytes = read["megabytes"][name].as_f64().unwrap_or(f64::NAN);
            (name.clone(), cores.as_f64().unwrap_or(f64::NAN), megabytes)
        };
        Ok(Self {
            layer: read["layer"].as_str().ok_or("there is no layer")?.to_owned(),
            viewers: number("viewers")?,
            requests: number("all_requests")? / seconds,
            bytes: number("all_bytes")? / seconds,
            playlist_bytes: number("bytes.playlist")? / seconds,
            playlists: number("requests.playlist")? / seconds,
            latency: ["p50", "p95", "p99"].map(percentile),
            stall: number("longest_stall_ms")?,
            errors: [number("all_errors")?, number("all_errors_after_retry")?],
            asked: (names > 0.0).then(|| requests / names),
            idle: number("idle_cores")?,
            programs: cores.iter().map(program).collect(),
        })
    }

    /// Processors that a program had; 0 if it did not run.
    pub(crate) fn cores(&self, program: &str) -> f64 {
        self.of(program).map_or(0.0, |it| it.1)
    }

    /// Megabytes of a program.
    pub(crate) fn megabytes(&self, program: &str) -> f64 {
        self.of(program).map_or(0.0, |it| it.2)
    }

    /// Processors of all programs that were measured.
    pub(crate) fn all_cores(&self) -> f64 {
        self.programs.iter().map(|it| it.1).sum()
    }

    fn of(&self, program: &str) -> Option<&(String, f64, f64)> {
        self.programs.iter().find(|it| it.0 == program)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::Run;

    pub(crate) const LINE: &str = r#"{"layer":"varnish","origin_requests":42,"origin_names":40,"viewers":50,"seconds":10,
        "all_requests":10000,"all_bytes":5000000,"bytes":{"playlist":2000000},"requests":{"playlist":4000},"latency_ms":{"p50":20.5,"p95":80,"p99":90,"count":5000},"longest_stall_ms":7,
        "idle_cores":0.5,"all_errors":2,"all_errors_after_retry":1,"cores":{"origin":0.2,"varnish":0.1,"viewers":0.04},
        "megabytes":{"origin":80,"varnish":60}}"#;

    #[test]
    fn a_line_says_what_was_measured() {
        let run = Run::parse(LINE).unwrap();
        assert_eq!((run.layer.as_str(), run.viewers), ("varnish", 50.0));
        assert_eq!((run.requests, run.bytes), (1000.0, 500_000.0));
        assert_eq!((run.playlists, run.playlist_bytes), (400.0, 200_000.0));
        assert_eq!((run.latency, run.stall, run.errors), ([20.5, 80.0, 90.0], 7.0, [2.0, 1.0]));
        assert_eq!((run.asked, run.idle), (Some(1.05), 0.5));
        assert_eq!(
            (run.cores("varnish"), run.megabytes("varnish"), run.cores("nginx")),
            (0.1, 60.0, 0.0)
        );
        assert!((run.all_cores() - 0.34).abs() < 1e-9);
    }

    #[test]
    fn what_is_missing_is_named() {
        let without = LINE.replace("\"all_bytes\":5000000,", "");
        assert_eq!(Run::parse(&without).unwrap_err(), "there is no number all_bytes");
        // Nobody watched.
        let nobody = LINE.replace(":20.5", ":null").replace(":40,", ":0,");
        let run = Run::parse(&nobody).unwrap();
        assert!(run.latency[0].is_nan() && run.asked.is_none());
        Run::parse("").unwrap_err();
    }
}
