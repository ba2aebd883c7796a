//! A LAN of a test's own: two machines at a switch that hands on to each only the groups that it has joined, as switches
//! with IGMP snooping do. What one of them gets can be limited.

use crate::machine::{Machine, not_run};
use crate::program::peer;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

/// How the switch asks who is in which group, in hundredths of a second: at once, so that a test need not wait.
const ASKING: &str = "mcast_snooping 1 mcast_query_response_interval 100 \
                      mcast_startup_query_interval 50 mcast_last_member_interval 10";

/// That it asks at all. Once it has the interval above: it hands on all groups everywhere for as long as answers may take.
const ASKS: &str = "link set br0 type bridge mcast_querier 1";

/// The LAN.
#[derive(Debug)]
pub struct Lan {
    switch: Machine,
    /// Who sends, at 10.78.0.1.
    pub sender: Machine,
    /// Who receives, at 10.78.0.2.
    pub viewer: Machine,
}

impl Lan {
    /// One that is called after the test; none, and the test says why, where none can be made.
    #[must_use]
    pub fn new(test: &str) -> Option<Self> {
        let machine = |what: &str| Machine::new(&format!("{test}-{what}"));
        let (switch, sender, viewer) = (machine("w")?, machine("s")?, machine("v")?);
        let mut bridge = peer("ip");
        bridge.args(["-n", switch.name(), "link", "add", "br0", "type", "bridge"]);
        if !bridge.args(ASKING.split_whitespace()).status().unwrap().success() {
            not_run(test, "this kernel has no bridge with IGMP snooping");
            return None;
        }
        switch.ip("address add 10.78.0.254/24 dev br0");
        switch.ip("link set br0 up");
        switch.ip(ASKS);
        for (machine, port, address) in [(&sender, "sender", 1), (&viewer, "viewer", 2)] {
            switch
                .ip(&format!("link add {port} type veth peer name eth0 netns {}", machine.name()));
            switch.ip(&format!("link set {port} master br0 up"));
            // A group is cut off as soon as it is left, not after a question and its answer.
            switch.ip(&format!("link set {port} type bridge_slave fastleave on"));
            machine.ip(&format!("address add 10.78.0.{address}/24 dev eth0"));
            machine.ip("link set eth0 up");
            machine.ip("route add default via 10.78.0.254");
        }
        // Who joins a group says so twice, the second time up to ten seconds later.
        let mut sysctl = peer("ip");
        sysctl.args(["netns", "exec", viewer.name(), "sysctl", "-qw"]);
        sysctl.arg("net.ipv4.conf.eth0.igmpv2_unsolicited_report_interval=100");
        assert!(sysctl.status().unwrap().success());
        Some(Self { switch, sender, viewer })
    }

    /// Limits what the viewer gets to so many Mbit/s, or lifts the limit. Returns whether this kernel can.
    pub fn limit(&self, mbit: Option<u32>) -> bool {
        let mut tc = peer("tc");
        tc.args(["-n", self.switch.name(), "qdisc"]);
        match mbit {
            Some(mbit) => {
                tc.args(["replace", "dev", "viewer", "root", "tbf", "burst", "64kb"]);
                tc.args(["latency", "50ms", "rate", &format!("{mbit}mbit")])
            }
            None => tc.args(["delete", "dev", "viewer", "root"]),
        };
        tc.status().unwrap().success()
    }

    /// Has the switch forget for a second, again and again, that the viewer is in a group.
    pub fn forget(&self, group: &str) {
        // So that it knows of all others: it asks as it did at first.
        self.switch.ip("link set br0 type bridge mcast_querier 0");
        self.switch.ip(ASKS);
        thread::park_timeout(Duration::from_millis(2500));
        // What nobody is in would go everywhere.
        self.switch.ip("link set viewer type bridge_slave mcast_flood off");
        let mut forgotten = false;
        for _ in 0..10 {
            let mut bridge = peer("bridge");
            bridge.args(["-n", self.switch.name(), "mdb", "del", "dev", "br0", "port", "viewer"]);
            forgotten |=
                bridge.args(["grp", group]).stderr(Stdio::null()).status().unwrap().success();
            thread::park_timeout(Duration::from_millis(100));
        }
        assert!(forgotten, "the viewer is in {group}");
    }
}
