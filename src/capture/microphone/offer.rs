//! What a sound card can capture, and the best of it.

use super::refusal;
use crate::capture::error::Error;
use alsa::pcm::{Access, Format, Frames, HwParams, PCM, TstampType};
use alsa::{Direction, Output, ValueOr};
use std::fmt;
use streamsocket_media::AudioFormat;

/// Sample rates, the best first. Beyond 48 kHz nothing is gained but bandwidth.
const RATES: [u32; 9] = [48000, 44100, 32000, 24000, 22050, 16000, 11025, 8000, 96000];

/// Sample formats that cards have, for messages: those that ALSA converts.
const SAMPLES: [Format; 10] = [
    Format::S16LE,
    Format::S24LE,
    Format::S243LE,
    Format::S32LE,
    Format::FloatLE,
    Format::S16BE,
    Format::S32BE,
    Format::U8,
    Format::S8,
    Format::U16LE,
];

/// Channel counts, the best first.
const CHANNELS: [u8; 2] = [2, 1];

/// Samples come in portions of this length: two packets, which leave together. Each portion is a wake-up.
const PERIOD_MICROS: u32 = 10_000;

/// The card must be able to wait this long for its reader: longer than a busy machine keeps the event
/// loop away. It is no latency: what is there is read at once.
const BUFFER_MICROS_MIN: u32 = 500_000;

/// A device that is set up and not yet started.
pub(super) struct Opened {
    pub pcm: PCM,
    pub format: AudioFormat,
    /// Sample frames.
    pub period: usize,
    /// Sample frames.
    pub buffer: usize,
    /// Whether ALSA makes this format of another.
    pub converts: bool,
}

/// What a card has by itself.
pub(crate) struct Offer {
    /// The formats that it can be read in as they are, the best first.
    pub(crate) formats: Vec<AudioFormat>,
    /// Sample formats, by ALSA's names.
    pub(crate) samples: Vec<Format>,
    /// Fewest and most channels.
    pub(crate) channels: (u32, u32),
    /// Lowest and highest rate, in hertz.
    pub(crate) rates: (u32, u32),
    /// The best of [`RATES`] that it has, in whatever samples and channels.
    pub(crate) rate: Option<u32>,
}

impl Offer {
    fn of(pcm: &PCM) -> Result<Self, alsa::Error> {
        let any = HwParams::any(pcm)?;
        any.set_rate_resample(false)?;
        let known = SAMPLES.into_iter().filter(|format| any.test_format(*format).is_ok());
        Ok(Self {
            formats: offered(pcm),
            samples: known.collect(),
            channels: (any.get_channels_min()?, any.get_channels_max()?),
            rates: (any.get_rate_min()?, any.get_rate_max()?),
            rate: RATES.into_iter().find(|rate| any.test_rate(*rate).is_ok()),
        })
    }

    /// The format to read it in: the best that it has, or else what comes nearest and loses least. Of four
    /// channels, as I2S microphones have them, ALSA takes the first two.
    pub(crate) fn best(&self) -> AudioFormat {
        self.formats.first().copied().unwrap_or_else(|| AudioFormat {
            rate: self.rate.unwrap_or_else(|| nearest_rate(self.rates.1)),
            channels: if self.channels.1 == 1 { 1 } else { 2 },
        })
    }
}

impl fmt::Display for Offer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let range = |f: &mut fmt::Formatter<'_>, (min, max): (u32, u32), unit| {
            if min < max { write!(f, "{min} to {max} {unit}") } else { write!(f, "{max} {unit}") }
        };
        match self.samples.split_first() {
            None => f.write_str("samples of an unknown kind")?,
            Some((first, others)) => {
                write!(f, "{first}")?;
                others.iter().try_for_each(|other| write!(f, "/{other}"))?;
            }
        }
        f.write_str(" at ")?;
        range(f, self.rates, "Hz")?;
        f.write_str(" in ")?;
        range(f, self.channels, if self.channels.1 == 1 { "channel" } else { "channels" })
    }
}

/// The rate that is made of one that is none of [`RATES`]: the next higher one, where nothing is lost, or
/// the best.
fn nearest_rate(rate: u32) -> u32 {
    let above = RATES.into_iter().filter(|it| (rate..=RATES[0]).contains(it));
    above.min().unwrap_or(RATES[0])
}

/// Opens and sets up a device at this format, or at the best that it has; by ALSA's converters if it does
/// not have it itself.
pub(super) fn open(name: &str, wanted: Option<AudioFormat>) -> Result<Opened, Error> {
    let pcm = open_pcm(name).map_err(|errno| refusal::cannot_open(name, errno))?;
    let offer = Offer::of(&pcm).map_err(|error| refusal::failed(name, "be asked", &error))?;
    let format = wanted.unwrap_or_else(|| offer.best());
    if offer.formats.contains(&format) {
        let (period, buffer) = set_up(&pcm, format, false)
            .map_err(|error| refusal::failed(name, "be set up", &error))?;
        return Ok(Opened { pcm, format, period, buffer, converts: false });
    }
    drop(pcm);
    let sent = if format.channels == 1 { "mono" } else { "stereo" };
    let rate = format.rate;
    log::info!("microphone {name} gives {offer}: it is converted to {rate} Hz {sent}");
    let pcm = open_pcm(&converting(name)).map_err(|errno| match errno {
        libc::EBUSY | libc::EACCES | libc::EPERM | libc::ENODEV => {
            refusal::cannot_open(name, errno)
        }
        _ => refusal::unconvertible(name, &offer, &alsa::Error::new("snd_pcm_open", errno)),
    })?;
    let (period, buffer) =
        set_up(&pcm, format, true).map_err(|error| match error.errno().abs() {
            libc::EINVAL | libc::ENOENT => refusal::unconvertible(name, &offer, &error),
            _ => refusal::failed(name, "be set up", &error),
        })?;
    Ok(Opened { pcm, format, period, buffer, converts: true })
}

