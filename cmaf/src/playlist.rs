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
            Some(sound) => write!(text, ",{}\",AUDIO=\"{}\"", sound.codec, sound.name)?,
            None => write!(text, "\"")?,
        }
        // Otherwise players look for them in segments: Shaka Player in two, which in a playlist that has just begun it cannot.
        writeln!(text, ",CLOSED-CAPTIONS=NONE")?;
        writeln!(text, "{name}/{file}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variant(name: &str, size: (u16, u16)) -> Variant {
        let codec = "avc1.42C01F".to_owned();
        let name = name.to_owned();
        Variant {
            name,
            bandwidth: 3_000,
            average: 2_000,
            size,
            frame_rate: 30_000.0 / 1001.0,
            codec,
        }
    }

    fn sound() -> Sound {
        let (name, codec) = ("audio".to_owned(), "mp4a.40.2".to_owned());
        Sound { name, bandwidth: 100, channels: 2, codec }
    }

    #[test]
    fn pictures_and_sound_are_apart() {
        let expected = "\
#EXTM3U
#EXT-X-VERSION:9
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"audio\",NAME=\"audio\",DEFAULT=YES,AUTOSELECT=YES,CHANNELS=\"2\",URI=\"audio/live.m3u8\"
#EXT-X-STREAM-INF:BANDWIDTH=3100,AVERAGE-BANDWIDTH=2100,RESOLUTION=1280x720,FRAME-RATE=29.970,CODECS=\"avc1.42C01F,mp4a.40.2\",AUDIO=\"audio\",CLOSED-CAPTIONS=NONE
high/live.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=3100,AVERAGE-BANDWIDTH=2100,RESOLUTION=320x180,FRAME-RATE=29.970,CODECS=\"avc1.42C01F,mp4a.40.2\",AUDIO=\"audio\",CLOSED-CAPTIONS=NONE
low/live.m3u8
";
        let variants = [variant("high", (1280, 720)), variant("low", (320, 180))];
        assert_eq!(multivariant(&variants, Some(&sound()), "live.m3u8"), expected);
    }

    #[test]
    fn either_goes_without_the_other() {
        let sound_only = multivariant(&[], Some(&sound()), "vod.m3u8?from=1");
        assert!(sound_only.ends_with(
            "#EXT-X-STREAM-INF:BANDWIDTH=100,CODECS=\"mp4a.40.2\"\naudio/vod.m3u8?from=1\n"
        ));
        let pictures_only = multivariant(&[variant("low", (320, 180))], None, "live.m3u8");
        assert!(
            pictures_only.contains("CODECS=\"avc1.42C01F\",CLOSED-CAPTIONS=NONE\nlow/live.m3u8\n")
        );
        assert!(!pictures_only.contains("AUDIO"));
    }
}
