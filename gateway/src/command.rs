//! The command: receives what is named, and serves it until a signal comes.

use crate::announcement::{self, Announcement, Page};
use crate::certificate::{Files, Made};
use crate::configuration;
use crate::encryption::Encryption;
use crate::login::Logins;
use crate::options::{Options, RTSPS_DEFAULT, Rtsps, Task};
use crate::page::Policy;
use crate::password::{self, Secret};
use crate::receiving::Receiving;
use crate::rooms::Rooms;
use crate::routes::{Site, refusing, routes};
use crate::sessions::Sessions;
use crate::tiers::Means;
use nix::ifaddrs::getifaddrs;
use std::future::pending;
use std::net::{Ipv6Addr, SocketAddr};
use std::process::ExitCode;
use streamsocket_journal::logger;
use streamsocket_net::neighbours::ip;
use streamsocket_net::{Interface, machine};
use streamsocket_srtp::stored_keys;
use streamsocket_subscribe::key_file;
use streamsocket_web::admission::{Admission, TOO_FAR};
use streamsocket_web::guard::{Guard, Names};
use streamsocket_web::program::{end, run as run_on_one_thread};
use streamsocket_web::server::{Server, listen};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

/// Names in a certificate at most, and addresses: a machine with more has virtual networks.
const NAMES_MAX: usize = 32;

/// Does what the command line says.
#[must_use]
pub fn run() -> ExitCode {
    let _journal = logger::start("gateway", false, machine::monotonic_nanos);
    let options = match configuration::begin() {
        Ok(options) => options,
        Err(status) => return status,
    };
    if let Some(Task::Password { file }) = &options.task {
        return end(password::ask(file));
    }
    run_on_one_thread(gateway(&options))
}

async fn gateway(options: &Options) -> Result<(), String> {
    let interface = match &options.interface {
        Some(name) => Some(Interface::named(name).map_err(|error| error.to_string())?),
        None => Interface::default_route(),
    };
    let secret = options.password_file.as_deref().map(Secret::read).transpose()?;
    if secret.is_some() && !options.redirect && !options.listen.ip().is_loopback() {
        log::warn!(
            "the password is sent unencrypted: anyone who can listen on this network can read it; --tls --redirect \
             encrypts it"
        );
    }
    let logins = secret.map(Logins::new).transpose()?;
    let keys = key_file::open(options.key_file.as_deref(), Some(stored_keys::OF_MACHINE.into()))?;
    if options.tls == Some(options.listen) {
        return Err(format!("--tls {}: --listen has the same address", options.listen));
    }
    let admission = Admission::new(logins.is_some(), &options.allow, &options.proxy);
    let encryption = encryption(options, &admission)?;
    let listener = listen("--listen", options.listen)?;
    say_where(options);
    let sessions = Sessions::default();
    let server = server(options, sessions.clone(), logins, admission);
    let announced = announcement(options, interface.as_ref());
    let (failed, mut failures) = mpsc::unbounded_channel();
    let means = Means { interface, keys, rooms: Rooms::default() };
    let receiving = Receiving { sessions, means, failed };
    for (place, source) in options.source.iter().enumerate() {
        receiving.begin_named(place, source.clone())?;
    }
    if options.source.is_empty() {
        receiving.begin_announced()?;
    }
    let caught = |kind| signal(kind).map_err(|error| format!("signals cannot be caught: {error}"));
    let (mut interrupted, mut terminated) =
        (caught(SignalKind::interrupt())?, caught(SignalKind::terminate())?);
    let ended = tokio::select! {
        Some(why) = failures.recv() => Err(why),
        _ = interrupted.recv() => Ok(()),
        _ = terminated.recv() => Ok(()),
        () = server.serve(&listener, None) => Ok(()),
        () = async { match &encryption {
            Some(encryption) => encryption.serve(&server).await,
            None => pending().await,
        } } => Ok(()),
    };
    drop(announced);
    ended
}

fn server(
    options: &Options,
    sessions: Sessions,
    logins: Option<Logins>,
    admission: Admission,
) -> Server {
    let machine = machine::host_name();
    let guard = Guard {
        names: Names::new(&machine, &names(options, &machine)),
        admission: admission.clone(),
        origins: options.allow_origin.clone().into(),
        open: false,
        redirect: options.tls.filter(|_| options.redirect).map(|tls| tls.port()),
    };
    let policy = Policy::new(&options.allow_origin);
    // Without a password everybody could.
    let control = options.control && logins.is_some();
    let served = routes(Site::new(sessions, policy, control), guard, logins);
    Server::new(served, refusing(TOO_FAR), admission)
}

