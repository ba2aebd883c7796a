//! How many machines of each layer so many viewers need, by what a request and a byte cost.

/// A machine of any layer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Machine {
    /// Processors like the one that was measured.
    pub(crate) cores: f64,
    /// What its network carries, in bits a second.
    pub(crate) bits: f64,
    /// Its memory in bytes.
    pub(crate) memory: f64,
    /// The share of all of that which is used when all is well: another machine's viewers have room in the rest.
    pub(crate) used: f64,
}

/// What a layer costs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Cost {
    /// Seconds of a processor for a request.
    pub(crate) request: f64,
    /// Seconds of a processor for a byte of an answer.
    pub(crate) byte: f64,
    /// Bytes of memory for a viewer.
    pub(crate) viewer: f64,
}

/// What a layer has to do, all of its machines together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Load {
    /// Viewers that are connected with it.
    pub(crate) viewers: f64,
    /// Requests a second.
    pub(crate) requests: f64,
    /// Bytes a second.
    pub(crate) bytes: f64,
}

/// Machines that a load needs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Need {
    /// By each of what a machine has: processors, network, memory. Fractions of machines.
    pub(crate) by: [(&'static str, f64); 3],
}

impl Load {
    /// That of so many viewers, of whom each asks so often for so much.
    pub(crate) fn of(viewers: f64, requests: f64, bytes: f64) -> Self {
        Self { viewers, requests: viewers * requests, bytes: viewers * bytes }
    }

    /// What reaches the origin: each cache asks for each name so often, of so many a second with so many bytes.
    pub(crate) fn behind(caches: f64, names: f64, bytes: f64, asked: f64) -> Self {
        Self { viewers: 0.0, requests: caches * names * asked, bytes: caches * bytes * asked }
    }

    /// Processors that this takes.
    pub(crate) fn cores(&self, cost: Cost) -> f64 {
        self.requests * cost.request + self.bytes * cost.byte
    }

    /// How many machines this needs.
    pub(crate) fn needs(&self, cost: Cost, machine: Machine) -> Need {
        let processors = self.cores(cost) / (machine.cores * machine.used);
        let network = self.bytes * 8.0 / (machine.bits * machine.used);
        let memory = self.viewers * cost.viewer / (machine.memory * machine.used);
        Need { by: [("processors", processors), ("network", network), ("memory", memory)] }
    }
}

impl Need {
    /// Whole machines, one more than needed so that one may fail, and two at least.
    pub(crate) fn machines(&self) -> f64 {
        (self.first().1.ceil() + 1.0).max(2.0)
    }

    /// What fails first, and how many machines it needs.
    pub(crate) fn first(&self) -> (&'static str, f64) {
        self.by
            .into_iter()
            .max_by(|one, other| one.1.total_cmp(&other.1))
            .unwrap_or(("nothing", 0.0))
    }
}

/// Requests a second for so many tracks, by parts or segments of so many seconds: each of them, and a playlist for each.
pub(crate) fn requests(seconds: f64, tracks: f64) -> f64 {
    2.0 * tracks / seconds
}

#[cfg(test)]
mod tests {
    use super::{Cost, Load, Machine, requests};

    const MACHINE: Machine = Machine { cores: 8.0, bits: 1e10, memory: 1e10, used: 0.5 };
    const COST: Cost = Cost { request: 50e-6, byte: 1e-9, viewer: 50e3 };

    #[test]
    fn what_is_short_first_decides() {
        // 2 million requests of 50 us are 100 cores, and 5 GB/s are 5 more: 105 of 4 each.
        let need = Load::of(100_000.0, 20.0, 50_000.0).needs(COST, MACHINE);
        assert!((need.by[0].1 - 26.25).abs() < 1e-9, "{need:?}");
        // 40 Gbit/s of 5 each, 5 GB of 5 each.
        assert!((need.by[1].1 - 8.0).abs() < 1e-9 && (need.by[2].1 - 1.0).abs() < 1e-9, "{need:?}");
        assert_eq!((need.first().0, need.machines()), ("processors", 28.0));
        let need = Load::of(100_000.0, 0.5, 50_000.0).needs(COST, MACHINE);
        assert_eq!((need.first().0, need.machines()), ("network", 9.0));
    }

    #[test]
    fn one_may_fail_of_however_few() {
        assert_eq!(Load::of(1.0, 20.0, 50_000.0).needs(COST, MACHINE).machines(), 2.0);
        assert_eq!(Load::of(0.0, 20.0, 50_000.0).needs(COST, MACHINE).machines(), 2.0);
    }

    #[test]
    fn an_origin_knows_caches_and_no_viewers() {
        let load = Load::behind(29.0, 40.0, 250_000.0, 1.05);
        assert!((load.requests - 1218.0).abs() < 1e-9 && load.viewers == 0.0);
        assert!((load.cores(Cost { byte: 0.0, ..COST }) - 0.0609).abs() < 1e-9);
    }

    #[test]
    fn requests_are_of_playlists_and_parts_of_all_tracks() {
        assert_eq!(requests(0.2, 2.0), 20.0);
        assert_eq!(requests(2.0, 2.0), 2.0);
    }
}
