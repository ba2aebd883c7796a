//! What the command line and the configuration file say.

use crate::options::Options;
use std::process::ExitCode;
use streamsocket_web::program;

/// The options, as [`program::begin`] reads them.
///
/// # Errors
/// The exit status, for what was wrong.
pub(crate) fn begin() -> Result<Options, ExitCode> {
    program::begin(&[])
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;
    use std::ffi::OsString;
    use std::fs;
    use streamsocket_web::configuration::{self, Wrong};

    fn read(file: &str) -> Result<Options, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("origin.toml");
        fs::write(&path, file).unwrap();
        let line = [OsString::from("origin"), "--config".into(), path.clone().into()];
        configuration::options(&line, &[]).map_err(|wrong| match wrong {
            Wrong::File(what) => what.replace(path.to_str().unwrap(), "FILE"),
            Wrong::CommandLine(error) => error.to_string(),
        })
    }

    #[test]
    fn the_sample_explains_every_key_and_each_can_be_taken() {
        let sample = include_str!("../../systemd/origin.toml");
        let is_key = |line: &&str| line.starts_with(|it: char| it.is_ascii_lowercase());
        let lines = sample.lines().map(|line| line.strip_prefix('#').unwrap_or(line));
        let text: String = lines.filter(is_key).map(|line| format!("{line}\n")).collect();
        read(&text).unwrap();
        // As it is, it stores in the service's folder.
        let packaged = read(sample).unwrap();
        assert_eq!(packaged.store.as_deref(), Some("/var/lib/streamsocket-origin"));
        assert!(packaged.keep.is_some() && packaged.source.is_empty());
        let command = Options::command();
        let ids = command.get_arguments().map(|it| it.get_id().as_str().replace('_', "-"));
        for id in ids.filter(|id| !configuration::COMMAND_LINE_ONLY.contains(&&**id)) {
            assert!(text.contains(&format!("{id} = ")), "{id}");
        }
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        let why = read("\nkeep = \"7\"").unwrap_err();
        assert!(why.starts_with("configuration FILE, line 2: keep: expected a number"), "{why}");
        assert!(read("marked-only = true").unwrap_err().contains("--store"));
    }
}
