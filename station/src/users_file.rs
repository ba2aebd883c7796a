//! The file of those who have a name and a password: read where nobody else can.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::Path;
use streamsocket_net::private_file::kept_from_others;
use streamsocket_rtsp::users::Users;

/// Bytes of the file at most: as many users as there may be take a third of it.
const FILE_MAX: u64 = 128 << 10;

/// Reads the file. One that is not there says nothing, unless it must be.
///
/// # Errors
/// One line that begins with the file's name.
pub fn read(path: &Path, must_be: bool) -> Result<Users, String> {
    let shown = path.display();
    let failed = |error: io::Error| format!("{shown}: {error}");
    let file = match File::open(path) {
        Err(error) if !must_be && error.kind() == ErrorKind::NotFound => {
            return Ok(Users::default());
        }
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            return Err(format!(
                "{shown}: {error}; run this program as root or in the group of that file, or choose another one"
            ));
        }
        opened => opened.map_err(failed)?,
    };
    let there = file.metadata().map_err(failed)?;
    kept_from_others(path, &there, ", and pass for its users")
        .map_err(|why| format!("{shown}: {why}"))?;
    let mut text = String::new();
    file.take(FILE_MAX).read_to_string(&mut text).map_err(failed)?;
    Users::parse(&text).map_err(|(line, why)| format!("{shown}, line {line}: {why}"))
}
