//! The command: finds the session that is meant, then plays it.

use crate::options::Options;
use crate::player;
use clap::Parser;
use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;
use streamsocket_journal::logger;
use streamsocket_net::{Interface, machine};
use streamsocket_subscribe::clock::monotonic;
use streamsocket_subscribe::locate::{self, News, Wanted};
use streamsocket_subscribe::plan::Error;

/// Does what the command line says.
#[must_use]
pub fn run() -> ExitCode {
    let _journal = logger::start("receiver", true, machine::monotonic_nanos);
    let options = Options::parse();
    match play(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            log::error!("{message}");
            ExitCode::FAILURE
        }
    }
}

fn play(options: &Options) -> Result<(), String> {
    let interface = match &options.interface {
        Some(name) => Some(Interface::named(name).map_err(|error| error.to_string())?),
        None => Interface::default_route(),
    };
    if options.list {
        return list(interface.as_ref());
    }
    let end = options.duration.map(|duration: Duration| monotonic() + duration);
    let enough = |now| end.is_some_and(|end| now >= end);
    let wanted = Wanted {
        source: options.source.as_deref(),
        tier: options.tier.as_deref(),
        only_from: options.only_from,
    };
    let located = locate::locate(wanted, interface.as_ref(), enough);
    let plan = located.map_err(|error| error.to_string())?;
    let Some(mut plan) = plan else {
        return Err(
            "no session was announced in that time that anything comes from; name an SDP file or \
             rtp://ADDRESS:PORT"
                .into(),
        );
    };
    for left_out in &plan.left_out {
        log::warn!("{left_out}");
    }
    if options.no_repair {
        plan.leave_repair();
    }
    let statistics = player::play(options, &plan, interface.as_ref())?;
    for line in statistics.text().lines() {
        log::info!("{line}");
    }
    Ok(())
}

fn list(interface: Option<&Interface>) -> Result<(), String> {
    log::info!("listening for announcements");
    let mut any = false;
    let listed = locate::list(interface, &mut |news| match news {
        News::Announced(session) => {
            any = true;
            let written = writeln!(std::io::stdout(), "{session}");
            written.map_err(|error| Error(format!("standard output: {error}")))
        }
        News::Gone(name) => {
            log::info!("'{name}' has ended");
            Ok(())
        }
    });
    listed.map_err(|error| error.to_string())?;
    if !any {
        log::info!("no session is announced on this network");
    }
    Ok(())
}
