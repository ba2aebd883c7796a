//! Makes settings from options and a configuration file, or one line that says what is wrong and
//! where.

use super::chosen::Settings;
use super::error::{Error, Table, Wrong, wrong};
use super::input::InputSettings;
use super::inputs::inputs;
use super::parse::{announce, destinations, named, number};
use super::tier::tiers;
use crate::capture::Wait;
use crate::options::StreamOptions;
use std::io::Read;
use std::path::Path;
use streamsocket_stream::send::bitrate::parse_rate;
use streamsocket_stream::send::pacer::Pace;
use streamsocket_stream::send::repair::Share;
use toml::de::{DeTable, DeValue};

/// Largest UDP payload that fits an Ethernet frame: 1500 less 20 bytes of IP and 8 of UDP.
const PACKET_SIZE_MAX: u16 = 1472;

/// The smallest packet that carries all headers of a frame and some data.
const PACKET_SIZE_MIN: u16 = 300;

/// Reads the configuration file that the options name, if any, and checks everything.
///
/// # Errors
/// One line that names the option or the file, the key and the line, and what is expected.
pub fn load(options: StreamOptions) -> Result<Settings, Error> {
    let Some(path) = options.config.clone() else { return merged(options) };
    let (file, text) = read(&path)?;
    // By itself first: what is wrong in it is told by its name.
    if let Err(Wrong { error: Error(message), table }) = check(file.clone()) {
        let message = message.trim_start_matches("--");
        let line = line_of(&text, message, table);
        let line = line.map_or_else(String::new, |it| format!(", line {it}"));
        return Err(Error(format!("configuration {}{line}: {message}", path.display())));
    }
    merged(options.or(file))
}

/// Checks options of the command line, and what they leave of a file.
fn merged(options: StreamOptions) -> Result<Settings, Error> {
    let tiers = options.tier.clone().unwrap_or_default();
    check(options).map_err(|Wrong { error: Error(message), table }| {
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

/// The line, from 1, that sets the key which a message begins with; of a table that does not set it the line
/// where it begins.
fn line_of(text: &str, message: &str, table: Option<Table>) -> Option<usize> {
    let key = message.split([' ', ':']).next()?;
    let root = DeTable::parse(text).ok()?;
    let at = match table {
        None => key_in(root.get_ref(), key)?,
        Some(table) => {
            let (name, index) = match table {
                Table::Track(index) => ("track", index),
                Table::Tier(index) => ("tier", index),
            };
            let (_, tables) = root.get_ref().iter().find(|(it, _)| it.get_ref() == name)?;
            let DeValue::Array(tables) = tables.get_ref() else { return None };
            let table = tables.get(index)?;
            let DeValue::Table(keys) = table.get_ref() else { return None };
            key_in(keys, key).unwrap_or(table.span().start)
        }
    };
    Some(line_at(text, at))
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

/// Reads a configuration file: what it says, and its text.
fn read(path: &Path) -> Result<(StreamOptions, String), Error> {
    let shown = path.display();
    let mut text = String::new();
    let read = std::fs::File::open(path)
        .and_then(|file| file.take(CONFIGURATION_MAX).read_to_string(&mut text));
    read.map_err(|error| Error(format!("configuration {shown} cannot be read: {error}")))?;
    let options = toml::from_str(&text).map_err(|error| {
        let line = line_at(&text, error.span().map_or(0, |span| span.start));
        let message = error.message().replace('\n', " ");
        let key = key_of(&text, line).filter(|key| !message.contains(&format!("`{key}`")));
        let key = key.map_or_else(String::new, |key| format!("{key}: "));
        Error(format!("configuration {shown}, line {line}: {key}{message}"))
    })?;
    Ok((options, text))
}

fn check(options: StreamOptions) -> Result<Settings, Wrong> {
    let (announce, announce_sound) = announce(options.announce.as_deref(), options.no_announce)?;
    let (inputs, idle) = inputs(&options)?;
    let pictures = matches!(inputs.first(), Some(InputSettings::Video(_)));
    let tiers = tiers(options.tier.as_deref().unwrap_or_default(), pictures)?;
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
        to: destinations(&options.to.unwrap_or_default())?,
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
        instance: named("instance", options.instance)?,
        sdp: options.sdp,
        announce,
        announce_sound,
        stats: options.stats,
    })
}
