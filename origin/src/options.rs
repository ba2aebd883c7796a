//! What the user may say on the command line, and in a configuration file, whose keys are the same names.

use clap::{Parser, Subcommand};
use ipnet::IpNet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use streamsocket_transcode::Backend;
use streamsocket_web::options::{host, listen, network, origin};

/// The command line.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "streamsocket-origin",
    version,
    about = "Encodes streamsocket's sessions for the Internet, stores them, and serves them by HLS",
    after_help = EXAMPLES,
    args_conflicts_with_subcommands = true,
    args_override_self = true
)]
pub struct Options {
    /// What to do instead of serving anything
    #[command(subcommand)]
    pub task: Option<Task>,
    /// What to receive: names of announced sessions, rtsp:// or rtp:// addresses, SDP files, or room:NAME for all who
    /// publish to a room. NAME=SOURCE gives it another name
    #[arg(value_name = "SOURCE")]
    pub source: Vec<String>,
    /// Read options from this TOML file; options on the command line take precedence
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Network interface to receive on, by its name or address [default: that of the default route, else of the
    /// LAN]
    #[arg(long, value_name = "NAME|IP")]
    pub interface: Option<String>,
    /// File with the key of the sessions ('streamsocket key new' makes one). Sessions without protection are refused
    /// then [default: /etc/streamsocket/key, if it is there and can be read, for protected sessions]
    #[arg(long, value_name = "FILE")]
    pub key_file: Option<PathBuf>,
    /// What encodes pictures: openh264, in this program, or x264, by ffmpeg, which takes twice the processor and looks
    /// better
    #[arg(long, value_name = "openh264|x264", default_value = "openh264", value_parser = backend, help_heading = "Encoding")]
    pub encoder: Backend,
    /// Length of segments in seconds: viewers can begin at each
    #[arg(long, value_name = "SECONDS", default_value = "2", value_parser = segment, help_heading = "Encoding")]
    pub segment: Duration,
    /// Length of parts in milliseconds, by which players with low latency load them
    #[arg(long, value_name = "MS", default_value = "200", value_parser = part, help_heading = "Encoding")]
    pub part: Duration,
    /// Store what is received in this folder, or in a bucket, whose keys are taken from AWS_ACCESS_KEY_ID and
    /// AWS_SECRET_ACCESS_KEY [default: nothing is stored]
    #[arg(long, value_name = "DIR|s3://BUCKET/PREFIX", value_parser = store, help_heading = "Storing")]
    pub store: Option<String>,
    /// Store for so long: 12h, 7d. The running hour is never removed [default: for good]
    #[arg(long, value_name = "TIME", value_parser = age, help_heading = "Storing")]
    pub keep: Option<Duration>,
    /// Store so much at most, of all sessions together: 500M, 20G [default: any number of bytes]
    #[arg(long, value_name = "BYTES", value_parser = bytes, help_heading = "Storing")]
    pub keep_bytes: Option<u64>,
    /// Store only what is marked
    #[arg(long, requires = "store", help_heading = "Storing")]
    pub marked_only: bool,
    /// How many seconds before a mark belong to it
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = pre_roll, help_heading = "Storing")]
    pub pre_roll: Duration,
    /// File with the password of those who may mark, in its first line; nobody else may read it [default: nobody may]
    #[arg(long, value_name = "FILE", requires = "store", help_heading = "Storing")]
    pub password_file: Option<PathBuf>,
    /// The bucket's server [default: Amazon's]
    #[arg(
        long,
        value_name = "https://HOST",
        requires = "store",
        help_heading = "Storing in a bucket"
    )]
    pub s3_endpoint: Option<String>,
    /// The bucket's region [default: that of AWS_REGION]
    #[arg(long, value_name = "NAME", requires = "store", help_heading = "Storing in a bucket")]
    pub s3_region: Option<String>,
    /// Speak to the bucket's server without encryption
    #[arg(long, requires = "store", help_heading = "Storing in a bucket")]
    pub s3_allow_http: bool,
    /// Folder for what is not in the bucket yet
    #[arg(
        long,
        value_name = "DIR",
        default_value = "/var/lib/streamsocket-origin/spool",
        help_heading = "Storing in a bucket"
    )]
    pub spool: PathBuf,
    /// How much may be there; beyond it nothing more is stored until the bucket takes some
    #[arg(long, value_name = "BYTES", default_value = "2G", value_parser = bytes, help_heading = "Storing in a bucket")]
    pub spool_bytes: u64,
    /// Address that players and caches connect to: ADDRESS:PORT, or :PORT for all addresses
    #[arg(long, value_name = "ADDR:PORT", default_value = ":8081", value_parser = listen, help_heading = "Serving")]
    pub listen: SocketAddr,
    /// A further name that this machine is reached by, such as live.example.org; its own name and addresses are
    /// known; can be repeated
    #[arg(long, value_name = "NAME", value_parser = host, help_heading = "Serving")]
    pub host: Vec<String>,
    /// Serve viewers of this network, too, such as 10.1.0.0/16 or 0.0.0.0/0 for everybody; can be repeated [default: the
    /// machine's own networks; with --token-file everybody]
    #[arg(long, value_name = "NET", value_parser = network, help_heading = "Who may watch")]
    pub allow: Vec<IpNet>,
    /// Serve only who has a link that was made with the secret in this file ('streamsocket-origin token' makes file and
    /// links)
    #[arg(long, value_name = "FILE", help_heading = "Who may watch")]
    pub token_file: Option<PathBuf>,
    /// Believe this proxy or cache when it says whom it asks for (X-Forwarded-For); can be repeated [default: none]
    #[arg(long, value_name = "ADDR", value_parser = network, help_heading = "Who may watch")]
    pub proxy: Vec<IpNet>,
    /// Let this site's pages play what is here; can be repeated [default: with tokens, or where everybody is served, all
    /// sites]
    #[arg(long, value_name = "https://HOST", value_parser = origin, help_heading = "Who may watch")]
    pub allow_origin: Vec<String>,
}

