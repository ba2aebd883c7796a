//! What is known of the relay that a session is published to.

use serde::Serialize;
use std::fmt::Write as _;

/// The relay that a session is published to.
#[derive(Clone, Debug, Default, Serialize)]
pub struct RelayStatistics {
    /// The address, without name and password.
    pub url: String,
    /// How packets go there, if they do.
    pub published: Option<&'static str>,
    /// Why they do not, if that is known.
    pub failing: Option<String>,
    /// Packets sent by the connection that there is.
    pub packets: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Packets that the kernel did not accept.
    pub packets_dropped: u64,
    /// Pictures and pieces of sound that the connection had no room for.
    pub left_out: u64,
}

impl RelayStatistics {
    pub(super) fn write(&self, out: &mut String) -> std::fmt::Result {
        writeln!(
            out,
            "  relay  {}: {}, {} packets, {:.1} MB, {} not taken by the network, {} pictures left out for a slow connection",
            self.url,
            self.published.unwrap_or("not connected"),
            self.packets,
            self.megabytes(),
            self.packets_dropped,
            self.left_out
        )
    }

    #[expect(clippy::cast_precision_loss, reason = "shown with a digit")]
    fn megabytes(&self) -> f64 {
        self.bytes as f64 / 1e6
    }
}
