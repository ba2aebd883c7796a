use super::*;
use http_auth::{PasswordClient, PasswordParams};

const URL: &str = "rtsp://pi:8554/trackID=v";
const NOW: Monotonic = Monotonic(5_000_000_000);

fn users() -> Users {
    let mut users = Users::default();
    users.set(User::new("anna", "correct horse").unwrap());
    users
}

fn login() -> Login {
    Login::new([7; 16], NOW)
}

/// The answer of a client, a library of others, to the challenge number `nth`.
fn client(login: &Login, nth: usize) -> PasswordClient {
    let challenge = login.challenges(false, false).nth(nth).unwrap();
    PasswordClient::builder().challenges(&challenge).build().unwrap()
}

fn respond(client: &mut PasswordClient, password: &str, uri: &str) -> String {
    let (username, method) = ("anna", "SETUP");
    client.respond(&PasswordParams { username, password, uri, method, body: None }).unwrap()
}

fn judge(login: &mut Login, authorization: &str, url: &str) -> Verdict {
    let asked = Asked { method: "SETUP", url, authorization: Some(authorization) };
    login.judge(asked, &users(), false, NOW)
}

fn wrong() -> Verdict {
    Verdict::Wrong("anna".into())
}

fn right() -> Verdict {
    Verdict::Right("anna".into())
}

#[test]
fn both_algorithms_are_answered_and_each_answer_is_good_once() {
    for nth in [0, 1] {
        let mut login = login();
        let mut client = client(&login, nth);
        let first = respond(&mut client, "correct horse", URL);
        assert_eq!(judge(&mut login, &first, URL), right(), "{first}");
        assert_eq!(judge(&mut login, &first, URL), wrong(), "seen before");
        let second = respond(&mut client, "correct horse", URL);
        let third = respond(&mut client, "correct horse", URL);
        assert_eq!(judge(&mut login, &third, URL), right());
        assert_eq!(judge(&mut login, &second, URL), wrong(), "counted back");
    }
}

#[test]
fn the_first_challenge_is_the_better_one() {
    let login = login();
    let all: Vec<_> = login.challenges(true, false).collect();
    assert!(all[0].contains("algorithm=SHA-256") && all[1].contains("algorithm=MD5"), "{all:?}");
    assert!(all.iter().all(|it| it.ends_with("stale=true")), "{all:?}");
    assert_eq!(login.challenges(false, true).count(), 1);
}

#[test]
fn what_is_anything_else_is_wrong() {
    let good = respond(&mut client(&login(), 1), "correct horse", URL);
    for (what, authorization, url, verdict) in [
        ("password", respond(&mut client(&login(), 1), "correct house", URL), URL, wrong()),
        ("user", good.replace("anna", "anne"), URL, Verdict::Wrong("anne".into())),
        ("another track", good.clone(), "rtsp://pi:8554/trackID=a", wrong()),
        ("nonce", good.replace("nonce=\"", "nonce=\"1"), URL, Verdict::Stale),
        ("count", good.replace("nc=00000001", "nc=00000002"), URL, wrong()),
        ("algorithm", good.replace("algorithm=MD5", "algorithm=SHA-512-256"), URL, wrong()),
        ("realm", good.replace("realm=\"streamsocket", "realm=\"x"), URL, wrong()),
        ("scheme", "Basic YW5uYTpjb3JyZWN0IGhvcnNl".into(), URL, Verdict::Missing),
        ("rubbish", "Digest \"\"\"".into(), URL, Verdict::Missing),
        ("nothing", String::new(), URL, Verdict::Missing),
    ] {
        assert_eq!(judge(&mut login(), &authorization, url), verdict, "{what}: {authorization}");
    }
    assert_eq!(judge(&mut login(), &good, URL), right());
    // What was heard on one connection is of no use on another.
    let mut other = Login::new([8; 16], NOW);
    assert_eq!(judge(&mut other, &good, URL), Verdict::Stale);
}

#[test]
fn the_rfc_s_own_example_of_old_players_is_understood() {
    // Without qop and algorithm (RFC 2069), as GStreamer has it; md5sum made the response.
    let mut login = login();
    let nonce = &login.nonce;
    let a2 = md5(&format!("SETUP:{URL}"));
    let response = md5(&format!("{}:{nonce}:{a2}", md5("anna:streamsocket:correct horse")));
    let said = format!(
        "Digest username=\"anna\", realm=\"streamsocket\", nonce=\"{nonce}\", uri=\"{URL}\", response=\"{response}\""
    );
    assert_eq!(judge(&mut login, &said, URL), right());
    assert_eq!(judge(&mut login, &said, URL), right(), "nothing is counted there");
}

#[test]
fn a_path_alone_names_the_url() {
    for (uri, url) in [
        ("/trackID=v", URL),
        (URL, "rtsp://raspberrypi.local/trackID=v"),
        ("/", "rtsp://pi:8554"),
        ("rtsp://pi:8554/", "rtsp://pi:8554"),
        ("*", "*"),
    ] {
        let mut login = login();
        let said = respond(&mut client(&login, 0), "correct horse", uri);
        assert_eq!(judge(&mut login, &said, url), right(), "{uri} {url}");
    }
}

#[test]
fn an_old_nonce_is_replaced_and_the_client_told_so() {
    let mut login = login();
    let mut old = client(&login, 0);
    let said = respond(&mut old, "correct horse", URL);
    let asked = Asked { method: "SETUP", url: URL, authorization: Some(&said) };
    let later = NOW + NONCE_AGE;
    assert_eq!(login.judge(asked, &users(), false, later), Verdict::Stale);
    let said = respond(&mut client(&login, 0), "correct horse", URL);
    let asked = Asked { authorization: Some(&said), ..asked };
    assert_eq!(login.judge(asked, &users(), false, later), right());
}

#[test]
fn md5_is_refused_where_only_sha256_is_wanted() {
    for (nth, verdict) in [(0, right()), (1, wrong())] {
        let mut login = login();
        let said = respond(&mut client(&login, nth), "correct horse", URL);
        let asked = Asked { method: "SETUP", url: URL, authorization: Some(&said) };
        assert_eq!(login.judge(asked, &users(), true, NOW), verdict);
    }
}
