//! What servers were seen to write around their pictures.

/// How a server spells what it gives.
#[derive(Clone, Default)]
pub(super) struct Spelling {
    pub(super) name: &'static str,
    /// Status line and headers, without the empty line.
    pub(super) head: &'static str,
    /// What comes between that and the first picture.
    pub(super) preamble: &'static str,
    /// In front of each picture; `{}` is its length.
    pub(super) before: &'static str,
    /// Behind each picture.
    pub(super) after: &'static str,
    pub(super) chunked: Option<usize>,
    /// Without EOI.
    pub(super) bare: bool,
    /// One picture a connection.
    pub(super) still: bool,
}

pub(super) const MIXED: &str =
    "HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=next";
pub(super) const PART: &str = "--next\r\nContent-Type: image/jpeg\r\nContent-Length: {}\r\n\r\n";

/// Spellings of multipart, in front of and behind each picture.
const PARTS: [(&str, &str, &str, &str); 20] = [
    ("as RFC 2046 has it", "", PART, "\r\n"),
    (
        "no boundary in front of the first",
        "Content-Type: image/jpeg\r\n\r\n",
        "",
        "\r\n--next\r\nContent-Type: image/jpeg\r\n\r\n",
    ),
    ("boundary doubled", "", "--next\r\n--next\r\nContent-Type: image/jpeg\r\n\r\n", "\r\n"),
    ("boundary with two more dashes", "", "----next\r\nContent-Type: image/jpeg\r\n\r\n", "\r\n"),
    ("boundary without dashes", "", "next\r\nContent-Type: image/jpeg\r\n\r\n", "\r\n"),
    ("boundary glued to the header", "", "--nextContent-Type: image/jpeg\r\n\r\n", "\r\n"),
    ("another boundary", "", "--other\r\nContent-Type: image/jpeg\r\n\r\n", "\r\n"),
    ("no boundary at all", "", "Content-Type: image/jpeg\r\n\r\n", "\r\n"),
    ("image/jpg", "", "--next\r\nContent-Type: image/jpg\r\n\r\n", "\r\n"),
    (
        "a type with parameters",
        "",
        "--next\r\nContent-Type: image/jpeg; charset=utf-8\r\n\r\n",
        "\r\n",
    ),
    ("a type of something else", "", "--next\r\nContent-Type: text/plain\r\n\r\n", "\r\n"),
    ("no type", "", "--next\r\nContent-Length: {}\r\n\r\n", "\r\n"),
    ("no headers", "", "--next\r\n\r\n", "\r\n"),
    ("no empty line", "", "--next\r\n", "\r\n"),
    (
        "line ends with LF alone",
        "",
        "--next\nContent-Type: image/jpeg\nContent-Length: {}\n\n",
        "\n",
    ),
    ("LF and no length", "", "--next\nContent-Type: image/jpeg\n\n", "\n"),
    ("no line end behind a picture", "", PART, ""),
    ("a length that is too long", "", "--next\r\nContent-Length: 1{}\r\n\r\n", "\r\n"),
    ("a length that is too short", "", "--next\r\nContent-Length: 900\r\n\r\n", "\r\n"),
    ("a length of nothing", "A preamble.\r\n\r\n", "--next\r\nContent-Length: 0\r\n\r\n", "\r\n"),
];

/// Spellings of the head, and of a body without parts.
const HEADS: [(&str, &str, &str); 15] = [
    (
        "HTTP/1.0 and LF",
        "HTTP/1.0 200 OK\nContent-Type: multipart/x-mixed-replace;boundary=next",
        PART,
    ),
    (
        "a quoted boundary",
        "HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=\"next\"; charset=x",
        PART,
    ),
    (
        "a boundary with dashes",
        "HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=--next",
        PART,
    ),
    ("no boundary named", "HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace", PART),
    ("multipart/mixed", "HTTP/1.1 200 OK\r\nContent-Type: Multipart/Mixed; boundary=next", PART),
    ("no type", "HTTP/1.1 200 OK\r\nServer: x", PART),
    ("text/html", "HTTP/1.1 200 OK\r\nContent-Type: text/html", PART),
    (
        "a length of nothing",
        "HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=next\r\nContent-Length: 0",
        PART,
    ),
    ("ICY", "ICY 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=next", PART),
    (
        "an interim answer",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=next",
        PART,
    ),
    (
        "headers that are none",
        "HTTP/1.1 200 OK\r\nnonsense\r\n: x\r\nContent-Type : multipart/x-mixed-replace; boundary=next",
        PART,
    ),
    ("image/jpeg, one after the other", "HTTP/1.1 200 OK\r\nContent-Type: image/jpeg", ""),
    (
        "the length of one of many",
        "HTTP/1.1 200 OK\r\nContent-Type: image/jpg\r\nContent-Length: 9",
        "",
    ),
    ("video/x-motion-jpeg", "HTTP/1.1 200 OK\r\nContent-Type: video/x-motion-jpeg", ""),
    ("application/octet-stream", "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream", ""),
];

pub(super) fn spellings() -> Vec<Spelling> {
    let own = Spelling { head: MIXED, before: PART, after: "\r\n", ..Spelling::default() };
    let parts = PARTS.map(|(name, preamble, before, after)| Spelling {
        name,
        preamble,
        before,
        after,
        ..own.clone()
    });
    let heads = HEADS.map(|(name, head, before)| Spelling { name, head, before, ..own.clone() });
    let chunked = "HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=next\r\nTransfer-Encoding: chunked";
    let image = "HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: 30000";
    let others = [
        Spelling { name: "no head at all", head: "", ..own.clone() },
        Spelling { name: "chunks", head: chunked, chunked: Some(100_000), ..own.clone() },
        Spelling {
            name: "chunks of a kilobyte",
            head: chunked,
            chunked: Some(1000),
            ..own.clone()
        },
        Spelling { name: "said to be chunked", head: chunked, ..own.clone() },
        Spelling { name: "no EOI", bare: true, ..own.clone() },
        Spelling {
            name: "no EOI, no parts",
            head: HEADS[11].1,
            before: "",
            after: "",
            bare: true,
            ..own.clone()
        },
        Spelling {
            name: "one picture a connection",
            head: image,
            before: "",
            after: "",
            still: true,
            ..own
        },
    ];
    parts.into_iter().chain(heads).chain(others).collect()
}
