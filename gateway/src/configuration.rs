//! What the command line and the configuration file say.

use crate::options::{Options, TLS_DEFAULT};
use std::process::ExitCode;
use streamsocket_web::configuration::Optional;
use streamsocket_web::program;

/// `tls = true`, in the file.
const OPTIONAL: [Optional; 1] = [("tls", TLS_DEFAULT)];

/// The options, as [`program::begin`] reads them.
///
/// # Errors
/// The exit status, for what was wrong.
pub(crate) fn begin() -> Result<Options, ExitCode> {
    program::begin(&OPTIONAL)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;
    use std::ffi::OsString;
    use std::fs;
    use streamsocket_web::configuration::{self, Wrong};

    fn read(file: &str, line: &[&str]) -> Result<Options, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gateway.toml");
        fs::write(&path, file).unwrap();
        let begin = ["gateway", "--config"].map(OsString::from);
        let line = line.iter().map(OsString::from);
        let line: Vec<_> = begin.into_iter().chain([path.clone().into()]).chain(line).collect();
        configuration::options(&line, &OPTIONAL).map_err(|wrong| match wrong {
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
        for id in ids.filter(|id| !configuration::COMMAND_LINE_ONLY.contains(&&**id)) {
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
