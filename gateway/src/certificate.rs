//! The certificate that browsers and players are shown: the user's own, or one that is made at the first start and kept. Either is
//! looked at again every hour, so that a renewed one is taken while viewers watch.

use nix::unistd::{Uid, User};
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::ring::{default_provider, sign::any_supported_type};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};
use sha2::{Digest, Sha256};
use std::fmt::Display;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};
use time::OffsetDateTime;

/// How long a certificate of ours is good for: Apple's browsers take none that is for longer than 825 days.
const VALID: Duration = Duration::from_secs(800 * DAY);

/// How long before its end another one is made.
const RENEWED: Duration = Duration::from_secs(60 * DAY);

const DAY: u64 = 24 * 60 * 60;

/// How often the files are looked at.
pub(crate) const LOOK_EVERY: Duration = Duration::from_secs(60 * 60);

/// Where a certificate and its key are.
#[derive(Clone, Debug)]
pub(crate) struct Files {
    cert: PathBuf,
    key: PathBuf,
    /// What one of our making is for; `None` if the files are the user's.
    made_for: Option<Made>,
}

/// What a certificate of our making is for.
#[derive(Clone, Debug)]
pub(crate) struct Made {
    /// Names: it is made anew for others.
    pub(crate) names: Vec<String>,
    /// Addresses, which come and go: those of the day that it is made.
    pub(crate) addresses: Vec<String>,
}

/// The certificate, for as long as the program runs.
#[derive(Debug)]
pub(crate) struct Certificate {
    files: Files,
    /// What is shown, and when its file was written.
    shown: RwLock<(Arc<CertifiedKey>, Option<SystemTime>)>,
}

impl Files {
    /// Those that the user names.
    pub(crate) fn named(cert: &Path, key: &Path) -> Self {
        Self { cert: cert.to_owned(), key: key.to_owned(), made_for: None }
    }

    /// Those of a certificate of our own making.
    ///
    /// # Errors
    /// One line, if there is nowhere to keep it.
    pub(crate) fn own(made: Made) -> Result<Self, String> {
        let folder = state_folder().ok_or(
            "there is no folder to keep a certificate in: set HOME, or name --cert and --key",
        )?;
        let (cert, key) = (folder.join("cert.pem"), folder.join("key.pem"));
        Ok(Self { cert, key, made_for: Some(made) })
    }

    fn written(&self) -> Option<SystemTime> {
        fs::metadata(&self.cert).and_then(|it| it.modified()).ok()
    }

    /// Makes a certificate if there is none of our own, if it is for other names, if its time is nearly over, or if a
    /// crash has left half of it.
    fn make_if_due(&self) -> Result<(), String> {
        let Some(made) = &self.made_for else { return Ok(()) };
        let list = self.cert.with_extension("names");
        // A machine without a clock of its own may be before that time.
        let age = self.written().map(|written| written.elapsed().unwrap_or_default());
        let is_kept = age.is_some_and(|age| age < VALID - RENEWED)
            && fs::read_to_string(&list).is_ok_and(|names| names == made.names.join("\n"))
            && self.read().is_ok();
        if is_kept {
            return Ok(());
        }
        let (cert, key) = make(made)?;
        let kept = keep(&self.key, &key, 0o600)
            .and_then(|()| keep(&self.cert, &cert, 0o644))
            .and_then(|()| keep(&list, &made.names.join("\n"), 0o644));
        kept.map_err(|error| {
            format!("the certificate {} cannot be written: {error}", self.cert.display())
        })?;
        log::info!("a certificate was made, in {}", self.cert.display());
        Ok(())
    }

