//! Who is served one by one, over RTSP.

use super::error::{Error, wrong};
use crate::options::StreamOptions;
use ipnet::IpNet;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::path::Path;
use streamsocket_rtsp::PORT;
use streamsocket_rtsp::users::Users;
use streamsocket_station::users_file;

/// Where users are unless an option says otherwise.
pub const USERS_FILE: &str = "/etc/streamsocket/users";

/// What the user chose.
#[derive(Clone, Debug, PartialEq)]
pub struct Serving {
    /// Where; `None`: nowhere.
    pub at: Option<Listening>,
    /// Networks beside the machine's own that are served without a password.
    pub allow: Vec<IpNet>,
    /// Those who have one; if there are none, nobody needs one.
    pub users: Users,
    /// Players that know only MD5 are kept out.
    pub sha256_only: bool,
}

/// Where a server listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listening {
    /// The address, and the first port that it tries.
    pub first: SocketAddr,
    /// Whether the user has chosen it: then it is an error if it cannot be had.
    pub chosen: bool,
}

/// Checks the options.
pub(super) fn serving(options: &StreamOptions) -> Result<Serving, Error> {
    let networks = options.allow.as_deref().unwrap_or_default();
    let at = listening(options.rtsp.as_deref())?;
    // A daemon that serves nobody need not be let read the usual file.
    let has_users = at.is_some() || options.users.is_some();
    Ok(Serving {
        at,
        allow: networks.iter().map(|text| network(text)).collect::<Result<_, _>>()?,
        users: if has_users { users(options.users.as_deref())? } else { Users::default() },
        sha256_only: options.auth_sha256_only.unwrap_or(false),
    })
}

fn listening(text: Option<&str>) -> Result<Option<Listening>, Error> {
    let anywhere = IpAddr::from(Ipv6Addr::UNSPECIFIED);
    let Some(text) = text else {
        return Ok(Some(Listening { first: (anywhere, PORT).into(), chosen: false }));
    };
    if text == "off" {
        return Ok(None);
    }
    let port = text.strip_prefix(':').unwrap_or(text).parse().map(|port| (anywhere, port).into());
    let whole =
        || text.parse().or_else(|_| text.parse().map(|address| SocketAddr::new(address, PORT)));
    match port.or_else(|_| whole()) {
        Ok(first) if first.port() != 0 => Ok(Some(Listening { first, chosen: true })),
        _ => Err(wrong(
            "rtsp",
            text,
            "expected an address and a port, such as 192.168.1.5:8554 or :8554, or off",
        )),
    }
}

fn network(text: &str) -> Result<IpNet, Error> {
    let alone = || text.parse::<IpAddr>().map(IpNet::from);
    text.parse().or_else(|_| alone()).map_err(|_| {
        wrong("allow", text, "expected a network or an address, such as 10.8.0.0/24 or 10.8.0.7")
    })
}

/// Reads the file of users: the one that is named, or the usual one, if it is there.
fn users(named: Option<&Path>) -> Result<Users, Error> {
    let path = named.unwrap_or_else(|| Path::new(USERS_FILE));
    users_file::read(path, named.is_some()).map_err(|why| Error(format!("--users {why}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use streamsocket_rtsp::users::User;

    fn at(text: &str) -> Result<Option<(String, bool)>, String> {
        let at = listening(Some(text)).map_err(|error| error.to_string())?;
        Ok(at.map(|at| (at.first.to_string(), at.chosen)))
    }

    #[test]
    fn an_address_may_have_a_port_and_a_port_an_address() {
        for (text, first) in [
            (":8555", "[::]:8555"),
            ("8555", "[::]:8555"),
            ("192.0.2.1:8555", "192.0.2.1:8555"),
            ("192.0.2.1", "192.0.2.1:8554"),
            ("[2001:db8::1]:554", "[2001:db8::1]:554"),
            ("::1", "[::1]:8554"),
        ] {
            assert_eq!(at(text), Ok(Some((first.to_owned(), true))), "{text}");
        }
        assert_eq!(at("off"), Ok(None));
        assert!(!listening(None).unwrap().unwrap().chosen);
        for text in ["", ":", ":0", "no", "pi:8554", "192.0.2.1:x"] {
            assert!(at(text).unwrap_err().starts_with("--rtsp"), "{text}");
        }
        assert_eq!(network("10.8.0.7").unwrap().to_string(), "10.8.0.7/32");
        assert!(network("10.8.0.0/33").is_err());
    }

    #[test]
    fn a_file_of_users_is_kept_to_oneself() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("users");
        let shown = path.display();
        assert!(users(Some(&path)).unwrap_err().to_string().contains("No such file"));
        let line = User::new("anna", "correct horse").unwrap();
        fs::write(&path, format!("{line}\nberta\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let why = users(Some(&path)).unwrap_err().to_string();
        assert!(why.ends_with(&format!("run: chmod o= {shown}")), "{why}");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let why = users(Some(&path)).unwrap_err().to_string();
        assert!(why.starts_with(&format!("--users {shown}, line 2: ")), "{why}");
        fs::write(&path, format!("{line}\n")).unwrap();
        assert!(users(Some(&path)).unwrap().named("anna").is_some());
    }
}
