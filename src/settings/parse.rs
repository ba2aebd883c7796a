//! Values of options, from text: what is allowed, and what to say if it is something else.

use super::choice::{AudioChoice, RateChoice, VideoChoice};
use super::destination::{DESTINATIONS_MAX, Destination, PORT_DEFAULT, PORTS};
use super::error::{Error, wrong};
use super::relay::RelayAddress;
use crate::capture::child::without_password;
use std::fmt;
use std::net::IpAddr;
use streamsocket_media::FrameRate;

/// The session name's length at most, in bytes: it is a file name and a line of SDP.
const NAME_MAX: usize = 64;

/// A source of pictures; `None` if there are to be none.
pub(super) fn video(text: &str) -> Result<Option<VideoChoice>, Error> {
    const EXPECTED: &str = "expected auto, v4l2:/dev/video0, v4l2:PORT, file:PATH, file:-, http://..., rtsp://..., pattern or none";
    Ok(Some(match text {
        "auto" => VideoChoice::Auto,
        "pattern" => VideoChoice::Pattern,
        "none" => return Ok(None),
        "file:-" => VideoChoice::StandardInput,
        _ if ["http://", "https://", "rtsp://"].iter().any(|s| text.starts_with(s)) => {
            VideoChoice::Url(text.to_owned())
        }
        _ => match text.split_once(':') {
            Some(("v4l2", name)) if !name.is_empty() => VideoChoice::Camera(name.into()),
            Some(("file", path)) if !path.is_empty() => VideoChoice::File(path.into()),
            _ if text.starts_with("/dev/") => VideoChoice::Camera(text.into()),
            _ => {
                let shown = without_password(text);
                let hint = hint(&shown, "video").unwrap_or_else(|| EXPECTED.into());
                return Err(wrong("video", &shown, hint));
            }
        },
    }))
}

/// Bytes of the name of an ALSA device at most. alsa-lib says the name, once or twice, in texts that must
/// not be longer than 256 bytes: beyond that its buffer for them aborts the process
/// (`snd_output_buffer_print`). Names of cards have 80 bytes at most.
const CARD_NAME_MAX: usize = 100;

/// A source of sound; `None` if there is to be none.
pub(super) fn audio(text: &str) -> Result<Option<AudioChoice>, Error> {
    const EXPECTED: &str =
        "expected auto, alsa:NAME (such as alsa:default), file:PATH, tone or none";
    Ok(Some(match text {
        "auto" => AudioChoice::Auto,
        "tone" => AudioChoice::Tone,
        "none" => return Ok(None),
        _ => match text.split_once(':') {
            Some(("alsa", name)) if name.len() > CARD_NAME_MAX => {
                let expected = format!("a name of {CARD_NAME_MAX} bytes at most is expected");
                return Err(wrong("audio", text, expected));
            }
            Some(("alsa", name)) if !name.is_empty() => AudioChoice::Card(name.to_owned()),
            Some(("file", path)) if !path.is_empty() => AudioChoice::File(path.into()),
            _ => {
                let hint = hint(text, "audio").unwrap_or_else(|| EXPECTED.into());
                return Err(wrong("audio", &without_password(text), hint));
            }
        },
    }))
}

/// Whether the session is announced, and whether its sound is to PulseAudio and PipeWire.
pub(super) fn announce(text: Option<&str>, never: Option<bool>) -> Result<(bool, bool), Error> {
    let (announce, sound) = match text {
        None | Some("yes") => (true, false),
        Some("pulse") => (true, true),
        Some("no") => (false, false),
        Some(other) => return Err(wrong("announce", other, "expected yes, pulse or no")),
    };
    match (text, never.unwrap_or(false)) {
        (Some("yes" | "pulse"), true) => {
            Err(Error("--no-announce: --announce says that it is to be announced".into()))
        }
        (_, never) => Ok((announce && !never, sound)),
    }
}

