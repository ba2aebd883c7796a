//! Machines of a test's own, as network namespaces.

use crate::program::{peer, text};
use nix::unistd::Uid;
use std::fs;
use std::io::{self, Write};
use std::process::Command;

/// A machine, without a network but its loopback interface. Removed when it is dropped.
#[derive(Debug)]
pub struct Machine(String);

impl Machine {
    /// One that is called after the test; none, and the test says why, where none can be made.
    #[must_use]
    pub fn new(test: &str) -> Option<Self> {
        if !can_be_made(test) {
            return None;
        }
        let machine = Self(format!("{test}-{}", std::process::id()));
        text(peer("ip").args(["netns", "add", &machine.0]));
        machine.ip("link set lo up");
        Some(machine)
    }

    /// What to call it in commands.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0
    }

    /// Changes its network, as ip(8) is told it.
    pub fn ip(&self, arguments: &str) {
        text(peer("ip").args(["-n", &self.0]).args(arguments.split(' ')));
    }

    /// Plugs a cable to another machine into its eth0, which has this address.
    pub fn plug_in(&self, address: &str) {
        self.ip("link add eth0 type veth peer name other");
        self.ip(&format!("address add {address} dev eth0 nodad"));
        self.ip("link set other up");
        self.ip("link set eth0 up");
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["netns", "delete", &self.0]).status();
    }
}

/// Says why a test is not run, past the test runner, which keeps to itself what a test that passes prints.
pub fn not_run(test: &str, why: &str) {
    let _ = writeln!(io::stderr(), "{test}: not run: {why}");
}

/// Whether machines can be made here; if not, the test says why.
#[must_use]
pub fn can_be_made(test: &str) -> bool {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let why = why_not(Uid::effective().is_root(), &mounts);
    if let Some(why) = why {
        not_run(test, why);
    }
    why.is_none()
}

/// What is in the way of `ip netns exec`: it needs root, and makes the mount at `/` one of its own, which
/// there is none of in a chroot (proc_pid_mountinfo(5): the fifth field is the mount point).
fn why_not(root: bool, mounts: &str) -> Option<&'static str> {
    let at_root = |line: &str| line.split(' ').nth(4) == Some("/");
    match (root, mounts.lines().any(at_root)) {
        (false, _) => Some("network namespaces are made by root"),
        (true, false) => {
            Some("this is a chroot, whose / is no mount point: ip netns exec needs one")
        }
        (true, true) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn machines_are_made_by_root_where_the_root_is_a_mount_point() {
        let disk = "21 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n";
        let proc = "22 21 0:20 / /proc rw,relatime - proc proc rw\n";
        assert_eq!(why_not(true, &format!("{proc}{disk}")), None);
        assert!(why_not(true, proc).unwrap().contains("mount point"));
        assert!(why_not(false, disk).unwrap().contains("root"));
    }
}
