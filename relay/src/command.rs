//! The command: reads the configuration, and hands on until a signal comes.

use crate::batch::Batch;
use crate::camera::Camera;
use crate::configuration::Configuration;
use crate::connections::Connections;
use crate::event::Event;
use crate::options::{CONFIGURATION, Options, Task};
use crate::places::Places;
use crate::publishers::{PUBLISHERS_MAX, Publishers};
use crate::reload::Reload;
use crate::search::Searches;
use crate::source_clock::RelayClock;
use crate::state::Relay;
use crate::turn;
use crate::users;
use crate::viewings::{VIEWINGS_MAX, Viewings};
use clap::Parser;
use mio::unix::SourceFd;
use mio::{Interest, Poll, Waker};
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::os::fd::AsRawFd;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use streamsocket_journal::logger;
use streamsocket_net::{Interface, machine, tcp};
use streamsocket_rtsp::conversation::Gate;
use streamsocket_rtsp::users::Users;
use streamsocket_station::clock::{Timer, monotonic};
use streamsocket_station::signals::Signals;

/// Descriptors of a publisher at most: four sockets for each of its media, two that announce it, one that hears viewers
/// ask, its connection.
const DESCRIPTORS_OF_PUBLISHER: usize = 4 * 4 + 2 + 1 + 1;

/// Descriptors of a viewing at most: two sockets for each medium, its connection.
const DESCRIPTORS_OF_VIEWING: usize = 2 * 4 + 1;

/// Descriptors of a room at most: two that announce it, one that hears viewers ask.
const DESCRIPTORS_OF_ROOM: usize = 3;

/// Descriptors for everything else, and for cameras.
const DESCRIPTORS_KEPT: usize = 128;

/// Exit status for a configuration that does not get better by itself.
const WRONG: u8 = 2;

/// Does what the command line says.
#[must_use]
pub fn run() -> ExitCode {
    let options = Options::parse();
    let _journal = logger::start("relay", false, machine::monotonic_nanos);
    let named = options.config.as_deref();
    let (configuration, users) = match users::configured(named, &options.pull) {
        Ok(read) => read,
        Err(why) => {
            log::error!("{why}");
            return ExitCode::from(WRONG);
        }
    };
    let path = named.unwrap_or_else(|| Path::new(CONFIGURATION));
    let done = match options.task {
        Some(Task::Check) => check(path, &configuration, &users),
        None => relay(&options, configuration, users),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            log::error!("{why}");
            ExitCode::FAILURE
        }
    }
}

/// Says what the configuration comes to.
fn check(path: &Path, configuration: &Configuration, users: &Users) -> Result<(), String> {
    let interface = interface(configuration)?;
    let mut text = format!(
        "{}: nothing is wrong; publishers come to {}, and all goes to {}\n",
        path.display(),
        configuration.listen,
        interface
            .map_or_else(|| "wherever the routing table leads".to_owned(), |it| it.to_string())
    );
    if configuration.rooms.is_empty() {
        text += &no_rooms(path);
        text.push('\n');
    }
    for room in &configuration.rooms {
        let who = if users.is_empty() {
            "everybody on this machine's networks".to_owned()
        } else if room.publishers.is_empty() {
            let names: Vec<_> = users.iter().map(|it| it.name.as_str()).collect();
            names.join(", ")
        } else {
            room.publishers.join(", ")
        };
        text += &format!("room {}: {who} may publish\n", room.name);
        for pull in &room.pull {
            text += &format!("room {}: {} is pulled from {}\n", room.name, pull.name, pull.shown());
        }
    }
    io::stdout().write_all(text.as_bytes()).map_err(|error| format!("standard output: {error}"))
}

/// How to add a room.
fn no_rooms(path: &Path) -> String {
    format!(
        "there is no room, so nobody can publish; add one to {}: [[room]] and, on the next line, name = \"lesson\"",
        path.display()
    )
}

fn interface(configuration: &Configuration) -> Result<Option<Interface>, String> {
    match &configuration.interface {
        Some(name) => {
            Interface::named(name).map(Some).map_err(|error| format!("interface: {error}"))
        }
        None => Ok(Interface::default_route()),
    }
}