/// The same device behind ALSA's converters.
fn converting(name: &str) -> String {
    let quote = if name.contains('\'') { '"' } else { '\'' };
    format!("plug:{quote}{name}{quote}")
}

/// What a device has.
///
/// # Errors
/// As for opening it.
pub(crate) fn offers(name: &str) -> Result<Offer, Error> {
    let pcm = open_pcm(name).map_err(|errno| refusal::cannot_open(name, errno))?;
    Offer::of(&pcm).map_err(|error| refusal::failed(name, "be asked", &error))
}

/// Opens a device; or the number of the error.
fn open_pcm(name: &str) -> Result<PCM, i32> {
    if name.is_empty() || name.contains('\0') {
        return Err(libc::EINVAL);
    }
    // alsa-lib explains itself on standard error unless told otherwise.
    let said = Output::local_error_handler().ok();
    PCM::new(name, Direction::Capture, true).map_err(|error| {
        if let Some(said) = said {
            log::debug!("alsa: {}", said.borrow().to_string().trim().replace('\n', "; "));
        }
        error.errno().abs()
    })
}

/// All of [`RATES`] and [`CHANNELS`] that the device has by itself, without resampling; none if it has no
/// interleaved 16-bit samples.
fn offered(pcm: &PCM) -> Vec<AudioFormat> {
    let Ok(any) = samples(pcm, false) else { return Vec::new() };
    let possible = |format: &AudioFormat| {
        let params = any.clone();
        params.set_channels(format.channels.into()).is_ok() && params.test_rate(format.rate).is_ok()
    };
    let formats =
        RATES.into_iter().flat_map(|rate| CHANNELS.map(|channels| AudioFormat { rate, channels }));
    formats.filter(possible).collect()
}

/// Everything that the device can do with interleaved 16-bit samples; nothing if it has none.
fn samples(pcm: &PCM, resample: bool) -> Result<HwParams<'_>, alsa::Error> {
    let params = HwParams::any(pcm)?;
    params.set_rate_resample(resample)?;
    params.set_access(Access::RWInterleaved)?;
    params.set_format(Format::S16LE)?;
    Ok(params)
}

/// Sets the device up and returns the sizes of its period and its buffer, in sample frames.
fn set_up(pcm: &PCM, format: AudioFormat, resample: bool) -> Result<(usize, usize), alsa::Error> {
    let params = samples(pcm, resample)?;
    params.set_channels(format.channels.into())?;
    params.set_rate(format.rate, ValueOr::Nearest)?;
    params.set_period_time_near(PERIOD_MICROS, ValueOr::Nearest)?;
    if params.set_buffer_time_min(BUFFER_MICROS_MIN, ValueOr::Nearest).is_ok() {
        params.set_buffer_time_near(BUFFER_MICROS_MIN, ValueOr::Nearest)?;
    } else {
        let frames = params.get_buffer_size_max()?;
        let buffer = params.set_buffer_size_near(frames)?;
        log::debug!("alsa: this card buffers only {buffer} sample frames");
    }
    pcm.hw_params(&params)?;
    let (period, buffer) = (params.get_period_size()?, params.get_buffer_size()?);

    let software = pcm.sw_params_current()?;
    software.set_avail_min(period)?;
    software.set_start_threshold(buffer)?;
    software.set_tstamp_mode(true)?;
    software.set_tstamp_type(TstampType::Monotonic)?;
    pcm.sw_params(&software)?;
    pcm.prepare()?;
    let size = |frames: Frames| usize::try_from(frames).unwrap_or(0).max(1);
    Ok((size(period), size(buffer)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(samples: &[Format], channels: (u32, u32), rates: (u32, u32)) -> Offer {
        let rate = RATES.into_iter().find(|rate| (rates.0..=rates.1).contains(rate));
        Offer { formats: Vec::new(), samples: samples.to_vec(), channels, rates, rate }
    }

    #[test]
    fn what_a_card_does_not_have_is_made_of_what_comes_nearest() {
        let best = |offer: Offer| (offer.best().rate, offer.best().channels);
        assert_eq!(best(offer(&[Format::S32LE], (2, 2), (48_000, 48_000))), (48_000, 2));
        assert_eq!(best(offer(&[Format::S16LE], (4, 4), (16_000, 16_000))), (16_000, 2));
        assert_eq!(best(offer(&[Format::S24LE], (1, 1), (8_000, 192_000))), (48_000, 1));
        for (rate, made) in
            [(4000, 8000), (12_000, 16_000), (37_286, 44_100), (88_200, 48_000), (192_000, 48_000)]
        {
            assert_eq!(best(offer(&[Format::S16LE], (1, 2), (rate, rate))), (made, 2));
        }
    }

    #[test]
    fn what_a_card_has_is_named() {
        let it = offer(&[Format::S243LE, Format::S32LE], (4, 4), (16_000, 48_000));
        assert_eq!(it.to_string(), "S24_3LE/S32_LE at 16000 to 48000 Hz in 4 channels");
        assert!(offer(&[], (1, 1), (8000, 8000)).to_string().ends_with("8000 Hz in 1 channel"));
        assert_eq!(converting("hw:CARD=a,DEV=0"), "plug:'hw:CARD=a,DEV=0'");
        assert_eq!(converting("it's"), "plug:\"it's\"");
    }
}
