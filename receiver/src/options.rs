//! What the user may say on the command line.

use clap::Parser;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;
use streamsocket_subscribe::latency::TargetLatency;

/// The command line.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "streamsocket-receiver",
    version,
    about = "Shows, plays and records what streamsocket sends",
    long_about = "Shows, plays and records what streamsocket sends, with its latency, loss and A/V offset. It also \
                  plays RTP/JPEG video and L16 sound from other senders.",
    after_help = KEYS
)]
pub struct Options {
    /// What to receive: rtsp://HOST:8554/ (over RTSP, through Wi-Fi and routers), the name of an announced session, an
    /// SDP file, or rtp://ADDRESS:PORT, followed by ?audio=RATE/CHANNELS if the sound is not 48000/2 [default: the first session announced on the
    /// network]
    #[arg(value_name = "SOURCE")]
    pub source: Option<String>,
    /// Receive this tier of the session, such as low: the same pictures at another size, rate or quality. --list
    /// shows which there are. auto: the best one that arrives whole, is decoded in time and has what the window can
    /// show; full: the session itself [default: auto, from a group]
    #[arg(long, value_name = "NAME|auto|full")]
    pub tier: Option<String>,
    /// Show all sessions of this room beside each other, with a frame around the one who speaks, and play their sound
    /// together. Who comes later is shown, too
    #[arg(long, value_name = "NAME", value_parser = room, conflicts_with_all = ["source", "tier", "list", "only_from", "snapshot"])]
    pub room: Option<String>,
    /// In a room, do not play the sound of this session: its name, or the SSRC of its sound; can be repeated
    #[arg(long, value_name = "NAME|SSRC", requires = "room")]
    pub leave_out: Vec<String>,
    /// Send this machine's camera and microphone to the room as well, by streamsocket, which is started and ended with
    /// this program: to the relay that announces the room, or, if there is none, to a group; FILE is a configuration for it,
    /// in which to = "rtsp://NAME:PASSWORD@RELAY/ROOM" has a password for the relay. What one says oneself is not played: use headphones all the same,
    /// for what is played is heard by the microphone
    #[arg(long, value_name = "FILE", requires = "room", num_args = 0..=1, require_equals = true)]
    pub publish: Option<Option<PathBuf>>,
    /// List the sessions that are announced on the network, as they are found
    #[arg(long)]
    pub list: bool,
    /// Network interface to receive on, by its name or address [default: that of the default route, else of the
    /// LAN]
    #[arg(long, value_name = "NAME|IP")]
    pub interface: Option<String>,
    /// Accept packets from this address only (source-specific multicast)
    #[arg(long = "source", value_name = "ADDRESS")]
    pub only_from: Option<IpAddr>,
    /// File with the key of the sender's ('streamsocket key new' makes one). Sessions without protection are refused
    /// then [default: ~/.config/streamsocket/key, if it is there, for protected sessions]
    #[arg(long, value_name = "FILE")]
    pub key_file: Option<PathBuf>,
    /// Do not receive repair packets (FEC): lost packets stay lost, and the network carries less
    #[arg(long)]
    pub no_repair: bool,
    /// Show no window
    #[arg(long)]
    pub headless: bool,
    /// Fill the whole screen
    #[arg(long, conflicts_with = "headless")]
    pub fullscreen: bool,
    /// Play no sound
    #[arg(long)]
    pub mute: bool,
    /// ALSA device to play on
    #[arg(long, value_name = "NAME", default_value = "default", value_parser = speaker)]
    pub speaker: String,
    /// Record picture and sound as they are to this Matroska file (-: standard output). If the size of the
    /// pictures changes, the recording goes on in another file, FILE-2.mkv; on standard output or a pipe the
    /// program then ends with exit code 1. Of a room it is a folder with a file for each session, NAME.mkv, or NAME-2.mkv
    /// if that is there
    #[arg(long, value_name = "FILE.mkv", value_parser = recording)]
    pub record: Option<PathBuf>,
    /// Save the first picture to this file
    #[arg(long, value_name = "FILE.jpg", value_parser = snapshot)]
    pub snapshot: Option<PathBuf>,
    /// Replace the files that --record and --snapshot name if they exist
    #[arg(long)]
    pub overwrite: bool,
    /// Milliseconds from capture to presentation, on top of what the fastest packet takes; auto: as few as let
    /// 99.95 % of the pictures and sound come in time. With the same number everywhere and all clocks synchronised,
    /// all viewers present the same at the same instant
    #[arg(long, value_name = "MS|auto", default_value = "auto", value_parser = latency)]
    pub latency: TargetLatency,
    /// Stop after this many seconds
    #[arg(long = "for", value_name = "SECONDS", value_parser = seconds)]
    pub duration: Option<Duration>,
    /// Append statistics to this file, one JSON object per second (-: standard output)
    #[arg(long, value_name = "FILE")]
    pub stats: Option<PathBuf>,
}