fn relay(options: &Options, configuration: Configuration, users: Users) -> Result<(), String> {
    let path = options.config.as_deref().unwrap_or_else(|| Path::new(CONFIGURATION));
    let interface = interface(&configuration)?;
    // Before any thread is started, which would take them.
    let signals =
        Signals::listen().map_err(|error| format!("signals cannot be caught: {error}"))?;
    have_descriptors(configuration.rooms.len());
    let listen = configuration.listen;
    let listener = listen_at(listen).map_err(|error| {
        format!("listen {listen}: {error}; choose another one in {}", path.display())
    })?;
    if configuration.rooms.is_empty() {
        log::warn!("{}", no_rooms(path));
    } else if users.is_empty() {
        log::warn!(
            "everybody on this machine's networks may publish; for names and passwords: streamsocket user add NAME --users /etc/streamsocket-relay/users"
        );
    }
    let mut timer = Timer::new().map_err(set_up)?;
    let mut poll = Poll::new().map_err(set_up)?;
    for (descriptor, event) in [
        (timer.descriptor(), Event::Timer),
        (signals.descriptor(), Event::Signal),
        (listener.as_raw_fd(), Event::Connecting),
    ] {
        let mut source = SourceFd(&descriptor);
        let registry = poll.registry();
        registry.register(&mut source, event.token(), Interest::READABLE).map_err(set_up)?;
    }
    let waker = Waker::new(poll.registry(), Event::Found.token()).map_err(set_up)?;
    let waker = Arc::new(waker);
    let mut relay = Relay {
        registry: poll.registry().try_clone().map_err(set_up)?,
        interface,
        gate: Gate { users, ..Gate::default() },
        listener,
        unaccepted: true,
        connections: Connections::default(),
        viewings: Viewings::default(),
        sinks: 0,
        publishers: Publishers::default(),
        places: Places::default(),
        cameras: Camera::all(&configuration.rooms, &waker, monotonic()),
        reload: Reload::new(options, &configuration, Arc::clone(&waker)),
        searches: Searches::new(waker),
        clock: RelayClock::start().map_err(set_up)?,
        notices: Vec::new(),
        rooms: configuration.rooms,
        batch: Batch::default(),
        staged: None,
        look: monotonic(),
    };
    for room in &relay.rooms {
        log::info!("publishers come to rtsp://{}/{}/NAME", shown(listen), room.name);
    }
    relay.put_up_notices(monotonic());
    turn::run(&mut relay, &mut poll, &mut timer, &signals)
}

fn have_descriptors(rooms: usize) {
    let wanted = PUBLISHERS_MAX * DESCRIPTORS_OF_PUBLISHER
        + VIEWINGS_MAX * DESCRIPTORS_OF_VIEWING
        + rooms * DESCRIPTORS_OF_ROOM
        + DESCRIPTORS_KEPT;
    let had = machine::have_descriptors(wanted);
    if had < wanted {
        log::warn!(
            "of {wanted} descriptors for as many publishers as there may be, there are {had}: ulimit -n"
        );
    }
}

fn set_up(error: impl std::fmt::Display) -> String {
    format!("the event loop cannot be set up: {error}")
}

/// Listens; where there is no IPv6, at all addresses of IPv4 instead of all of both.
fn listen_at(at: SocketAddr) -> io::Result<TcpListener> {
    let anywhere = at.ip() == IpAddr::from(Ipv6Addr::UNSPECIFIED);
    tcp::listen(at).or_else(|error| {
        if anywhere && error.raw_os_error() == Some(nix::libc::EAFNOSUPPORT) {
            tcp::listen((Ipv4Addr::UNSPECIFIED, at.port()).into())
        } else {
            Err(error)
        }
    })
}

/// The address that a publisher on this network is given.
fn shown(address: SocketAddr) -> String {
    if address.ip().is_unspecified() {
        format!("{}:{}", machine::host_name(), address.port())
    } else {
        address.to_string()
    }
}
