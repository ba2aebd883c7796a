//! What the user may say, on the command line and in a configuration file: raw and unchecked.
//! [`settings`](crate::settings) makes checked values of it.

mod tables;
mod value;

pub use tables::{TierOptions, TrackOptions};
pub use value::Scalar;

use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;
use streamsocket_control::overrides::{Override, Overrides};

/// The command line.
#[derive(Debug, Parser)]
#[command(
    name = "streamsocket",
    version,
    about = "Sends a camera and a microphone to any number of viewers on the LAN",
    long_about = "Sends a camera and a microphone to any number of viewers on the LAN, in sync and with low \
                  latency: MJPEG and PCM as RTP multicast, announced by SAP. Watch with streamsocket-receiver, \
                  ffplay, mpv, GStreamer or VLC.",
    after_help = EXAMPLES,
    args_conflicts_with_subcommands = true
)]
pub struct CommandLine {
    /// What to do instead of streaming.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// How to stream.
    #[command(flatten)]
    pub stream: StreamOptions,
}

const EXAMPLES: &str = "\
Examples:
  streamsocket                                   send the first camera and its microphone, or the test picture
  streamsocket --size 1280x720 --fps 30          choose the size and the frame rate
  streamsocket devices                           list cameras and microphones
  streamsocket --video file:clip.mjpeg --audio file:voice.wav --loop
  rpicam-vid -t 0 --codec mjpeg -o - | streamsocket --video file:-
Watch:
  streamsocket-receiver                          on any machine of the LAN";

/// What to do instead of streaming.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List cameras and microphones, with the formats, sizes, rates and controls that they offer
    Devices,
    /// Check options and a configuration file, and try what they name, without streaming
    Check(Box<CheckOptions>),
    /// Print the session description (SDP) of a running daemon
    Sdp(SdpOptions),
    /// Print what a running daemon is doing
    Status(StatusOptions),
    /// List the viewers of a running daemon, with the loss, jitter and round-trip time of each
    Viewers(StatusOptions),
    /// Make a running daemon read its configuration file again; a file with a mistake changes nothing
    Reload(StatusOptions),
    /// Make a running daemon release its camera and its microphone and send nothing
    Pause(StatusOptions),
    /// Make a paused daemon send again
    Resume(StatusOptions),
    /// Stop a running daemon
    Stop(StatusOptions),
    /// Say who may watch over RTSP, by name and password
    User(UserOptions),
    /// Make the key that a session is protected with, or show it again
    Key(KeyOptions),
}

/// Options of `key`.
#[derive(Args, Debug)]
pub struct KeyOptions {
    /// What to do.
    #[command(subcommand)]
    pub order: KeyOrder,
}

/// What to do with keys.
#[derive(Debug, Subcommand)]
pub enum KeyOrder {
    /// Make a key, and say how the daemon uses it and how viewers get it
    New {
        /// The file, which must not be there [default: /etc/streamsocket/key for root, else ~/.config/streamsocket/key]
        file: Option<PathBuf>,
    },
    /// Say the same again of a key that there is. Whoever sees it can watch
    Show {
        /// The file [default: as for new]
        file: Option<PathBuf>,
    },
}

/// Options of `user`.
#[derive(Args, Debug)]
pub struct UserOptions {
    /// What to do.
    #[command(subcommand)]
    pub order: UserOrder,
    /// File of users [default: /etc/streamsocket/users]
    #[arg(long, value_name = "FILE", global = true)]
    pub users: Option<PathBuf>,
}

/// What to do with users.
#[derive(Debug, Subcommand)]
pub enum UserOrder {
    /// Add a user, or give one another password: it is asked for, or read from standard input
    Add {
        /// The user's name
        name: String,
    },
    /// Remove a user; without any, nobody is asked for a password
    Remove {
        /// The user's name
        name: String,
    },
    /// Print the names of all users
    List,
}

/// Options of `check`.
#[derive(Args, Debug)]
pub struct CheckOptions {
    /// How one would stream.
    #[command(flatten)]
    pub stream: StreamOptions,
}

/// Which daemon to talk to.
#[derive(Args, Debug)]
pub struct ControlOptions {
    /// Name of the instance or of the session [default: the daemon that is running]
    #[arg(long, visible_alias = "instance", value_name = "NAME")]
    pub name: Option<String>,
}

