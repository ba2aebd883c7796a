//! The command: finds the session that is meant, then plays it.

use crate::options::Options;
use crate::player::{self, Played, Signals, What};
use crate::statistics::Statistics;
use clap::Parser;
use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;
use streamsocket_journal::logger;
use streamsocket_media::clock::Monotonic;
use streamsocket_net::{Interface, machine};
use streamsocket_srtp::stored_keys;
use streamsocket_subscribe::clock::monotonic;
use streamsocket_subscribe::key_file;
use streamsocket_subscribe::locate::{self, News, Wanted};
use streamsocket_subscribe::plan::{Error, Plan};

/// Does what the command line says.
#[must_use]
pub fn run() -> ExitCode {
    let _journal = logger::start("receiver", true, machine::monotonic_nanos);
    let options = Options::parse();
    match play(options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            log::error!("{message}");
            ExitCode::FAILURE
        }
    }
}

fn play(mut options: Options) -> Result<(), String> {
    let interface = match &options.interface {
        Some(name) => Some(Interface::named(name).map_err(|error| error.to_string())?),
        None => Interface::default_route(),
    };
    if options.list {
        return list(interface.as_ref());
    }
    let keys = key_file::open(options.key_file.as_deref(), stored_keys::of_user())?;
    let end = options.duration.map(|duration: Duration| monotonic() + duration);
    if let Some(room) = &options.room {
        let signals = Signals::watch()?;
        let what = What::Room(room);
        return say(player::play(&options, what, interface.as_ref(), &keys, signals)?);
    }
    let mut signals = None;
    loop {
        let Some(plan) = located(&options, interface.as_ref(), end, signals.as_ref())? else {
            return Ok(());
        };
        let signals = match &signals {
            Some(signals) => Signals::clone(signals),
            None => signals.insert(Signals::watch()?).clone(),
        };
        let what = What::Session(&plan);
        match player::play(&options, what, interface.as_ref(), &keys, signals)? {
            enough @ Played::Enough(_) => return say(enough),
            Played::Changed => options.duration = end.map(|end| end.since(monotonic())),
        }
    }
}

/// Sums up what was played.
fn say(played: Played) -> Result<(), String> {
    if let Played::Enough(all) = played {
        let text = all.iter().map(Statistics::text).collect::<String>();
        text.lines().for_each(|line| log::info!("{line}"));
    }
    Ok(())
}

/// The plan for the session that is meant; `None` if a signal comes before it is there.
fn located(
    options: &Options,
    interface: Option<&Interface>,
    end: Option<Monotonic>,
    signals: Option<&Signals>,
) -> Result<Option<Plan>, String> {
    let mut has_signal = false;
    let enough = |now| {
        has_signal = signals.is_some_and(Signals::has_come);
        has_signal || end.is_some_and(|end| now >= end)
    };
    let wanted = Wanted {
        source: options.source.as_deref(),
        tier: options.only_tier(),
        only_from: options.only_from,
    };
    let located = locate::locate(wanted, interface, enough);
    let plan = located.map_err(|error| error.to_string())?;
    let Some(mut plan) = plan else {
        if has_signal {
            return Ok(None);
        }
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
    Ok(Some(plan))
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
