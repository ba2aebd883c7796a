//! Writes the origin's man pages into the folder given.

#[path = "../../examples/pages/man.rs"]
mod man;

use clap::CommandFactory;
use std::io::Error;
use std::path::Path;
use streamsocket_origin::options::Options;

const PATHS: &str = r#".TP
.I /
The page: all sessions, or the only one.
.TP
.I /NAME/
The page of a session: what happens now, and what is stored.
.TP
.I /NAME/live.m3u8
HLS with low latency: three tiers and sound.
.TP
.I /NAME/vod.m3u8?from=TIME&to=TIME
What is stored of that time. Times are as in RFC 3339, such as 2026\-01\-02T15:04:05Z; without an end it is now.
.TP
.IR /NAME/status.json ", " /NAME/hours.json?from=TIME&to=TIME ", " /NAME/events.json
What there is, what is stored, by hours, and what was marked.
.TP
.I /NAME/mark
A POST with the password (HTTP basic authentication with any name, or a bearer's) marks the last seconds. The body may
be empty, or JSON:
.B label
is a line of text, and
.B before
and
.B after
are seconds.
.TP
.I /metrics
Figures for Prometheus.
.TP
.I /t/EXPIRES/SIGNATURE/NAME/...
The same for who has a link, where links are needed
.RB ( \-\-token\-file ).
SIGNATURE is the MD5 of \(dqEXPIRES/NAME SECRET\(dq in base64url without padding, as nginx's secure_link has it; EXPIRES
is in seconds since 1970.
"#;

const EXIT_STATUS: &str = r".TP
.B 0
It was told to end.
.TP
.B 1
What was asked for cannot be had: a port, a file, a network interface.
.TP
.B 2
The command line or the configuration is wrong.
";

const ENVIRONMENT: &str = r".TP
.B RUST_LOG
What is said on standard error, such as
.B debug
or
.BR warn .
By itself
.BR info .
";

const FILES: &str = r".TP
.I /etc/streamsocket\-origin/origin.toml
The configuration of the service, in which every key is explained.
.TP
.I /etc/streamsocket\-origin/token
The secret that links are made with, as
.B streamsocket\-origin token
makes it.
.TP
.I /var/lib/streamsocket\-origin/
What the service stores, by session, track, day and hour of UTC: segments, each a file that plays by itself, and beside
them
.BR index ,
a line of text for each: number, begin and length in nanoseconds, bytes, those of the initialisation segment, frames,
frames lost, packets repaired, and the initialisation segment's name.
.TP
.I /etc/streamsocket/key
The keys that protected sessions are received with, unless
.B \-\-key\-file
names others: see
.BR streamsocket (1).
";

const OTHERS: [&str; 3] = ["streamsocket", "streamsocket-gateway", "ffmpeg"];

fn main() -> Result<(), Error> {
    let folder = std::env::args_os().nth(1).ok_or_else(|| Error::other("say into which folder"))?;
    let sections = [
        ("PATHS", PATHS),
        ("EXIT STATUS", EXIT_STATUS),
        ("ENVIRONMENT", ENVIRONMENT),
        ("FILES", FILES),
    ];
    man::write(Options::command(), &sections, &OTHERS, Path::new(&folder))
}
