//! JPEG pictures to H.264 at several sizes, samples to AAC.
#![forbid(unsafe_code)]
