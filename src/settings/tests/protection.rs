//! What streams are protected with.

use super::super::protection::{KeysRead, protection};
use super::*;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use streamsocket_srtp::suite::Suite;

const KEY: &str = "inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwd";

/// A file of keys.
fn key_file(folder: &Path, text: &str) -> PathBuf {
    let path = folder.join("key");
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    path
}

#[test]
fn a_key_protects_with_the_suite_that_is_named_or_this_machine_s() {
    let folder = tempfile::tempdir().unwrap();
    let path = key_file(folder.path(), KEY);
    assert_eq!(loaded(|_| {}).unwrap().protection, None);
    let settings = loaded(|it| it.key_file = Some(path.clone())).unwrap();
    let own = settings.protection.clone().unwrap();
    assert_eq!((own.keys.len(), own.suite), (1, Suite::of_this_machine()));
    let shown = format!("{settings:?}");
    assert!(shown.contains("MasterKey(..)") && !shown.contains("AAECAw"), "{shown}");
    let with = |suite: &str| {
        let change = |it: &mut StreamOptions| {
            (it.key_file, it.suite) = (Some(path.clone()), Some(suite.into()));
        };
        loaded(change).map(|it| it.protection.unwrap().suite)
    };
    for suite in Suite::ALL {
        assert_eq!(with(suite.name()), Ok(suite));
    }
    assert_eq!(
        with("AES_CM_128_HMAC_SHA1_32").unwrap_err(),
        "--suite AES_CM_128_HMAC_SHA1_32: expected AES_CM_128_HMAC_SHA1_80 or AEAD_AES_128_GCM"
    );
}

#[test]
fn a_suite_needs_a_key_which_may_be_named_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let path = key_file(folder.path(), KEY);
    let suite = "suite = \"AEAD_AES_128_GCM\"\n";
    let without = "AEAD_AES_128_GCM: there is no key to protect anything with; add --key-file FILE";
    let why = loaded(|it| it.suite = Some("AEAD_AES_128_GCM".into())).unwrap_err();
    assert!(why.starts_with(&format!("--suite {without}")), "{why}");
    let why = from_file(&format!("\n{suite}")).unwrap_err();
    assert!(why.contains(&format!("camera.toml, line 2: suite {without}")), "{why}");
    let configuration = folder.path().join("camera.toml");
    fs::write(&configuration, suite).unwrap();
    let change = |it: &mut StreamOptions| {
        (it.config, it.key_file) = (Some(configuration), Some(path.clone()));
    };
    assert_eq!(loaded(change).unwrap().protection.unwrap().suite, Suite::AeadAes128Gcm);
    let whole = format!("key-file = \"{}\"\n{suite}", path.display());
    assert!(from_file(&whole).unwrap().protection.is_some());
}

#[test]
fn a_bad_key_is_told_with_its_option_or_the_line_of_the_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let path = key_file(folder.path(), "inline:AAEC");
    let shown = path.display().to_string();
    let why = loaded(|it| it.key_file = Some(path.clone())).unwrap_err();
    assert!(why.starts_with(&format!("--key-file {shown}, line 1: a key has 30 bytes")), "{why}");
    let why = from_file(&format!("\nkey-file = \"{shown}\"\n")).unwrap_err();
    assert!(why.contains("camera.toml, line 2: key-file ") && !why.contains("AAEC"), "{why}");
}

#[test]
fn a_file_is_read_once_though_it_is_checked_twice() {
    let folder = tempfile::tempdir().unwrap();
    let path = key_file(folder.path(), KEY);
    let of =
        |path: &Path| StreamOptions { key_file: Some(path.into()), ..StreamOptions::default() };
    let mut read = KeysRead::default();
    let first = protection(&of(&path), &mut read).unwrap();
    fs::remove_file(&path).unwrap();
    assert_eq!(protection(&of(&path), &mut read).unwrap(), first);
    assert!(protection(&of(&folder.path().join("other")), &mut read).is_err());
}

#[test]
fn another_key_opens_nothing_anew_and_another_suite_does() {
    let folder = tempfile::tempdir().unwrap();
    let with = |text: &str, suite: Suite| {
        let path = key_file(folder.path(), text);
        let change = |it: &mut StreamOptions| {
            (it.key_file, it.suite) = (Some(path), Some(suite.name().into()));
        };
        loaded(change).unwrap()
    };
    let [one, other] = Suite::ALL;
    let (old, new) = (with(KEY, one), with(&KEY.replace("AAEC", "BBEC"), one));
    assert!(new != old && old.sent_as(&new) == new);
    let (plain, anew) = (loaded(|_| {}).unwrap(), with(KEY, other));
    assert!(old.sent_as(&anew) != anew && old.sent_as(&plain) != plain);
    assert!(plain.sent_as(&old) != old);
}
