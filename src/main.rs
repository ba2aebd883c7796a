//! The command: reads the options, then streams, or does what was asked for instead.

use clap::Parser;
use std::io::Write;
use std::process::ExitCode;
use streamsocket::capture::devices;
use streamsocket::clock::monotonic;
use streamsocket::control::{Answer, Request, client};
use streamsocket::options::{Command, CommandLine, StreamOptions};
use streamsocket::{daemon, settings, viewers};

/// What went wrong, and whose fault it is.
enum Failure {
    /// The command line or the configuration: exit code 2.
    Usage(String),
    /// Everything else: exit code 1.
    Run(String),
}

fn main() -> ExitCode {
    start_log();
    let line = CommandLine::parse();
    let result = match line.command {
        None => stream(line.stream),
        Some(Command::Devices) => list_devices(),
        Some(Command::Check(options)) => check(options.stream),
        Some(Command::Sdp(options)) => sdp(options.name.as_deref()),
        Some(Command::Status(options)) => status(options.control.name.as_deref(), options.json),
        Some(Command::Viewers(options)) => {
            list_viewers(options.control.name.as_deref(), options.json)
        }
        Some(Command::Stop(options)) => stop(options.name.as_deref()),
    };
    let (message, code) = match result {
        Ok(()) => return ExitCode::SUCCESS,
        Err(Failure::Usage(message)) => (message, 2),
        Err(Failure::Run(message)) => (message, 1),
    };
    log::error!("{message}");
    ExitCode::from(code)
}

/// One line a message, as a person reads it; RUST_LOG chooses what is said.
fn start_log() {
    let environment = env_logger::Env::default().default_filter_or("info");
    env_logger::Builder::from_env(environment)
        .format(|out, record| match record.level() {
            log::Level::Info => writeln!(out, "streamsocket: {}", record.args()),
            log::Level::Warn => writeln!(out, "streamsocket: warning: {}", record.args()),
            log::Level::Error => writeln!(out, "streamsocket: error: {}", record.args()),
            level => writeln!(out, "streamsocket: {level} {}: {}", record.target(), record.args()),
        })
        .init();
}

fn stream(options: StreamOptions) -> Result<(), Failure> {
    let settings = settings::load(options).map_err(|error| Failure::Usage(error.to_string()))?;
    let failed = |error: daemon::Error| Failure::Run(error.to_string());
    let mut daemon = daemon::start(&settings).map_err(failed)?;
    let result = daemon.run();
    for line in daemon.statistics(monotonic()).text().lines() {
        log::info!("{line}");
    }
    result.map_err(failed)
}

fn list_devices() -> Result<(), Failure> {
    let mut text = String::new();
    devices::write_listing(&mut text).map_err(|error| Failure::Run(error.to_string()))?;
    print(&text)
}

fn check(options: StreamOptions) -> Result<(), Failure> {
    let checked = settings::load(options).and_then(|settings| settings.verify());
    checked.map_err(|error| Failure::Usage(error.to_string()))?;
    print("the configuration is good\n")
}

fn sdp(name: Option<&str>) -> Result<(), Failure> {
    match client::ask(name, Request::Sdp).map_err(Failure::Run)? {
        Answer::Sdp(text) => print(&text),
        other => Err(unexpected(&other)),
    }
}

fn status(name: Option<&str>, json: bool) -> Result<(), Failure> {
    match client::ask(name, Request::Status).map_err(Failure::Run)? {
        Answer::Status(statistics) if json => {
            let text = serde_json::to_string(&statistics);
            let text = text.map_err(|error| Failure::Run(error.to_string()))?;
            print(&format!("{text}\n"))
        }
        Answer::Status(statistics) => print(&statistics.text()),
        other => Err(unexpected(&other)),
    }
}

fn list_viewers(name: Option<&str>, json: bool) -> Result<(), Failure> {
    let statistics = match client::ask(name, Request::Status).map_err(Failure::Run)? {
        Answer::Status(statistics) => statistics,
        other => return Err(unexpected(&other)),
    };
    if json {
        let text = serde_json::to_string(&statistics.viewer_list);
        let text = text.map_err(|error| Failure::Run(error.to_string()))?;
        return print(&format!("{text}\n"));
    }
    print(&viewers::text(&statistics.viewer_list, statistics.viewers))
}

fn stop(name: Option<&str>) -> Result<(), Failure> {
    match client::ask(name, Request::Stop).map_err(Failure::Run)? {
        Answer::Stopping(_) => print("stopping\n"),
        other => Err(unexpected(&other)),
    }
}

fn unexpected(answer: &Answer) -> Failure {
    Failure::Run(format!("the daemon answers something else: {answer:?}"))
}

/// To standard output; that nobody reads it any more is no error.
fn print(text: &str) -> Result<(), Failure> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::Run(format!("standard output: {error}")))
        }
        _ => Ok(()),
    }
}
