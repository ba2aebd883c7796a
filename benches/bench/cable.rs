//! Two machines with a cable between them, viewers at the far end who count packets, and what sending to them takes.

use crate::camera::used_within;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::time::Duration;
use streamsocket_tests::board::on;
use streamsocket_tests::machine::Machine;
use streamsocket_tests::program::{Program, ours};

/// Addresses of the two machines: the far one has more of them, as viewers do.
pub(crate) const NEAR: &str = "10.99.0.1";
pub(crate) const FAR: &str = "10.99.0.2";
pub(crate) const MORE: [&str; 4] = ["10.99.0.3", "10.99.0.4", "10.99.0.5", "10.99.0.6"];

/// Ports of viewers that only listen.
const PORT: u16 = 30_000;

/// Time until all is as it stays, and the time that is measured.
const SETTLED: Duration = Duration::from_secs(3);
const MEASURED: Duration = Duration::from_secs(8);

/// What was used and what came in a second; delays are those of packets that say when they have left.
pub(crate) struct Run {
    /// Seconds of processor.
    pub(crate) cpu: f64,
    pub(crate) packets: f64,
    /// In all.
    pub(crate) lost: f64,
    /// Pictures of the one who got fewest.
    pub(crate) fewest: f64,
    /// Seconds that half of the packets took at most, and 99 % of them.
    pub(crate) delays: [f64; 2],
}

/// Two machines, with a cable between them.
pub(crate) struct Network {
    pub(crate) near: Machine,
    pub(crate) far: Machine,
}

impl Network {
    /// None where none can be made.
    pub(crate) fn new() -> Option<Self> {
        let (near, far) = (Machine::new("bench-near")?, Machine::new("bench-far")?);
        connect((&near, "eth0", NEAR), (&far, "eth0", FAR));
        MORE.iter().for_each(|more| far.ip(&format!("address add {more}/24 dev eth0")));
        near.ip("route add default dev eth0");
        Some(Self { near, far })
    }
}

/// Plugs a cable into two machines, where it is called so and has these addresses.
pub(crate) fn connect(one: (&Machine, &str, &str), other: (&Machine, &str, &str)) {
    one.0.ip(&format!(
        "link add {} type veth peer name {} netns {}",
        one.1,
        other.1,
        other.0.name()
    ));
    for (machine, name, address) in [one, other] {
        machine.ip(&format!("address add {address}/24 dev {name}"));
        machine.ip(&format!("link set {name} up"));
    }
}

/// Viewers that only listen.
pub(crate) fn listeners(far: &Machine, viewers: usize) -> Far {
    Far::start(far, &["listen", FAR, &PORT.to_string(), &viewers.to_string()])
}

/// Where those listen.
pub(crate) fn addresses(viewers: usize) -> String {
    let all = (0..viewers).map(|nth| format!("{FAR}:{}", usize::from(PORT) + 2 * nth));
    all.collect::<Vec<_>>().join(",")
}

/// The far end.
pub(crate) struct Far {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl Far {
    pub(crate) fn start(machine: &Machine, arguments: &[&str]) -> Self {
        let mut command = on(machine.name(), ours("far").args(arguments));
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (to, from) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let mut own = Self { child, to, from: BufReader::new(from) };
        assert_eq!(own.line().trim(), "ready");
        own
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.from.read_line(&mut line).unwrap();
        line
    }

    fn counted(&mut self) -> serde_json::Value {
        writeln!(self.to).unwrap();
        serde_json::from_str(&self.line()).unwrap()
    }

    /// What a sender takes, and what comes of it.
    pub(crate) fn measure(mut self, sender: &Program) -> Run {
        std::thread::sleep(SETTLED);
        self.counted();
        let cpu = used_within(&[sender], MEASURED);
        let counted = self.counted();
        drop(self.to);
        self.child.wait().unwrap();
        let number = |name: &str| counted[name].as_f64().unwrap();
        let each = MEASURED.as_secs_f64();
        Run {
            cpu,
            packets: number("packets") / each,
            lost: number("lost"),
            fewest: number("fewest") / each,
            delays: ["p50", "p99"].map(|it| number(it) / 1e6),
        }
    }
}
