//! `make` on a machine that has little: what it says, and where it builds.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use streamsocket_tests::program::{self, peer, text};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// Where a program is on this machine.
fn find(program: &str) -> PathBuf {
    let folders = std::env::var_os("PATH").unwrap();
    let mut paths = std::env::split_paths(&folders).map(|folder| folder.join(program));
    paths.find(|path| path.exists()).unwrap_or_else(|| panic!("{program} is not there"))
}

/// A program of a test's own, which stands in for another.
fn stand_in(folder: &Path, name: &str, script: &str) {
    program::stand_in(&folder.join(name), script);
}

#[test]
fn make_help_needs_no_more_than_a_bare_debian_has() {
    let folder = tempfile::tempdir().unwrap();
    for program in ["sh", "sed", "printf"] {
        symlink(find(program), folder.path().join(program)).unwrap();
    }
    let make = find("make");
    let mut help = peer(make.to_str().unwrap());
    help.args(["--silent", "--no-print-directory", "--directory"]).arg(root()).arg("help");
    help.env_remove("MAKEFLAGS").env("PATH", folder.path()).env("HOME", folder.path());
    let help = text(&mut help);
    let told = |target: &str, what: &str| {
        let line = help.lines().find(|line| line.starts_with(&format!("  make {target} ")));
        line.and_then(|line| line.find(what)).unwrap_or_else(|| panic!("{target}: {help}"))
    };
    assert_eq!(told("help", "this list"), told("packages-test", "the packages"), "{help}");
}

#[test]
fn make_builds_where_it_looks() {
    // As a user may have it for all projects.
    let told = "--eval=told: ; @echo $$CARGO_TARGET_DIR";
    let mut make = peer("make");
    make.args(["--silent", "--no-print-directory", "--directory"]).arg(root()).args([told, "told"]);
    let folder = text(make.env_remove("MAKEFLAGS").env("CARGO_TARGET_DIR", "/elsewhere"));
    assert_eq!(Path::new(folder.trim()), root().join("target").as_path());
}

#[test]
fn what_the_first_time_takes_is_said_before_it_is_begun() {
    let folder = tempfile::tempdir().unwrap();
    stand_in(folder.path(), "dpkg-query", "exit 1");
    let apt = "case \"$*\" in *--assume-no*) echo '0 upgraded, 214 newly installed, 0 to remove'; exit 1;; \
               *install*) echo installing;; esac";
    stand_in(folder.path(), "apt-get", apt);
    // Root or not, nothing is asked.
    stand_in(folder.path(), "sudo", "exec \"$@\"");
    let path = format!("{}:{}", folder.path().display(), std::env::var("PATH").unwrap());
    let mut setup = peer(root().join("scripts/setup").to_str().unwrap());
    let said = text(setup.arg("cross-check").env("PATH", path));
    let at = |part: &str| said.find(part).unwrap_or_else(|| panic!("no '{part}': {said}"));
    assert!(at("214 newly installed") < at("\ninstalling"), "{said}");
}
