//! The configuration file (TOML), whose keys are the options' names. What it says is read as if it stood on the command
//! line, in front of what does stand there, so that both mean the same.

use clap::parser::ValueSource;
use clap::{ArgAction, ArgMatches, Command, Error, Parser};
use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use toml::de::{DeTable, DeValue};

/// Bytes of a file that are read: all options are set in a kilobyte.
const FILE_MAX: u64 = 1 << 20;

/// Options that a file cannot set.
pub const COMMAND_LINE_ONLY: [&str; 3] = ["config", "help", "version"];

/// Why there are no options.
#[derive(Debug)]
pub enum Wrong {
    /// What clap says of a command line.
    CommandLine(Error),
    /// One line of what is wrong in the file.
    File(String),
}

/// An option whose value may be left out, and what it means then: `true` in a file.
pub type Optional = (&'static str, &'static str);

/// The options of a command line, and of the configuration file that it names.
///
/// `source` is the key of what stands on the command line without a name.
///
/// # Errors
/// What is wrong in either of them, and where.
pub fn options<O: Parser>(line: &[OsString], optional: &[Optional]) -> Result<O, Wrong> {
    // What is missing on the command line may stand in the file.
    let lenient = O::command().ignore_errors(true).try_get_matches_from(line);
    let matches = lenient.map_err(Wrong::CommandLine)?;
    let alone = O::try_parse_from(line);
    let Some(path) = matches.get_one::<std::path::PathBuf>("config") else {
        return alone.map_err(Wrong::CommandLine);
    };
    let Said { options, sources } = said::<O>(path, &matches, optional).map_err(Wrong::File)?;
    let (program, rest) = line.split_at(1.min(line.len()));
    let both = program.iter().cloned().chain(options).chain(rest.iter().cloned());
    // Whatever they are called, they are no options.
    let end = Some(OsString::from("--")).filter(|_| !sources.is_empty());
    let all = both.chain(end).chain(sources);
    O::try_parse_from(all).map_err(|error| match alone {
        Ok(_) => Wrong::File(format!("configuration {}: {}", path.display(), one_line(&error))),
        Err(_) => Wrong::CommandLine(error),
    })
}

/// What a file says, as arguments.
#[derive(Default)]
struct Said {
    options: Vec<OsString>,
    sources: Vec<OsString>,
}

/// What a file says that the command line does not.
fn said<O: Parser>(path: &Path, line: &ArgMatches, optional: &[Optional]) -> Result<Said, String> {
    let told = |what: String| format!("configuration {}{what}", path.display());
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(FILE_MAX).read_to_string(&mut text));
    read.map_err(|error| told(format!(" cannot be read: {error}")))?;
    let at = |byte: usize, what: &str| {
        let line = text.get(..byte).unwrap_or_default().matches('\n').count() + 1;
        told(format!(", line {line}: {what}"))
    };
    let table = DeTable::parse(&text).map_err(|error| {
        let byte = error.span().map_or(0, |span| span.start);
        at(byte, &error.message().replace('\n', " "))
    })?;
    let command = O::command();
    let mut said = Said::default();
    for (key, value) in table.get_ref() {
        let (name, byte) = (key.get_ref(), key.span().start);
        let own =
            of_key(&command, name, value.get_ref(), optional).map_err(|what| at(byte, &what))?;
        // What is wrong in the file is told by its line, whatever else is said.
        let names = Some("--").filter(|_| name == "source");
        let program = std::iter::once("program").chain(names).map(OsString::from);
        let alone = program.chain(own.clone());
        let checked = O::command().try_get_matches_from(alone);
        checked
            .or_else(|error| wrong_value(&error).map_or(Ok(ArgMatches::default()), Err))
            .map_err(|what| at(byte, &format!("{name}: {what}")))?;
        let id = name.replace('-', "_");
        if line.value_source(&id) != Some(ValueSource::CommandLine) {
            let arguments = if name == "source" { &mut said.sources } else { &mut said.options };
            arguments.extend(own);
        }
    }
    Ok(said)
}

/// What clap says, without its help.
fn one_line(error: &Error) -> String {
    let text = error.to_string();
    let lines = text.lines().take_while(|line| !line.starts_with("Usage:")).map(str::trim);
    let lines: Vec<_> = lines.filter(|line| !line.is_empty()).collect();
    lines.join(" ").trim_start_matches("error: ").to_owned()
}

/// What clap says of a value, if that is what it does not like: what is missing beside an option may stand elsewhere.
fn wrong_value(error: &Error) -> Option<String> {
    use clap::error::ErrorKind::{InvalidValue, ValueValidation};
    if !matches!(error.kind(), ValueValidation | InvalidValue) {
        return None;
    }
    let text = error.to_string();
    let first = text.lines().next().unwrap_or_default();
    Some(first.rsplit_once("': ").map_or(first, |(_, what)| what).to_owned())
}

/// A key and its value as arguments.
fn of_key(
    command: &Command,
    name: &str,
    value: &DeValue<'_>,
    optional: &[Optional],
) -> Result<Vec<OsString>, String> {
    let known = |it: &&clap::Arg| {
        let id = it.get_id().as_str();
        id.replace('_', "-") == name && !COMMAND_LINE_ONLY.contains(&id)
    };
    let Some(argument) = command.get_arguments().find(known) else {
        let ids = command.get_arguments().map(|it| it.get_id().as_str());
        let names = ids.filter(|id| !COMMAND_LINE_ONLY.contains(id)).map(|id| id.replace('_', "-"));
        let names = names.collect::<Vec<_>>().join(", ");
        return Err(format!("unknown key '{name}', expected one of {names}"));
    };
    let named = argument.get_long().map(|long| OsString::from(format!("--{long}")));
    if matches!(argument.get_action(), ArgAction::SetTrue) {
        let flag = value.as_bool().ok_or_else(|| format!("{name}: expected true or false"))?;
        return Ok(named.filter(|_| flag).into_iter().collect());
    }
    let many = matches!(argument.get_action(), ArgAction::Append);
    let text = |it: &DeValue<'_>| it.as_str().map(str::to_owned);
    let meaning = optional.iter().find(|(it, _)| *it == name).map(|(_, meaning)| *meaning);
    let texts = match value {
        DeValue::Array(list) if many => list.iter().map(|it| text(it.get_ref())).collect(),
        // `tls = true` is `--tls` without a value, behind which nothing is to be taken for one.
        DeValue::Boolean(flag) if meaning.is_some() => {
            let without = format!("--{name}={}", meaning.unwrap_or_default()).into();
            return Ok(Some(without).filter(|_| *flag).into_iter().collect());
        }
        one => text(one).map(|one| vec![one]),
    };
    let expected = if many { "a text in quotes or a list of them" } else { "a text in quotes" };
    let texts: Vec<String> = texts.ok_or_else(|| format!("{name}: expected {expected}"))?;
    // In one argument, so that no value is taken for an option.
    let argument = |text: String| match &named {
        Some(named) => OsString::from(format!("{}={text}", named.to_string_lossy())),
        None => text.into(),
    };
    Ok(texts.into_iter().map(argument).collect())
}