/// What else it can do.
#[derive(Clone, Debug, Subcommand)]
pub enum Task {
    /// Print a link that lets its holder watch a session for some time
    Token {
        /// The session, as the origin calls it
        #[arg(value_name = "NAME")]
        name: String,
        /// How long it is good for: 90m, 12h, 7d
        #[arg(long = "for", value_name = "TIME", default_value = "24h", value_parser = age)]
        valid: Duration,
        /// What the link begins with
        #[arg(long, value_name = "URL", default_value = "")]
        base: String,
        /// File with the secret, which is made if it is not there
        #[arg(long, value_name = "FILE", default_value = "/etc/streamsocket-origin/token")]
        token_file: PathBuf,
    },
}

const EXAMPLES: &str = "\
Examples:
  streamsocket-origin \"Front door\"                        that session, at http://THIS-MACHINE:8081/
  streamsocket-origin --store /srv/video --keep 7d Garden rtsp://camera.local/
                                                          two sessions, stored for a week
  streamsocket-origin token Garden --for 12h --base https://live.example.org
                                                          a link for those who may watch";

/// A folder, or the address of a bucket.
fn store(text: &str) -> Result<String, String> {
    let bucket = text.strip_prefix("s3://").map(|rest| !rest.starts_with('/') && !rest.is_empty());
    let fits = bucket.unwrap_or(!text.is_empty() && !text.contains("://"));
    let expected = "expected a folder, or s3://BUCKET/PREFIX";
    fits.then(|| text.to_owned()).ok_or_else(|| expected.to_owned())
}

fn backend(text: &str) -> Result<Backend, String> {
    text.parse().map_err(str::to_owned)
}

fn within(text: &str, unit: f64, range: std::ops::RangeInclusive<f64>) -> Option<Duration> {
    let value = text.parse().ok().filter(|value: &f64| range.contains(value));
    value.map(|value| Duration::from_secs_f64(value * unit))
}

/// From what a group of pictures needs to what a viewer waits for.
fn segment(text: &str) -> Result<Duration, String> {
    within(text, 1.0, 1.0..=10.0).ok_or_else(|| "expected seconds, from 1 to 10".to_owned())
}

/// From some pictures to a segment.
fn part(text: &str) -> Result<Duration, String> {
    within(text, 1e-3, 100.0..=1000.0)
        .ok_or_else(|| "expected milliseconds, from 100 to 1000".to_owned())
}

/// Up to what is held in memory.
fn pre_roll(text: &str) -> Result<Duration, String> {
    within(text, 1.0, 0.0..=300.0).ok_or_else(|| "expected seconds, up to 300".to_owned())
}

/// A number and one of these letters, and what they mean.
fn with_unit(text: &str, units: &[(char, u64)]) -> Option<u64> {
    let unit = text.chars().last()?;
    let (_, factor) = units.iter().find(|(letter, _)| letter.eq_ignore_ascii_case(&unit))?;
    let number = text.strip_suffix(unit)?.parse::<u64>().ok()?;
    number.checked_mul(*factor).filter(|it| (1..=1 << 60).contains(it))
}

fn age(text: &str) -> Result<Duration, String> {
    let units = [('s', 1), ('m', 60), ('h', 3600), ('d', 86_400)];
    let seconds = with_unit(text, &units).filter(|it| *it <= 100 * 366 * 86_400);
    let expected = "expected a number with s, m, h or d, such as 12h or 7d";
    seconds.map(Duration::from_secs).ok_or_else(|| expected.to_owned())
}

fn bytes(text: &str) -> Result<u64, String> {
    let units = [('M', 1_000_000), ('G', 1_000_000_000), ('T', 1_000_000_000_000)];
    with_unit(text, &units)
        .ok_or_else(|| "expected a number with M, G or T, such as 20G".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn options_are_as_they_are_said() {
        Options::command().debug_assert();
        let read = |line: &str| Options::try_parse_from(line.split(' '));
        let options = read("origin --store /srv --keep 7d --keep-bytes 20G Garden").unwrap();
        assert_eq!(options.keep, Some(Duration::from_secs(7 * 86_400)));
        assert_eq!(options.keep_bytes, Some(20_000_000_000));
        assert_eq!((options.listen.port(), options.encoder), (8081, Backend::OpenH264));
        assert_eq!((options.segment.as_millis(), options.part.as_millis()), (2000, 200));
        for wrong in ["--marked-only", "--encoder vp9", "--keep 7", "--keep-bytes 1", "--part 20"] {
            assert!(read(&format!("origin {wrong}")).is_err(), "{wrong}");
        }
        assert!(matches!(read("origin token Garden").unwrap().task, Some(Task::Token { .. })));
    }

    #[test]
    fn times_and_bytes_have_units() {
        assert_eq!(age("90m"), Ok(Duration::from_secs(5400)));
        for wrong in ["", "h", "-1h", "1.5h", "0d", "99999999d", "1y", "1é"] {
            assert!(age(wrong).unwrap_err().contains("7d"), "{wrong}");
        }
        assert_eq!(bytes("1t"), Ok(1_000_000_000_000));
        assert!(bytes("99999999999999T").is_err() && bytes("1").is_err());
    }
}
