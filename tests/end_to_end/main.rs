//! Both programs as a user starts them, on the loopback interface, with real peers.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test's way to fail")]
#![allow(clippy::print_stdout, reason = "what a test measured")]

mod address;
mod allocations;
mod announced;
mod camera_modules;
mod clocks;
mod configurations;
mod control;
mod control_bounds;
mod descriptions;
mod files;
mod foreign;
mod hostile;
mod http_cameras;
mod installing;
mod ip_cameras;
mod ipv6;
mod keys;
mod lans;
mod losses;
mod mistakes;
mod network;
mod notify;
mod odd_cameras;
mod odd_microphones;
mod odd_sounds;
mod pausing;
mod peers;
mod readers;
mod readme;
mod recordings;
mod reloading;
mod rtsp;
mod setting_up;
mod sound_names;
mod sources;
mod speakers;
mod srtp;
mod stalls;
mod stamps;
mod status_line;
mod stops;
mod strangers;
mod streaming;
mod taken_groups;
mod tier_choice;
mod tiers;
mod tracks;
mod trial;
mod tunnels;
mod variants;
mod waiting;
mod window;
mod words;
