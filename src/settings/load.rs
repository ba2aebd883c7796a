//! Makes settings of options and a configuration file, or one line that says what is wrong and
//! where.

use super::choice::Wait;
use super::chosen::Settings;
use super::error::{Error, wrong};
use super::inputs::inputs;
use super::parse::{announce, destinations, named, number};
use crate::options::StreamOptions;
use std::io::Read;
use std::path::Path;
use streamsocket_stream::send::bitrate::parse_rate;
use streamsocket_stream::send::pacer::Pace;
use streamsocket_stream::send::repair::Share;

/// Largest UDP payload that fits an Ethernet frame: 1500 less 20 bytes of IP and 8 of UDP.
const PACKET_SIZE_MAX: u16 = 1472;

/// The smallest packet that carries all headers of a frame and some data.
const PACKET_SIZE_MIN: u16 = 300;

/// Reads the configuration file that the options name, if any, and checks everything.
///
/// # Errors
/// One line that names the option or the file, the key and the line, and what is expected.
pub fn load(options: StreamOptions) -> Result<Settings, Error> {
    let Some(path) = options.config.clone() else { return check(options) };
    let (file, text) = read(&path)?;
    // By itself first: what is wrong in it is told by its name.
    if let Err(Error(message)) = check(file.clone()) {
        let message = message.trim_start_matches("--");
        let line = line_of(&text, message).map_or_else(String::new, |it| format!(", line {it}"));
        return Err(Error(format!("configuration {}{line}: {message}", path.display())));
    }
    check(options.or(file))
}

/// The line, from 1, that sets the key which a message begins with.
fn line_of(text: &str, message: &str) -> Option<usize> {
    let key = message.split_whitespace().next()?;
    let sets = |line: &str| line.split('=').next().is_some_and(|it| it.trim() == key);
    text.lines().position(sets).map(|before| before + 1)
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
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let message = error.message().replace('\n', " ");
        let key = key_of(&text, line).filter(|key| !message.contains(&format!("`{key}`")));
        let key = key.map_or_else(String::new, |key| format!("{key}: "));
        Error(format!("configuration {shown}, line {line}: {key}{message}"))
    })?;
    Ok((options, text))
}

fn check(options: StreamOptions) -> Result<Settings, Error> {
    let (announce, announce_sound) = announce(options.announce.as_deref(), options.no_announce)?;
    let (inputs, idle) = inputs(&options)?;
    Ok(Settings {
        inputs,
        tiers: Vec::new(),
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
