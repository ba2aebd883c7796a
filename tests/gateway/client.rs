//! Who asks the gateway: curl, and a reader of what it streams.

use std::io::{BufRead, BufReader, Read};
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{ChildStdout, Command, Stdio};
use streamsocket_tests::place::Place;
use streamsocket_tests::program::{Program, ours, output, peer};

/// A gateway that runs.
pub(crate) struct Gateway {
    pub(crate) program: Program,
    pub(crate) port: u16,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Its headers, as they came.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

/// A picture of a stream.
#[derive(Debug)]
pub(crate) struct Part {
    /// When it was captured, in seconds since 1970.
    pub(crate) captured: f64,
    pub(crate) jpeg: Vec<u8>,
}

/// A port that is free now.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}

impl Gateway {
    /// One that shows the session at a place.
    pub(crate) fn of(place: Place) -> Self {
        let mut gateway = Self::start(&[&format!("rtp://{place}")]);
        gateway.program.wait_for("is received");
        gateway
    }

    /// The same, that is asked by this name.
    pub(crate) fn of_known_as(place: Place, name: &str) -> Self {
        let mut gateway = Self::start(&["--host", name, &format!("rtp://{place}")]);
        gateway.program.wait_for("is received");
        gateway
    }

    /// The same, encrypted at the port that is returned, too; its certificate is made in this folder.
    pub(crate) fn encrypted(place: Place, state: &Path, arguments: &[&str]) -> (Self, u16) {
        let (port, tls) = (free_port(), free_port());
        let mut command = Self::command(port);
        command.env("STATE_DIRECTORY", state).args(["--tls", &format!("127.0.0.1:{tls}")]);
        let mut program = Program::start(command.args(arguments).arg(format!("rtp://{place}")));
        program.wait_for("is received");
        (Self { program, port }, tls)
    }

    /// One that shows nothing and hands players on by the port that is returned; its certificate is made in this folder.
    pub(crate) fn of_players(place: Place, state: &Path) -> (Self, u16) {
        let (port, rtsps) = (free_port(), free_port());
        let mut command = Self::command(port);
        command.env("STATE_DIRECTORY", state).args(["--rtsps", &format!("127.0.0.1:{rtsps}")]);
        let mut program = Program::start(command.arg(format!("rtp://{place}")));
        program.wait_for("pictures are at");
        (Self { program, port }, rtsps)
    }

    fn command(port: u16) -> Command {
        let mut command = ours("streamsocket-gateway");
        command.args(["--interface", "127.0.0.1", "--listen", &format!("127.0.0.1:{port}")]);
        // All tests together would not have enough ports.
        command.args(["--rtsps", "off"]);
        command
    }

    pub(crate) fn start(arguments: &[&str]) -> Self {
        Self::start_at(free_port(), arguments)
    }

    pub(crate) fn start_at(port: u16, arguments: &[&str]) -> Self {
        let mut program = Program::start(Self::command(port).args(arguments));
        program.wait_for("pictures are at");
        Self { program, port }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// Asks for a path, with these headers beside curl's own.
    pub(crate) fn get(&self, path: &str, headers: &[&str]) -> Answer {
        let mut curl = peer("curl");
        curl.args(["-s", "-S", "-i", "--max-time", "30", &self.url(path)]);
        headers.iter().for_each(|header| {
            curl.args(["-H", header]);
        });
        let answer = output(&mut curl);
        let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").expect("headers");
        let head = String::from_utf8(answer[..end].to_vec()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head, body: answer[end + 4..].to_vec() }
    }

    /// What is streamed at a path, picture by picture.
    pub(crate) fn parts(&self, path: &str) -> Parts {
        let (curl, reader) = self.stream(path, "curl/7");
        Parts { _curl: curl, reader }
    }

    /// The same as it comes, to who says that he is `agent`.
    pub(crate) fn stream(&self, path: &str, agent: &str) -> (Program, BufReader<ChildStdout>) {
        let mut curl = peer("curl");
        curl.args(["-s", "-S", "-N", "-A", agent, &self.url(path)]).stdout(Stdio::piped());
        let mut curl = Program::start(&mut curl);
        let reader = BufReader::new(curl.stdout());
        (curl, reader)
    }
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }
}

/// The pictures of a stream.
pub(crate) struct Parts {
    _curl: Program,
    reader: BufReader<ChildStdout>,
}

impl Parts {
    /// The value of a header of the next part, and the reader behind its headers.
    fn headers(&mut self) -> Option<(usize, f64)> {
        let (mut length, mut captured) = (None, None);
        loop {
            let mut line = String::new();
            if self.reader.read_line(&mut line).unwrap() == 0 {
                return None;
            }
            assert!(line.ends_with("\r\n"), "{line:?}");
            match line.trim_end().split_once(": ") {
                Some(("Content-Length", value)) => length = Some(value.parse().unwrap()),
                Some(("X-Timestamp", value)) => captured = Some(value.parse().unwrap()),
                Some(("Content-Type", value)) => assert_eq!(value, "image/jpeg"),
                // An empty line before the boundary, and behind the headers.
                None if line == "\r\n" && length.is_some() => break,
                _ => assert!(line == "\r\n" || line == "--streamsocket\r\n", "{line:?}"),
            }
        }
        length.zip(captured)
    }
}

impl Iterator for Parts {
    type Item = Part;

    fn next(&mut self) -> Option<Part> {
        let (length, captured) = self.headers()?;
        let mut jpeg = vec![0; length];
        self.reader.read_exact(&mut jpeg).unwrap();
        assert!(jpeg.starts_with(b"\xff\xd8") && jpeg.ends_with(b"\xff\xd9"));
        Some(Part { captured, jpeg })
    }
}
