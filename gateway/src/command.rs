//! The command: receives what is named, and serves it until a signal comes.

use crate::guard::Names;
use crate::login::Logins;
use crate::options::{Options, Task};
use crate::password::{self, Secret};
use crate::receiving::Receiving;
use crate::server::{listen, serve};
use crate::sessions::Sessions;
use clap::Parser;
use std::process::ExitCode;
use streamsocket_journal::logger;
use streamsocket_net::{Interface, machine};
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

/// Does what the command line says.
#[must_use]
pub fn run() -> ExitCode {
    let _journal = logger::start("gateway", false, machine::monotonic_nanos);
    let options = Options::parse();
    if let Some(Task::Password { file }) = &options.task {
        return ended(password::ask(file));
    }
    let runtime = Builder::new_current_thread().enable_all().build();
    let result = runtime
        .map_err(|error| format!("the event loop cannot be set up: {error}"))
        .and_then(|runtime| runtime.block_on(gateway(&options)));
    ended(result)
}

fn ended(result: Result<(), String>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            log::error!("{message}");
            ExitCode::FAILURE
        }
    }
}

async fn gateway(options: &Options) -> Result<(), String> {
    let interface = match &options.interface {
        Some(name) => Some(Interface::named(name).map_err(|error| error.to_string())?),
        None => Interface::default_route(),
    };
    let secret = options.password_file.as_deref().map(Secret::read).transpose()?;
    if secret.is_some() {
        log::warn!(
            "the password is sent unencrypted: anyone who can listen on this network can read it"
        );
    }
    let logins = secret.map(Logins::new).transpose()?;
    let listener = listen(options.listen)?;
    log::info!("pictures are at http://{}/", shown(options));
    let names = Names::new(&machine::host_name(), &options.hosts);
    let sessions = Sessions::default();
    let (failed, mut failures) = mpsc::unbounded_channel();
    let receiving = Receiving { sessions: sessions.clone(), interface, failed };
    for (place, source) in options.sources.iter().enumerate() {
        receiving.begin_named(place, source.clone())?;
    }
    if options.sources.is_empty() {
        receiving.begin_announced()?;
    }
    let caught = |kind| signal(kind).map_err(|error| format!("signals cannot be caught: {error}"));
    let (mut interrupted, mut terminated) =
        (caught(SignalKind::interrupt())?, caught(SignalKind::terminate())?);
    tokio::select! {
        Some(why) = failures.recv() => Err(why),
        _ = interrupted.recv() => Ok(()),
        _ = terminated.recv() => Ok(()),
        () = serve(listener, sessions, names, logins) => Ok(()),
    }
}

/// The address that a browser on this network is given.
fn shown(options: &Options) -> String {
    let address = options.listen;
    if address.ip().is_unspecified() {
        format!("{}:{}", machine::host_name(), address.port())
    } else {
        address.to_string()
    }
}
