//! How it goes, in words: one line for a terminal or a log, the same values as lines for the
//! screen. Nothing is measured here.

use core::fmt::{self, Write as _};
use core::time::Duration;
use std::io::{self, Write};
use std::sync::Arc;

use heapless::{String as Text, Vec as List};
use streamsocket_media::clock::Monotonic;

/// The values that a viewer wants to see. What is not known yet is left out of the text.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Status<'a> {
    /// Name of the session.
    pub source: &'a str,
    /// Picture size in pixels.
    pub size: Option<(u16, u16)>,
    /// The tier that is received instead of the session itself.
    pub tier: Option<Arc<str>>,
    /// Pictures a second.
    pub fps: Option<f32>,
    /// Received, in kbit/s.
    pub kbit_s: Option<u32>,
    /// From capture to screen, in milliseconds.
    pub latency_ms: Option<f32>,
    /// The latency is that beyond the fastest packet: the machines' clocks are not known to agree.
    pub relative: bool,
    /// Packets lost, in per cent.
    pub loss_percent: f32,
    /// The same before repair.
    pub loss_before_percent: f32,
    /// Sound after picture, in milliseconds; negative if it comes first.
    pub av_offset_ms: Option<f32>,
    /// Bytes recorded, while recording.
    pub recorded: Option<u64>,
    /// What only the overlay has room for.
    pub details: Details,
}

/// How the latency comes about.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Details {
    /// The latency that 5 and 1 per cent exceed, in milliseconds.
    pub beyond_ms: Option<(f32, f32)>,
    /// From capture to loudspeaker, in milliseconds.
    pub sound_ms: Option<f32>,
    /// The latency aimed at, in milliseconds, and the jitter of arrivals.
    pub target_ms: Option<f32>,
    /// See `target_ms`.
    pub jitter_ms: Option<f32>,
    /// The sender's clock against ours, in parts per million.
    pub drift_ppm: Option<f32>,
    /// Whether it is presented as long after its capture as the others of its room, if it is in one.
    pub in_step: Option<bool>,
    /// Pictures that came too late.
    pub late: u64,
    /// Sound played in place of what was missing, in milliseconds.
    pub concealed_ms: u64,
}

impl Details {
    fn parts(&self, mut each: impl FnMut(fmt::Arguments<'_>) -> fmt::Result) -> fmt::Result {
        if let Some((p95, p99)) = self.beyond_ms {
            each(format_args!("p95 {p95:.0} ms, p99 {p99:.0} ms"))?;
        }
        if let Some(sound) = self.sound_ms {
            each(format_args!("sound {sound:.0} ms"))?;
        }
        if let (Some(target), Some(jitter)) = (self.target_ms, self.jitter_ms) {
            each(format_args!("aim {target:.0} ms, jitter {jitter:.1} ms"))?;
        }
        if let Some(drift) = self.drift_ppm {
            each(format_args!("clock {drift:+.1} ppm"))?;
        }
        match self.in_step {
            Some(true) => each(format_args!("in step with the room"))?,
            Some(false) => {
                each(format_args!("by itself: its clock is not known, or it is too far behind"))?;
            }
            None => {}
        }
        each(format_args!("late {}, concealed {} ms", self.late, self.concealed_ms))
    }
}

impl fmt::Display for Status<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut first = true;
        self.parts(|part| {
            f.write_str(if core::mem::take(&mut first) { "" } else { "  " })?;
            f.write_fmt(part)
        })
    }
}

impl Status<'_> {
    /// Hands out the texts, most important first.
    fn parts(&self, mut each: impl FnMut(fmt::Arguments<'_>) -> fmt::Result) -> fmt::Result {
        each(format_args!("{}", Printable(self.source)))?;
        match (self.size, &self.tier) {
            (Some((width, height)), Some(tier)) => {
                each(format_args!("{width}x{height} ({})", Printable(tier)))?;
            }
            (Some((width, height)), None) => each(format_args!("{width}x{height}"))?,
            (None, _) => {}
        }
        if let Some(fps) = self.fps {
            each(format_args!("{fps:.1} fps"))?;
        }
        if let Some(kbit_s) = self.kbit_s {
            each(format_args!("{}", Rate(kbit_s)))?;
        }
        if let Some(latency) = self.latency_ms {
            let beyond = if self.relative { "+" } else { "" };
            each(format_args!("latency {beyond}{latency:.0} ms"))?;
        }
        let (loss, before) = (self.loss_percent, self.loss_before_percent);
        if before > loss {
            each(format_args!(
                "loss {loss:.2} % ({before:.2} % repaired)",
                before = before - loss
            ))?;
        } else {
            each(format_args!("loss {loss:.2} %"))?;
        }
        if let Some(offset) = self.av_offset_ms {
            // Rounded here, so that a small negative one is not "-0".
            each(format_args!("A/V {:+.0} ms", offset.round() + 0.0))?;
        }
        if let Some(bytes) = self.recorded {
            each(format_args!("recorded {}", Bytes(bytes)))?;
        }
        Ok(())
    }
}

