//! Those who are served one by one, over RTSP: where they connect (`listener`), their connections, and what each of
//! them watches (`viewings`). What they ask for is answered by the loop, which has what there is.

pub mod connections;
pub mod listener;
pub mod server;
pub mod viewings;
