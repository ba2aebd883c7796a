//! What `streamsocket devices` prints: cameras and microphones with all that can be chosen, and the
//! options that choose it.

use super::cameras::{CameraInfo, cameras, has_camera_interface};
use super::cards::{CardInfo, card_of_camera, cards};
use super::lookup::PORT_PREFIX;
use crate::capture::camera::offer::{choose_format, codes, listed};
use crate::capture::camera::{Control, FormatOffer};
use crate::capture::error::Error;
use crate::capture::microphone;
use crate::capture::microphone::Offer;
use std::fmt::{Result, Write};

/// Writes the listing of this machine.
///
/// # Errors
/// Only those of `out`.
pub fn write_listing(out: &mut dyn Write) -> Result {
    let cameras = cameras();
    let listed: Vec<_> =
        cameras.iter().map(|camera| (camera, card_of_camera(&camera.path))).collect();
    write_cameras(&listed, has_camera_interface(), out)?;
    writeln!(out)?;
    let cards = cards();
    let listed: Vec<_> = cards.iter().map(|card| (card, microphone::offers(&card.name))).collect();
    write_cards(&listed, out)
}

fn write_cameras(
    cameras: &[(&CameraInfo, Option<CardInfo>)],
    camera_interface: bool,
    out: &mut dyn Write,
) -> Result {
    writeln!(out, "Cameras")?;
    if cameras.is_empty() {
        writeln!(out, "  none found: plug in a USB camera, or use --video pattern")?;
    }
    for (camera, card) in cameras {
        write_camera(camera, card.as_ref(), out)?;
    }
    if camera_interface {
        writeln!(out, "  This board has a camera interface of its own. To use a camera on it:")?;
        let line = "rpicam-vid -t 0 --codec mjpeg -o - | streamsocket --video file:-";
        writeln!(out, "    {line}")?;
    }
    Ok(())
}

fn write_camera(camera: &CameraInfo, card: Option<&CardInfo>, out: &mut dyn Write) -> Result {
    let path = camera.path.display();
    writeln!(out, "  {path}  {}{}", camera.name, in_brackets(&camera.bus))?;
    if let Some(problem) = &camera.problem {
        return writeln!(out, "    {problem}");
    }
    writeln!(out, "    use     --video v4l2:{path}")?;
    if let Some(link) = &camera.by_id {
        writeln!(out, "    or      --video v4l2:{}", link.display())?;
    }
    if camera.bus.starts_with(PORT_PREFIX) {
        writeln!(out, "    or      --video v4l2:{}  (whatever is plugged in there)", camera.bus)?;
    }
    if let Some(card) = card {
        writeln!(out, "    sound   --audio alsa:{}", card.name)?;
    }
    let used = choose_format(&camera.name, &camera.formats, None).ok();
    match used {
        Some(format) if format.is_mjpeg() => write_sizes(format, out)?,
        Some(format) => {
            writeln!(out, "    gives {}, no MJPEG: encoded here", format.code())?;
            write_sizes(format, out)?;
        }
        None => writeln!(out, "    gives nothing that can be sent")?,
    }
    let unused: Vec<_> = camera.formats.iter().filter(|format| Some(*format) != used).collect();
    if !unused.is_empty() {
        writeln!(out, "    unused  {}", codes(unused))?;
    }
    write_controls(&camera.controls, out)
}

fn write_sizes(format: &FormatOffer, out: &mut dyn Write) -> Result {
    for (index, size) in format.sizes.iter().enumerate() {
        let title = if index == 0 { "--size" } else { "" };
        let rates = if size.rates.is_empty() { "any".to_owned() } else { listed(&size.rates) };
        writeln!(out, "    {title:7} {:10} --fps {rates}", size.extent)?;
    }
    Ok(())
}

fn write_controls(controls: &[Control], out: &mut dyn Write) -> Result {
    for (index, control) in controls.iter().enumerate() {
        let title = if index == 0 { "--control" } else { "" };
        let current = control.value.map_or(String::new(), |value| value.to_string());
        let setting = format!("{}={current}", control.name);
        write!(out, "    {title:9} {setting:28}  {}", control.kind)?;
        writeln!(out, "{}", if control.inactive { " (locked by an automatic one)" } else { "" })?;
    }
    Ok(())
}

fn write_cards(
    cards: &[(&CardInfo, std::result::Result<Offer, Error>)],
    out: &mut dyn Write,
) -> Result {
    writeln!(out, "Microphones")?;
    if cards.is_empty() {
        writeln!(out, "  none found: plug one in, or use --audio tone or --audio none")?;
    }
    for (card, offer) in cards {
        writeln!(out, "  {}  {}", card.name, card.description)?;
        match offer {
            Err(error) => writeln!(out, "    {error}")?,
            Ok(offer) => {
                writeln!(out, "    use     --audio alsa:{}", card.name)?;
                write_formats(offer, out)?;
            }
        }
    }
    Ok(())
}