/// The best tier is received, or none; no tier has these names.
pub const TIER_AUTO: &str = "auto";
const TIER_FULL: &str = "full";

impl Options {
    /// The tier that is to be received and nothing else, by its name.
    #[must_use]
    pub fn only_tier(&self) -> Option<&str> {
        self.tier.as_deref().filter(|tier| ![TIER_AUTO, TIER_FULL].contains(tier))
    }
}

const KEYS: &str = "\
Keys in the window:
  space  pause and resume        s  save a snapshot
  m      mute                    r  start and stop recording
  f      full screen             i  show the statistics
  q      quit (also Esc)         0  the best tier that arrives
  1      the session itself      2  its first tier, 3 the next, up to 5
  1-9    of a room: this picture alone, and all again (also 0); Tab: the next one alone
Examples:
  streamsocket-receiver                          play the first session on the LAN
  streamsocket-receiver --list                   list all sessions
  streamsocket-receiver rtsp://pi.local:8554/    play what this machine sends, over RTSP
  streamsocket-receiver camera.sdp --record evening.mkv
  streamsocket-receiver --room lesson            show all who send to this room
  streamsocket-receiver --room lesson --publish  and send to it
  streamsocket-receiver --headless --record - | mpv -";

/// Longest latency that makes sense, in milliseconds: what is held for it is memory.
const LATENCY_MAX: u16 = 5000;

/// Bytes of the name of an ALSA device at most. alsa-lib says the name, once or twice, in texts that must
/// not be longer than 256 bytes: beyond that its buffer for them aborts the process
/// (`snd_output_buffer_print`). Names of cards have 80 bytes at most.
const CARD_NAME_MAX: usize = 100;

fn speaker(text: &str) -> Result<String, String> {
    let name = Some(text).filter(|name| (1..=CARD_NAME_MAX).contains(&name.len()));
    name.map(str::to_owned)
        .ok_or(format!("expected the name of a sound device, of {CARD_NAME_MAX} bytes at most"))
}

/// Bytes of the name of a room at most, as the daemon takes it.
const ROOM_NAME_MAX: usize = 64;

fn room(text: &str) -> Result<String, String> {
    let is_one = (1..=ROOM_NAME_MAX).contains(&text.len()) && !text.contains(char::is_control);
    is_one.then(|| text.to_owned()).ok_or(format!(
        "expected the name of a room, of {ROOM_NAME_MAX} bytes at most and without control characters"
    ))
}

fn recording(text: &str) -> Result<PathBuf, String> {
    let expected = "recordings are Matroska: expected a name that ends in .mkv, or -";
    named(text, &["mkv", "mka", "mk3d"]).ok_or_else(|| expected.into())
}

fn snapshot(text: &str) -> Result<PathBuf, String> {
    let expected = "snapshots are the JPEGs that came: expected a name that ends in .jpg";
    named(text, &["jpg", "jpeg", "jpe"]).ok_or_else(|| expected.into())
}

/// A file, unless its name says that it is something else than it will be. Pipes and devices have any name.
fn named(text: &str, endings: &[&str]) -> Option<PathBuf> {
    let path = PathBuf::from(text);
    let is_file = path.metadata().map_or(true, |there| there.is_file());
    let ending = path.extension().filter(|_| is_file);
    ending
        .is_none_or(|ending| endings.iter().any(|known| ending.eq_ignore_ascii_case(known)))
        .then_some(path)
}

fn latency(text: &str) -> Result<TargetLatency, String> {
    if text == "auto" {
        return Ok(TargetLatency::Auto);
    }
    let number = text.trim_end_matches("ms").parse().ok().filter(|ms| *ms <= LATENCY_MAX);
    number
        .map(TargetLatency::Fixed)
        .ok_or(format!("expected milliseconds up to {LATENCY_MAX}, or auto"))
}

fn seconds(text: &str) -> Result<Duration, String> {
    let number = text.trim_end_matches('s').parse::<f64>().ok();
    let duration = number.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    duration.filter(|span| !span.is_zero()).ok_or("expected a number of seconds above 0".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_what_the_file_is() {
        for good in ["a.mkv", "a.MKV", "a.b.mka", "-", "evening", "/dev/null", "/tmp/.hidden"] {
            assert_eq!(recording(good), Ok(good.into()));
        }
        for other in ["a.mp4", "a.mkv.avi", "a.webm", "a.jpg"] {
            assert!(recording(other).unwrap_err().contains(".mkv"), "{other}");
        }
        assert_eq!(snapshot("a.jpeg"), Ok("a.jpeg".into()));
        assert!(snapshot("a.png").unwrap_err().contains(".jpg"));
    }
}