/// A status as lines for [`Screen::set_overlay`](crate::screen::Screen::set_overlay).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OverlayLines(List<Text<LINE_BYTES>, LINES_MAX>);

impl OverlayLines {
    /// The lines, top to bottom.
    #[must_use]
    pub fn as_strs(&self) -> List<&str, LINES_MAX> {
        self.0.iter().map(Text::as_str).collect()
    }
}

/// The values of `status`, one a line. A line too long is cut.
#[must_use]
pub fn overlay_lines(status: &Status<'_>) -> OverlayLines {
    let mut lines = OverlayLines::default();
    let mut each = |part: fmt::Arguments<'_>| {
        let mut line = Cut(Text::new());
        line.write_fmt(part)?;
        lines.0.push(line.0).map_err(|_| fmt::Error)
    };
    let _ = status.parts(&mut each).and_then(|()| status.details.parts(&mut each));
    lines
}

/// The status of a program without a window, on its standard error: a line rewritten in place on
/// a terminal, else a line now and then.
#[derive(Debug)]
pub struct StatusLine {
    terminal: bool,
    written: Option<Monotonic>,
    text: String,
}

impl StatusLine {
    /// `terminal`: whether the output is one that understands ECMA-48 (TERM is not "dumb").
    #[must_use]
    pub const fn new(terminal: bool) -> Self {
        Self { terminal, written: None, text: String::new() }
    }

    /// Writes the status if it is time to: on a terminal ten times a second at most, else every
    /// ten seconds.
    ///
    /// # Errors
    /// Whatever `out` says.
    pub fn update(
        &mut self,
        now: Monotonic,
        status: &Status<'_>,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let interval = if self.terminal { TERMINAL_INTERVAL } else { LOG_INTERVAL };
        if self.written.is_some_and(|written| now.since(written) < interval) {
            return Ok(());
        }
        self.written = Some(now);
        self.text.clear();
        let (before, after) = if self.terminal { (LINE_BEGIN, LINE_END) } else { ("", "\n") };
        // A String takes all that is written to it.
        let _ = write!(self.text, "{before}{status}{after}");
        // In one piece: a line cut by a log message would leave the terminal without line wrap.
        out.write_all(self.text.as_bytes())?;
        out.flush()
    }

    /// Removes the line from a terminal, so that other output has it to itself.
    ///
    /// # Errors
    /// Whatever `out` says.
    pub fn clear(&mut self, out: &mut dyn Write) -> io::Result<()> {
        if !self.terminal || self.written.take().is_none() {
            return Ok(());
        }
        out.write_all(LINE_CLEAR.as_bytes())?;
        out.flush()
    }
}

/// A name from the network: control characters could take the terminal over.
struct Printable<'a>(&'a str);

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| f.write_char(if c.is_control() { '?' } else { c }))
    }
}

struct Rate(u32);

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            kbit @ 0..1000 => write!(f, "{kbit} kbit/s"),
            kbit => write!(f, "{}.{} Mbit/s", kbit / 1000, kbit % 1000 / 100),
        }
    }
}

struct Bytes(u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unit, name) = match self.0 {
            0..1_000_000 => (1_000, "kB"),
            1_000_000..1_000_000_000 => (1_000_000, "MB"),
            _ => (1_000_000_000, "GB"),
        };
        write!(f, "{}.{} {name}", self.0 / unit, self.0 % unit * 10 / unit)
    }
}

/// Takes what fits and forgets the rest.
struct Cut(Text<LINE_BYTES>);

impl fmt::Write for Cut {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let _ = text.chars().try_for_each(|c| self.0.push(c));
        Ok(())
    }
}

