//! Writes the gateway's man pages into the folder given.

#[path = "../../examples/pages/man.rs"]
mod man;

use clap::CommandFactory;
use std::io::Error;
use std::path::Path;
use streamsocket_gateway::options::Options;

const PATHS: &str = r#".TP
.I /
The page.
.B ?tier=NAME
chooses the tier that it begins with,
.B full
the session itself; otherwise each viewer is sent the best one that fits.
.TP
.IR /room/ROOM ", " /?room=ROOM
All sessions of a room side by side, in step, with the sound of all together.
.TP
.IR /NAME/stream ", " /stream ", " /stream.mjpg ", " /?action=stream
Pictures one after the other (multipart/x\-mixed\-replace).
.B ?fps=5
leaves pictures out;
.B ?length=1
says how long each is before it comes, as programs want it, and
.B ?length=0
does not, as browsers want it.
.B ?tier=NAME
has the pictures of a tier, and
.B ?tier=auto
those of the best one that this connection takes.
.TP
.IR /NAME/snapshot ", " /snapshot ", " /snapshot.jpg ", " /?action=snapshot
The newest picture;
.B ?tier=NAME
that of a tier, for whose first one it waits.
.TP
.IR /NAME/audio.wav ", " /audio.wav
Sound alone.
.TP
.I /NAME/audio.opus
The same of a session whose sound is Opus, as it comes, or with
.B ?tier=NAME
of a tier of it.
.TP
.IR /NAME/sdp ", " /sdp
The session description, for players that receive the session themselves.
.TP
.I /NAME/ws
Pictures, sound and the times of their capture on one WebSocket, as the page takes them.
.B ?sound=pcm
asks for samples, of a tier whose sound is Opus for those of its session, and
.B ?tier=NAME
for the pictures of a tier, and its sound if that is Opus, or
.BR auto .
Behind each picture and piece of sound are 24 bytes, little\-endian: when it was captured and when it is due, in
milliseconds since 1970 (doubles), a byte that is 1 for a picture and 2 for sound, and seven that are 0. A text
.B {"tier":"NAME"}
changes the tier;
.B {"late":N,"width":W,"height":H}
says how many pictures came too late so far, and how large they are shown; a number is answered with the time.
.TP
.I /status
What is received and who watches, as JSON.
.TP
.I /metrics
The same for Prometheus.
.TP
.I /control
With
.BR \-\-control :
the daemons of this machine as JSON; what is sent to it by POST stops, starts and changes one.
.PP
Without NAME the first SOURCE is meant, else the first session by name.
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
.TP
.BR STATE_DIRECTORY , XDG_STATE_HOME
Where the certificate of its own making is kept: see FILES.
";

const FILES: &str = r".TP
.I /etc/streamsocket\-gateway/gateway.toml
The configuration of the service, in which every key is explained.
.TP
.I /etc/streamsocket\-gateway/password
The password's hash, as
.B streamsocket\-gateway password
writes it.
.TP
.I /etc/streamsocket/key
The keys that protected sessions are received with, unless
.B \-\-key\-file
names others: see
.BR streamsocket (1).
The group
.B streamsocket
must be able to read the file, and others must not. When it changes, the keys are taken within two seconds.
.TP
.IR /var/lib/streamsocket\-gateway/ , $XDG_STATE_HOME/streamsocket\-gateway/ , ~/.local/state/streamsocket\-gateway/
The certificate and its key: the service's and root's, else the user's own.
";

const OTHERS: [&str; 3] = ["streamsocket", "streamsocket-receiver", "curl"];

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
