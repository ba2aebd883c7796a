//! What a server answers who is asked for pictures, in pieces of any size.
#![no_main]

use libfuzzer_sys::fuzz_target;
use streamsocket::capture::http::{Ended, Exchange, Step};

/// What an answer that comes in pieces so long comes to: the content, or where else it is to be asked for.
fn read(answer: &[u8], piece: usize) -> Result<Vec<u8>, Ended> {
    let mut exchange = Exchange::begin("http://me:secret@camera/v").expect("an address");
    let mut pieces = answer.chunks(piece);
    let mut step = Step::More;
    while step == Step::More {
        let Some(piece) = pieces.next() else { break };
        step = exchange.take(piece)?;
    }
    if step == Step::More {
        step = exchange.end()?;
    }
    let Step::Pictures { mut body, mut content, .. } = step else {
        let request = exchange.request();
        let lines = request.strip_suffix("\r\n\r\n").expect("a request has an end");
        assert!(lines.split("\r\n").all(|line| {
            !line.is_empty() && line.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic())
        }));
        return Ok(exchange.address().target.clone().into_bytes());
    };
    for piece in pieces {
        let mut piece = piece.to_vec();
        let len = body.unframe(&mut piece);
        content.extend_from_slice(&piece[..len]);
    }
    Ok(content)
}

fuzz_target!(|input: (u8, &[u8])| {
    let (piece, answer) = input;
    let whole = read(answer, answer.len().max(1));
    assert_eq!(read(answer, usize::from(piece) + 1), whole);
    // A redirect's target may be escaped: a byte that is no UTF-8 becomes a character of three, and each of those
    // three more.
    assert!(whole.map_or(0, |content| content.len()) <= 9 * answer.len() + 8);
});
