//! The command: reads the options, then streams, or does what was asked for instead.

use crate::capture::devices;
use crate::clock::monotonic;
use crate::options::{
    Command, CommandLine, KeyOptions, KeyOrder, SdpOptions, StatusOptions, StreamOptions,
    UserOptions, UserOrder,
};
use crate::trial::{self, Findings, Service};
use crate::{beside, daemon, keys, settings, users};
use clap::Parser;
use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::time::Duration;
use streamsocket_control::{Answer, Command as Ask, Request, client};
use streamsocket_journal::logger;
use streamsocket_net::machine;

/// A camera or a child that needs longer to be closed at the end is left to the kernel.
const CLOSING: Duration = Duration::from_millis(200);

/// What is said of what a daemon has done, where it changed something and where it did not.
const RELOADED: [&str; 2] =
    ["the changed configuration is applied\n", "the configuration is the same as before\n"];
const PAUSED: [&str; 2] = ["paused; 'streamsocket resume' goes on\n", "it is paused already\n"];
const RESUMED: [&str; 2] = ["it goes on\n", "it is not paused\n"];

/// What went wrong, and whose fault it is.
enum Failure {
    /// The command line or the configuration: exit code 2.
    Usage(String),
    /// Everything else: exit code 1.
    Run(String),
}

/// Does what the command line says, and returns how that went.
#[must_use]
pub fn run() -> ExitCode {
    let _journal = logger::start("streamsocket", false, machine::monotonic_nanos);
    let line = CommandLine::parse();
    let result = match line.command {
        None => stream(line.stream),
        Some(Command::Devices) => list_devices(),
        Some(Command::Check(options)) => check(options.stream),
        Some(Command::Sdp(options)) => sdp(&options),
        Some(Command::Status(options)) => figures(&options, Ask::Status),
        Some(Command::Viewers(options)) => figures(&options, Ask::Viewers),
        Some(Command::Reload(options)) => order(&options, Ask::Reload, RELOADED),
        Some(Command::Pause(options)) => order(&options, Ask::Pause, PAUSED),
        Some(Command::Resume(options)) => order(&options, Ask::Resume, RESUMED),
        Some(Command::Stop(options)) => stop(&options),
        Some(Command::User(options)) => user(&options),
        Some(Command::Key(options)) => key(&options),
    };
    let (message, code) = match result {
        Ok(()) => return ExitCode::SUCCESS,
        Err(Failure::Usage(message)) => (message, 2),
        Err(Failure::Run(message)) => (message, 1),
    };
    log::error!("{message}");
    ExitCode::from(code)
}

fn stream(options: StreamOptions) -> Result<(), Failure> {
    let settings =
        settings::load(options.clone()).map_err(|error| Failure::Usage(error.to_string()))?;
    let failed = |error: daemon::Error| Failure::Run(error.to_string());
    let Some(mut daemon) = daemon::start(&settings, options).map_err(failed)? else {
        return Ok(());
    };
    let result = daemon.run();
    for line in daemon.statistics(monotonic()).text().lines() {
        log::info!("{line}");
    }
    drop(daemon);
    beside::settle(CLOSING);
    result.map_err(failed)
}

fn list_devices() -> Result<(), Failure> {
    let mut text = String::new();
    devices::write_listing(&mut text).map_err(|error| Failure::Run(error.to_string()))?;
    print(&text)
}

fn check(options: StreamOptions) -> Result<(), Failure> {
    let service = options.config.as_deref().and_then(Service::of);
    // The unit says --wait.
    let wait = options.wait.or(service.as_ref().map(|_| true));
    let settings = settings::load(StreamOptions { wait, ..options })
        .map_err(|error| Failure::Usage(error.to_string()))?;
    let Findings { mut wrong, warnings } = trial::try_all(&settings, service.as_ref())
        .map_err(|error| Failure::Run(error.to_string()))?;
    for line in warnings {
        log::warn!("{line}");
    }
    let last = wrong.pop();
    for line in wrong {
        log::error!("{line}");
    }
    last.map_or_else(|| print("the configuration is good\n"), |line| Err(Failure::Run(line)))
}