    fn read(&self) -> Result<CertifiedKey, String> {
        let own = self.made_for.is_some();
        let named = |path: &Path, option: &str, error: &dyn Display| {
            let what = if own { "the certificate" } else { option };
            format!("{what}: {}: {error}", path.display())
        };
        let of_cert = |error: &dyn Display| named(&self.cert, "--cert", error);
        let of_key = |error: &dyn Display| named(&self.key, "--key", error);
        let chain: Result<Vec<_>, _> =
            CertificateDer::pem_file_iter(&self.cert).and_then(Iterator::collect);
        let chain = chain.map_err(|error| of_cert(&error))?;
        if chain.is_empty() {
            return Err(of_cert(&"there is no certificate in it; expected one in PEM"));
        }
        let key = PrivateKeyDer::from_pem_file(&self.key).map_err(|error| of_key(&error))?;
        let key = any_supported_type(&key).map_err(|error| of_key(&error))?;
        let certified = CertifiedKey::new(chain, key);
        match certified.keys_match() {
            Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::KeyMismatch)) => {
                Err(of_key(&format!("this is not the key of {}", self.cert.display())))
            }
            _ => Ok(certified),
        }
    }
}

impl Certificate {
    /// The one in these files, made if there is none.
    ///
    /// # Errors
    /// One line: the option or the file, and what is wrong with it.
    pub(crate) fn open(files: Files) -> Result<Self, String> {
        files.make_if_due()?;
        let (read, written) = (files.read()?, files.written());
        Ok(Self { files, shown: RwLock::new((Arc::new(read), written)) })
    }

    /// Takes another one if the files have changed.
    pub(crate) fn look(&self) {
        let (files, own) = (&self.files, self.shown.read());
        let before = own.unwrap_or_else(PoisonError::into_inner).1;
        let next = files.make_if_due().and_then(|()| {
            let written = files.written();
            (written != before)
                .then(|| files.read().map(|read| (Arc::new(read), written)))
                .transpose()
        });
        match next {
            Ok(Some(next)) => {
                *self.shown.write().unwrap_or_else(PoisonError::into_inner) = next;
                let fingerprint = self.fingerprint();
                log::info!(
                    "the certificate is another one from now on; its fingerprint (SHA-256): {fingerprint}"
                );
            }
            Ok(None) => {}
            Err(why) => log::warn!("{why}; going on with the certificate so far"),
        }
    }

    /// What it is known by: SHA-256 in pairs of hexadecimal digits, as browsers and openssl show it.
    pub(crate) fn fingerprint(&self) -> String {
        let shown = self.shown.read().unwrap_or_else(PoisonError::into_inner);
        let first = shown.0.cert.first().map_or(&[][..], |it| it.as_ref());
        let pairs = Sha256::digest(first).into_iter().map(|byte| format!("{byte:02X}"));
        pairs.collect::<Vec<_>>().join(":")
    }

    /// How connections are encrypted, by which one of these protocols is spoken; by none: whatever a client says.
    ///
    /// # Errors
    /// One line, which is a bug.
    pub(crate) fn config(
        self: Arc<Self>,
        protocols: &[&[u8]],
    ) -> Result<Arc<ServerConfig>, String> {
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_protocol_versions(&[&TLS13, &TLS12])
            .map_err(|error| format!("TLS: {error}"))?;
        let mut config = config.with_no_client_auth().with_cert_resolver(self);
        config.alpn_protocols = protocols.iter().map(|it| it.to_vec()).collect();
        Ok(Arc::new(config))
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.shown.read().unwrap_or_else(PoisonError::into_inner).0))
    }
}

/// Where the program keeps what it has made: systemd says so, or it is where the system's or the user's programs do.
fn state_folder() -> Option<PathBuf> {
    const OWN: &str = "streamsocket-gateway";
    if let Some(folder) = std::env::var_os("STATE_DIRECTORY") {
        return Some(folder.into());
    }
    if Uid::effective().is_root() {
        return Some(Path::new("/var/lib").join(OWN));
    }
    let state = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from).filter(|it| it.is_absolute());
    let home = || User::from_uid(Uid::effective()).ok().flatten().map(|user| user.dir);
    let state = state.or_else(|| {
        let home = std::env::var_os("HOME").map(PathBuf::from).or_else(home)?;
        Some(home.join(".local/state"))
    });
    state.map(|state| state.join(OWN))
}

