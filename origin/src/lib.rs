//! Encodes sessions, segments and stores them, and serves them to players.
#![forbid(unsafe_code)]
