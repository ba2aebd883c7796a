//! The multivariant playlist: which tracks there are (RFC 8216bis section 4.4.6).

use core::fmt::Write as _;

/// A track of pictures.
#[derive(Clone, Debug, PartialEq)]
pub struct Variant {
    /// Its name, which is its folder in addresses.
    pub name: String,
    /// Bits a second at most, of it alone.
    pub bandwidth: u64,
    /// Bits a second on average, of it alone.
    pub average: u64,
    /// Width and height in pixels.
    pub size: (u16, u16),
    /// Pictures a second.
    pub frame_rate: f64,
    /// Its codec, as [`crate::track::Track::codec`] says it.
    pub codec: String,
}

/// A track of sound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sound {
    /// Its name, which is its folder in addresses.
    pub name: String,
    /// Bits a second.
    pub bandwidth: u64,
    /// 1 or 2.
    pub channels: u8,
    /// Its codec, as [`crate::track::Track::codec`] says it.
    pub codec: String,
}

/// The playlist of these tracks, `variants` in the order in which a player is to try them. Each track's own playlist is
/// called `file` within its folder, such as `live.m3u8` or `vod.m3u8?from=...&to=...`.
#[must_use]
pub fn multivariant(variants: &[Variant], sound: Option<&Sound>, file: &str) -> String {
    let mut text = String::new();
    // Writing into a string does not fail.
    let _ = write(&mut text, variants, sound, file);
    text
}

fn write(
    text: &mut String,
    variants: &[Variant],
    sound: Option<&Sound>,
    file: &str,
) -> core::fmt::Result {
    writeln!(text, "#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-INDEPENDENT-SEGMENTS")?;
    if let (Some(Sound { name, bandwidth, codec, .. }), []) = (sound, variants) {
        writeln!(text, "#EXT-X-STREAM-INF:BANDWIDTH={bandwidth},CODECS=\"{codec}\"")?;
        return writeln!(text, "{name}/{file}");
    }
    if let Some(Sound { name, channels, .. }) = sound {
        writeln!(
            text,
            "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"{name}\",NAME=\"{name}\",DEFAULT=YES,AUTOSELECT=YES,CHANNELS=\"{channels}\",URI=\"{name}/{file}\""
        )?;
    }
    for Variant { name, bandwidth, average, size: (width, height), frame_rate, codec } in variants {
        let more = sound.map_or(0, |sound| sound.bandwidth);
        write!(
            text,
            "#EXT-X-STREAM-INF:BANDWIDTH={},AVERAGE-BANDWIDTH={},RESOLUTION={width}x{height},FRAME-RATE={frame_rate:.3},CODECS=\"{codec}",
            bandwidth.saturating_add(more),
            average.saturating_add(more)
        )?;
        match sound {
            Some(sound) => writeln!(text, ",{}\",AUDIO=\"{}\"", sound.codec, sound.name)?,
            None => writeln!(text, "\"")?,
        }
        writeln!(text, "{name}/{file}")?;
    }
    Ok(())
}
