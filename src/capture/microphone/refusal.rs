//! Why a microphone cannot be had, in one line that also says what to do about it.

use crate::capture::{Cause, Error, devices};

/// The device could not be opened.
pub(super) fn cannot_open(name: &str, errno: i32) -> Error {
    // alsa-lib does not find a card that it may not open.
    let hidden = errno != libc::EBUSY && devices::cards_are_forbidden();
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

/// The device has no rate and channel count that is understood here, or no 16-bit samples.
pub(super) fn no_format(name: &str) -> Error {
    let way_out = match name.strip_prefix("hw:") {
        Some(card) => format!("try alsa:plughw:{card}, which converts"),
        None => "choose another one, `streamsocket devices` lists them".to_owned(),
    };
    Error::new(format!(
        "microphone {name} gives no 16-bit samples in one or two channels by itself: {way_out}"
    ))
}

/// A step was refused.
pub(super) fn failed(name: &str, step: &str, error: &alsa::Error) -> Error {
    match error.errno().abs() {
        libc::ENODEV => unplugged(name),
        // What an empty set of parameters gives: a required one is not there.
        libc::EINVAL if step == "be set up" => no_format(name),
        errno => {
            let line = format!("microphone {name} cannot {step}: {}", description(errno));
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
    let cards = devices::cards();
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
        let line = no_format("hw:CARD=Mic,DEV=0").to_string();
        assert!(line.ends_with("try alsa:plughw:CARD=Mic,DEV=0, which converts"), "{line}");
        assert!(no_format("default").to_string().contains("streamsocket devices"));
        let error = alsa::Error::new("snd_pcm_readi", libc::ENODEV);
        assert_eq!(failed("hw:1", "go on", &error).to_string(), "microphone hw:1 was unplugged");
        let error = alsa::Error::new("snd_pcm_start", -libc::EIO);
        assert!(failed("hw:1", "start", &error).to_string().starts_with("microphone hw:1 cannot"));
    }
}
