//! The command: receives what is named, and serves it until a signal comes.

use crate::configuration;
use crate::marks::Marks;
use crate::options::{Options, Task};
use crate::receiving::Receiving;
use crate::routes::{Site, refusing, routes};
use crate::secret::Password;
use crate::session::Sessions;
use crate::storage::Keep;
use crate::stored::Reader;
use crate::tier::Encoding;
use crate::token::Tokens;
use std::io::Write;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use streamsocket_archive::{Archive, BucketAddress, Place, Retention};
use streamsocket_cmaf::grid::Grid;
use streamsocket_journal::logger;
use streamsocket_media::clock::Wall;
use streamsocket_net::machine::unix_nanos;
use streamsocket_net::{Interface, machine};
use streamsocket_srtp::stored_keys;
use streamsocket_subscribe::key_file;
use streamsocket_web::admission::Admission;
use streamsocket_web::guard::{Guard, Names};
use streamsocket_web::program::{end, run as run_on_one_thread};
use streamsocket_web::server::{Server, listen};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

/// Segments that a live playlist lists: 20 s, within which a viewer may pause.
const KEPT: u32 = 10;

/// How often what is no longer kept is removed.
const RETAINED: Duration = Duration::from_secs(60);

/// What those hear who are too far away.
const TOO_FAR: &str = "only this machine's own networks are served: see --allow and --token-file";

/// Does what the command line says.
#[must_use]
pub fn run() -> ExitCode {
    let _journal = logger::start("origin", false, machine::monotonic_nanos);
    let options = match configuration::begin() {
        Ok(options) => options,
        Err(status) => return status,
    };
    if let Some(Task::Token { name, valid, base, token_file }) = &options.task {
        return end(Tokens::read_or_make(token_file).and_then(|tokens| {
            let expires =
                unix_nanos() / 1_000_000_000 + i64::try_from(valid.as_secs()).unwrap_or(0);
            let path = tokens.path(name, u64::try_from(expires).unwrap_or(0));
            writeln!(std::io::stdout(), "{}{path}", base.trim_end_matches('/'))
                .map_err(|error| format!("standard output: {error}"))
        }));
    }
    run_on_one_thread(origin(&options))
}

async fn origin(options: &Options) -> Result<(), String> {
    if options.source.is_empty() && options.store.is_none() {
        return Err("nothing is named to be received: give the name of a session, an rtsp:// address or room:NAME"
            .to_owned());
    }
    let interface = match &options.interface {
        Some(name) => Some(Interface::named(name).map_err(|error| error.to_string())?),
        None => Interface::default_route(),
    };
    let grid = Grid::new(options.segment, options.part).map_err(|error| error.to_string())?;
    let tokens = options.token_file.as_deref().map(Tokens::read).transpose()?;
    let password = options.password_file.as_deref().map(Password::read).transpose()?;
    let keys = key_file::open(options.key_file.as_deref(), Some(stored_keys::OF_MACHINE.into()))?;
    let archive = options.store.clone().map(|store| {
        let retention = Retention { age: options.keep, bytes: options.keep_bytes };
        Archive::open_with(place(options, store), retention, options.segment)
            .map_err(|error| format!("--store: {error}"))
    });
    let archive = archive.transpose()?;
    let listener = listen("--listen", options.listen)?;
    let sessions = Sessions::default();
    let site = Site {
        sessions: sessions.clone(),
        grid,
        archive: archive.clone(),
        reader: archive.clone().map(|archive| Reader::new(archive, grid)),
        marks: Arc::new(Marks::new(password, options.pre_roll)),
    };
    let server = server(options, site, tokens);
    let (failed, mut failures) = mpsc::unbounded_channel();
    let keep = if options.marked_only { Keep::Marked(options.pre_roll) } else { Keep::All };
    let encoding = Encoding { backend: options.encoder, grid, kept: KEPT };
    let stored = archive.clone().map(|archive| (archive, keep));
    let receiving = Receiving { sessions, interface, keys, encoding, archive: stored, failed };
    begin(&receiving, &options.source)?;
    log::info!("the page is at http://{}/", shown(options.listen));
    let caught = |kind| signal(kind).map_err(|error| format!("signals cannot be caught: {error}"));
    let (mut interrupted, mut terminated) =
        (caught(SignalKind::interrupt())?, caught(SignalKind::terminate())?);
    tokio::select! {
        Some(why) = failures.recv() => Err(why),
        _ = interrupted.recv() => Ok(()),
        _ = terminated.recv() => Ok(()),
        () = server.serve(&listener, None) => Ok(()),
        () = receiving.tick() => Ok(()),
        () = retain(archive) => Ok(()),
    }
}

fn begin(receiving: &Receiving, sources: &[String]) -> Result<(), String> {
    for source in sources {
        if let Some(room) = source.strip_prefix("room:") {
            receiving.begin_room(room.to_owned())?;
            continue;
        }
        let (name, source) = match source.split_once('=') {
            // What stands in an address belongs to it.
            Some((name, of)) if !name.contains([':', '/']) && !name.is_empty() => (Some(name), of),
            _ => (None, &**source),
        };
        receiving.begin_named(source.to_owned(), name.map(str::to_owned))?;
    }
    Ok(())
}

/// Removes what is no longer kept, for as long as the program runs.
async fn retain(archive: Option<Archive>) {
    let Some(archive) = archive else { return std::future::pending().await };
    let mut ticks = tokio::time::interval(RETAINED);
    loop {
        ticks.tick().await;
        let archive = archive.clone();
        let retained =
            tokio::task::spawn_blocking(move || archive.retain(Wall(unix_nanos()))).await;
        if let Ok(Err(error)) = retained {
            log::warn!("--store: {error}");
        }
    }
}

/// Where what is received is stored.
fn place(options: &Options, store: String) -> Place {
    if !store.starts_with("s3://") {
        return Place::Local(store.into());
    }
    let address = BucketAddress {
        url: store,
        endpoint: options.s3_endpoint.clone(),
        region: options.s3_region.clone(),
        allow_http: options.s3_allow_http,
    };
    Place::Bucket { address, spool: options.spool.clone(), spool_bytes: options.spool_bytes }
}

fn server(options: &Options, site: Site, tokens: Option<Tokens>) -> Server {
    let everybody = options.allow.iter().any(|network| network.prefix_len() == 0);
    let admission = Admission::new(tokens.is_some(), &options.allow, &options.proxy);
    let guard = Guard {
        names: Names::new(&machine::host_name(), &options.host),
        admission: admission.clone(),
        origins: options.allow_origin.clone().into(),
        // What everybody may watch, or whoever has a link, any page may show.
        open: options.allow_origin.is_empty() && (tokens.is_some() || everybody),
        redirect: None,
    };
    Server::new(routes(site, guard, tokens), refusing(TOO_FAR), admission)
}

/// The address that a browser on this network is given.
fn shown(address: SocketAddr) -> String {
    if address.ip().is_unspecified() {
        format!("{}:{}", machine::host_name(), address.port())
    } else {
        address.to_string()
    }
}
