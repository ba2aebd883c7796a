//! Writes the relay's man pages into the folder given.

#[path = "../../examples/pages/man.rs"]
mod man;

use clap::CommandFactory;
use std::io::Error;
use std::path::Path;
use streamsocket_relay::options::Options;

const PUBLISHING: &str = r#"A publisher pushes to
.IR rtsp://THIS\-MACHINE:8554/ROOM/NAME ,
by UDP or within the connection, with JPEG (RFC 2435) and L16, Opus, PCMU or PCMA:
.PP
.nf
ffmpeg \-re \-i FILE \-c:v mjpeg \-huffman default \-pix_fmt yuvj420p \-c:a pcm_s16be \-f rtsp rtsp://anna:PASSWORD@relay:8554/lesson/Anna
.fi
.PP
Its packets go on as they are to a multicast group of its own, which is announced as
.RB \(dq ROOM ", " NAME \(dq.
A name has one publisher at a time. One of which nothing comes for five seconds is gone; if it returns within ten
minutes it has the same group. The daemon publishes by
.BR to ,
as
.B to = \(dqrtsp://anna:PASSWORD@relay/lesson\(dq
in its configuration;
.B streamsocket\-receiver \-\-room lesson \-\-publish
finds the relay by itself. IP cameras are asked for what they have by
.B pull
in the configuration, or
.BR \-\-pull .
Viewers who cannot be reached by multicast are served one by one, at the same address.
"#;

const EXIT_STATUS: &str = r".TP
.B 0
It was told to end.
.TP
.B 1
What was asked for cannot be had: a port, a network interface.
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
.I /etc/streamsocket\-relay/relay.toml
The configuration, in which every key is explained.
.TP
.I /etc/streamsocket\-relay/users
Who may publish, as
.B streamsocket user add NAME \-\-users FILE
writes it. The group
.B streamsocket
must be able to read the file, and others must not.
";

const OTHERS: [&str; 3] = ["streamsocket", "streamsocket-receiver", "streamsocket-gateway"];

fn main() -> Result<(), Error> {
    let folder = std::env::args_os().nth(1).ok_or_else(|| Error::other("say into which folder"))?;
    let sections = [
        ("PUBLISHING", PUBLISHING),
        ("EXIT STATUS", EXIT_STATUS),
        ("ENVIRONMENT", ENVIRONMENT),
        ("FILES", FILES),
    ];
    man::write(Options::command(), &sections, &OTHERS, Path::new(&folder))
}