/// Asks the daemon that is meant.
fn ask(options: &StatusOptions, request: &Request) -> Result<Answer, Failure> {
    client::ask(options.control.name.as_deref(), request).map_err(Failure::Run)
}

fn sdp(options: &SdpOptions) -> Result<(), Failure> {
    let SdpOptions { status, tier } = options;
    match ask(status, &Request { tier: tier.clone(), ..Ask::Sdp.into() })? {
        Answer::Sdp(text) if status.json => print_json(&serde_json::json!({ "sdp": text })),
        Answer::Sdp(text) => print(&text),
        other => Err(unexpected(&other)),
    }
}

/// Statistics, or viewers.
fn figures(options: &StatusOptions, command: Ask) -> Result<(), Failure> {
    let answer = ask(options, &Request { text: !options.json, ..command.into() })?;
    match (command, answer) {
        (Ask::Status, Answer::Status(figures)) | (Ask::Viewers, Answer::Viewers(figures))
            if options.json =>
        {
            print_json(&figures)
        }
        (_, Answer::Text(text)) if !options.json => print(&text),
        (_, other) => Err(unexpected(&other)),
    }
}

/// Has a daemon do something, and says whether that changed anything.
fn order(options: &StatusOptions, command: Ask, [changed, same]: [&str; 2]) -> Result<(), Failure> {
    match ask(options, &command.into())? {
        Answer::Reloaded(it) | Answer::Paused(it) | Answer::Resumed(it) if options.json => {
            print_json(&serde_json::json!({ "changed": it }))
        }
        Answer::Reloaded(it) | Answer::Paused(it) | Answer::Resumed(it) => {
            print(if it { changed } else { same })
        }
        other => Err(unexpected(&other)),
    }
}

fn stop(options: &StatusOptions) -> Result<(), Failure> {
    match ask(options, &Ask::Stop.into())? {
        Answer::Stopping(stopping) if options.json => {
            print_json(&serde_json::json!({ "stopping": stopping }))
        }
        Answer::Stopping(_) => print("stopping\n"),
        other => Err(unexpected(&other)),
    }
}

fn user(options: &UserOptions) -> Result<(), Failure> {
    let path = users::file(options.users.as_deref());
    let done = match &options.order {
        UserOrder::Add { name } => users::add(path, name),
        UserOrder::Remove { name } => users::remove(path, name),
        UserOrder::List => users::list(path),
    };
    print(&done.map_err(Failure::Run)?)
}

fn key(options: &KeyOptions) -> Result<(), Failure> {
    let for_terminal = std::io::stdout().is_terminal();
    let text = match &options.order {
        KeyOrder::New { file } => keys::make_new(file.as_deref(), for_terminal),
        KeyOrder::Show { file } => keys::show(file.as_deref(), for_terminal),
    };
    print_as_it_is(&text.map_err(Failure::Run)?)
}

/// One JSON object on a line.
fn print_json(value: &impl serde::Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string(value).map_err(|error| Failure::Run(error.to_string()))?;
    print(&format!("{text}\n"))
}

fn unexpected(answer: &Answer) -> Failure {
    Failure::Run(format!("the daemon answers something else: {answer:?}"))
}

/// To standard output; that nobody reads it any more is no error. What a daemon or a device calls itself
/// goes to a terminal, which obeys control characters.
fn print(text: &str) -> Result<(), Failure> {
    let obeyed = |it: char| it.is_control() && !matches!(it, '\n' | '\r' | '\t');
    print_as_it_is(&text.replace(obeyed, "?"))
}

fn print_as_it_is(text: &str) -> Result<(), Failure> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::Run(format!("standard output: {error}")))
        }
        _ => Ok(()),
    }
}