/// A certificate, signed by itself, and its key, in PEM.
fn make(made: &Made) -> Result<(String, String), String> {
    let failed = |error: rcgen::Error| format!("no certificate can be made: {error}");
    let key = KeyPair::generate().map_err(failed)?;
    let all = made.names.iter().chain(&made.addresses).cloned().collect::<Vec<_>>();
    let mut params = CertificateParams::new(all).map_err(failed)?;
    let own = made.names.first().map_or("streamsocket-gateway", String::as_str);
    params.distinguished_name.push(DnType::CommonName, own);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let now = OffsetDateTime::now_utc();
    // Clocks of viewers may be behind.
    (params.not_before, params.not_after) = (now - Duration::from_secs(DAY), now + VALID);
    let cert = params.self_signed(&key).map_err(failed)?;
    Ok((cert.pem(), key.serialize_pem()))
}

/// Writes a file beside its place and renames it: there is never half of one.
fn keep(path: &Path, text: &str, mode: u32) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let beside = path.with_extension("new");
    // One that was left by a crash may have other permissions.
    let _ = fs::remove_file(&beside);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&beside)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&beside, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(name: &str) -> Option<Made> {
        Some(Made { names: vec![name.to_owned()], addresses: vec!["192.0.2.1".to_owned()] })
    }

    fn files(folder: &Path, made_for: Option<Made>) -> Files {
        Files { cert: folder.join("cert.pem"), key: folder.join("key.pem"), made_for }
    }

    #[test]
    fn one_is_made_kept_and_made_again_when_its_time_is_nearly_over() {
        let folder = tempfile::tempdir().unwrap();
        let own = files(folder.path(), made("pi.local"));
        let certificate = Certificate::open(own.clone()).unwrap();
        let first = fs::read(&own.cert).unwrap();
        let shown = |it: &Certificate| it.shown.read().unwrap().0.cert[0].clone();
        let before = shown(&certificate);
        certificate.look();
        Certificate::open(own.clone()).unwrap();
        assert_eq!(fs::read(&own.cert).unwrap(), first, "kept");
        let old = SystemTime::UNIX_EPOCH;
        fs::File::options().append(true).open(&own.cert).unwrap().set_modified(old).unwrap();
        certificate.look();
        assert!(fs::read(&own.cert).unwrap() != first && shown(&certificate) != before);
        use std::os::unix::fs::MetadataExt;
        assert_eq!(fs::metadata(&own.key).unwrap().mode() & 0o777, 0o600);
        assert!(Arc::new(certificate).config(&[]).is_ok());
    }

    #[test]
    fn half_of_one_and_one_for_other_names_is_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let own = files(folder.path(), made("pi"));
        let opened = |own: &Files| {
            Certificate::open(own.clone()).unwrap();
            fs::read(&own.cert).unwrap()
        };
        let mut before = opened(&own);
        let mut is_another = |now: Vec<u8>| std::mem::replace(&mut before, now.clone()) != now;
        assert!(!is_another(opened(&own)));
        assert!(is_another(opened(&files(folder.path(), made("cam")))));
        assert!(is_another(opened(&own)));
        fs::write(&own.cert, "").unwrap();
        assert!(is_another(opened(&own)), "an empty file");
        let other = tempfile::tempdir().unwrap();
        let foreign = files(other.path(), made("pi"));
        opened(&foreign);
        fs::copy(&foreign.key, &own.key).unwrap();
        assert!(is_another(opened(&own)), "another's key");
    }

    #[test]
    fn what_is_wrong_with_a_file_is_said_and_the_one_before_stays() {
        let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        Certificate::open(files(folder.path(), made("pi"))).unwrap();
        Certificate::open(files(other.path(), made("pi"))).unwrap();
        let named = files(folder.path(), None);
        let certificate = Certificate::open(named.clone()).unwrap();
        let before = certificate.shown.read().unwrap().0.cert[0].clone();
        let why = |files: Files| Certificate::open(files).unwrap_err();
        let mixed = Files { key: other.path().join("key.pem"), ..named.clone() };
        assert!(why(mixed).contains("key.pem: this is not the key of"));
        let swapped = Files { cert: named.key.clone(), ..named.clone() };
        assert!(why(swapped).contains("there is no certificate in it"));
        let gone = Files { cert: folder.path().join("none.pem"), ..named.clone() };
        assert!(why(gone).starts_with("--cert: "));
        fs::write(&named.cert, "rubbish").unwrap();
        certificate.look();
        assert_eq!(certificate.shown.read().unwrap().0.cert[0], before);
    }
}