/// Longer than any line but an absurd name's.
const LINE_BYTES: usize = 64;
/// As many as a status has values.
const LINES_MAX: usize = 14;
const TERMINAL_INTERVAL: Duration = Duration::from_millis(100);
/// Often enough to see in a log that it lives.
const LOG_INTERVAL: Duration = Duration::from_secs(10);
/// Erase the line and switch line wrap off (ECMA-48 EL, DECAWM): the terminal itself cuts the line
/// at its width, whatever that is by now.
const LINE_BEGIN: &str = "\r\x1b[2K\x1b[?7l";
const LINE_END: &str = "\x1b[?7h";
const LINE_CLEAR: &str = "\r\x1b[2K";

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: Status<'_> = Status {
        source: "Door",
        size: Some((1280, 720)),
        tier: None,
        fps: Some(29.97),
        kbit_s: Some(28_153),
        latency_ms: Some(41.4),
        relative: false,
        loss_percent: 0.125,
        loss_before_percent: 1.5,
        av_offset_ms: Some(-2.0),
        recorded: Some(12_345_678),
        details: Details {
            beyond_ms: Some((45.6, 60.4)),
            sound_ms: Some(40.0),
            target_ms: Some(33.0),
            jitter_ms: Some(0.44),
            drift_ppm: Some(-3.21),
            in_step: Some(true),
            late: 2,
            concealed_ms: 15,
        },
    };

    #[test]
    fn the_line_names_every_value() {
        assert_eq!(
            FULL.to_string(),
            "Door  1280x720  30.0 fps  28.1 Mbit/s  latency 41 ms  loss 0.12 % (1.38 % repaired)  A/V -2 ms  recorded 12.3 MB"
        );
        let even = Status { av_offset_ms: Some(-0.2), ..FULL }.to_string();
        assert!(even.contains("A/V +0 ms"), "{even}");
        let relative = Status { relative: true, ..FULL }.to_string();
        assert!(relative.contains("latency +41 ms"), "{relative}");
        let tier = Status { tier: Some("low".into()), ..FULL }.to_string();
        assert!(tier.starts_with("Door  1280x720 (low)  30.0 fps"), "{tier}");
        let waiting = Status { source: "Door", ..Status::default() };
        assert_eq!(waiting.to_string(), "Door  loss 0.00 %");
    }

    #[test]
    fn the_overlay_has_the_same_values() {
        let lines = overlay_lines(&FULL);
        let more = "  p95 46 ms, p99 60 ms  sound 40 ms  aim 33 ms, jitter 0.4 ms  clock -3.2 ppm  \
                    in step with the room  late 2, concealed 15 ms";
        assert_eq!(lines.as_strs().join("  "), FULL.to_string() + more);
        let name = "n\u{e4}me ".repeat(30);
        let lines = overlay_lines(&Status { source: &name, ..FULL });
        assert_eq!(lines.as_strs().len(), LINES_MAX);
        assert!(name.starts_with(lines.as_strs()[0]) && lines.as_strs()[0].len() > LINE_BYTES - 3);
    }

    #[test]
    fn a_name_cannot_command_the_terminal() {
        let status = Status { source: "a\x1b]0;x\x07\nb\u{9b}2J", ..FULL };
        assert!(status.to_string().starts_with("a?]0;x??b?2J  "));
    }

    #[test]
    fn a_terminal_line_is_rewritten_in_place() {
        let (mut line, mut out) = (StatusLine::new(true), Vec::new());
        for millis in [0, 50, 100] {
            line.update(Monotonic(millis * 1_000_000), &FULL, &mut out).unwrap();
        }
        line.clear(&mut out).unwrap();
        line.clear(&mut out).unwrap();
        let once = format!("\r\x1b[2K\x1b[?7l{FULL}\x1b[?7h");
        assert_eq!(String::from_utf8(out).unwrap(), format!("{once}{once}\r\x1b[2K"));
    }

    #[test]
    fn a_log_gets_a_line_every_ten_seconds() {
        let (mut line, mut out) = (StatusLine::new(false), Vec::new());
        for second in 0..=20 {
            line.update(Monotonic(second * 1_000_000_000), &FULL, &mut out).unwrap();
        }
        line.clear(&mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), format!("{FULL}\n").repeat(3));
    }
}
