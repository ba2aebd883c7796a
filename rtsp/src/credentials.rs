//! Authentication by name and password: Basic (RFC 7617) and Digest (RFC 7616, and RFC 2069 as older
//! cameras have it), the same for HTTP and RTSP.

use http_auth::{PasswordClient, PasswordParams};
use std::fmt;

/// The header that asks for it.
pub const CHALLENGE: &str = "WWW-Authenticate";

/// What is taken for a challenge where a server refuses without one, or with half of one.
const BASIC: &str = "Basic realm=\"\"";

/// A name and a password. Not shown, whatever is.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The name.
    pub name: String,
    /// The password.
    pub password: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(...)")
    }
}

impl Credentials {
    /// The `Authorization` that answers a refusal (401) with these challenges, for a request of this method and target:
    /// by Digest if the server takes that. `None` if it wants something else.
    #[must_use]
    pub fn authorization<'a>(
        &self,
        challenges: impl Iterator<Item = &'a str>,
        method: &str,
        target: &str,
    ) -> Option<String> {
        self.respond(&mut client(challenges)?, method, target)
    }

    /// The same of one request after the other, which a client counts.
    #[must_use]
    pub fn respond(
        &self,
        client: &mut PasswordClient,
        method: &str,
        target: &str,
    ) -> Option<String> {
        let mut respond = |body| {
            let Self { name, password } = self;
            client.respond(&PasswordParams { username: name, password, uri: target, method, body })
        };
        // Without the body, which not all that offer it really check, unless that is a must.
        respond(None).or_else(|_| respond(Some(&[]))).ok()
    }
}

/// What answers these challenges. `None` if none of them is of a kind that is known.
#[must_use]
pub fn client<'a>(challenges: impl Iterator<Item = &'a str>) -> Option<PasswordClient> {
    let mut builder = PasswordClient::builder();
    let (mut challenged, mut basic) = (false, false);
    for challenge in challenges {
        builder = builder.challenges(challenge);
        challenged = true;
        basic |= challenge.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("basic"));
    }
    let client = builder.build().ok();
    let lenient = || (basic || !challenged).then(|| PasswordClient::try_from(BASIC).ok())?;
    client.or_else(lenient)
}

/// Whether a refusal is for an old nonce alone, so that a new answer may be right (RFC 7616 section 3.3).
#[must_use]
pub fn is_stale<'a>(mut challenges: impl Iterator<Item = &'a str>) -> bool {
    challenges.any(|challenge| {
        let challenge = challenge.to_ascii_lowercase().replace([' ', '"'], "");
        challenge.contains("stale=true")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mufasa() -> Credentials {
        Credentials { name: "Mufasa".into(), password: "Circle Of Life".into() }
    }

    fn answer(challenges: &[&str]) -> Option<String> {
        mufasa().authorization(challenges.iter().copied(), "GET", "/dir/index.html")
    }

    /// A parameter of an answer.
    fn parameter(answer: &str, name: &str) -> String {
        let begin = answer.find(&format!("{name}=")).unwrap() + name.len() + 1;
        answer[begin..].split([',', '"']).find(|it| !it.is_empty()).unwrap().to_owned()
    }

    const BASIC_MUFASA: &str = "Basic TXVmYXNhOkNpcmNsZSBPZiBMaWZl";

    #[test]
    fn basic_is_answered_where_nothing_better_is_asked() {
        for challenges in [
            &["Basic realm=\"camera\""][..],
            &["basic realm=camera"],
            &["Basic"],
            &["Negotiate", "Basic realm=\"x\""],
            &[],
        ] {
            assert_eq!(answer(challenges).as_deref(), Some(BASIC_MUFASA), "{challenges:?}");
        }
        assert_eq!(answer(&["Negotiate"]), None);
        assert_eq!(answer(&["Bearer realm=\"x\""]), None);
    }

    #[test]
    fn digest_is_answered_as_the_rfcs_have_it() {
        const NONCE: &str = "dcd98b7102dd2f0e8b11d0f600bfb0c093";
        // RFC 2617 section 3.5, without qop as in RFC 2069: what md5sum makes of it.
        let old = format!("Digest realm=\"testrealm@host.com\", nonce=\"{NONCE}\", opaque=\"5c\"");
        let answered = answer(&["Basic realm=\"x\"", &old]).unwrap();
        assert!(answered.starts_with("Digest ") && !answered.contains("qop="), "{answered}");
        assert_eq!(parameter(&answered, "response"), "670fd8c2df070c60b045671b8b24ff02");
        assert_eq!(parameter(&answered, "uri"), "/dir/index.html");
        assert_eq!(parameter(&answered, "opaque"), "5c");
        for algorithm in ["MD5", "SHA-256", "\"MD5\""] {
            let new = format!("{old}, qop=\"auth,auth-int\", algorithm={algorithm}");
            let answered = answer(&[&new]).unwrap();
            assert_eq!(parameter(&answered, "qop"), "auth", "{answered}");
            assert_eq!(parameter(&answered, "nc"), "00000001");
            let digits = if algorithm.contains("256") { 64 } else { 32 };
            assert_eq!(parameter(&answered, "response").len(), digits);
        }
        let body = answer(&[&format!("{old}, qop=auth-int")]).unwrap();
        assert_eq!(parameter(&body, "qop"), "auth-int");
    }

    #[test]
    fn an_old_nonce_is_no_wrong_password() {
        for (challenge, stale) in [
            ("Digest realm=\"x\", nonce=\"y\", stale=TRUE", true),
            ("Digest realm=\"x\", nonce=\"y\", stale=\"true\"", true),
            ("Digest realm=\"x\", nonce=\"y\", stale=false", false),
            ("Digest realm=\"x\", nonce=\"y\"", false),
        ] {
            assert_eq!(is_stale([challenge].into_iter()), stale);
        }
    }

    #[test]
    fn no_password_is_shown() {
        assert!(!format!("{:?}", mufasa()).contains("Circle"));
    }
}
