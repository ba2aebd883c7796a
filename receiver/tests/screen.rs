//! The window on a real X server without hardware: what its screenshots show. The window lives in
//! a child process, this same program, because SDL takes its display from the environment.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test's way to fail")]
#![allow(clippy::print_stdout, reason = "the child's answers, and why a test is skipped")]

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};
use sdl2::event::Event;
use sdl2::keyboard::{Keycode, Mod};
use streamsocket_decode::{DecodedPicture, Decoder};
use streamsocket_receiver::screen::{Screen, Waker, Window};
use turbojpeg::{Image, PixelFormat, Subsamp};

const WIDTH: usize = 800;
const HEIGHT: usize = 600;
const PICTURE: (usize, usize) = (640, 360);
/// Top left, top right, bottom left, bottom right.
const COLOURS: [[u8; 3]; 4] = [[200, 40, 30], [40, 180, 60], [30, 60, 210], [250, 250, 250]];
/// JPEG and the renderer's conversion are both rounded.
const TOLERANCE: u8 = 8;

/// An X server of our own. None without Xvfb, if the tests are to go on without it.
struct Server {
    process: Child,
    display: String,
}

impl Server {
    fn start() -> Option<Self> {
        let screen = format!("{WIDTH}x{HEIGHT}x24");
        let spawned = Command::new("Xvfb")
            .args(["-displayfd", "1", "-screen", "0", &screen, "-nolisten", "tcp"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let mut process = match spawned {
            Ok(process) => process,
            Err(error) => {
                assert!(
                    std::env::var_os("STREAMSOCKET_ALLOW_MISSING").is_some_and(|v| v == "1"),
                    "Xvfb: {error}: install xvfb, or set STREAMSOCKET_ALLOW_MISSING=1"
                );
                println!("skipped: Xvfb: {error}");
                return None;
            }
        };
        let mut number = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut number).unwrap();
        assert!(!number.is_empty(), "Xvfb did not start");
        Some(Self { process, display: format!(":{}", number.trim()) })
    }

    fn screenshot(&self) -> Screenshot {
        let output = Command::new("import")
            .args(["-display", &self.display, "-window", "root", "-depth", "8", "rgb:-"])
            .output()
            .expect("import: install imagemagick");
        assert_eq!(output.stdout.len(), WIDTH * HEIGHT * 3, "import: {output:?}");
        Screenshot(output.stdout)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

struct Screenshot(Vec<u8>);

impl Screenshot {
    fn at(&self, x: usize, y: usize) -> [u8; 3] {
        let at = (y * WIDTH + x) * 3;
        self.0[at..at + 3].try_into().unwrap()
    }

    #[track_caller]
    fn expect(&self, x: usize, y: usize, colour: [u8; 3]) {
        let seen = self.at(x, y);
        let near = seen.iter().zip(colour).all(|(a, b)| a.abs_diff(b) <= TOLERANCE);
        assert!(near, "{seen:?} at ({x}, {y}) instead of {colour:?}");
    }

    /// How many pixels of this part are pure white.
    fn white(&self, xs: core::ops::Range<usize>, ys: core::ops::Range<usize>) -> usize {
        ys.flat_map(|y| xs.clone().map(move |x| (x, y)))
            .filter(|&(x, y)| self.at(x, y) == [255; 3])
            .count()
    }
}

/// The window's process, which does what it is told line by line.
struct Viewer {
    process: Child,
    commands: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Viewer {
    fn start(server: &Server) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "viewer", "--ignored", "--nocapture", "--test-threads=1"])
            .env("DISPLAY", &server.display)
            .env("SDL_VIDEODRIVER", "x11")
            .env("SDL_RENDER_DRIVER", "software")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let commands = process.stdin.take().unwrap();
        let answers = BufReader::new(process.stdout.take().unwrap());
        Self { process, commands, answers }
    }

    fn tell(&mut self, command: &str) -> String {
        writeln!(self.commands, "{command}").unwrap();
        let mut line = String::new();
        loop {
            line.clear();
            let read = self.answers.read_line(&mut line).unwrap();
            assert!(read > 0, "the viewer ended at `{command}`");
            // Its test runner talks, too.
            if let Some((_, answer)) = line.split_once("answer: ") {
                return answer.trim().to_owned();
            }
        }
    }

    fn end(mut self) {
        drop(self.commands);
        let mut rest = String::new();
        self.answers.read_to_string(&mut rest).unwrap();
        assert!(self.process.wait().unwrap().success(), "{rest}");
    }
}

#[test]
fn the_window_shows_the_picture() {
    let Some(server) = Server::start() else { return };
    let mut viewer = Viewer::start(&server);
    assert_eq!(viewer.tell("fullscreen"), "800x600");
    for subsamp in 0..SUBSAMPLINGS.len() {
        viewer.tell(&format!("show {subsamp}"));
        let seen = server.screenshot();
        // 640x360 in 800x600: 75 rows of black above and below.
        for (index, colour) in COLOURS.into_iter().enumerate() {
            seen.expect(200 + index % 2 * 400, 180 + index / 2 * 240, colour);
            seen.expect(60 + index % 2 * 680, 80 + index / 2 * 440, colour);
        }
        seen.expect(200, 70, [0; 3]);
        seen.expect(200, 529, [0; 3]);
    }
    viewer.tell("show grey");
    server.screenshot().expect(600, 420, [250; 3]);
    server.screenshot().expect(200, 180, [87; 3]);
    viewer.end();
}

#[test]
fn text_lies_over_the_picture() {
    let Some(server) = Server::start() else { return };
    let mut viewer = Viewer::start(&server);
    viewer.tell("fullscreen");
    viewer.tell("show 1");
    let plain = server.screenshot();
    assert_eq!(plain.white(0..WIDTH, 0..HEIGHT), 0);
    viewer.tell("overlay");
    let overlay = server.screenshot();
    assert!(overlay.white(0..400, 0..300) > 500);
    assert_eq!(overlay.white(400..WIDTH, 0..HEIGHT), 0);
    // Its background lets a third of the picture through.
    overlay.expect(15, 80, [75, 15, 11]);
    viewer.tell("notice");
    let notice = server.screenshot();
    assert!(notice.white(100..700, 260..340) > 500);
    viewer.tell("clear");
    assert!(server.screenshot().0 == plain.0);
    viewer.end();
}

#[test]
fn keys_and_wakers_end_the_wait() {
    let Some(server) = Server::start() else { return };
    let mut viewer = Viewer::start(&server);
    let keys = viewer.tell("press");
    assert_eq!(keys, "[Pause, Mute, Fullscreen, Overlay, Snapshot, Record, Quit, Quit]");
    viewer.tell("fullscreen");
    assert_eq!(viewer.tell("escape"), "[Fullscreen]");
    assert_eq!(viewer.tell("wake"), "early");
    viewer.end();
}

#[test]
fn no_display_is_a_clear_error() {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "viewer", "--ignored", "--nocapture", "--test-threads=1"])
        .env_remove("WAYLAND_DISPLAY")
        .env("DISPLAY", ":9999")
        .env("SDL_VIDEODRIVER", "x11")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("no display to open a window on (x11 not available): use --headless"));
}

