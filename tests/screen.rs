//! A screen without hardware, seen and typed at from outside.

use crate::program::{output, peer};
use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

/// Its pixels, unless others are asked for.
const SIZE: (usize, usize) = (1280, 720);

/// The bars of the test picture: grey, yellow, cyan, green, magenta, red, blue.
pub const BARS: [[u8; 3]; 7] = [
    [192, 192, 192],
    [192, 192, 0],
    [0, 192, 192],
    [0, 192, 0],
    [192, 0, 192],
    [192, 0, 0],
    [0, 0, 192],
];

/// JPEG and the conversion to RGB are both rounded.
const TOLERANCE: u8 = 8;

/// An X server of our own.
#[derive(Debug)]
pub struct Screen {
    process: Child,
    display: String,
    size: (usize, usize),
}

impl Screen {
    /// Starts it.
    #[track_caller]
    #[must_use]
    pub fn start() -> Self {
        Self::with(SIZE)
    }

    /// Starts one of so many pixels.
    #[track_caller]
    #[must_use]
    pub fn with(size: (usize, usize)) -> Self {
        let mut command = peer("Xvfb");
        command.args(["-displayfd", "1", "-screen", "0", &format!("{}x{}x24", size.0, size.1)]);
        let spawned = command.args(["-noreset", "-nolisten", "tcp"]).stdout(Stdio::piped()).spawn();
        let mut process = spawned.expect("Xvfb: scripts/setup test installs what is missing");
        let mut number = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut number).unwrap();
        assert!(!number.is_empty(), "Xvfb did not start");
        Self { process, display: format!(":{}", number.trim()), size }
    }

    /// What `DISPLAY` has to be.
    #[must_use]
    pub fn display(&self) -> &str {
        &self.display
    }

    /// What is on it, as RGB.
    #[track_caller]
    #[must_use]
    pub fn screenshot(&self) -> Vec<[u8; 3]> {
        let mut import = peer("import");
        import.args(["-display", &self.display, "-window", "root", "-depth", "8", "rgb:-"]);
        let bytes = output(&mut import);
        assert_eq!(bytes.len(), self.size.0 * self.size.1 * 3);
        bytes.chunks_exact(3).map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect()
    }

    /// What is on a part of it: x, y, width, height.
    #[track_caller]
    #[must_use]
    pub fn part(&self, [x, y, width, height]: [usize; 4]) -> Vec<[u8; 3]> {
        let shown = self.screenshot();
        let rows = shown.chunks_exact(self.size.0).skip(y).take(height);
        rows.flat_map(|row| row[x..x + width].to_vec()).collect()
    }

    /// Where the receiver's window is, and its size: x, y, width, height. Nothing while there is none.
    #[must_use]
    pub fn geometry(&self) -> Option<[i32; 4]> {
        let mut xdotool = peer("xdotool");
        xdotool.env("DISPLAY", &self.display).stdout(Stdio::piped()).stderr(Stdio::null());
        xdotool.args(["search", "--onlyvisible", "--name", "StreamSocket"]);
        let told = xdotool.args(["getwindowgeometry", "--shell"]).output().unwrap();
        let told = String::from_utf8(told.stdout).unwrap();
        let value =
            |name: &str| told.lines().find_map(|line| line.strip_prefix(name)?.parse().ok());
        Some([value("X=")?, value("Y=")?, value("WIDTH=")?, value("HEIGHT=")?])
    }

    /// Types a key, as the keyboard would.
    #[track_caller]
    pub fn press(&self, key: &str) {
        output(peer("xdotool").env("DISPLAY", &self.display).args(["key", key]));
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Which part of the pixels has that colour, from 0 to 1.
#[must_use]
pub fn share(pixels: &[[u8; 3]], colour: [u8; 3]) -> f64 {
    let is_it =
        |pixel: &&[u8; 3]| pixel.iter().zip(colour).all(|(a, b)| a.abs_diff(b) <= TOLERANCE);
    pixels.iter().filter(is_it).count() as f64 / pixels.len() as f64
}
