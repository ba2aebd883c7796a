//! The daemon's end of the control socket: a few clients at a time, each with a request and an answer of
//! bounded length, none of which the event loop ever waits for.

use crate::trust;
use crate::{ANSWER_MAX, Answer, Request, folders};
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
    token: Token,
    registry: Registry,
}

#[derive(Debug)]
struct Client {
    stream: UnixStream,
    /// What it has sent that is not yet answered: requests, the last perhaps begun only.
    asked: Vec<u8>,
    /// What is left to write of an answer. Until that is nothing no other request is read.
    owed: Vec<u8>,
    /// Its request is answered later.
    waits: bool,
}

impl Server {
    /// Listens as `NAME.sock` in the first folder that lets it; `token` is what the loop
    /// knows the listener and its clients by.
    ///
    /// # Errors
    /// One line: no folder can be written, or a daemon of that name runs already.
    pub fn open(name: &str, registry: &Registry, token: Token) -> Result<Self, String> {
        let mut problem = String::new();
        for folder in folders() {
            match listen(&folder, name) {
                Ok((mut listener, path)) => {
                    registry
                        .register(&mut listener, token, Interest::READABLE)
                        .map_err(|error| format!("control socket: {error}"))?;
                    let registry =
                        registry.try_clone().map_err(|error| format!("control socket: {error}"))?;
                    let clients = Vec::with_capacity(CLIENTS_MAX);
                    return Ok(Self { listener, path, clients, token, registry });
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

    /// Accepts, reads and writes what there is. `answer` answers each request, or says with `None` that the
    /// answer is [given later](Self::answer_later): until then nothing more of that client is read.
    pub fn serve(&mut self, mut answer: impl FnMut(Request) -> Option<Answer>) {
        while let Ok((stream, _)) = self.listener.accept() {
            self.admit(stream);
        }
        self.keep_if(|client| client.serve(&mut answer));
    }

    /// The answer that those wait for who were not answered at once. What else they have asked is read by
    /// the next [`serve`](Self::serve).
    pub fn answer_later(&mut self, answer: &Answer) {
        self.keep_if(|client| {
            if !std::mem::take(&mut client.waits) {
                return true;
            }
            client.owe(answer);
            client.write()
        });
    }

    fn keep_if(&mut self, mut stays: impl FnMut(&mut Client) -> bool) {
        let registry = &self.registry;
        self.clients.retain_mut(|client| {
            let stays = stays(client);
            if !stays {
                // A stream that is dropped leaves the poll by itself.
                let _ = registry.deregister(&mut client.stream);
            }
            stays
        });
    }

    fn admit(&mut self, mut stream: UnixStream) {
        if self.clients.len() == CLIENTS_MAX {
            let idle = self.clients.iter().position(|client| !client.waits);
            let mut oldest = self.clients.remove(idle.unwrap_or(0));
            let _ = self.registry.deregister(&mut oldest.stream);
        }
        let interest = Interest::READABLE | Interest::WRITABLE;
        if self.registry.register(&mut stream, self.token, interest).is_ok() {
            let asked = Vec::with_capacity(REQUEST_MAX);
            self.clients.push(Client { stream, asked, owed: Vec::new(), waits: false });
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
        loop {
            if !self.write() {
                return false;
            }
            if self.waits || !self.owed.is_empty() {
                return true;
            }
            if let Some(end) = self.asked.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.asked.drain(..=end).collect();
                self.reply(&line[..end], answer);
                continue;
            }
            match self.read() {
                Ok(true) => {}
                Ok(false) => return false,
                Err(error) => return error.kind() == ErrorKind::WouldBlock,
            }
        }
    }

    /// Reads some more. False if that was all, or rubbish.
    fn read(&mut self) -> io::Result<bool> {
        let room = REQUEST_MAX - self.asked.len();
        if room == 0 {
            log::debug!("control: a client sends rubbish");
            return Ok(false);
        }
        let mut bytes = [0; REQUEST_MAX];
        match self.stream.read(&mut bytes[..room]) {
            Ok(len) => {
                self.asked.extend_from_slice(&bytes[..len]);
                Ok(len > 0)
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(true),
            Err(error) => Err(error),
        }
    }

    fn reply(&mut self, line: &[u8], answer: &mut impl FnMut(Request) -> Option<Answer>) {
        let reply = match serde_json::from_slice(line) {
            Ok(request) => answer(request),
            Err(error) => Some(Answer::Error(format!(
                "not a request: {error}; expected {{\"command\":\"status\"}}, sdp, viewers, reload, pause, resume, vouch or stop"
            ))),
        };
        match reply {
            Some(reply) => self.owe(&reply),
            None => self.waits = true,
        }
    }

    fn owe(&mut self, answer: &Answer) {
        let text = serde_json::to_vec(answer).ok().filter(|text| text.len() < ANSWER_MAX);
        self.owed = text.unwrap_or_else(|| b"{\"error\":\"the answer is too long\"}".into());
        self.owed.push(b'\n');
    }

    /// Writes what the client takes; the rest when it takes more. False if it is gone.
    fn write(&mut self) -> bool {
        while !self.owed.is_empty() {
            match self.stream.write(&self.owed) {
                Ok(0) => return false,
                Ok(len) if len == self.owed.len() => self.owed = Vec::new(),
                Ok(len) => drop(self.owed.drain(..len)),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return error.kind() == ErrorKind::WouldBlock,
            }
        }
        true
    }
}

/// Listens in this folder, which only its user writes to and which is made if it is not there. A socket
/// that nobody listens on is left over from a crash and replaced.
fn listen(folder: &Path, name: &str) -> io::Result<(UnixListener, PathBuf)> {
    match DirBuilder::new().mode(0o755).create(folder) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
        _ => trust::check(folder)?,
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
