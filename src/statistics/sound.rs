//! What is said of sound, for people.

use super::{AudioStatistics, to_f64, write_absence};
use std::fmt::Write as _;

impl AudioStatistics {
    pub(super) fn write(&self, tier: &str, out: &mut String) -> std::fmt::Result {
        let seconds = to_f64(self.samples) / f64::from(self.rate.max(1));
        let opus = self.opus_kbit.map(|kbit| format!(" as Opus of {kbit} kbit/s"));
        writeln!(
            out,
            "  audio  {}{tier} {} Hz {}{}: {seconds:.1} s sent in {} packets and {} for repair, {} overruns",
            self.source,
            self.rate,
            if self.channels == 1 { "mono" } else { "stereo" },
            opus.unwrap_or_default(),
            self.packets,
            self.repair_packets,
            self.overruns,
        )?;
        if let left_out @ 1.. = self.encoder_was_busy {
            writeln!(out, "         {left_out} times 20 ms not sent: encoder was busy")?;
        }
        if let Some(ppm) = self.clock_ppm {
            writeln!(
                out,
                "         the card's clock is off by {ppm:+} ppm, which viewers make up for"
            )?;
        }
        write_absence(out, self.away.as_deref(), self.returns)
    }
}