/// Options of what is asked of a daemon.
#[derive(Args, Debug)]
pub struct StatusOptions {
    /// Which daemon.
    #[command(flatten)]
    pub control: ControlOptions,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// Options of `sdp`.
#[derive(Args, Debug)]
pub struct SdpOptions {
    /// Which daemon, and how it is printed.
    #[command(flatten)]
    pub status: StatusOptions,
    /// Print the description of this tier instead of that of the session itself
    #[arg(long, value_name = "NAME")]
    pub tier: Option<String>,
}

/// How to stream. A configuration file has the same names, without the dashes.
#[derive(Args, Clone, Debug, Default)]
pub struct StreamOptions {
    /// Source of pictures: auto, v4l2:/dev/video0, v4l2:PORT (a USB port, as 'streamsocket devices' shows
    /// it), file:PATH (a file, or a folder of JPEGs), file:- (standard input), http://..., https://..., rtsp://...,
    /// pattern (a test picture) or none [default: auto]
    #[arg(long, value_name = "SOURCE", help_heading = "Sources")]
    pub video: Option<String>,
    /// Source of sound: auto, alsa:NAME, file:PATH, tone (a test tone) or none [default: auto]
    #[arg(long, value_name = "SOURCE", help_heading = "Sources")]
    pub audio: Option<String>,
    /// Picture size, such as 1280x720 [default: what the source prefers]
    #[arg(long, value_name = "WIDTHxHEIGHT", help_heading = "Sources")]
    pub size: Option<String>,
    /// Frames per second, such as 30, 29.97 or 30000/1001; max: as fast as possible, from memory (for
    /// benchmarks) [default: what the source prefers]
    #[arg(long, value_name = "N", help_heading = "Sources")]
    pub fps: Option<Scalar>,
    /// JPEG quality, 1 to 100, of pictures that the daemon encodes: those of cameras without MJPEG, and the
    /// test picture [default: 80]
    #[arg(long, value_name = "N", help_heading = "Sources")]
    pub quality: Option<Scalar>,
    /// Encode the JPEGs of a camera or a file again, at this quality of 1 to 100. That needs less
    /// bandwidth, but far more processor time [default: send them as they are]
    #[arg(long, value_name = "N", help_heading = "Sources")]
    pub requality: Option<Scalar>,
    /// Set a camera control, such as brightness=40; can be repeated ('streamsocket devices' lists them)
    #[arg(long = "control", value_name = "NAME=VALUE", help_heading = "Sources")]
    pub control: Option<Vec<String>>,
    /// Send the pictures, the sound or both once more for viewers with less bandwidth, as a session of its own: a
    /// name; for pictures a scale of 1/1, 1/2 or 1/4, and perhaps frames per second at most and a JPEG quality; for
    /// sound opus, and perhaps its kbit/s of 6 to 256; at last on-demand, if pictures are to be made only while somebody
    /// asks for them. Such as low=1/2,15,70 or low=1/4,10,60,opus or voice=opus:32; can be repeated [default: no tier; of one, all frames and quality 80, 64 kbit/s mono or 96 stereo]
    #[arg(
        long,
        value_name = "NAME=[SCALE[,FPS[,QUALITY]]][,opus[:KBIT]][,on-demand]",
        help_heading = "Sources"
    )]
    pub tier: Option<Vec<TierOptions>>,
    /// Several sources of a medium, each with what is said of it alone: in a configuration file only.
    #[arg(skip)]
    pub track: Option<Vec<TrackOptions>>,
    /// Start without a camera, a microphone or a network that is not there yet, and wait for it; no: do not
    /// even wait for devices that another program is using [default: wait for those only]
    #[arg(
        long,
        value_name = "yes|no",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "yes",
        value_parser = clap::builder::BoolishValueParser::new(),
        hide_possible_values = true,
        help_heading = "Sources"
    )]
    pub wait: Option<bool>,
    /// Milliseconds by which the camera is late: the time that it takes before it hands a picture over. The
    /// sound is delayed by as much. If negative, the pictures are delayed [default: 0]
    #[arg(long, value_name = "MS", allow_hyphen_values = true, help_heading = "Sources")]
    pub av_offset: Option<Scalar>,
    /// Repeat files
    #[arg(long = "loop", num_args = 0, default_missing_value = "true", help_heading = "Sources")]
    pub looped: Option<bool>,
    /// Multicast group or host to send to; can be repeated. Sound goes to the port two above. Or the relay to publish to
    /// (RTSP): rtsp://USER:PASSWORD@RELAY:PORT/ROOM/NAME, by UDP or, where that does not get there, within the connection;
    /// without a port it is 8554, without a name that of the session. Then nothing goes to a group of this machine's own,
    /// while --rtsp stays as it is. Put a password into a configuration file: every user of the machine can see a command
    /// line [default: a group of this machine's own, port 5004]
    #[arg(long, value_name = "ADDR[:PORT]|URL", help_heading = "Network")]
    pub to: Option<Vec<String>>,
    /// Network interface to send by, by its name or address [default: that of the default route, else of the
    /// LAN; never a VPN tunnel]
    #[arg(long, value_name = "NAME|IP", help_heading = "Network")]
    pub interface: Option<String>,
    /// Time to live of multicast packets; with 1 they stay on the LAN [default: 1]
    #[arg(long, value_name = "N", help_heading = "Network")]
    pub ttl: Option<Scalar>,
    /// Largest UDP payload of a packet, in bytes [default: 1400]
    #[arg(long, value_name = "BYTES", help_heading = "Network")]
    pub packet_size: Option<Scalar>,
    /// Spread a frame's packets over a part of the frame interval (50%) or at a bit rate (40M), so that small
    /// switches do not overflow; off: send them at once, which makes the latency up to 17 ms shorter at 30
    /// frames per second [default: 50%]
    #[arg(long, value_name = "PACE", help_heading = "Network")]
    pub pace: Option<Scalar>,
    /// Forward error correction (FEC): repair packets per 100 packets of a large frame; small frames and
    /// sound get more. 20 is 29 % more packets at 1280x720, and 60 % at 640x480. They go to the port four above and,
    /// for a group, to the next group, which other players do not join; 0: none [default: 20]
    #[arg(long, value_name = "PERCENT", help_heading = "Network")]
    pub repair: Option<Scalar>,
    /// Limit in bits per second for each destination, such as 20M, all packets included. Whole frames are
    /// dropped to keep to it [default: no limit]
    #[arg(long, value_name = "RATE", help_heading = "Network")]
    pub max_bitrate: Option<Scalar>,
    /// Name of the session, as viewers see it [default: the host name]
    #[arg(long, value_name = "NAME", help_heading = "Session")]
    pub name: Option<String>,
    /// Room that the session belongs to: 'streamsocket-receiver --room NAME' shows all sessions of a room beside each
    /// other, and plays their sound together [default: none]
    #[arg(long, value_name = "NAME", help_heading = "Session")]
    pub room: Option<String>,
    /// Name of this daemon on this machine, for 'streamsocket status --instance NAME', and of the session
    /// unless --name says otherwise [default: the session's name]
    #[arg(long, value_name = "NAME", help_heading = "Session")]
    pub instance: Option<String>,
    /// Write the session description to this file
    #[arg(long, value_name = "FILE", help_heading = "Session")]
    pub sdp: Option<PathBuf>,
    /// Announce the session on the network (SAP): yes, no, or pulse, which also announces the sound to
    /// PulseAudio and PipeWire in the form that they play: payload type 127, without capture times, so that only
    /// sender reports keep sound and picture in sync [default: yes]
    #[arg(long, value_name = "yes|pulse|no", help_heading = "Session")]
    pub announce: Option<String>,
    /// Do not announce the session: the same as --announce no
    #[arg(long, num_args = 0, default_missing_value = "true", help_heading = "Session")]
    pub no_announce: Option<bool>,
    /// Append statistics to this file, one JSON object per second (-: standard output)
    #[arg(long, value_name = "FILE", help_heading = "Session")]
    pub stats: Option<PathBuf>,
    /// Serve players that ask for the stream one by one, over RTSP: an address and a port, a port, or off
    /// [default: :8554, or the next free port up to 8563]
    #[arg(long, value_name = "[ADDR]:PORT|off", help_heading = "RTSP")]
    pub rtsp: Option<String>,
    /// Serve this network, too, without a password; can be repeated [default: this machine's own networks]
    #[arg(long, value_name = "NETWORK", help_heading = "RTSP")]
    pub allow: Option<Vec<String>>,
    /// File of those who may watch over RTSP, from wherever they are, each by name and password ('streamsocket
    /// user add NAME' writes it) [default: /etc/streamsocket/users, if it is there]
    #[arg(long, value_name = "FILE", help_heading = "RTSP")]
    pub users: Option<PathBuf>,
    /// Take passwords only as digests by SHA-256. Players that know only MD5 are kept out: ffmpeg, GStreamer
    #[arg(long, num_args = 0, default_missing_value = "true", help_heading = "RTSP")]
    pub auth_sha256_only: Option<bool>,
    /// Encrypt and authenticate what is sent (SRTP), with the key of this file ('streamsocket key new' makes one):
    /// only those who have it can watch [default: anybody can]
    #[arg(long, value_name = "FILE", help_heading = "Protection")]
    pub key_file: Option<PathBuf>,
    /// How that is done: AES_CM_128_HMAC_SHA1_80, which every player knows that knows SRTP, or AEAD_AES_128_GCM [default:
    /// what costs this machine less]
    #[arg(long, value_name = "NAME", help_heading = "Protection")]
    pub suite: Option<String>,
    /// Read options from this TOML file; options on the command line take precedence
    #[arg(long, value_name = "FILE", help_heading = "Session")]
    pub config: Option<PathBuf>,
    /// What is to be otherwise than all of them say: by requests only.
    #[arg(skip)]
    pub overrides: Overrides,
}

