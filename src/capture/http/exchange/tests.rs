use super::*;

const JPEG: &[u8] = &[0xFF, 0xD8, 0xFF, 0xE0, 0, 2];

fn begin(address: &str) -> Exchange {
    Exchange::begin(address).unwrap()
}

fn ask(exchange: &mut Exchange, answer: &str) -> Result<Step, Ended> {
    exchange.take(answer.as_bytes())
}

fn failed(answer: &str) -> String {
    match ask(&mut begin("http://me:secret@camera/v"), answer) {
        Err(Ended::Failed(why)) => why,
        other => panic!("{answer:?}: {other:?}"),
    }
}

#[test]
fn a_request_asks_for_what_the_address_says() {
    let exchange = begin("http://me:secret@camera:81/v?a=.jpg");
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(
        exchange.request(),
        format!(
            "GET /v?a=.jpg HTTP/1.1\r\nHost: camera:81\r\nUser-Agent: streamsocket/{version}\r\n\
             Accept: */*\r\nConnection: close\r\n\r\n"
        )
    );
    assert!(Exchange::begin("rtsp://camera/").is_none());
}

#[test]
fn pictures_are_known_by_type_or_by_their_first_bytes() {
    for (types, stills) in [
        (
            &[
                "multipart/x-mixed-replace; boundary=x",
                "multipart/mixed",
                "MultiPart/X-Mixed-Replace",
                "video/x-motion-jpeg",
                "video/mjpeg",
                "video/x-mjpg; a=b",
            ][..],
            false,
        ),
        (&["image/jpeg", "image/jpg", "image/pjpeg", "IMAGE/JPEG; charset=utf-8"], true),
        (&["", "text/plain", "application/octet-stream", "text/html"], true),
    ] {
        for content_type in types {
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nContent-Length: 9\r\n\r\n"
            );
            for piece in [1, 2, 1000] {
                let mut exchange = begin("http://camera/");
                let answer = [head.as_bytes(), JPEG].concat();
                let mut pieces = answer.chunks(piece);
                let step =
                    pieces.by_ref().map(|it| exchange.take(it)).find(|it| *it != Ok(Step::More));
                let Some(Ok(Step::Pictures { content, still, .. })) = step else {
                    panic!("{content_type}: {step:?}")
                };
                let rest: Vec<u8> = pieces.flatten().copied().collect();
                assert_eq!(
                    ([content, rest].concat(), still),
                    (JPEG.to_vec(), stills),
                    "{content_type}"
                );
            }
        }
    }
    let mut boundary = begin("http://camera/");
    let answer = "HTTP/1.0 200 OK\r\n\r\n\r\n--next\r\n";
    assert!(matches!(ask(&mut boundary, answer), Ok(Step::Pictures { still: false, .. })));
    let mut headless = begin("http://camera/");
    assert!(matches!(headless.take(JPEG), Ok(Step::Pictures { content, .. }) if content == JPEG));
}

#[test]
fn what_is_something_else_is_for_others() {
    for (headers, body, named) in [
        ("Content-Type: video/mp4", "\0\0\0 ftyp", "video/mp4"),
        ("Content-Type: application/vnd.apple.mpegurl", "#EXTM3U", "application/vnd.apple.mpegurl"),
        ("Content-Type: image/png", "\u{89}PNG", "image/png"),
        ("Content-Type: image/jp2", "\0\0\0", "image/jp2"),
        ("X: y", "nothing known", "something without a type"),
        ("Transfer-Encoding: chunked", "0\r\n\r\n", "something without a type"),
    ] {
        let mut exchange = begin("http://camera/");
        let answer = format!("HTTP/1.1 200 OK\r\n{headers}\r\n\r\n{body}");
        assert_eq!(ask(&mut exchange, &answer), Err(Ended::Foreign(named.into())));
    }
    let mut short = begin("http://camera/");
    assert_eq!(ask(&mut short, "HTTP/1.1 200 OK\r\n\r\n-"), Ok(Step::More));
    assert!(matches!(short.end(), Err(Ended::Foreign(_))));
    let secure = "HTTP/1.1 302 x\r\nLocation: https://camera/\r\n\r\n";
    assert_eq!(ask(&mut begin("http://camera/"), secure), Err(Ended::Foreign("a redirect".into())));
}

