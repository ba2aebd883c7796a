//! Fragmented MP4 (ISO/IEC 23000-19, CMAF) and HLS playlists with partial segments (RFC 8216bis), on a grid of capture time.
#![forbid(unsafe_code)]
