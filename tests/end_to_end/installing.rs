//! `make install` and `make uninstall`, and the units that it installs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use streamsocket_tests::program::{ours, text};

/// Exposure in tenths that a unit may have (`systemd-analyze security`).
const EXPOSURE_MAX: &str = "12";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn make(target: &str, folder: &Path) {
    let built = PathBuf::from(ours("streamsocket").get_program());
    let mut make = Command::new("make");
    make.args(["--silent", "--directory"]).arg(root()).arg(target);
    make.arg(format!("DESTDIR={}", folder.display()));
    make.arg(format!("BUILT={}", built.parent().unwrap().display()));
    text(make.env_remove("MAKEFLAGS"));
}

#[test]
fn a_configuration_of_the_users_own_stays_and_all_else_goes() {
    let folder = tempfile::tempdir().unwrap();
    let at = |path: &str| folder.path().join(path);
    let config = at("etc/streamsocket/streamsocket.toml");
    make("install", folder.path());
    for unit in ["streamsocket.service", "streamsocket@.service"] {
        let unit = fs::read_to_string(at("usr/local/lib/systemd/system").join(unit)).unwrap();
        assert!(unit.contains("ExecStart=/usr/local/bin/streamsocket --wait"), "{unit}");
    }
    let unit = fs::read_to_string(at("usr/local/lib/systemd/system/streamsocket-gateway.service"));
    let starts = "ExecStart=/usr/local/bin/streamsocket-gateway --config /etc/streamsocket-gateway/gateway.toml";
    assert!(unit.unwrap().contains(starts));
    assert!(at("etc/streamsocket-gateway/gateway.toml").exists());
    let unit = fs::read_to_string(at("usr/local/lib/systemd/system/streamsocket-relay.service"));
    let starts =
        "ExecStart=/usr/local/bin/streamsocket-relay --config /etc/streamsocket-relay/relay.toml";
    assert!(unit.unwrap().contains(starts));
    assert!(at("etc/streamsocket-relay/relay.toml").exists());
    let unit = fs::read_to_string(at("usr/local/lib/systemd/system/streamsocket-origin.service"));
    let starts = "ExecStart=/usr/local/bin/streamsocket-origin --config /etc/streamsocket-origin/origin.toml";
    assert!(unit.unwrap().contains(starts));
    assert!(at("etc/streamsocket-origin/origin.toml").exists());
    text(ours("streamsocket").args(["check", "--interface", "lo", "--config"]).arg(&config));
    make("uninstall", folder.path());
    assert!(!config.parent().unwrap().exists() && !at("etc/streamsocket-gateway").exists());
    assert!(!at("etc/streamsocket-relay").exists() && !at("etc/streamsocket-origin").exists());

    fs::create_dir_all(config.parent().unwrap()).unwrap();
    fs::write(&config, "video = \"pattern\"\n").unwrap();
    make("install", folder.path());
    make("uninstall", folder.path());
    assert_eq!(fs::read_to_string(&config).unwrap(), "video = \"pattern\"\n");
    let mut left = Command::new("find");
    let left = text(left.arg(folder.path()).args(["-type", "f"]));
    assert_eq!(left.lines().count(), 1, "{left}");
}

#[test]
fn the_units_leave_little_to_attack() {
    if Command::new("systemd-analyze").arg("--version").output().is_err() {
        println!("skipped: there is no systemd-analyze here (package systemd)");
        return;
    }
    let units = [
        "streamsocket.service",
        "streamsocket@.service",
        "streamsocket-rpicam@.service",
        "streamsocket-gateway.service",
        "streamsocket-relay.service",
        "streamsocket-origin.service",
    ];
    for unit in units {
        let mut analyze = Command::new("systemd-analyze");
        analyze.args(["security", "--no-pager", "--offline=true"]);
        analyze.arg(format!("--threshold={EXPOSURE_MAX}"));
        text(analyze.arg(root().join("systemd").join(unit)));
    }
}
