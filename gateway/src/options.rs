//! What the user may say on the command line.

use clap::{Parser, Subcommand};
use std::net::{Ipv6Addr, SocketAddr};
use std::path::PathBuf;

/// Port that browsers are given if nothing else is said.
const PORT_DEFAULT: u16 = 8080;

/// The command line.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "streamsocket-gateway",
    version,
    about = "Shows what streamsocket sends to browsers and to programs that speak HTTP",
    after_help = EXAMPLES,
    args_conflicts_with_subcommands = true
)]
pub struct Options {
    /// What to do instead of showing anything
    #[command(subcommand)]
    pub task: Option<Task>,
    /// What to show: SDP files, names of announced sessions, or rtp://ADDRESS:PORT [default: all sessions
    /// announced on the network]
    #[arg(value_name = "SOURCE")]
    pub sources: Vec<String>,
    /// Address that browsers connect to: ADDRESS:PORT, or :PORT for all addresses
    #[arg(long, value_name = "ADDR:PORT", default_value = ":8080", value_parser = listen)]
    pub listen: SocketAddr,
    /// A further name that browsers reach this machine by, such as cam.example.org; its own name and addresses are known
    #[arg(long = "host", value_name = "NAME")]
    pub hosts: Vec<String>,
    /// File with the password that viewers must enter, written by "streamsocket-gateway password FILE". With a
    /// password, viewers outside this machine's own networks are served as well [default: no password]
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
    /// Network interface to receive on, by its name or address [default: that of the default route, else of the
    /// LAN]
    #[arg(long, value_name = "NAME|IP")]
    pub interface: Option<String>,
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
  ffmpeg -i 'http://pi:8080/stream' -t 60 -c copy minute.mkv";

fn listen(text: &str) -> Result<SocketAddr, String> {
    let all = |port| SocketAddr::from((Ipv6Addr::UNSPECIFIED, port));
    let address = match text.strip_prefix(':') {
        Some(port) => port.parse().ok().map(all),
        None => text.parse().ok(),
    };
    address.filter(|address| address.port() != 0).ok_or_else(|| {
        format!("expected an address and a port, such as 192.168.1.5:{PORT_DEFAULT}, or :{PORT_DEFAULT} for all addresses")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_may_be_left_out() {
        assert_eq!(listen(":8080"), Ok("[::]:8080".parse().unwrap()));
        assert_eq!(listen("127.0.0.1:80"), Ok("127.0.0.1:80".parse().unwrap()));
        for wrong in ["", "8080", ":", ":0", "pi:8080", ":99999"] {
            assert!(listen(wrong).unwrap_err().contains(":8080 for all"), "{wrong}");
        }
    }
}
