//! The configuration file (TOML), whose keys are the options' names. What it says is read as if it stood on the command
//! line, in front of what does stand there, so that both mean the same.

use crate::options::{Options, TLS_DEFAULT};
use clap::parser::ValueSource;
use clap::{ArgAction, ArgMatches, Command, CommandFactory, Error, Parser};
use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use toml::de::{DeTable, DeValue};

/// Bytes of a file that are read: all options are set in a kilobyte.
const FILE_MAX: u64 = 1 << 20;

/// Options that a file cannot set.
const COMMAND_LINE_ONLY: [&str; 3] = ["config", "help", "version"];

/// Why there are no options: what clap says of a command line, or one line of what is wrong in the file.
#[derive(Debug)]
pub(crate) enum Wrong {
    CommandLine(Error),
    File(String),
}

/// The options of a command line, and of the configuration file that it names.
///
/// # Errors
/// What is wrong in either of them, and where.
pub(crate) fn options(line: &[OsString]) -> Result<Options, Wrong> {
    // What is missing on the command line may stand in the file.
    let lenient = Options::command().ignore_errors(true).try_get_matches_from(line);
    let matches = lenient.map_err(Wrong::CommandLine)?;
    let alone = Options::try_parse_from(line);
    let Some(path) = matches.get_one::<std::path::PathBuf>("config") else {
        return alone.map_err(Wrong::CommandLine);
    };
    let Said { options, sources } = said(path, &matches).map_err(Wrong::File)?;
    let (program, rest) = line.split_at(1.min(line.len()));
    let both = program.iter().cloned().chain(options).chain(rest.iter().cloned());
    // Whatever they are called, they are no options.
    let end = Some(OsString::from("--")).filter(|_| !sources.is_empty());
    let all = both.chain(end).chain(sources);
    Options::try_parse_from(all).map_err(|error| match alone {
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
fn said(path: &Path, line: &ArgMatches) -> Result<Said, String> {
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
    let command = Options::command();
    let mut said = Said::default();
    for (key, value) in table.get_ref() {
        let (name, byte) = (key.get_ref(), key.span().start);
        let own = of_key(&command, name, value.get_ref()).map_err(|what| at(byte, &what))?;
        // What is wrong in the file is told by its line, whatever else is said.
        let program = ["gateway", if name == "source" { "--" } else { "--no-announce" }];
        let alone = program.into_iter().map(OsString::from).chain(own.clone());
        let checked = Options::command().try_get_matches_from(alone);
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
fn of_key(command: &Command, name: &str, value: &DeValue<'_>) -> Result<Vec<OsString>, String> {
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
    let texts = match value {
        DeValue::Array(list) if many => list.iter().map(|it| text(it.get_ref())).collect(),
        // `tls = true` is `--tls` without a value, behind which nothing is to be taken for one.
        DeValue::Boolean(flag) if name == "tls" => {
            let without = format!("--tls={TLS_DEFAULT}").into();
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn read(file: &str, line: &[&str]) -> Result<Options, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gateway.toml");
        fs::write(&path, file).unwrap();
        let begin = ["gateway", "--config"].map(OsString::from);
        let line = line.iter().map(OsString::from);
        let line: Vec<_> = begin.into_iter().chain([path.clone().into()]).chain(line).collect();
        options(&line).map_err(|wrong| match wrong {
            Wrong::File(what) => what.replace(path.to_str().unwrap(), "FILE"),
            Wrong::CommandLine(error) => error.to_string(),
        })
    }

    #[test]
    fn a_key_is_what_the_option_is_and_the_command_line_goes_before_it() {
        let file = "source = [\"Garden\", \"Front door\"]\nlisten = \":80\"\ntls = true\nredirect = true\n\
                    host = \"cam.example.org\"\nno-announce = false\nallow = [\"10.1.0.0/16\"]\n";
        let options = read(file, &[]).unwrap();
        assert_eq!(options.source, ["Garden", "Front door"]);
        assert_eq!((options.listen.port(), options.tls.unwrap().port()), (80, 8443));
        assert!(options.redirect && !options.no_announce);
        assert_eq!((&*options.host, options.allow.len()), (&["cam.example.org".to_owned()][..], 1));
        let options = read(file, &["--listen", ":81", "--tls", ":444", "Attic"]).unwrap();
        assert_eq!((options.listen.port(), options.tls.unwrap().port()), (81, 444));
        assert_eq!((&*options.source, options.host.len()), (&["Attic".to_owned()][..], 1));
    }

    #[test]
    fn the_sample_explains_every_key_and_each_can_be_taken() {
        let sample = include_str!("../../systemd/gateway.toml");
        let is_key = |line: &&str| line.starts_with(|it: char| it.is_ascii_lowercase());
        let lines = sample.lines().filter_map(|line| line.strip_prefix('#')).filter(is_key);
        let text: String = lines.map(|line| format!("{line}\n")).collect();
        read(&text, &[]).unwrap();
        let command = Options::command();
        let ids = command.get_arguments().map(|it| it.get_id().as_str().replace('_', "-"));
        for id in ids.filter(|id| !COMMAND_LINE_ONLY.contains(&&**id)) {
            assert!(text.contains(&format!("{id} = ")), "{id}");
        }
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        for (file, said) in [
            ("\nlisten = 80\n", "configuration FILE, line 2: listen: expected a text in quotes"),
            (
                "listen = \"80\"",
                "configuration FILE, line 1: listen: expected an address and a port",
            ),
            ("\n\nport = 80", "configuration FILE, line 3: unknown key 'port', expected one of "),
            ("config = \"x\"", "configuration FILE, line 1: unknown key 'config'"),
            ("redirect = \"yes\"", "configuration FILE, line 1: redirect: expected true or false"),
            ("listen = ", "configuration FILE, line 1: "),
            ("allow = [\"lan\"]", "line 1: allow: expected a network or an address, such as"),
        ] {
            let why = read(file, &[]).unwrap_err();
            assert!(why.contains(said) && !why.contains('\n'), "{file}: {why}");
        }
        let why = read("redirect = true", &[]).unwrap_err();
        assert!(why.starts_with("configuration FILE: ") && why.contains("--tls"), "{why}");
        assert!(!why.contains('\n'), "{why}");
    }

    #[test]
    fn what_one_of_them_lacks_the_other_may_have() {
        assert!(read("tls = true\n", &["--redirect"]).unwrap().redirect);
        assert!(read("redirect = true\n", &["--tls"]).unwrap().redirect);
        assert!(read("", &["--redirect"]).unwrap_err().contains("--tls"));
        assert!(read("", &["--listen", "80"]).unwrap_err().contains("expected an address"));
    }

    #[test]
    fn a_source_may_be_called_like_an_option_or_a_command() {
        let file = "source = [\"--version\", \"password\", \"help\"]\ntls = true\n";
        assert_eq!(read(file, &[]).unwrap().source, ["--version", "password", "help"]);
        let options = read("tls = true\n", &["Garden"]).unwrap();
        assert_eq!((&*options.source, options.tls.is_some()), (&["Garden".to_owned()][..], true));
    }
}
