//! Every configuration that is shipped, checked by the program that reads it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use streamsocket_tests::program::{ours, text};

/// The configurations below a folder of the project.
fn shipped(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(shipped(&path));
        } else if path.extension().is_some_and(|it| it == "toml") && !path.ends_with("Cargo.toml") {
            found.push(path);
        }
    }
    found
}

fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

#[test]
fn shipped_configurations_are_good() {
    let mut found = shipped(&project().join("board"));
    // Those of the other programs have tests beside their options.
    found.push(project().join("systemd/streamsocket.toml"));
    let boards = ["zero2w", "pi3", "pi4", "pi5"].map(|board| project().join("board").join(board));
    for folder in boards {
        assert!(found.iter().any(|it| it.starts_with(&folder)), "{}", folder.display());
    }
    for path in found {
        println!("{}", path.display());
        text(ours("streamsocket").args(["check", "--interface", "lo", "--config"]).arg(&path));
    }
}

/// The folder that the unit lets the service write to.
fn state_folder() -> String {
    let unit = fs::read_to_string(project().join("systemd/streamsocket.service")).unwrap();
    let state = unit.lines().find_map(|line| line.strip_prefix("StateDirectory=")).unwrap();
    format!("/var/lib/{state}")
}

#[test]
fn what_the_sample_writes_the_service_may_write() {
    let sample = fs::read_to_string(project().join("systemd/streamsocket.toml")).unwrap();
    let written = |key: &str| {
        let line = sample.lines().find_map(|line| line.strip_prefix(&format!("#{key} = \"")));
        line.unwrap().trim_end_matches('"').to_owned()
    };
    for path in [written("sdp"), written("stats")] {
        assert!(Path::new(&path).starts_with(state_folder()), "{path}");
    }
}

#[test]
fn the_sample_explains_every_key_and_each_can_be_taken() {
    let sample = fs::read_to_string(project().join("systemd/streamsocket.toml")).unwrap();
    let keys: Vec<_> = sample.lines().filter_map(|line| line.strip_prefix('#')).collect();
    let keys: Vec<_> = keys.into_iter().filter(|it| it.starts_with(char::is_alphabetic)).collect();
    let help = text(ours("streamsocket").arg("--help"));
    let options = help.lines().filter_map(|line| line.trim_start().strip_prefix("--"));
    let options = options.filter_map(|it| it.split([' ', '[', '=']).next());
    for option in options.filter(|it| !["config", "instance", "help", "version"].contains(it)) {
        let assigned = format!("{option} = ");
        assert!(keys.iter().any(|it| it.starts_with(&assigned)), "{option} is not explained");
    }
    // The interface is another machine's, and the folder the service's.
    let folder = tempfile::tempdir().unwrap();
    let here = keys.join("\n").replace("\"eth0\"", "\"lo\"");
    let here = here.replace(&state_folder(), folder.path().to_str().unwrap());
    let users = folder.path().join("users");
    let here = here.replace("/etc/streamsocket/users", users.to_str().unwrap());
    let key = folder.path().join("key");
    let here = here.replace("/etc/streamsocket/key", key.to_str().unwrap());
    text(ours("streamsocket").args(["key", "new"]).arg(&key));
    fs::write(&users, "").unwrap();
    fs::set_permissions(&users, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let path = folder.path().join("all.toml");
    fs::write(&path, here).unwrap();
    text(ours("streamsocket").stdin(Stdio::null()).arg("check").arg("--config").arg(&path));
}
