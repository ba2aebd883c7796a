//! Options of a configuration file: which keys a table has, and what may stand behind each of them.

use crate::options::{Scalar, StreamOptions, TierOptions, TrackOptions};
use std::path::PathBuf;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// What is wrong in a configuration file, and where.
#[derive(Debug)]
pub(super) struct Mistake {
    /// The byte that it begins at.
    pub(super) at: usize,
    /// What it is, on one line, with the key.
    pub(super) message: String,
}

/// Where the value of a key goes, by what it may be.
enum Place<'o> {
    Text(&'o mut Option<String>),
    Path(&'o mut Option<PathBuf>),
    /// A text or a list of them: nobody should have to write a list of one.
    Texts(&'o mut Option<Vec<String>>),
    Number(&'o mut Option<Scalar>),
    Flag(&'o mut Option<bool>),
    Tracks(&'o mut Option<Vec<TrackOptions>>),
    Tiers(&'o mut Option<Vec<TierOptions>>),
}

use Place::{Flag, Number, Path, Text, Texts, Tiers, Tracks};

/// The options of a configuration file.
pub(super) fn options(table: &DeTable<'_>) -> Result<StreamOptions, Mistake> {
    let mut options = StreamOptions::default();
    let mut keys = [
        ("video", Text(&mut options.video)),
        ("audio", Text(&mut options.audio)),
        ("size", Text(&mut options.size)),
        ("fps", Number(&mut options.fps)),
        ("quality", Number(&mut options.quality)),
        ("requality", Number(&mut options.requality)),
        ("control", Texts(&mut options.control)),
        ("tier", Tiers(&mut options.tier)),
        ("track", Tracks(&mut options.track)),
        ("wait", Flag(&mut options.wait)),
        ("av-offset", Number(&mut options.av_offset)),
        ("loop", Flag(&mut options.looped)),
        ("to", Texts(&mut options.to)),
        ("interface", Text(&mut options.interface)),
        ("ttl", Number(&mut options.ttl)),
        ("packet-size", Number(&mut options.packet_size)),
        ("pace", Number(&mut options.pace)),
        ("repair", Number(&mut options.repair)),
        ("max-bitrate", Number(&mut options.max_bitrate)),
        ("name", Text(&mut options.name)),
        ("room", Text(&mut options.room)),
        ("sdp", Path(&mut options.sdp)),
        ("announce", Text(&mut options.announce)),
        ("no-announce", Flag(&mut options.no_announce)),
        ("stats", Path(&mut options.stats)),
        ("rtsp", Text(&mut options.rtsp)),
        ("allow", Texts(&mut options.allow)),
        ("users", Path(&mut options.users)),
        ("auth-sha256-only", Flag(&mut options.auth_sha256_only)),
        ("key-file", Path(&mut options.key_file)),
        ("suite", Text(&mut options.suite)),
    ];
    fill(&mut keys, table)?;
    Ok(options)
}

fn track(table: &DeTable<'_>) -> Result<TrackOptions, Mistake> {
    let mut options = TrackOptions::default();
    let mut keys = [
        ("video", Text(&mut options.video)),
        ("audio", Text(&mut options.audio)),
        ("size", Text(&mut options.size)),
        ("fps", Number(&mut options.fps)),
        ("quality", Number(&mut options.quality)),
        ("requality", Number(&mut options.requality)),
        ("control", Texts(&mut options.control)),
        ("av-offset", Number(&mut options.av_offset)),
    ];
    fill(&mut keys, table)?;
    Ok(options)
}

fn tier(table: &DeTable<'_>) -> Result<TierOptions, Mistake> {
    let mut options = TierOptions::default();
    let mut keys = [
        ("name", Text(&mut options.name)),
        ("scale", Text(&mut options.scale)),
        ("fps", Number(&mut options.fps)),
        ("quality", Number(&mut options.quality)),
        ("audio", Text(&mut options.audio)),
        ("audio-bitrate", Number(&mut options.audio_bitrate)),
        ("on-demand", Flag(&mut options.on_demand)),
    ];
    fill(&mut keys, table)?;
    Ok(options)
}

/// Puts each value of a table where its key says.
fn fill(keys: &mut [(&'static str, Place<'_>)], table: &DeTable<'_>) -> Result<(), Mistake> {
    for (key, value) in table {
        let Some((name, place)) = keys.iter_mut().find(|(name, _)| name == key.get_ref()) else {
            let known: Vec<_> = keys.iter().map(|(name, _)| format!("`{name}`")).collect();
            let (unknown, known) = (key.get_ref(), known.join(", "));
            let message = format!("unknown field `{unknown}`, expected one of {known}");
            return Err(Mistake { at: key.span().start, message });
        };
        let (at, written) = (value.span().start, value.get_ref());
        let wrong = |it: String| Mistake { at, message: format!("{name}: {it}") };
        match place {
            Text(place) => **place = Some(text(written, "a string").map_err(wrong)?),
            Path(place) => **place = Some(text(written, "a path").map_err(wrong)?.into()),
            Texts(place) => **place = Some(texts(written).map_err(wrong)?),
            Number(place) => **place = Some(scalar(written).map_err(wrong)?),
            Flag(place) => **place = Some(flag(written).map_err(wrong)?),
            Tracks(place) => **place = Some(tables(name, value, track)?),
            Tiers(place) => **place = Some(tables(name, value, tier)?),
        }
    }
    Ok(())
}

fn text(value: &DeValue<'_>, expected: &str) -> Result<String, String> {
    value.as_str().map(str::to_owned).ok_or_else(|| invalid(value, expected))
}

fn flag(value: &DeValue<'_>) -> Result<bool, String> {
    value.as_bool().ok_or_else(|| invalid(value, "a boolean"))
}

fn texts(value: &DeValue<'_>) -> Result<Vec<String>, String> {
    let text = |value: &DeValue<'_>| value.as_str().map(str::to_owned);
    let texts = match value {
        DeValue::Array(list) => list.iter().map(|it| text(it.get_ref())).collect(),
        one => text(one).map(|one| vec![one]),
    };
    texts.ok_or_else(|| "expected a string or a list of strings".into())
}

/// A number as it is shortest, or, if it is too large for one, as it is written.
fn scalar(value: &DeValue<'_>) -> Result<Scalar, String> {
    let number = match value {
        DeValue::String(text) => text.clone().into_owned(),
        DeValue::Integer(it) => i64::from_str_radix(it.as_str(), it.radix())
            .map_or_else(|_| it.to_string(), |number| number.to_string()),
        DeValue::Float(it) => match it.as_str().parse::<f64>() {
            Ok(number) if number.is_finite() => number.to_string(),
            _ => it.to_string(),
        },
        _ => return Err("expected a number or a string".into()),
    };
    Ok(Scalar(number))
}

/// A list of tables, each as `read` reads it.
fn tables<T>(
    name: &str,
    value: &Spanned<DeValue<'_>>,
    read: fn(&DeTable<'_>) -> Result<T, Mistake>,
) -> Result<Vec<T>, Mistake> {
    let wrong = |value: &Spanned<DeValue<'_>>| {
        let message = invalid(value.get_ref(), &format!("tables, each as [[{name}]]"));
        Mistake { at: value.span().start, message: format!("{name}: {message}") }
    };
    let DeValue::Array(list) = value.get_ref() else { return Err(wrong(value)) };
    let table = |value: &Spanned<DeValue<'_>>| match value.get_ref() {
        DeValue::Table(table) => read(table),
        _ => Err(wrong(value)),
    };
    list.iter().map(table).collect()
}

/// That a value is of another kind than what is `expected`.
fn invalid(value: &DeValue<'_>, expected: &str) -> String {
    let found = match value {
        DeValue::String(text) => format!("string {text:?}"),
        DeValue::Integer(number) => format!("integer `{number}`"),
        DeValue::Float(number) => format!("floating point `{number}`"),
        DeValue::Boolean(flag) => format!("boolean `{flag}`"),
        other => other.type_str().to_owned(),
    };
    format!("invalid type: {found}, expected {expected}")
}
