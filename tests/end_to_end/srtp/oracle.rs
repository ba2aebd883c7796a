//! libsrtp2, which seals and opens packets beside us.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::OnceLock;
use streamsocket_srtp::master_key::MasterKey;
use streamsocket_srtp::suite::Suite;
use streamsocket_tests::machine::not_run;
use streamsocket_tests::program::output;

/// What it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Does {
    Seal,
    Open,
}

/// What a packet is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Rtp = b'p' as isize,
    Rtcp = b'c' as isize,
}

/// One stream in libsrtp2. Ends when it is dropped.
pub(super) struct Oracle {
    child: Child,
    to: ChildStdin,
    from: ChildStdout,
}

/// The program, compiled.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/srtp-oracle.c");
        let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("srtp-oracle");
        let mut compiler = Command::new("cc");
        compiler.args(["-O2", "-Wall", "-Werror", "-o"]).arg(&program).arg(source);
        output(compiler.arg("-lsrtp2"));
        program
    })
}

impl Oracle {
    /// For the packets of a source whose sequence number has rolled over so often, and for reports of any source. `None`,
    /// and `test` says why, if this libsrtp2 was built without the suite.
    pub(super) fn new(
        test: &str,
        does: Does,
        (key, suite): (&MasterKey, Suite),
        (ssrc, rollovers): (u32, u32),
    ) -> Option<Self> {
        let mut command = Command::new(program());
        command.arg(if does == Does::Seal { "seal" } else { "open" });
        command.arg(if suite == Suite::AeadAes128Gcm { "gcm" } else { "cm" });
        command.args([format!("{ssrc:08x}"), rollovers.to_string()]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (to, from) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let mut it = Self { child, to, from };
        it.to.write_all(&super::bytes_of(key)).unwrap();
        let [has] = it.read();
        if has != b'y' {
            not_run(test, &format!("this libsrtp2 was built without {suite}"));
        }
        (has == b'y').then_some(it)
    }

    fn read<const LEN: usize>(&mut self) -> [u8; LEN] {
        let mut bytes = [0; LEN];
        self.from.read_exact(&mut bytes).unwrap();
        bytes
    }

    /// What becomes of a packet, or libsrtp2's error code.
    pub(super) fn apply(&mut self, kind: Kind, packet: &[u8]) -> Result<Vec<u8>, u8> {
        let [high, low] = u16::try_from(packet.len()).unwrap().to_be_bytes();
        self.to.write_all(&[&[kind as u8, high, low], packet].concat()).unwrap();
        let [status, high, low] = self.read();
        let mut out = vec![0; u16::from_be_bytes([high, low]).into()];
        self.from.read_exact(&mut out).unwrap();
        if status == 0 { Ok(out) } else { Err(status) }
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
