//! Writes the daemon's completions for bash, zsh and fish into the folder given.

#[path = "pages/completing.rs"]
mod completing;

use clap::{Command, CommandFactory};
use completing::with_values;
use std::io::Error;
use std::path::Path;
use streamsocket::options::CommandLine;

/// What values begin with, by option.
const VALUES: [(&str, &[&str]); 6] = [
    (
        "video",
        &["auto", "v4l2:/dev/video0", "file:", "file:-", "http://", "rtsp://", "pattern", "none"],
    ),
    ("audio", &["auto", "alsa:", "file:", "tone", "none"]),
    ("pace", &["50%", "off"]),
    ("fps", &["15", "25", "30", "60", "max"]),
    ("size", &["640x480", "1280x720", "1920x1080"]),
    ("suite", &["AES_CM_128_HMAC_SHA1_80", "AEAD_AES_128_GCM"]),
];

fn command() -> Command {
    let command = with_values(CommandLine::command(), &VALUES);
    command.mut_subcommand("check", |check| with_values(check, &VALUES))
}

fn main() -> Result<(), Error> {
    let folder = std::env::args_os().nth(1).ok_or_else(|| Error::other("say into which folder"))?;
    completing::write(&command(), "streamsocket", Path::new(&folder))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap_complete::Shell;
    use completing::completions;
    use std::process::Command as Process;

    /// What bash offers behind these words.
    fn offered(words: &str) -> Vec<String> {
        let text = completions(Shell::Bash, command(), "streamsocket").unwrap();
        let ask = format!(
            "{text}\nCOMP_WORDS=({words} ''); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))\n\
             _streamsocket streamsocket '' \"${{COMP_WORDS[COMP_CWORD - 1]}}\"\n\
             printf '%s\\n' \"${{COMPREPLY[@]}}\""
        );
        let told = Process::new("bash").arg("-c").arg(ask).output().unwrap();
        assert!(told.status.success(), "{told:?}");
        String::from_utf8(told.stdout).unwrap().lines().map(str::to_owned).collect()
    }

    #[test]
    fn bash_offers_sources_and_this_machine_s_interfaces() {
        assert_eq!(offered("streamsocket --video"), VALUES[0].1);
        let interfaces = offered("streamsocket --interface");
        assert!(interfaces.contains(&"lo".to_owned()), "{interfaces:?}");
        assert_eq!(offered("streamsocket check --interface"), interfaces);
        assert!(offered("streamsocket").contains(&"--video".to_owned()));
    }

    #[test]
    fn other_shells_ask_the_machine_too() {
        let zsh = completions(Shell::Zsh, command(), "streamsocket").unwrap();
        assert!(zsh.contains("NAME|IP:_net_interfaces'"), "{zsh}");
        let fish = completions(Shell::Fish, command(), "streamsocket").unwrap();
        let line = fish.lines().find(|line| line.contains("-l interface")).unwrap();
        assert!(line.contains("(ls /sys/class/net)"), "{line}");
        assert!([zsh, fish].iter().all(|text| !text.contains("THE_INTERFACES")));
    }
}
