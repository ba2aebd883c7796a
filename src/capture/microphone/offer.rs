//! What a sound card can capture, and the best of it.

use super::refusal;
use crate::capture::{AudioFormat, Error};
use alsa::pcm::{Access, Format, Frames, HwParams, PCM, TstampType};
use alsa::{Direction, Output, ValueOr};

/// Sample rates, the best first. Beyond 48 kHz nothing is gained but bandwidth.
const RATES: [u32; 9] = [48000, 44100, 32000, 24000, 22050, 16000, 11025, 8000, 96000];

/// Channel counts, the best first.
const CHANNELS: [u8; 2] = [2, 1];

/// Samples come in portions of this length: what one packet carries.
const PERIOD_MICROS: u32 = 5000;

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

/// Opens and sets up a device at the best format that it has.
pub(super) fn open(name: &str) -> Result<Opened, Error> {
    let pcm = open_pcm(name)?;
    let failed = |error: alsa::Error| refusal::failed(name, "be set up", &error);
    let formats = offered(&pcm).map_err(failed)?;
    let Some(&format) = formats.first() else {
        return Err(refusal::no_format(name));
    };
    let (period, buffer) = set_up(&pcm, format, false).map_err(failed)?;
    Ok(Opened { pcm, format, period, buffer, converts: false })
}

/// Opens and sets up a device at this format, by ALSA's converters if it does not have it itself.
pub(super) fn open_as(name: &str, format: AudioFormat) -> Result<Opened, Error> {
    let pcm = open_pcm(name)?;
    let failed = |error: alsa::Error| refusal::failed(name, "be set up", &error);
    if offered(&pcm).map_err(failed)?.contains(&format) {
        let (period, buffer) = set_up(&pcm, format, false).map_err(failed)?;
        return Ok(Opened { pcm, format, period, buffer, converts: false });
    }
    drop(pcm);
    let converting = match name.strip_prefix("hw:") {
        Some(card) => format!("plughw:{card}"),
        None => name.to_owned(),
    };
    let AudioFormat { rate, channels } = format;
    log::info!("microphone {name} is converted to {rate} Hz and {channels} channels");
    let pcm = open_pcm(&converting)?;
    let (period, buffer) = set_up(&pcm, format, true).map_err(failed)?;
    Ok(Opened { pcm, format, period, buffer, converts: true })
}

/// The formats that a device can be opened with, the best first.
///
/// # Errors
/// As for opening it.
pub(crate) fn offers(name: &str) -> Result<Vec<AudioFormat>, Error> {
    let pcm = open_pcm(name)?;
    offered(&pcm).map_err(|error| refusal::failed(name, "be asked", &error))
}

fn open_pcm(name: &str) -> Result<PCM, Error> {
    if name.is_empty() || name.contains('\0') {
        return Err(refusal::cannot_open(name, libc::EINVAL));
    }
    // alsa-lib explains itself on standard error unless told otherwise.
    let said = Output::local_error_handler().ok();
    PCM::new(name, Direction::Capture, true).map_err(|error| {
        if let Some(said) = said {
            log::debug!("alsa: {}", said.borrow().to_string().trim().replace('\n', "; "));
        }
        refusal::cannot_open(name, error.errno().abs())
    })
}

/// All of [`RATES`] and [`CHANNELS`] that the device has by itself, without resampling.
fn offered(pcm: &PCM) -> Result<Vec<AudioFormat>, alsa::Error> {
    let any = samples(pcm, false)?;
    let possible = |format: &AudioFormat| {
        let params = any.clone();
        params.set_channels(format.channels.into()).is_ok() && params.test_rate(format.rate).is_ok()
    };
    let formats = RATES
        .into_iter()
        .flat_map(|rate| CHANNELS.map(|channels| AudioFormat { rate, channels }))
        .filter(possible)
        .collect();
    Ok(formats)
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
