//! Any number of viewers of a session by HLS, as players are to those who serve it: what they ask for, how often, over which
//! connections, and what they do when something fails. They decode nothing. `docs/delivery.md` says what they are for.
//!
//! The last line is JSON with what they met.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it measures, and says so or ends")]

mod dns;
mod figures;
mod line;
mod place;
mod playlist;
mod processes;
mod tls;
mod track;
mod viewer;

use clap::Parser;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use place::{Place, Resolved};
use processes::{Watched, idle_seconds, own_seconds};
use serde_json::{Value, json};
use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;
use streamsocket_tests::board::{monotonic, unix_offset};
use tokio::task::LocalSet;
use tokio::time::sleep;
use viewer::{Crowd, watch};

/// So many viewers begin in a second: more would be a load of another kind, that of their handshakes.
const A_SECOND: f64 = 100.0;

/// From when on they are all in step with what is live.
const SETTLED: Duration = Duration::from_secs(3);

/// Simulated viewers of a live session
#[derive(Debug, Parser)]
#[command(name = "viewers")]
struct Options {
    /// The session's multivariant playlist
    #[arg(long, value_name = "https://HOST/NAME/live.m3u8", value_parser = Place::parse)]
    url: Place,
    /// How many watch
    #[arg(long, value_name = "N", default_value_t = 1)]
    viewers: usize,
    /// For how long is measured, once all have begun
    #[arg(long, value_name = "SECONDS", default_value_t = 10.0)]
    seconds: f64,
    /// Who answers for a name, as curl's option has it; several addresses are shared by the viewers
    #[arg(long, value_name = "HOST:PORT:ADDR[,ADDR]", value_parser = Resolved::parse)]
    resolve: Vec<Resolved>,
    /// Ask this server for addresses, as often as its answers have it; the next one if it does not answer
    #[arg(long, value_name = "ADDR:PORT")]
    dns: Vec<SocketAddr>,
    /// Take any certificate
    #[arg(long)]
    insecure: bool,
    /// Trust the certificates in this file
    #[arg(long, value_name = "FILE")]
    cacert: Option<PathBuf>,
    /// HTTP/1.1 even where HTTP/2 is offered
    #[arg(long)]
    http1: bool,
    /// The quality whose address begins like this [default: the one with the fewest bits]
    #[arg(long, value_name = "NAME")]
    tier: Option<String>,
    /// Without low latency: whole segments
    #[arg(long)]
    plain: bool,
    /// What this program, and all that it has started, costs meanwhile; can be repeated
    #[arg(long, value_name = "NAME=PID", value_parser = Watched::parse)]
    cost: Vec<Watched>,
}

fn main() -> ExitCode {
    match run(Options::parse()) {
        Ok(figures) => {
            println!("{figures}");
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("viewers: {why}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: Options) -> Result<Value, String> {
    allow_descriptors()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("the event loop: {error}"))?;
    let server = server(&options)?;
    Ok(LocalSet::new().block_on(&runtime, measured(options, server)))
}

/// A viewer has up to four connections.
fn allow_descriptors() -> Result<(), String> {
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).map_err(|error| error.to_string())?;
    setrlimit(Resource::RLIMIT_NOFILE, most, most)
        .map_err(|error| format!("more descriptors: {error}"))
}

fn server(options: &Options) -> Result<line::Server, String> {
    let place = options.url.clone();
    let mut addresses: Vec<_> = options.resolve.iter().flat_map(|it| it.of(&place)).collect();
    addresses.extend(place.address().filter(|_| addresses.is_empty()));
    if addresses.is_empty() && options.dns.is_empty() {
        let host = &place.host;
        return Err(format!("{host} is a name: say by --resolve or --dns where it is"));
    }
    if place.tls && !options.insecure && options.cacert.is_none() {
        return Err("whose certificate is good? Say it by --cacert or --insecure".to_owned());
    }
    let tls = place.tls.then(|| tls::configuration(options.cacert.as_deref(), options.http1));
    Ok(line::Server {
        tls: tls.transpose()?,
        place,
        addresses,
        dns: options.dns.clone(),
        unix_offset: unix_offset(),
        connections: Cell::new(0),
    })
}

/// All viewers, and what they met while it was measured.
#[expect(clippy::cast_precision_loss, reason = "viewers")]
async fn measured(options: Options, server: line::Server) -> Value {
    let crowd = Rc::new(Crowd {
        server: Rc::new(server),
        plain: options.plain,
        tier: options.tier,
        figures: RefCell::default(),
        tracks: RefCell::default(),
        measuring: Cell::new(false),
    });
    for number in 0..options.viewers {
        tokio::task::spawn_local(watch(Rc::clone(&crowd), number));
        sleep(Duration::from_secs_f64(1.0 / A_SECOND)).await;
    }
    sleep(SETTLED).await;
    eprintln!("viewers: all {} have begun", options.viewers);
    let costs = || -> Vec<f64> {
        let of_others = options.cost.iter().map(Watched::seconds);
        std::iter::once(own_seconds()).chain(of_others).collect()
    };
    let (begun, before, idle) = (monotonic(), costs(), idle_seconds());
    crowd.measuring.set(true);
    sleep(Duration::from_secs_f64(options.seconds)).await;
    crowd.measuring.set(false);
    crowd.close();
    let (seconds, after) = ((monotonic() - begun) as f64 / 1e9, costs());
    let faults = crowd.faults();
    let mut figures = crowd.figures.borrow_mut();
    figures.connections = crowd.server.connections.get();
    let mut said = figures.said(faults);
    let names = std::iter::once("viewers").chain(options.cost.iter().map(|it| it.name.as_str()));
    let costs = names.zip(before.iter().zip(&after));
    said["cores"] =
        costs.map(|(name, (before, after))| (name, (after - before) / seconds)).collect();
    let memory = options.cost.iter().map(|it| (it.name.as_str(), it.megabytes()));
    said["megabytes"] = memory.collect();
    said["idle_cores"] = json!((idle_seconds() - idle) / seconds);
    said["viewers"] = json!(options.viewers);
    said["seconds"] = json!(seconds);
    said
}
