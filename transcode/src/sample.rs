//! Pictures for the tests, and what only tests ask of ffmpeg.

use std::process::{Command, Stdio};
use turbojpeg::{Compressor, Image, PixelFormat, Subsamp};

/// A JPEG of this size with a gradient and a bright square that moves with `number`.
pub(crate) fn jpeg(size: (usize, usize), subsamp: Subsamp, number: usize) -> Vec<u8> {
    let (width, height) = size;
    let mut pixels = Vec::with_capacity(width * height * 3);
    let (left, top) = (number * 5 % width, number * 3 % height);
    for y in 0..height {
        for x in 0..width {
            let inside =
                (left..left + width / 4).contains(&x) && (top..top + height / 4).contains(&y);
            let byte = |value: usize| u8::try_from(value % 256).unwrap();
            let shade = [byte(x * 255 / width), byte(y * 255 / height), byte((x / 8 + y / 8) * 9)];
            pixels.extend_from_slice(&if inside { [250, 240, 20] } else { shade });
        }
    }
    let mut compressor = Compressor::new().unwrap();
    compressor.set_quality(85).unwrap();
    compressor.set_subsamp(subsamp).unwrap();
    let (pitch, format) = (width * 3, PixelFormat::RGB);
    compressor.compress_to_vec(Image { pixels: &pixels[..], width, pitch, height, format }).unwrap()
}

/// What ffmpeg makes of `input`: raw pictures in I420 of H.264, or samples of AAC.
pub(crate) fn ffmpeg(options: &[&str], input: Vec<u8>) -> Vec<u8> {
    let mut child = Command::new("ffmpeg")
        .args(["-hide_banner", "-loglevel", "error"])
        .args(options)
        .arg("pipe:1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("this test needs ffmpeg: run scripts/setup test");
    let mut pipe = child.stdin.take().unwrap();
    let written = std::thread::spawn(move || std::io::Write::write_all(&mut pipe, &input));
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "ffmpeg: {}", output.status);
    written.join().unwrap().unwrap();
    output.stdout
}
