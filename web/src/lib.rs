//! What programs that answer HTTP have in common: who is served ([`admission`]), under what names ([`guard`]), by how many
//! connections ([`places`], [`server`]), what a configuration file says ([`configuration`]), whose keys are the
//! options, and how they begin and end ([`program`]).
#![forbid(unsafe_code)]

pub mod admission;
pub mod configuration;
pub mod guard;
pub mod options;
pub mod places;
pub mod program;
pub mod server;
