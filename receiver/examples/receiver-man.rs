//! Writes the receiver's man page into the folder given.

#[path = "../../examples/pages/man.rs"]
mod man;

use clap::CommandFactory;
use std::io::Error;
use std::path::Path;
use streamsocket_receiver::options::Options;

const EXIT_STATUS: &str = r".TP
.B 0
It was told to end, or the session has ended.
.TP
.B 1
The session cannot be found, received or presented, or a recording is not complete.
.TP
.B 2
The command line is wrong.
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
.BR DISPLAY , WAYLAND_DISPLAY
Where the window is shown. Without either the receiver takes the whole screen of a console.
.TP
.BR SDL_VIDEODRIVER , SDL_RENDER_DRIVER
What shows and draws it, if not what SDL would take:
.BR x11 ,
.B wayland
or
.BR kmsdrm ;
.BR opengl ,
.B opengles2
or
.BR software .
.TP
.B JOURNAL_STREAM
Set by the service manager: lines for the journal have their level in front (\fBsd\-daemon\fR(3)).
";

const FILES: &str = r".TP
.IR snapshot\-001.jpg , recording\-001.mkv
What the keys s and r make, with the next free number, in the current folder.
.TP
.I /etc/streamsocket/receiver.env
The options of
.BR streamsocket\-receiver.service ,
which shows a session on a screen without a desktop.
.TP
.I /var/lib/private/streamsocket\-receiver
The folder of that service's snapshots and recordings.
.TP
.IR $XDG_CONFIG_HOME/streamsocket/key , ~/.config/streamsocket/key
The keys that protected sessions are received with, unless
.B \-\-key\-file
names others: see
.BR streamsocket (1).
Nobody else must be able to read the file. When it changes, the keys are taken within two seconds.
";

const OTHERS: [&str; 3] = ["streamsocket", "ffplay", "mpv"];

fn main() -> Result<(), Error> {
    let folder = std::env::args_os().nth(1).ok_or_else(|| Error::other("say into which folder"))?;
    let sections = [("EXIT STATUS", EXIT_STATUS), ("ENVIRONMENT", ENVIRONMENT), ("FILES", FILES)];
    man::write(Options::command(), &sections, &OTHERS, Path::new(&folder))
}