/// The names that are ours beside the machine's own.
fn names(options: &Options, machine: &str) -> Vec<String> {
    let mut names = options.host.clone();
    names.push(announcement::host(machine));
    names
}

/// Announces what can be reached from elsewhere.
fn announcement(options: &Options, interface: Option<&Interface>) -> Option<Announcement> {
    let page = |address: Option<SocketAddr>, encrypted| {
        let address = address.filter(|address| !address.ip().is_loopback())?;
        Some(Page { address, encrypted })
    };
    let pages = [page(Some(options.listen), false), page(options.tls, true)];
    let pages: Vec<_> = pages.into_iter().flatten().collect();
    if options.no_announce || pages.is_empty() {
        return None;
    }
    let only = interface.filter(|_| options.interface.is_some()).map(|it| &*it.name);
    Announcement::begin(&machine::host_name(), &pages, only)
        .inspect_err(|why| log::warn!("{why}"))
        .ok()
}

/// The encrypted ways in, if there are any. Without one for RTSPS that nobody has asked for everything else is served.
///
/// # Errors
/// One line: what was asked for cannot be had.
fn encryption(options: &Options, admission: &Admission) -> Result<Option<Encryption>, String> {
    let (rtsps, chosen) = match options.rtsps {
        Some(Rtsps::Off) => (None, true),
        Some(Rtsps::At(address)) => (Some(address), true),
        None => (Some((Ipv6Addr::UNSPECIFIED, RTSPS_DEFAULT).into()), false),
    };
    if options.tls.is_none() && rtsps.is_none() {
        return Ok(None);
    }
    let open = || -> Result<Encryption, String> {
        Encryption::new(match (&options.cert, &options.key) {
            (Some(cert), Some(key)) => Files::named(cert, key),
            _ => Files::own(certified(options))?,
        })
    };
    let without = |why: String| log::warn!("nobody is served by rtsps://: {why}");
    let mut encryption = match open() {
        Ok(encryption) => encryption,
        Err(why) if options.tls.is_none() && !chosen => {
            without(why);
            return Ok(None);
        }
        Err(why) => return Err(why),
    };
    if let Some(tls) = options.tls {
        encryption.open_page(tls)?;
    }
    if let Some(address) = rtsps {
        match encryption.open_rtsps(address, admission.clone()) {
            Ok(()) => log::info!(
                "players come to the daemons of this machine by rtsps://{}/",
                shown(address)
            ),
            Err(why) if !chosen => {
                without(why);
                if options.tls.is_none() {
                    return Ok(None);
                }
            }
            Err(why) => return Err(why),
        }
    }
    log::info!("the certificate's fingerprint (SHA-256): {}", encryption.fingerprint());
    Ok(Some(encryption))
}

/// What a certificate of our making is for: the names and addresses that this machine has now.
fn certified(options: &Options) -> Made {
    let machine = machine::host_name();
    let own = [machine.clone(), format!("{machine}.local"), "localhost".to_owned()];
    let addresses = getifaddrs().into_iter().flatten().filter_map(|it| ip(&it.address?));
    let distinct = |all: &mut dyn Iterator<Item = String>| {
        let mut distinct = Vec::new();
        for name in all.filter(|name| !name.is_empty()) {
            if !distinct.contains(&name) && distinct.len() < NAMES_MAX {
                distinct.push(name);
            }
        }
        distinct
    };
    Made {
        names: distinct(&mut own.into_iter().chain(names(options, &machine))),
        addresses: distinct(&mut addresses.map(|address| address.to_string())),
    }
}

/// Tells a person where to look.
fn say_where(options: &Options) {
    if let Some(address) = options.tls {
        log::info!("pictures are at https://{}/", shown(address));
    }
    log::info!("pictures are at http://{}/", shown(options.listen));
}

/// The address that a browser on this network is given.
fn shown(address: SocketAddr) -> String {
    if address.ip().is_unspecified() {
        format!("{}:{}", machine::host_name(), address.port())
    } else {
        address.to_string()
    }
}
