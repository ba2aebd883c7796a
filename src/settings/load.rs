//! Makes settings from options and a configuration file, or one line that says what is wrong and
//! where.

use super::chosen::Settings;
use super::error::{Error, Table, Wrong, wrong};
use super::file::{self, Mistake};
use super::inputs::inputs;
use super::parse::{announce, destinations, named, number};
use super::protection::{KeysRead, protection};
use super::serving::serving;
use super::tier::tiers;
use crate::capture::Wait;
use crate::options::StreamOptions;
use std::io::Read;
use std::path::Path;
use streamsocket_stream::send::bitrate::parse_rate;
use streamsocket_stream::send::pacer::Pace;
use streamsocket_stream::send::repair::Share;
use toml::de::DeTable;

/// Largest UDP payload that fits an Ethernet frame: 1500 less 20 bytes of IP and 8 of UDP.
const PACKET_SIZE_MAX: u16 = 1472;

/// The smallest packet that carries all headers of a frame and some data.
const PACKET_SIZE_MIN: u16 = 300;

/// Reads the configuration file that the options name, if any, and checks everything.
///
/// # Errors
/// One line that names the option or the file, the key and the line, and what is expected.
pub fn load(options: StreamOptions) -> Result<Settings, Error> {
    let mut keys = KeysRead::default();
    let Some(path) = options.config.clone() else {
        return merged(options.overridden(), &mut keys);
    };
    let text = read(&path)?;
    let told = |at: Option<usize>, message: &str| {
        let line = at.map_or_else(String::new, |at| format!(", line {}", line_at(&text, at)));
        Error(format!("configuration {}{line}: {message}", path.display()))
    };
    let root = DeTable::parse(&text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        told(Some(at), &unreadable(&text, at, error.message()))
    })?;
    let root = root.get_ref();
    let file = file::options(root).map_err(|Mistake { at, message }| told(Some(at), &message))?;
    // By itself first: what is wrong in it is told by its name. The suite may be for a key of the command line's.
    let suite = file.suite.clone().filter(|_| options.key_file.is_none());
    let alone = StreamOptions { suite, ..file.clone() };
    if let Err(Wrong { error: Error(message), table }) = check(alone, &mut keys) {
        let message = message.trim_start_matches("--");
        return Err(told(place_of(root, message, table), message));
    }
    merged(options.or(file).overridden(), &mut keys)
}

/// Checks options of the command line, and what they leave of a file.
fn merged(options: StreamOptions, keys: &mut KeysRead) -> Result<Settings, Error> {
    let tiers = options.tier.clone().unwrap_or_default();
    check(options, keys).map_err(|Wrong { error: Error(message), table }| {
        let tier = match table {
            Some(Table::Tier(index)) => tiers.get(index).and_then(|tier| tier.name.as_ref()),
            _ => None,
        };
        let message = match tier {
            Some(name) => format!("--tier {name}: {}", message.trim_start_matches("--")),
            None => message,
        };
        Error(message)
    })
}

/// Where the key is set that a message begins with, in bytes; of a table that does not set it, where that begins.
fn place_of(root: &DeTable<'_>, message: &str, table: Option<Table>) -> Option<usize> {
    let key = message.split([' ', ':']).next()?;
    let (name, index) = match table {
        None => return key_in(root, key),
        Some(Table::Track(index)) => ("track", index),
        Some(Table::Tier(index)) => ("tier", index),
    };
    let table = root.get(name)?.get_ref().as_array()?.get(index)?;
    Some(key_in(table.get_ref().as_table()?, key).unwrap_or(table.span().start))
}

/// Where a table sets a key, in bytes.
fn key_in(table: &DeTable<'_>, key: &str) -> Option<usize> {
    table.iter().find(|(it, _)| it.get_ref() == key).map(|(it, _)| it.span().start)
}

/// The line, from 1, that has this byte.
fn line_at(text: &str, at: usize) -> usize {
    text.get(..at).unwrap_or_default().matches('\n').count() + 1
}

/// The key that a line, from 1, says something of: its own, or, within a list of several lines, the last one
/// before.
fn key_of(text: &str, line: usize) -> Option<&str> {
    let lines: Vec<_> = text.lines().take(line).collect();
    lines.into_iter().rev().find_map(|line| {
        let key = line.split_once('=')?.0.trim();
        let inner = |quote| key.strip_prefix(quote)?.strip_suffix(quote);
        let key = inner('"').or_else(|| inner('\'')).unwrap_or(key);
        let bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        (!key.is_empty() && key.chars().all(bare)).then_some(key)
    })
}

/// Bytes of a configuration that are read: all options are set in a kilobyte.
const CONFIGURATION_MAX: u64 = 1 << 20;

/// Reads a configuration file.
fn read(path: &Path) -> Result<String, Error> {
    let mut text = String::new();
    let read = std::fs::File::open(path)
        .and_then(|file| file.take(CONFIGURATION_MAX).read_to_string(&mut text));
    let failed = |error| Error(format!("configuration {} cannot be read: {error}", path.display()));
    read.map_err(failed).map(|_| text)
}

/// What is said of a text that is no TOML, from this byte on.
fn unreadable(text: &str, at: usize, message: &str) -> String {
    let message = message.replace('\n', " ");
    match key_of(text, line_at(text, at)).filter(|key| !message.contains(&format!("`{key}`"))) {
        Some(key) => format!("{key}: {message}"),
        None => message,
    }
}

fn check(options: StreamOptions, keys: &mut KeysRead) -> Result<Settings, Wrong> {
    let (announce, announce_sound) = announce(options.announce.as_deref(), options.no_announce)?;
    let (inputs, idle) = inputs(&options)?;
    let serving = serving(&options)?;
    let protection = protection(&options, keys)?;
    let (to, relay) = destinations(&options.to.unwrap_or_default())?;
    if relay.is_some() && protection.is_some() {
        let sealed = "--key-file: a relay takes nothing that is protected (SRTP); leave it out, or --to rtsp://";
        return Err(Error(sealed.into()).into());
    }
    let tiers = tiers(options.tier.as_deref().unwrap_or_default(), &inputs)?;
    Ok(Settings {
        inputs,
        tiers,
        idle,
        wait: match options.wait {
            None => Wait::Busy,
            Some(true) => Wait::Always,
            Some(false) => Wait::Never,
        },
        looped: options.looped.unwrap_or(false),
        to,
        relay,
        interface: options.interface,
        ttl: options.ttl.map_or(Ok(1), |ttl| number("ttl", &ttl.0, 1, 255))?,
        packet_size: options
            .packet_size
            .map_or(Ok(1400), |size| {
                number("packet-size", &size.0, PACKET_SIZE_MIN, PACKET_SIZE_MAX)
            })?
            .into(),
        pace: options.pace.map_or(Ok(Pace::default()), |pace| {
            pace.0.parse().map_err(|error| wrong("pace", &pace.0, error))
        })?,
        repair: options.repair.map_or(Ok(Share::default()), |share| {
            share.0.parse().map_err(|error| wrong("repair", &share.0, error))
        })?,
        max_bitrate: options
            .max_bitrate
            .map(|rate| parse_rate(&rate.0).map_err(|error| wrong("max-bitrate", &rate.0, error)))
            .transpose()?,
        name: named("name", options.name.or_else(|| options.instance.clone()))?,
        room: named("room", options.room)?,
        instance: named("instance", options.instance)?,
        sdp: options.sdp,
        announce,
        announce_sound,
        stats: options.stats,
        serving,
        protection,
    })
}
