//! Writes the daemon's man pages into the folder given.

#[path = "pages/man.rs"]
mod man;

use clap::CommandFactory;
use std::io::Error;
use std::path::Path;
use streamsocket::options::CommandLine;

const EXIT_STATUS: &str = r".TP
.B 0
It ended as it was asked to, or its files have ended.
.TP
.B 1
What was asked for cannot be had or done: a device, a file, an address, a daemon to speak to.
.TP
.B 2
The command line or the configuration is wrong.
";

const ENVIRONMENT: &str = r".TP
.B RUST_LOG
What is said on standard error, such as
.BR debug ,
.B warn
or
.BR streamsocket::capture=debug .
By itself
.BR info .
.TP
.BR RUNTIME_DIRECTORY , XDG_RUNTIME_DIR
Where the control socket is: see FILES.
.TP
.BR XDG_CONFIG_HOME , HOME
Where a user's key is: see FILES.
.TP
.BR NOTIFY_SOCKET , WATCHDOG_USEC
The service manager, which is told that streaming has begun and goes on (\fBsd_notify\fR(3)).
.TP
.B JOURNAL_STREAM
Set by the service manager: lines for the journal have their level in front (\fBsd\-daemon\fR(3)).
";

const FILES: &str = r".TP
.I /etc/streamsocket/streamsocket.toml
The configuration of the service, in which every key is explained.
.TP
.I /etc/streamsocket/NAME.toml
That of the instance NAME:
.BR streamsocket@NAME.service ,
or
.B streamsocket\-rpicam@NAME.service
for a Raspberry Pi's camera module, which takes
.BR rpicam\-vid 's
options from
.IR /etc/streamsocket/rpicam\-NAME.env .
.TP
.I /etc/streamsocket/users
Those who may watch over RTSP, a line each, as
.B streamsocket user add
writes it. Nobody else must be able to read it.
.TP
.IR /etc/streamsocket/key , $XDG_CONFIG_HOME/streamsocket/key , ~/.config/streamsocket/key
Where
.B streamsocket key new
writes a key: root's and the service's, else the user's own. A line has a key, as
.B inline:
and 40 characters of base64, or a passphrase of 16 characters or more, which is stretched by argon2id; there are four at
most. The first one is sent with, each is received with. Nobody else must be able to read the file.
.TP
.I /var/lib/streamsocket
The folder that the service may write to.
.TP
.IR /run/streamsocket/ , $XDG_RUNTIME_DIR/streamsocket/ , /tmp/streamsocket\-UID/
The control sockets of daemons that run: the service's and root's, else the user's own.
.TP
.I /usr/share/doc/streamsocket/examples
A configuration for each kind of Raspberry Pi.
";

const OTHERS: [&str; 4] = ["streamsocket-receiver", "ffmpeg", "systemctl", "v4l2-ctl"];

fn write(folder: &Path) -> Result<(), Error> {
    let sections = [("EXIT STATUS", EXIT_STATUS), ("ENVIRONMENT", ENVIRONMENT), ("FILES", FILES)];
    man::write(CommandLine::command(), &sections, &OTHERS, folder)
}

fn main() -> Result<(), Error> {
    let folder = std::env::args_os().nth(1).ok_or_else(|| Error::other("say into which folder"))?;
    write(Path::new(&folder))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn pages_have_the_sections_that_people_look_for() {
        let folder = tempfile::tempdir().unwrap();
        // Twice, as by `make man`.
        write(folder.path()).unwrap();
        write(folder.path()).unwrap();
        let page = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
        let main = page("streamsocket.1");
        let place = |section: &str| {
            let places: Vec<_> = main.match_indices(&format!(".SH \"{section}\"\n")).collect();
            assert_eq!(places.len(), 1, "{section}");
            places[0].0
        };
        let sections = ["EXIT STATUS", "ENVIRONMENT", "FILES", "SEE ALSO"].map(place);
        assert!(sections.is_sorted() && sections[2] < main.find(".SH EXTRA\n").unwrap());
        assert!(main.contains("\n.BR streamsocket\\-receiver (1) ,\n"));
        assert!(page("streamsocket-check.1").ends_with(".SH \"SEE ALSO\"\n.BR streamsocket (1)\n"));
        assert!(!folder.path().join("streamsocket-help.1").exists());
    }
}