/// What a source is that is named without saying what it is, if that can be told.
fn hint(text: &str, kind: &str) -> Option<String> {
    let path = std::path::Path::new(text);
    let looks_like_one = text.contains('/') || path.extension().is_some() || path.exists();
    let is_address = text.contains("://");
    (looks_like_one && !is_address).then(|| format!("a file is named --{kind} file:{text}"))
}

pub(super) fn size(text: &str) -> Result<(u16, u16), Error> {
    let parsed = text.split_once(['x', 'X']).and_then(|(width, height)| {
        Some((width.parse::<u16>().ok()?, height.parse::<u16>().ok()?))
    });
    parsed
        .filter(|(width, height)| *width >= 16 && *height >= 16)
        .ok_or_else(|| wrong("size", text, "expected width and height in pixels, such as 1280x720"))
}

/// How far apart picture and sound can be made, in milliseconds: no camera is a second late.
const AV_OFFSET_MAX: i16 = 1000;

pub(super) fn av_offset(text: &str) -> Result<i16, Error> {
    let number = text.trim_end_matches("ms").trim_end().parse::<i16>().ok();
    let number = number.filter(|number| number.unsigned_abs() <= AV_OFFSET_MAX.unsigned_abs());
    number.ok_or_else(|| {
        wrong(
            "av-offset",
            text,
            format_args!("expected milliseconds from -{AV_OFFSET_MAX} to {AV_OFFSET_MAX}"),
        )
    })
}

/// A rate in frames a second: an integer, a decimal number or a fraction.
pub(super) fn rate(text: &str) -> Result<RateChoice, Error> {
    if text == "max" {
        return Ok(RateChoice::Max);
    }
    let parsed = match text.split_once('/') {
        Some((numerator, denominator)) => {
            numerator.parse().ok().zip(denominator.parse().ok()).filter(|(_, d)| *d != 0)
        }
        None => decimal(text),
    };
    let rate = parsed.map(|(numerator, denominator)| FrameRate { numerator, denominator });
    let sensible = |rate: &FrameRate| {
        u64::from(rate.numerator) <= 1000 * u64::from(rate.denominator)
            && u64::from(rate.numerator) * 10 >= u64::from(rate.denominator)
    };
    rate.filter(sensible).map(RateChoice::Rate).ok_or_else(|| {
        wrong("fps", text, "expected frames a second from 0.1 to 1000, such as 30, or max")
    })
}

/// 29.97 and its like are what is written for multiples of 1000/1001.
fn decimal(text: &str) -> Option<(u32, u32)> {
    if let Ok(whole) = text.parse::<u32>() {
        return Some((whole, 1));
    }
    let (whole, fraction) = text.split_once('.')?;
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let digits = fraction.get(..fraction.len().min(3))?;
    let scale = 10_u32.pow(u32::try_from(digits.len()).ok()?);
    let numerator = whole.parse::<u32>().ok()?.checked_mul(scale)?;
    let numerator =
        numerator.checked_add(if digits.is_empty() { 0 } else { digits.parse().ok()? })?;
    for nominal in [24_u32, 30, 48, 60] {
        let ntsc = u64::from(nominal) * 1_000_000 / 1001;
        let asked = u64::from(numerator) * 1000 / u64::from(scale);
        if asked.abs_diff(ntsc) <= 5 {
            return Some((nominal * 1000, 1001));
        }
    }
    Some((numerator, scale))
}

pub(super) fn controls(texts: &[String]) -> Result<Vec<(String, String)>, Error> {
    let split = |text: &String| {
        let (name, value) =
            text.split_once('=').filter(|(name, _)| !name.trim().is_empty()).ok_or_else(|| {
                wrong("control", text, "expected NAME=VALUE; 'streamsocket devices' lists them")
            })?;
        Ok((name.trim().to_owned(), value.trim().to_owned()))
    };
    texts.iter().map(split).collect()
}

