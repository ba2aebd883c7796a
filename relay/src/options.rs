//! What the user may say on the command line. All else stands in the configuration file.

use clap::{Parser, Subcommand};
use std::path::PathBuf;

/// Where the configuration is unless the command line says otherwise.
pub const CONFIGURATION: &str = "/etc/streamsocket-relay/relay.toml";

const EXAMPLES: &str = "Examples:
  streamsocket-relay                              rooms as in /etc/streamsocket-relay/relay.toml
  streamsocket-relay --config here.toml check     is anything wrong with that file?
  streamsocket-relay --pull lesson/Door=rtsp://10.0.0.20/live
  ffmpeg ... -f rtsp rtsp://anna:PASSWORD@relay:8554/lesson/Anna
  streamsocket-receiver 'lesson, Anna'
  ffplay rtsp://anna:PASSWORD@relay:8554/lesson/Anna";

/// The command line.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "streamsocket-relay",
    version,
    about = "Takes sessions of several publishers by RTSP, and hands each on as a session of the LAN",
    after_help = EXAMPLES
)]
pub struct Options {
    /// What to do instead of handing anything on
    #[command(subcommand)]
    pub task: Option<Task>,
    /// Read rooms from this TOML file [default: /etc/streamsocket-relay/relay.toml, if it is there]
    #[arg(long, value_name = "FILE", global = true)]
    pub config: Option<PathBuf>,
    /// Have an IP camera publish in a room, which is made if the configuration has none; if it wants a password, name it in the configuration, where other users of this
    /// machine do not see it
    #[arg(long, value_name = "ROOM/NAME=URL", global = true)]
    pub pull: Vec<String>,
}

/// What else can be done.
#[derive(Clone, Copy, Debug, Subcommand, PartialEq, Eq)]
pub enum Task {
    /// Say what is wrong with the configuration, if anything is
    Check,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn options_are_as_they_are_said() {
        Options::command().debug_assert();
        let read = |line: &str| Options::try_parse_from(line.split(' '));
        assert!(read("relay").unwrap().task.is_none());
        for line in ["relay --config x.toml check", "relay check --config x.toml"] {
            let options = read(line).unwrap();
            assert_eq!(options.task, Some(Task::Check));
            assert_eq!(options.config, Some("x.toml".into()));
        }
        let pulled = read("relay --pull a/b=rtsp://c/ --pull d/e=rtsp://f/ check").unwrap().pull;
        assert_eq!(pulled, ["a/b=rtsp://c/", "d/e=rtsp://f/"]);
        assert!(read("relay lesson").is_err());
    }
}