fn write_formats(offer: &Offer, out: &mut dyn Write) -> Result {
    let (best, formats) = (offer.best(), &offer.formats);
    let channels = if best.channels == 1 { "mono" } else { "stereo" };
    let others = formats.iter().filter(|it| it.channels == best.channels && it.rate != best.rate);
    let others = listed(others.map(|format| format.rate));
    let mut more = if others.is_empty() { others } else { format!("; could do {others}") };
    if formats.is_empty() {
        more = format!(", made by ALSA of {offer}");
    }
    writeln!(out, "    gives   {} Hz {channels}{more}", best.rate)
}

fn in_brackets(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!(" ({text})") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::camera::{ControlKind, Extent, RateOffer, SizeOffer};
    use std::path::PathBuf;
    use streamsocket_media::{AudioFormat, FrameRate};

    fn camera() -> CameraInfo {
        let rate = |numerator| RateOffer::Discrete(FrameRate { numerator, denominator: 1 });
        let size = |size, rates| SizeOffer { extent: Extent::Discrete(size), rates };
        let sizes = vec![size((1280, 720), vec![rate(30), rate(15)]), size((640, 480), vec![])];
        let format = |fourcc, sizes| FormatOffer { fourcc, description: String::new(), sizes };
        CameraInfo {
            path: PathBuf::from("/dev/video0"),
            name: "Eye".to_owned(),
            bus: "usb-1".to_owned(),
            by_id: None,
            mjpeg: true,
            usable: true,
            formats: vec![format(*b"YUYV", vec![]), format(*b"MJPG", sizes)],
            controls: Vec::new(),
            problem: None,
        }
    }

    fn card() -> CardInfo {
        let (name, description) = ("hw:CARD=Eye,DEV=0".to_owned(), "Eye".to_owned());
        CardInfo { name, number: 1, description, usb: None }
    }

    #[test]
    fn a_camera_is_listed_with_what_selects_it() {
        let mut text = String::new();
        write_cameras(&[(&camera(), Some(card()))], false, &mut text).unwrap();
        assert_eq!(
            text,
            "Cameras\n  /dev/video0  Eye (usb-1)\n    use     --video v4l2:/dev/video0\n    or     \
             \x20--video v4l2:usb-1  (whatever is plugged in there)\n    sound  \
             \x20--audio alsa:hw:CARD=Eye,DEV=0\n    --size  1280x720   --fps 30, 15\n           \
             \x20640x480    --fps any\n    unused  YUYV\n"
        );
    }

    #[test]
    fn controls_are_listed_as_they_are_set() {
        let name = "brightness".to_owned();
        let kind = ControlKind::Integer { min: 0, max: 255, step: 1 };
        let control = Control { id: 1, name, kind, value: Some(9), default: 0, inactive: true };
        let mut text = String::new();
        write_controls(&[control], &mut text).unwrap();
        let line =
            "    --control brightness=9                  0 to 255 (locked by an automatic one)\n";
        assert_eq!(text, line);
    }

    #[test]
    fn a_camera_that_cannot_be_opened_says_why() {
        let problem = Some("may not be opened".to_owned());
        let camera = CameraInfo { problem, formats: Vec::new(), mjpeg: false, ..camera() };
        let mut text = String::new();
        write_cameras(&[(&camera, None)], true, &mut text).unwrap();
        assert!(text.contains("  /dev/video0  Eye (usb-1)\n    may not be opened\n"));
        assert!(text.contains("rpicam-vid"));
    }

    #[test]
    fn a_microphone_is_listed_with_its_rates() {
        let listed = |formats: &[(u32, u8)]| {
            let formats = formats.iter().map(|&(rate, channels)| AudioFormat { rate, channels });
            let (formats, samples) = (formats.collect(), Vec::new());
            let (channels, rates, rate) = ((4, 4), (16_000, 16_000), Some(16_000));
            let offer = Offer { formats, samples, channels, rates, rate };
            let mut text = String::new();
            write_cards(&[(&card(), Ok(offer))], &mut text).unwrap();
            text
        };
        let text = listed(&[(48_000, 2), (48_000, 1), (16_000, 2)]);
        assert!(text.ends_with("    gives   48000 Hz stereo; could do 16000\n"), "{text}");
        let text = listed(&[]);
        assert!(text.contains("gives   16000 Hz stereo, made by ALSA of "), "{text}");
        assert!(text.ends_with("at 16000 Hz in 4 channels\n"), "{text}");
    }

    #[test]
    fn nothing_at_all_is_said_with_the_way_out() {
        let mut text = String::new();
        write_cameras(&[], false, &mut text).unwrap();
        write_cards(&[], &mut text).unwrap();
        assert!(text.contains("--video pattern") && text.contains("--audio tone"));
    }
}
