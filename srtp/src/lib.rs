//! The Secure Real-time Transport Protocol (SRTP, RFC 3711; with AES-GCM, RFC 7714) without sockets or clocks.
//!
//! [`seal`] encrypts and authenticates packets and reports, [`open`] checks and decrypts them, [`search`] finds the
//! roll-over counter of a stream that one joins late. [`stored_keys`] are those of a file, which [`key_file`] makes of
//! its text, [`mod@derive`] makes session keys of them, and [`mikey`] tells them. A packet's index is its sequence number with
//! the roll-over counter in front (RFC 3711 section 3.3.1).

mod cm;
mod counter;
pub mod derive;
mod gcm;
pub mod key_file;
pub mod master_key;
pub mod mikey;
pub mod open;
pub mod packet;
pub mod protection;
pub mod seal;
pub mod search;
pub mod stored_keys;
pub mod suite;
mod transform;
mod window;

#[cfg(test)]
mod vectors;
