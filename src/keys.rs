//! The command `key`: makes the key that a session is protected with, and says how to use it and how viewers get it.

use crate::service_file::{make, share};
use nix::unistd::Uid;
use qrcode::QrCode;
use qrcode::render::unicode::Dense1x2;
use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use streamsocket_net::machine;
use streamsocket_srtp::master_key::MasterKey;
use streamsocket_srtp::stored_keys::{self, OF_MACHINE};
use zeroize::Zeroizing;

/// Bytes that the text takes at most, so that it does not grow, which leaves copies of it behind: some lines, and a QR
/// code of 33 by 17 characters and a margin, three bytes each.
const TEXT_MAX: usize = 16 << 10;

/// Makes a key and writes it to a file that is not there yet: for its owner alone; written by root, for the service's
/// group, too. Returns what to say, with a QR code if it is for a terminal.
///
/// # Errors
/// One line: what is wrong with the file, and what to do.
pub fn make_new(named: Option<&Path>, for_terminal: bool) -> Result<Zeroizing<String>, String> {
    let path = file(named)?;
    let random = machine::random_bytes().map(Zeroizing::new);
    let random = random.map_err(|error| format!("the kernel gives no random numbers: {error}"))?;
    let key = MasterKey::new(&random);
    write(&path, &key).map_err(|error| refusal(&error, &path))?;
    Ok(told(&path, &[key], for_terminal))
}

/// What to say of the keys of a file, with a QR code if it is for a terminal.
///
/// # Errors
/// One line: what is wrong with the file, and what to do.
pub fn show(named: Option<&Path>, for_terminal: bool) -> Result<Zeroizing<String>, String> {
    let path = file(named)?;
    let keys = stored_keys::read(&path)?;
    Ok(told(&path, &keys, for_terminal))
}

/// The file that is meant.
fn file(named: Option<&Path>) -> Result<PathBuf, String> {
    let usual = || {
        if Uid::effective().is_root() { Some(OF_MACHINE.into()) } else { stored_keys::of_user() }
    };
    let file = named.map(Path::to_owned).or_else(usual);
    file.ok_or_else(|| "there is no home folder (HOME): name a file".into())
}

fn write(path: &Path, key: &MasterKey) -> io::Result<()> {
    let folder_mode = if Uid::effective().is_root() { 0o755 } else { 0o700 };
    let mut file = make(path, folder_mode)?;
    let mut line = Zeroizing::new(String::with_capacity(64));
    line.push_str(&key.to_inline());
    line.push('\n');
    let written = file.write_all(line.as_bytes()).and_then(|()| share(&file, path));
    if written.is_err() {
        // Half a key is none, and what could not be shared would be there already the next time.
        let _ = fs::remove_file(path);
    }
    written
}

/// Why a file could not be written, and what to do.
fn refusal(error: &io::Error, path: &Path) -> String {
    let shown = path.display();
    match error.kind() {
        ErrorKind::AlreadyExists => format!(
            "{shown} is there already; remove it, or write a new key to another file and add its line to this one"
        ),
        ErrorKind::PermissionDenied => {
            format!("{shown}: {error}; run this as root, or name a file of your own")
        }
        _ => format!("{shown}: {error}"),
    }
}

/// Where the keys are, how the daemon uses them, and how viewers get them.
fn told(path: &Path, keys: &[MasterKey], for_terminal: bool) -> Zeroizing<String> {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    // A terminal obeys control characters.
    let shown = path.display().to_string().replace(char::is_control, "?");
    let lines: Vec<_> = keys.iter().map(MasterKey::to_inline).collect();
    let mut text = Zeroizing::new(String::with_capacity(TEXT_MAX));
    for part in [
        "The key is in ",
        &shown,
        ". Whoever has it can watch; keep it secret.\n\nThe daemon uses it with this option, or this line of its \
         configuration:\n  --key-file ",
        &shown,
        "\n  key-file = \"",
        &shown,
        "\"\n\nPaste this into a shell on the machine of each viewer, as the user who watches:\n  (umask 077; mkdir -p \
         ~/.config/streamsocket; printf '%s\\n'",
    ] {
        text.push_str(part);
    }
    for line in &lines {
        [" '", line, "'"].iter().for_each(|part| text.push_str(part));
    }
    text.push_str(" >> ~/.config/streamsocket/key)\n");
    if let Some(code) = lines.first().filter(|_| for_terminal).and_then(|line| code(line)) {
        text.push_str("\nThe key as a QR code:\n\n");
        text.push_str(&code);
        text.push('\n');
    }
    text
}

/// A QR code of half blocks; `None` if there is too much text for one.
fn code(text: &str) -> Option<Zeroizing<String>> {
    let code = QrCode::new(text.as_bytes()).ok()?;
    // Light on dark, as most terminals are: readers want a code dark on light.
    let (dark, light) = (Dense1x2::Light, Dense1x2::Dark);
    Some(Zeroizing::new(code.render().dark_color(dark).light_color(light).build()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_new_key_is_for_its_owner_and_never_over_another_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new").join("key");
        let text = make_new(Some(&path), false).unwrap();
        let there = path.metadata().unwrap().permissions().mode();
        assert_eq!(there & 0o137, 0, "{there:o}");
        let line = fs::read_to_string(&path).unwrap();
        let keys = stored_keys::read(&path).unwrap();
        assert_eq!(format!("{}\n", *keys[0].to_inline()), line);
        let paste = format!(
            "  (umask 077; mkdir -p ~/.config/streamsocket; printf '%s\\n' '{}' >> ~/.config/streamsocket/key)\n",
            line.trim()
        );
        assert!(text.contains(&paste), "{}", *text);
        assert!(text.contains(&format!("\n  key-file = \"{}\"\n", path.display())), "{}", *text);
        assert!(!text.contains("QR code"));
        assert_eq!(*show(Some(&path), false).unwrap(), *text);
        let why = make_new(Some(&path), false).unwrap_err();
        assert!(why.contains("new/key is there already; remove it, or "), "{why}");
        assert_eq!(fs::read_to_string(&path).unwrap(), line);
        assert_ne!(*make_new(Some(&folder.path().join("other")), false).unwrap(), *text);
    }

    #[test]
    fn all_keys_of_a_file_are_shown_as_keys() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        make_new(Some(&path), false).unwrap();
        let line = fs::read_to_string(&path).unwrap();
        fs::write(&path, format!("{line}correct horse battery staple\n")).unwrap();
        let text = show(Some(&path), true).unwrap();
        let both =
            format!("'{}' 'inline:Yu6g2BWwRvrDGKaSYQ4iYHdySSqu6oC/jZBps+tl' >>", line.trim());
        assert!(text.contains(&both), "{}", *text);
        assert!(text.contains("QR code:\n\n\u{2588}"), "{}", *text);
        assert!(text.len() <= TEXT_MAX, "{}", text.len());
    }
}