/// Groups and hosts, and a relay at most.
pub(super) fn destinations(
    texts: &[String],
) -> Result<(Vec<Destination>, Option<RelayAddress>), Error> {
    let mut relay = None;
    for text in texts {
        if let Some(read) = RelayAddress::read(text) {
            if relay.replace(read?).is_some() {
                return Err(Error("--to: two relays; one at most is published to".into()));
            }
        }
    }
    let others = texts.iter().filter(|text| RelayAddress::read(text).is_none());
    Ok((addresses(&others.collect::<Vec<_>>())?, relay))
}

fn addresses(texts: &[&String]) -> Result<Vec<Destination>, Error> {
    if texts.len() > DESTINATIONS_MAX {
        let message = format!("--to: {} destinations; at most {DESTINATIONS_MAX}", texts.len());
        return Err(Error(message));
    }
    let destinations: Vec<_> =
        texts.iter().map(|text| destination(text)).collect::<Result<_, _>>()?;
    for (index, one) in destinations.iter().enumerate() {
        if let Some(other) = destinations[index + 1..].iter().find(|other| one.overlaps(other)) {
            let to = other.video.rtp.to_string();
            let expected =
                format!("ports of one address must be {PORTS} apart: a session takes eight");
            return Err(wrong("to", &to, expected));
        }
    }
    Ok(destinations)
}

fn destination(text: &str) -> Result<Destination, Error> {
    let socket = text.parse::<std::net::SocketAddr>().map(|to| (to.ip(), to.port()));
    let bare = || text.trim_matches(['[', ']']).parse().map(|address| (address, PORT_DEFAULT));
    let (address, port): (IpAddr, u16) = socket.or_else(|_| bare()).map_err(|_| {
        let host = text.split_once(':').map_or(text, |(host, _)| host);
        let of_name = |it: char| it.is_alphanumeric() || "-._".contains(it);
        let named = text.matches(':').count() < 2
            && host.contains(char::is_alphabetic)
            && host.chars().all(of_name);
        let expected = if text.contains("://") {
            "expected an address, or a relay's URL that begins with rtsp://".into()
        } else if named {
            format!(
                "expected an address, not a name: 'getent ahosts {host}' says which one {host} has"
            )
        } else {
            "expected an address and perhaps a port, such as 239.255.42.42:5004".into()
        };
        wrong("to", &without_password(text), expected)
    })?;
    if address.is_unspecified() || is_broadcast(address) {
        return Err(wrong(
            "to",
            text,
            "not an address that can be sent to; take a multicast group (239.255.x.y) or a host",
        ));
    }
    if port == 0 || port % 2 == 1 || port > 65_528 {
        return Err(wrong(
            "to",
            text,
            "the port must be even and below 65530: RTCP takes the next, sound the one after, repair more",
        ));
    }
    Ok(Destination::new(address, port))
}

fn is_broadcast(address: IpAddr) -> bool {
    matches!(address, IpAddr::V4(address) if address.is_broadcast())
}

/// A name that a file may have: a control socket is called by it.
pub(super) fn named(option: &str, name: Option<String>) -> Result<Option<String>, Error> {
    let Some(name) = name else { return Ok(None) };
    let plain = |c: char| !c.is_control() && c != '/';
    let fits = !name.is_empty() && name.len() <= NAME_MAX && !name.starts_with(['.', ' ', '-']);
    if fits && !name.ends_with(' ') && name.chars().all(plain) {
        Ok(Some(name))
    } else {
        let expected =
            "expected 1 to 64 bytes of text without a slash, not beginning with a dot or dash";
        Err(wrong(option, &name, expected))
    }
}

pub(super) fn number<T>(option: &str, text: &str, min: T, max: T) -> Result<T, Error>
where
    T: std::str::FromStr + PartialOrd + fmt::Display + Copy,
{
    let parsed = text.parse().ok().filter(|number| (min..=max).contains(number));
    parsed.ok_or_else(|| wrong(option, text, format_args!("expected a number from {min} to {max}")))
}
