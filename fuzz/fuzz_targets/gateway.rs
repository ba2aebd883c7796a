//! What the gateway is asked, by anybody: requests, and frames of a WebSocket behind one.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::cell::OnceCell;
use streamsocket_gateway::conversation::Conversation;

thread_local! {
    static GATEWAY: OnceCell<Conversation> = const { OnceCell::new() };
}

fuzz_target!(|said: &[u8]| {
    let answer = GATEWAY.with(|gateway| {
        gateway.get_or_init(|| Conversation::new().expect("an event loop")).answer(said)
    });
    // Nothing that it is asked is a fault of its own.
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1."), "{answer:?}");
    assert!(!answer.starts_with(b"HTTP/1.1 500"), "{answer:?}");
});