impl StreamOptions {
    /// These options, but for what requests have said: of the only source of pictures.
    #[must_use]
    pub fn overridden(mut self) -> Self {
        let Overrides { size, fps, quality } = std::mem::take(&mut self.overrides);
        let set = |option: &mut Option<Scalar>, to: &Override| {
            if let Some(value) = to.value() {
                *option = Some(Scalar(value.to_owned()));
            }
        };
        let tracks = self.track.iter_mut().flatten().filter(|track| track.video.is_some());
        let mut tracks: Vec<_> = tracks.collect();
        let (video, its_size, its_fps, its_quality, requality) = match &mut *tracks {
            [it] => (&it.video, &mut it.size, &mut it.fps, &mut it.quality, &mut it.requality),
            _ => {
                (&self.video, &mut self.size, &mut self.fps, &mut self.quality, &mut self.requality)
            }
        };
        if let Some(size) = size.value() {
            *its_size = Some(size.to_owned());
        }
        set(its_fps, &fps);
        set(its_quality, &quality);
        // Its pictures are encoded here, once.
        if video.as_deref() != Some("pattern") {
            set(requality, &quality);
        }
        self
    }

    /// These options, and where they say nothing, those.
    #[must_use]
    pub fn or(self, file: Self) -> Self {
        // Both are about the same.
        let said = self.announce.is_some() || self.no_announce.is_some();
        let file = if said { Self { announce: None, no_announce: None, ..file } } else { file };
        // A source that is named replaces the tracks of its medium.
        let (video, audio) = (self.video.is_some(), self.audio.is_some());
        let stays =
            |it: &TrackOptions| !(video && it.video.is_some() || audio && it.audio.is_some());
        let track = file.track.map(|tracks| tracks.into_iter().filter(stays).collect());
        Self {
            video: self.video.or(file.video),
            audio: self.audio.or(file.audio),
            size: self.size.or(file.size),
            fps: self.fps.or(file.fps),
            control: self.control.or(file.control),
            tier: self.tier.or(file.tier),
            track: self.track.or(track),
            quality: self.quality.or(file.quality),
            requality: self.requality.or(file.requality),
            wait: self.wait.or(file.wait),
            av_offset: self.av_offset.or(file.av_offset),
            looped: self.looped.or(file.looped),
            to: self.to.or(file.to),
            interface: self.interface.or(file.interface),
            ttl: self.ttl.or(file.ttl),
            packet_size: self.packet_size.or(file.packet_size),
            pace: self.pace.or(file.pace),
            repair: self.repair.or(file.repair),
            max_bitrate: self.max_bitrate.or(file.max_bitrate),
            name: self.name.or(file.name),
            room: self.room.or(file.room),
            sdp: self.sdp.or(file.sdp),
            announce: self.announce.or(file.announce),
            no_announce: self.no_announce.or(file.no_announce),
            stats: self.stats.or(file.stats),
            rtsp: self.rtsp.or(file.rtsp),
            allow: self.allow.or(file.allow),
            users: self.users.or(file.users),
            auth_sha256_only: self.auth_sha256_only.or(file.auth_sha256_only),
            key_file: self.key_file.or(file.key_file),
            suite: self.suite.or(file.suite),
            config: self.config,
            overrides: self.overrides,
            instance: self.instance,
        }
    }
}
