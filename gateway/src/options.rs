//! What the user may say on the command line, and in a configuration file, whose keys are the same names.

use clap::{Parser, Subcommand};
use ipnet::IpNet;
use std::net::SocketAddr;
use std::path::PathBuf;
use streamsocket_web::options::{host, listen, network, origin};

/// Port of RTSPS if nothing else is said. The one that is registered, 322, needs privileges; others take this one, too.
pub(crate) const RTSPS_DEFAULT: u16 = 8322;

/// Where encrypted connections are taken if nothing else is said.
pub(crate) const TLS_DEFAULT: &str = ":8443";

/// The command line.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "streamsocket-gateway",
    version,
    about = "Serves streamsocket's sessions to browsers and to programs that speak HTTP",
    after_help = EXAMPLES,
    args_conflicts_with_subcommands = true,
    args_override_self = true
)]
pub struct Options {
    /// What to do instead of showing anything
    #[command(subcommand)]
    pub task: Option<Task>,
    /// What to show: SDP files, names of announced sessions, or rtp://ADDRESS:PORT [default: all sessions
    /// announced on the network]
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
    /// Address that browsers connect to: ADDRESS:PORT, or :PORT for all addresses
    #[arg(long, value_name = "ADDR:PORT", default_value = ":8080", value_parser = listen, help_heading = "Serving")]
    pub listen: SocketAddr,
    /// Encrypt what is sent to browsers that connect to this address, by https://. Sound is played better
    /// then, since browsers allow more [default: no; without a value :8443]
    #[arg(
        long,
        value_name = "ADDR:PORT",
        value_parser = listen,
        num_args = 0..=1,
        default_missing_value = TLS_DEFAULT,
        help_heading = "Serving"
    )]
    pub tls: Option<SocketAddr>,
    /// Hand players that come by rtsps:// on to the daemons of this machine, encrypted: a port, an address and a
    /// port, or off [default: :8322]
    #[arg(long, value_name = "[ADDR:]PORT|off", value_parser = rtsps, help_heading = "Serving")]
    pub rtsps: Option<Rtsps>,
    /// Certificate chain for --tls and --rtsps, in PEM; a renewed file is taken within an hour [default: one of its own making,
    /// which browsers warn about]
    #[arg(long, value_name = "FILE", requires = "key", help_heading = "Serving")]
    pub cert: Option<PathBuf>,
    /// Private key of the certificate, in PEM
    #[arg(long, value_name = "FILE", requires = "cert", help_heading = "Serving")]
    pub key: Option<PathBuf>,
    /// Send browsers that come by http:// on to https://
    #[arg(long, requires = "tls", help_heading = "Serving")]
    pub redirect: bool,
    /// A further name that browsers reach this machine by, such as cam.example.org; its own name and addresses
    /// are known; can be repeated
    #[arg(long, value_name = "NAME", value_parser = host, help_heading = "Serving")]
    pub host: Vec<String>,
    /// Do not say on the LAN that the page is there (mDNS)
    #[arg(long, help_heading = "Serving")]
    pub no_announce: bool,
    /// File with the password that viewers must enter, written by "streamsocket-gateway password FILE". With a
    /// password, viewers outside this machine's own networks are served as well [default: no password]
    #[arg(long, value_name = "FILE", help_heading = "Who may watch")]
    pub password_file: Option<PathBuf>,
    /// Serve viewers of this network, too, such as 10.1.0.0/16 or 192.168.7.9; can be repeated [default: the
    /// machine's own networks; with a password, everybody]
    #[arg(long, value_name = "NET", value_parser = network, help_heading = "Who may watch")]
    pub allow: Vec<IpNet>,
    /// Believe this proxy when it says whom it asks for (X-Forwarded-For); can be repeated [default: no proxy]
    #[arg(long, value_name = "ADDR", value_parser = network, help_heading = "Who may watch")]
    pub proxy: Vec<IpNet>,
    /// Let this site embed the page and its pictures; can be repeated
    #[arg(long, value_name = "https://HOST", value_parser = origin, help_heading = "Who may watch")]
    pub allow_origin: Vec<String>,
    /// Let viewers start and stop the daemon of this machine and change what it sends; needs a password
    #[arg(long, requires = "password_file", help_heading = "Who may watch")]
    pub control: bool,
}

/// Where players come by RTSPS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rtsps {
    /// Nowhere.
    Off,
    /// Here.
    At(SocketAddr),
}

/// What else it can do.
#[derive(Clone, Debug, Subcommand)]
pub enum Task {
    /// Ask for a password and write its hash to a file
    Password {
        /// The file
        #[arg(value_name = "FILE", default_value = "/etc/streamsocket-gateway/password")]
        file: PathBuf,
    },
}

const EXAMPLES: &str = "\
Examples:
  streamsocket-gateway                            all sessions on the LAN, at http://THIS-MACHINE:8080/
  streamsocket-gateway \"Front door\" Garden        these, by their names
  streamsocket-gateway --tls --redirect           all sessions, encrypted, at https://THIS-MACHINE:8443/
  ffplay rtsps://pi:8322/                         the daemon of that machine, encrypted
  ffmpeg -use_wallclock_as_timestamps 1 -i 'http://pi:8080/stream' -t 60 -c copy minute.mkv";

fn rtsps(text: &str) -> Result<Rtsps, String> {
    if text == "off" {
        return Ok(Rtsps::Off);
    }
    let port = text.parse::<u16>().is_ok();
    let at = if port { listen(&format!(":{text}")) } else { listen(text) };
    at.map(Rtsps::At).map_err(|_| {
        format!("expected an address and a port, such as 192.168.1.5:{RTSPS_DEFAULT} or :{RTSPS_DEFAULT}, or off")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;
    use std::net::{IpAddr, Ipv6Addr};

    #[test]
    fn players_come_by_a_port_at_an_address_or_nowhere() {
        let all = |port| Ok(Rtsps::At((Ipv6Addr::UNSPECIFIED, port).into()));
        assert_eq!((rtsps("322"), rtsps(":322")), (all(322), all(322)));
        assert_eq!(rtsps("10.0.0.1:322"), Ok(Rtsps::At("10.0.0.1:322".parse().unwrap())));
        assert_eq!(rtsps("off"), Ok(Rtsps::Off));
        for wrong in ["", "0", ":0", "pi:322", "no", "99999"] {
            assert!(rtsps(wrong).unwrap_err().contains(":8322, or off"), "{wrong}");
        }
    }

    #[test]
    fn options_are_as_they_are_said() {
        Options::command().debug_assert();
        let read = |line: &str| Options::try_parse_from(line.split(' '));
        let tls = |line: &str| read(line).unwrap().tls.map(|tls| tls.port());
        assert_eq!(tls("gateway"), None);
        assert_eq!(tls("gateway --tls"), Some(8443));
        assert_eq!(tls("gateway --tls --redirect"), Some(8443));
        assert_eq!(tls("gateway --tls :443 Garden"), Some(443));
        let networks = read("gateway --allow 10.1.0.0/16 --allow 192.0.2.7").unwrap().allow;
        assert_eq!(networks.len(), 2);
        assert!(networks[1].contains(&"192.0.2.7".parse::<IpAddr>().unwrap()));
        for wrong in ["--redirect", "--control", "--cert c.pem", "--allow lan", "--tls Garden"] {
            assert!(read(&format!("gateway {wrong}")).is_err(), "{wrong}");
        }
    }
}
