//! A relay that runs, and what it announces.

use nix::sys::signal::Signal;
use socket2::SockRef;
use std::fs::{self, Permissions};
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU8, Ordering};
use streamsocket_rtsp::users::User;
use streamsocket_tests::program::{Program, ours};
use streamsocket_tests::wire::{Datagram, SAP};
use streamsocket_wire::sap::{ASKED, Announcement, PORT_ASKED};
use tempfile::TempDir;

/// The port of pictures in each session.
const PORT: u16 = 5004;

/// A relay that runs, with one room that no other test has.
pub(crate) struct Relay {
    pub(crate) program: Program,
    pub(crate) port: u16,
    pub(crate) room: String,
    pub(crate) folder: TempDir,
}

impl Relay {
    /// One with these users and their passwords, whose room says so much more.
    pub(crate) fn with(users: &[(&str, &str)], more: &str) -> Self {
        Self::begin(users, more, &[])
    }

    /// One whose command line names these cameras, each by its name and its address.
    pub(crate) fn pulling(cameras: &[(&str, &str)]) -> Self {
        Self::begin(&[], "", cameras)
    }

    fn begin(users: &[(&str, &str)], more: &str, cameras: &[(&str, &str)]) -> Self {
        static NEXT: AtomicU8 = AtomicU8::new(1);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let room = format!("room {} {number}", std::process::id());
        let folder = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let mut text = format!("listen = \"127.0.0.1:{port}\"\ninterface = \"127.0.0.1\"\n");
        let file = folder.path().join("users");
        if !users.is_empty() {
            text += &format!("users = {file:?}\n");
        }
        write_users(&file, users);
        let path = folder.path().join("relay.toml");
        fs::write(&path, format!("{text}[[room]]\nname = \"{room}\"\n{more}")).unwrap();
        let pulls = cameras
            .iter()
            .flat_map(|(name, url)| ["--pull".to_owned(), format!("{room}/{name}={url}")]);
        let program = start(ours("streamsocket-relay").args(pulls), &path);
        Self { program, port, room, folder }
    }

    /// Ends it so, and starts it anew at the same port.
    pub(crate) fn restart(&mut self, signal: Signal) {
        self.program.signal(signal);
        // Until then it has the port.
        self.program.wait();
        let path = self.folder.path().join("relay.toml");
        self.program = start(&mut ours("streamsocket-relay"), &path);
    }

    /// Has it read that these are its users now.
    pub(crate) fn reload(&mut self, users: &[(&str, &str)]) {
        write_users(&self.folder.path().join("users"), users);
        self.program.signal(Signal::SIGHUP);
        self.program.wait_for("the configuration is read");
    }

    /// One that everybody here may publish to.
    pub(crate) fn new() -> Self {
        Self::with(&[], "")
    }

    /// Where somebody publishes.
    pub(crate) fn url(&self, name: &str) -> String {
        self.url_as("", name)
    }

    /// The same, with a name and a password and `@` in front.
    pub(crate) fn url_as(&self, who: &str, name: &str) -> String {
        let room = self.room.replace(' ', "%20");
        format!("rtsp://{who}127.0.0.1:{}/{room}/{name}", self.port)
    }

    /// The name of the session that somebody's packets become.
    pub(crate) fn title(&self, name: &str) -> String {
        format!("{}, {name}", self.room)
    }

    /// Waits until somebody's packets are handed on, and says to where.
    pub(crate) fn wait_for_group(&mut self, name: &str) -> Ipv4Addr {
        let line = self.program.wait_for(&format!("publishes '{}'", self.title(name)));
        group_in(&line)
    }
}

/// The group that such a line ends in.
pub(crate) fn group_in(line: &str) -> Ipv4Addr {
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

fn write_users(path: &Path, users: &[(&str, &str)]) {
    let lines = users.iter().map(|(name, word)| format!("{}\n", User::new(name, word).unwrap()));
    fs::write(path, lines.collect::<String>()).unwrap();
    fs::set_permissions(path, Permissions::from_mode(0o600)).unwrap();
}

fn start(command: &mut Command, configuration: &Path) -> Program {
    let mut program = Program::start(command.arg("--config").arg(configuration));
    program.wait_for("publishers come to");
    program
}

/// Pictures, their reports, sound and its reports in a group; and announcements.
pub(crate) fn of(group: Ipv4Addr) -> impl Iterator<Item = SocketAddrV4> {
    (0..4).map(move |above| SocketAddrV4::new(group, PORT + above)).chain([SAP])
}

/// Asks for announcements at once, as a viewer does.
pub(crate) fn ask_for_announcements() {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    SockRef::from(&socket).set_multicast_if_v4(&Ipv4Addr::LOCALHOST).unwrap();
    socket.send_to(ASKED, (*SAP.ip(), PORT_ASKED)).unwrap();
}

/// Those that went to a port, but for what the relay itself says of clocks.
pub(crate) fn to_port(datagrams: &[Datagram], above: u16) -> Vec<Vec<u8>> {
    all_to_port(datagrams, above).filter(|it| !is_of_clocks(it)).map(<[u8]>::to_vec).collect()
}

/// All that went to a port.
pub(crate) fn all_to_port(datagrams: &[Datagram], above: u16) -> impl Iterator<Item = &[u8]> {
    datagrams.iter().filter(move |it| it.to.port() == PORT + above).map(|it| &*it.bytes)
}

/// Whether the relay says in it how clocks stand.
fn is_of_clocks(datagram: &[u8]) -> bool {
    datagram.windows(7).any(|it| it == b"x-clock")
}

/// What is said of the session of this name: whether it is taken back, and its description.
pub(crate) fn announced(datagrams: &[Datagram], title: &str) -> Vec<(bool, String)> {
    let mut of_it = Vec::new();
    let mut origin = String::new();
    for datagram in datagrams.iter().filter(|it| it.to == SAP) {
        let announcement = Announcement::parse(&datagram.bytes).unwrap();
        let text = String::from_utf8_lossy(announcement.payload).into_owned();
        if text.contains(&format!("\r\ns={title}\r\n")) {
            origin = text.lines().nth(1).unwrap().to_owned();
        } else if !announcement.deletion || origin.is_empty() || !text.contains(&origin) {
            continue;
        }
        of_it.push((announcement.deletion, text));
    }
    of_it
}
