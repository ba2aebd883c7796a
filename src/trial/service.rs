//! What the service may do, by its unit (systemd/streamsocket.service): a configuration that is good for
//! a user need not be good for it.

use crate::settings::Settings;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

/// Where the service's configurations are.
const CONFIGURATIONS: &str = "/etc/streamsocket";

/// Its `StateDirectory=`.
const STATE: &str = "/var/lib/streamsocket";

/// Its `RuntimeDirectory=` is the folder of its name in this one.
const RUNTIME: &str = "/run/streamsocket";

/// What it does not see, by `ProtectHome=` and `PrivateTmp=`.
const HIDDEN: [&str; 5] = ["/home", "/root", "/run/user", "/tmp", "/var/tmp"];

/// The service that a configuration is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    runtime: PathBuf,
}

impl Service {
    /// That of a configuration file, if it is one of a service.
    #[must_use]
    pub fn of(configuration: &Path) -> Option<Self> {
        let path = std::path::absolute(configuration).ok()?;
        let instance = match path.file_stem()?.to_str()? {
            "streamsocket" => "main",
            instance => instance,
        };
        let runtime = Path::new(RUNTIME).join(instance);
        (path.parent()? == Path::new(CONFIGURATIONS)).then_some(Self { runtime })
    }

    /// Why the service could not write there, if so.
    pub(super) fn refuses_to_write(&self, path: &Path) -> Option<String> {
        let passed_on = path == Path::new("-") || path.starts_with("/dev");
        let own = [Path::new(STATE), &self.runtime].iter().any(|folder| path.starts_with(folder));
        if passed_on || own {
            return None;
        }
        Some(format!("the service may write below {STATE} and {} only", self.runtime.display()))
    }

    /// What of the settings it may not do, a line each.
    pub(super) fn refuses(&self, settings: &Settings) -> Vec<String> {
        let hidden =
            settings.files().filter(|(_, path)| HIDDEN.iter().any(|it| path.starts_with(it)));
        let hidden = hidden.map(|(option, path)| {
            let path = path.display();
            format!("--{option} file:{path}: the service does not see that folder; /srv is one that it sees")
        });
        let far = settings.to.iter().filter(|to| is_public(to.address())).map(|to| {
            let address = to.address();
            format!("--to {address}: the service sends to addresses of a LAN only; systemctl edit streamsocket, [Service] IPAddressAllow={address} allows it")
        });
        hidden.chain(far).collect()
    }
}

/// Whether the unit's `IPAddressAllow=` leaves it out.
const fn is_public(address: IpAddr) -> bool {
    let IpAddr::V4(address) = address else { return false };
    let [first, second, ..] = address.octets();
    let shared = first == 100 && second & 0xC0 == 64;
    !(address.is_private()
        || shared
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_known_by_its_configuration() {
        let runtime = |path: &str| Service::of(Path::new(path)).map(|it| it.runtime);
        let main = runtime("/etc/streamsocket/streamsocket.toml");
        assert_eq!(main, Some("/run/streamsocket/main".into()));
        assert_eq!(runtime("/etc/streamsocket/door.toml"), Some("/run/streamsocket/door".into()));
        assert_eq!(runtime("door.toml"), None);
        assert_eq!(runtime("/etc/streamsocket/old/door.toml"), None);
    }

    #[test]
    fn it_writes_to_its_own_folders() {
        let service = Service::of(Path::new("/etc/streamsocket/door.toml")).unwrap();
        let writes = |path: &str| service.refuses_to_write(Path::new(path)).is_none();
        assert!(writes("/var/lib/streamsocket/a.sdp") && writes("/run/streamsocket/door/a.sdp"));
        assert!(writes("-") && writes("/dev/null"));
        assert!(!writes("/run/streamsocket/session.sdp") && !writes("/run/streamsocket/main/a"));
        assert!(!writes("a.sdp") && !writes("/home/pi/a.sdp") && !writes("/tmp/a.sdp"));
    }

    #[test]
    fn it_sends_to_the_lan() {
        let public = |text: &str| is_public(text.parse().unwrap());
        let lan = ["10.1.2.3", "172.31.0.1", "192.168.1.2", "100.64.0.1", "239.255.1.1", "::1"];
        assert!(!lan.iter().any(|it| public(it)));
        assert!(public("203.0.113.5") && public("172.32.0.1") && public("100.128.0.1"));
    }
}
