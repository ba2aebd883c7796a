//! The daemon's end of the control socket: a few clients at a time, each with a line of bounded
//! length, none of which the event loop ever waits for.

use super::{Answer, Request, folders};
use mio::net::{UnixListener, UnixStream};
use mio::{Interest, Registry, Token};
use std::fs::{DirBuilder, Permissions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Clients at a time. One that would be one more is turned away; those that say nothing give way.
const CLIENTS_MAX: usize = 8;

/// Bytes of a request at most, and so what a client can make us keep.
const REQUEST_MAX: usize = 1024;

/// The listening socket and its clients.
#[derive(Debug)]
pub struct Server {
    listener: UnixListener,
    path: PathBuf,
    clients: Vec<Client>,
    first: usize,
    next: usize,
    registry: Registry,
}

#[derive(Debug)]
struct Client {
    stream: UnixStream,
    token: Token,
    line: Vec<u8>,
    /// It is owed an answer that is known later.
    waits: bool,
}

impl Server {
    /// Listens as `NAME.sock` in the first folder that lets it; `first` is the token of the
    /// listener, the clients take those after it.
    ///
    /// # Errors
    /// One line: no folder can be written, or a daemon of that name runs already.
    pub fn open(name: &str, registry: &Registry, first: usize) -> Result<Self, String> {
        let mut problem = String::new();
        for folder in folders() {
            match listen(&folder, name) {
                Ok((mut listener, path)) => {
                    registry
                        .register(&mut listener, Token(first), Interest::READABLE)
                        .map_err(|error| format!("control socket: {error}"))?;
                    let registry =
                        registry.try_clone().map_err(|error| format!("control socket: {error}"))?;
                    let clients = Vec::with_capacity(CLIENTS_MAX);
                    return Ok(Self { listener, path, clients, first, next: 0, registry });
                }
                Err(error) if error.kind() == ErrorKind::AddrInUse => {
                    return Err(format!(
                        "a daemon named '{name}' runs already ({}); choose another --name or stop it with 'streamsocket stop --name {name}'",
                        folder.display()
                    ));
                }
                Err(error) => problem = format!("{}: {error}", folder.display()),
            }
        }
        Err(format!(
            "no folder for the control socket can be used; the last one tried is {problem}"
        ))
    }

    /// Where it listens.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// True if the token is one of the server's.
    #[must_use]
    pub const fn owns(&self, token: Token) -> bool {
        token.0 >= self.first
    }

    /// Accepts and reads what there is; `answer` answers each request, or says that the answer is
    /// [given later](Self::answer_later).
    pub fn serve(&mut self, mut answer: impl FnMut(Request) -> Option<Answer>) {
        while let Ok((stream, _)) = self.listener.accept() {
            self.admit(stream);
        }
        let registry = &self.registry;
        self.clients.retain_mut(|client| {
            let stays = client.serve(&mut answer);
            if !stays {
                // A stream that is dropped leaves the poll by itself.
                let _ = registry.deregister(&mut client.stream);
            }
            stays
        });
    }

    /// The answer that those wait for who were not answered at once.
    pub fn answer_later(&mut self, answer: &Answer) {
        let registry = &self.registry;
        self.clients.retain_mut(|client| {
            let stays = !std::mem::take(&mut client.waits) || client.write(answer);
            if !stays {
                let _ = registry.deregister(&mut client.stream);
            }
            stays
        });
    }

    fn admit(&mut self, mut stream: UnixStream) {
        if self.clients.len() == CLIENTS_MAX {
            let idle = self.clients.iter().position(|client| !client.waits).unwrap_or(0);
            let mut oldest = self.clients.remove(idle);
            let _ = self.registry.deregister(&mut oldest.stream);
        }
        self.next = (self.next + 1) % 1_000_000;
        let token = Token(self.first + 1 + self.next);
        if self.registry.register(&mut stream, token, Interest::READABLE).is_ok() {
            let line = Vec::with_capacity(REQUEST_MAX);
            self.clients.push(Client { stream, token, line, waits: false });
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Gone already is as good.
        let _ = std::fs::remove_file(&self.path);
    }
}

impl Client {
    /// False if the client is to be let go.
    fn serve(&mut self, answer: &mut impl FnMut(Request) -> Option<Answer>) -> bool {
        let mut bytes = [0; REQUEST_MAX];
        loop {
            match self.stream.read(&mut bytes) {
                Ok(0) => return false,
                Ok(len) => {
                    for byte in &bytes[..len] {
                        if *byte == b'\n' {
                            if !self.reply(answer) {
                                return false;
                            }
                        } else if self.line.len() == REQUEST_MAX {
                            log::debug!("control: client {} sends rubbish", self.token.0);
                            return false;
                        } else {
                            self.line.push(*byte);
                        }
                    }
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return error.kind() == ErrorKind::WouldBlock,
            }
        }
    }

    fn reply(&mut self, answer: &mut impl FnMut(Request) -> Option<Answer>) -> bool {
        let reply = match serde_json::from_slice(&self.line) {
            Ok(request) => answer(request),
            Err(error) => Some(Answer::Error(format!(
                "not a request: {error}; expected {{\"command\":\"status\"}}, sdp, reload or stop"
            ))),
        };
        self.line.clear();
        self.waits |= reply.is_none();
        reply.is_none_or(|reply| self.write(&reply))
    }

    fn write(&mut self, reply: &Answer) -> bool {
        let Ok(mut text) = serde_json::to_vec(reply) else { return false };
        text.push(b'\n');
        // An answer fits the socket's buffer; a client that does not read its answers goes.
        self.stream.write(&text).is_ok_and(|len| len == text.len())
    }
}

/// Listens in this folder, made for its user alone if it is not there. A socket that nobody listens
/// on is left over from a crash and replaced.
fn listen(folder: &Path, name: &str) -> io::Result<(UnixListener, PathBuf)> {
    if !folder.is_dir() {
        DirBuilder::new().mode(0o755).create(folder)?;
    }
    let path = folder.join(format!("{name}.sock"));
    match UnixListener::bind(&path) {
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            if std::os::unix::net::UnixStream::connect(&path).is_ok() {
                return Err(error);
            }
            std::fs::remove_file(&path)?;
            UnixListener::bind(&path)
        }
        other => other,
    }
    .and_then(|listener| {
        std::fs::set_permissions(&path, Permissions::from_mode(0o660))?;
        Ok((listener, path))
    })
}
