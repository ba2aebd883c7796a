//! A configuration with an error: the engine whose it is refuses it, and nothing is replaced.

use crate::bed::root;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use streamsocket_tests::program::peer;

/// Files of deploy/, something in each, an error that it becomes, and what the engine says of it.
const ERRORS: [(&str, &str, &str, &str); 7] = [
    ("dns/pdns.conf", "launch=bind", "launch=bind\nlocal-adress=0.0.0.0", "local-adress"),
    ("dns/named.conf", "type native;", "type native", "rror"),
    ("dns/zone", "ns IN A", "ns IN A 192.0.2.999 ;", "192.0.2.999"),
    ("dns/dnsdist.conf", "newServer({", "newServer(", "expected"),
    ("haproxy/haproxy.cfg", "balance leastconn", "balance leastcon", "leastcon"),
    ("varnish/default.vcl", "set beresp.grace = 0s;", "set beresp.grace = 0;", "DURATION"),
    ("nginx/stored.conf", "proxy_cache_lock on;", "proxy_cache_lok on;", "proxy_cache_lok"),
];

/// The folders of deploy/ that are configurations.
const PARTS: [&str; 4] = ["dns", "haproxy", "varnish", "nginx"];

/// A copy of deploy/ in which something can be wrong.
fn copied(to: &Path) -> PathBuf {
    let deploy = to.join("deploy");
    let copied = peer("cp").arg("-r").arg(root().join("deploy")).arg(&deploy).status();
    assert!(copied.unwrap().success());
    deploy
}

/// Has the configurations of a site written, and returns what was said if that failed.
fn configured(deploy: &Path, site: &Path, out: &Path) -> Result<(), String> {
    let mut configure = peer("bash");
    configure.arg(deploy.join("configure")).arg(site).arg(out);
    let ended = configure.stderr(Stdio::piped()).output().unwrap();
    let said = String::from_utf8(ended.stderr).unwrap();
    if ended.status.success() { Ok(()) } else { Err(said) }
}

/// All that is there, by its name.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(|it| it.unwrap().path()) {
            if entry.is_dir() {
                folders.push(entry);
            } else {
                let bytes = fs::read(&entry).unwrap();
                found.insert(entry, bytes);
            }
        }
    }
    found
}

/// What is said of it is one line with all of this in it.
#[track_caller]
fn refused(answer: Result<(), String>, words: &[&str]) {
    let said = answer.expect_err("it is refused");
    assert_eq!(said.lines().count(), 1, "{said}");
    for word in words {
        assert!(said.contains(word), "{word}: {said}");
    }
}

#[test]
fn what_an_engine_refuses_replaces_nothing() {
    let scratch = tempfile::tempdir().unwrap();
    let deploy = copied(scratch.path());
    let (site, out) = (deploy.join("site.example"), scratch.path().join("out"));
    configured(&deploy, &site, &out).expect("the example is good");
    let good = files(&out);
    assert_eq!(good.len(), PARTS.iter().map(|it| files(&deploy.join(it)).len()).sum::<usize>());
    for (name, text, error, said) in ERRORS {
        let file = deploy.join(name);
        let right = fs::read_to_string(&file).unwrap();
        assert!(right.contains(text), "{name} has no {text}");
        fs::write(&file, right.replacen(text, error, 1)).unwrap();
        refused(configured(&deploy, &site, &out), &[name, said]);
        assert!(files(&out) == good, "{name} is as it was");
        fs::write(&file, right).unwrap();
    }
    configured(&deploy, &site, &out).expect("it is good again");
    assert!(files(&out) == good, "nothing is left behind");
}

#[test]
fn settings_with_an_error_replace_nothing() {
    let scratch = tempfile::tempdir().unwrap();
    let deploy = root().join("deploy");
    let (site, out) = (scratch.path().join("site"), scratch.path().join("out"));
    let right = fs::read_to_string(deploy.join("site.example")).unwrap();
    for (text, error, said) in [
        ("host=live", "hos=live", "does not say what host is"),
        ("origin_port=8081", "origin_port=\"8081\"", "NAME=VALUE"),
        ("origin_port=8081", "origin_port=eighty", "default.vcl is refused"),
    ] {
        fs::write(&site, right.replacen(text, error, 1)).unwrap();
        refused(configured(&deploy, &site, &out), &[said]);
        assert!(files(&out).is_empty(), "{:?}", files(&out));
    }
    refused(configured(&deploy, &scratch.path().join("nothing"), &out), &["cannot be read"]);
}