#[test]
fn refusals_say_why() {
    assert_eq!(failed("HTTP/1.1 404 Not Found\r\n\r\n"), "answers 404 Not Found");
    assert_eq!(failed("HTTP/1.1 503\r\n\r\n"), "answers 503");
    assert_eq!(failed("SSH-2.0\r\n\r\n"), "does not speak HTTP");
    assert_eq!(failed("HTTP/1.1 301 x\r\n\r\n"), "redirects to nowhere");
    let page = "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=x\r\n\r\n<!DOCTYPE html>";
    assert_eq!(failed(page), "answers with a web page: name the address of its stream");
    let mut silent = begin("http://camera/");
    let Err(Ended::Failed(why)) = silent.end() else { panic!() };
    assert_eq!(why, "ends the connection without an answer");
}

#[test]
fn interim_answers_are_passed_over() {
    let answer = "HTTP/1.1 100 Continue\r\n\r\n".repeat(40) + "HTTP/1.1 404 x\r\n\r\n";
    assert_eq!(failed(&answer), "answers 404 x");
}

#[test]
fn five_redirects_are_followed_and_the_password_stays_with_its_host() {
    let mut exchange = begin("http://me:secret@camera/0");
    for hop in 1..=REDIRECTS_MAX {
        let to = format!("HTTP/1.1 302 x\r\nLocation: /{hop}\r\n\r\n");
        assert_eq!(ask(&mut exchange, &to), Ok(Step::Again));
        assert_eq!(exchange.address().target, format!("/{hop}"));
    }
    let Err(Ended::Failed(why)) = ask(&mut exchange, "HTTP/1.1 302 x\r\nLocation: /6\r\n\r\n")
    else {
        panic!("more than five")
    };
    assert_eq!(why, "redirects more than 5 times");

    let wants = "HTTP/1.1 401 x\r\nWWW-Authenticate: Basic realm=\"x\"\r\n\r\n";
    let mut exchange = begin("http://me:secret@camera/");
    assert_eq!(ask(&mut exchange, wants), Ok(Step::Again));
    assert!(exchange.request().contains("Authorization: Basic bWU6c2VjcmV0\r\n"));
    let elsewhere = "HTTP/1.1 307 x\r\nLocation: http://other/\r\n\r\n";
    assert_eq!(ask(&mut exchange, elsewhere), Ok(Step::Again));
    assert!(!exchange.request().contains("Authorization"), "{}", exchange.request());
    let Err(Ended::Failed(why)) = ask(&mut exchange, wants) else {
        panic!("another host knows it")
    };
    assert!(why.contains("wants a name and a password"), "{why}");
    // Nor does it come back by way of the other host.
    let mut exchange = begin("http://me:secret@camera/");
    for to in ["http://other/", "http://camera/"] {
        let to = format!("HTTP/1.1 307 x\r\nLocation: {to}\r\n\r\n");
        assert_eq!(ask(&mut exchange, &to), Ok(Step::Again));
    }
    assert_eq!(exchange.address().credentials, None);
}

#[test]
fn a_password_is_given_once_and_again_for_a_new_nonce() {
    let wants = |more: &str| {
        format!("HTTP/1.1 401 x\r\nWWW-Authenticate: Digest realm=\"x\", nonce=\"y\"{more}\r\n\r\n")
    };
    let mut exchange = begin("http://me:secret@camera/v?a");
    assert_eq!(ask(&mut exchange, &wants("")), Ok(Step::Again));
    assert!(exchange.request().contains("uri=\"/v?a\""), "{}", exchange.request());
    assert_eq!(ask(&mut exchange, &wants(", stale=true")), Ok(Step::Again));
    for more in ["", ", stale=true"] {
        let Err(Ended::Failed(why)) = ask(&mut exchange, &wants(more)) else { panic!("again") };
        assert_eq!(why, "does not accept the name and password");
    }
    let mut exchange = begin("http://me:secret@camera/");
    assert_eq!(ask(&mut exchange, &wants("")), Ok(Step::Again));
    assert!(matches!(ask(&mut exchange, &wants("")), Err(Ended::Failed(_))));
    let other = "HTTP/1.1 401 x\r\nWWW-Authenticate: Negotiate\r\n\r\n";
    let other = ask(&mut begin("http://me:secret@camera/v"), other);
    assert!(matches!(other, Err(Ended::Foreign(_))), "{other:?}");
}
