//! Why a microphone cannot be had, in one line that also says what to do about it.

use crate::capture::devices::cards::{cards, cards_are_forbidden};
use crate::capture::error::{Cause, Error};
use std::fmt::Display;

/// The device could not be opened.
pub(super) fn cannot_open(name: &str, errno: i32) -> Error {
    // alsa-lib does not find a card that it may not open.
    let hidden = errno != libc::EBUSY && cards_are_forbidden();
    let cause = if hidden { Cause::Forbidden } else { Cause::of(errno) };
    let line = match errno {
        libc::EBUSY => format!(
            "microphone {name} is in use by another program: end that first (fuser -v /dev/snd/* \
             names it)"
        ),
        _ if cause == Cause::Forbidden => forbidden(name),
        libc::ENOENT | libc::ENODEV | libc::ENXIO => {
            format!("there is no microphone {name}: {}", found())
        }
        libc::EINVAL => format!("\"{name}\" is no name of a sound device: {}", found()),
        _ => format!("microphone {name} cannot be opened: {}", description(errno)),
    };
    Error::new(line).from_cause(cause)
}

/// The device has nothing that is understood here, and ALSA cannot make it of what it has.
pub(super) fn unconvertible(name: &str, has: &dyn Display, error: &alsa::Error) -> Error {
    let (step, why) = (error.func(), description(error.errno().abs()));
    Error::new(format!(
        "microphone {name} gives {has}, of which ALSA cannot make 16-bit samples in one or two \
         channels ({step}: {why}): choose another one, `streamsocket devices` lists them"
    ))
}

/// A step was refused.
pub(super) fn failed(name: &str, step: &str, error: &alsa::Error) -> Error {
    match error.errno().abs() {
        libc::ENODEV => unplugged(name),
        errno => {
            let (call, why) = (error.func(), description(errno));
            let line = format!("microphone {name} cannot {step}: {call}: {why}");
            Error::new(line).from_cause(Cause::of(errno))
        }
    }
}

/// It is gone.
pub(super) fn unplugged(name: &str) -> Error {
    Error::new(format!("microphone {name} was unplugged")).from_cause(Cause::Absent)
}

fn forbidden(name: &str) -> String {
    format!(
        "microphone {name} may not be opened: add the user who runs streamsocket to the group \
         audio (sudo usermod -aG audio USER) and log in again"
    )
}

fn description(errno: i32) -> String {
    std::io::Error::from_raw_os_error(errno).to_string()
}

/// The microphones that could be used instead.
fn found() -> String {
    let cards = cards();
    let named: Vec<_> =
        cards.iter().map(|card| format!("{} \"{}\"", card.name, card.description)).collect();
    if named.is_empty() {
        "no microphone was found, plug one in".to_owned()
    } else {
        format!("choose {}", named.join(" or "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_says_what_to_do() {
        let opened = |errno| cannot_open("hw:CARD=Mic,DEV=0", errno).to_string();
        assert!(opened(libc::EBUSY).contains("fuser -v"));
        assert!(opened(libc::EACCES).contains("group audio"));
        let error = alsa::Error::new("snd_pcm_hw_params_set_rate", libc::EINVAL);
        let line = unconvertible("hw:1", &"S32_LE in 4 channels", &error).to_string();
        assert!(line.starts_with("microphone hw:1 gives S32_LE in 4 channels, of which"), "{line}");
        assert!(line.contains("set_rate: Invalid argument"), "{line}");
        let line = failed("hw:1", "be set up", &error).to_string();
        assert!(line.contains("cannot be set up: snd_pcm_hw_params_set_rate: Invalid"), "{line}");
        let error = alsa::Error::new("snd_pcm_readi", libc::ENODEV);
        assert_eq!(failed("hw:1", "go on", &error).to_string(), "microphone hw:1 was unplugged");
        let error = alsa::Error::new("snd_pcm_start", -libc::EIO);
        assert!(failed("hw:1", "start", &error).to_string().starts_with("microphone hw:1 cannot"));
    }
}
