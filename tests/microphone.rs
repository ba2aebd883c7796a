//! Microphones of the tests' own (`tests/card/pcm_testmicrophone.c`): cards that give only one sample
//! format, one rate and one number of channels.

use crate::program::{peer, text};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What the channels of a microphone give, the first two.
pub const SAMPLES: [i16; 2] = [1000, -2000];

/// Microphones that have names.
#[derive(Debug)]
pub struct Microphones {
    configuration: PathBuf,
}

impl Microphones {
    /// Microphones of these names that give these formats, as ALSA names them, at these rates and in so many
    /// channels. Their files are in `folder`. `more` is added to the configuration of ALSA as it is.
    #[track_caller]
    pub fn new(folder: &Path, all: &[(&str, &str, u32, u32)], more: &str) -> Self {
        let plugin = folder.join("libtestmicrophone.so");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("card/pcm_testmicrophone.c");
        let mut compiler = peer("cc");
        compiler.args(["-O2", "-Wall", "-shared", "-fPIC", "-DPIC", "-o"]).arg(&plugin);
        text(compiler.arg(source).arg("-lasound"));
        let mut written = format!(
            "</usr/share/alsa/alsa.conf>\npcm_type.testmicrophone {{ lib \"{}\" }}\n{more}\n",
            plugin.display()
        );
        for (name, format, rate, channels) in all {
            written += &format!(
                "pcm.{name} {{ type testmicrophone format \"{format}\" rate {rate} channels {channels} }}\n"
            );
        }
        let configuration = folder.join("microphones.conf");
        fs::write(&configuration, written).unwrap();
        Self { configuration }
    }

    /// Gives a daemon the one of this name.
    pub fn plug<'a>(&self, daemon: &'a mut Command, name: &str) -> &'a mut Command {
        daemon
            .env("ALSA_CONFIG_PATH", &self.configuration)
            .args(["--audio", &format!("alsa:{name}")])
    }
}