const KEYS: [Keycode; 9] = [
    Keycode::Space,
    Keycode::X,
    Keycode::M,
    Keycode::F,
    Keycode::I,
    Keycode::S,
    Keycode::R,
    Keycode::Q,
    Keycode::Escape,
];
const SUBSAMPLINGS: [Subsamp; 5] =
    [Subsamp::Sub2x2, Subsamp::Sub2x1, Subsamp::None, Subsamp::Sub1x2, Subsamp::Sub4x1];

fn picture(subsamp: Subsamp) -> DecodedPicture {
    let (width, height) = PICTURE;
    let mut pixels = Vec::with_capacity(width * height * 3);
    for y in 0..height {
        for x in 0..width {
            pixels.extend(COLOURS[y / (height / 2) * 2 + x / (width / 2)]);
        }
    }
    let format = PixelFormat::RGB;
    let image = Image { pixels: &pixels[..], width, pitch: width * 3, height, format };
    let jpeg = turbojpeg::compress(image, 95, subsamp).unwrap();
    let mut picture = DecodedPicture::new();
    Decoder::new().unwrap().decode(&jpeg, &mut picture).unwrap();
    picture
}

/// Whether another thread's waker ends the wait before its time.
fn wake(screen: &mut Screen, waker: &Waker) -> &'static str {
    while !screen.wait(Duration::ZERO).unwrap().is_empty() {}
    let now = || Duration::from(clock_gettime(ClockId::CLOCK_MONOTONIC).unwrap());
    let start = now();
    std::thread::scope(|threads| {
        threads.spawn(|| waker.wake());
        screen.wait(Duration::from_secs(1)).unwrap();
    });
    if now() - start < Duration::from_millis(700) { "early" } else { "late" }
}

fn show(screen: &mut Screen<'_>, picture: &DecodedPicture) {
    screen.put(0, picture).unwrap();
    screen.compose().unwrap();
    screen.present();
}

/// The child's part.
#[test]
#[ignore = "started by the other tests, with a display"]
fn viewer() {
    let mut window = match Window::open("viewer", false) {
        Ok(window) => window,
        Err(error) => return println!("{error}"),
    };
    let events = sdl2::init().unwrap().event().unwrap();
    let waker = window.waker();
    let mut screen = window.screen().unwrap();
    screen.add_only();
    let press = |code| {
        let (timestamp, window_id, scancode) = (0, 0, None);
        let (keycode, keymod, repeat) = (Some(code), Mod::NOMOD, false);
        let event = Event::KeyDown { timestamp, window_id, keycode, scancode, keymod, repeat };
        events.push_event(event).unwrap();
    };
    let moment = Duration::from_millis(20);
    for line in std::io::stdin().lines() {
        let line = line.unwrap();
        let mut answer = String::from("done");
        match line.split_once(' ').unwrap_or((&line, "")) {
            ("show", "grey") => show(&mut screen, &picture(Subsamp::Gray)),
            ("show", n) => {
                show(&mut screen, &picture(SUBSAMPLINGS[n.parse::<usize>().unwrap()]));
            }
            ("fullscreen", _) => {
                screen.toggle_fullscreen().unwrap();
                // The server confirms a new size when it gets to it.
                while screen.size() != (800, 600) {
                    screen.wait(moment).unwrap();
                }
                answer = "800x600".to_owned();
            }
            ("overlay", _) => {
                let lines = ["Front door", "640x360  30.0 fps", "latency 41 ms", "loss 0.00 %"];
                screen.set_overlay(&lines).unwrap();
            }
            ("notice", _) => screen.set_notice(Some("waiting for Front door ...")).unwrap(),
            ("clear", _) => {
                screen.set_overlay(&[]).unwrap();
                screen.set_notice(None).unwrap();
            }
            ("press", _) => {
                KEYS.into_iter().for_each(press);
                answer = format!("{:?}", screen.wait(moment).unwrap());
            }
            ("escape", _) => {
                press(Keycode::Escape);
                answer = format!("{:?}", screen.wait(moment).unwrap());
            }
            ("wake", _) => answer = wake(&mut screen, &waker).to_owned(),
            _ => panic!("{line}?"),
        }
        // Whatever the server had to say about it.
        screen.wait(moment).unwrap();
        println!("answer: {answer}");
    }
}
