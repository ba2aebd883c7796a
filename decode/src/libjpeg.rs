//! What `parts.c` does, behind a type that cannot be used wrongly.
#![expect(unsafe_code, reason = "libjpeg's own interface, which takes a JPEG in parts, is C")]

use core::ffi::{c_int, c_uint};
use core::ptr::NonNull;

/// The state in C, which is never looked into here.
#[repr(C)]
struct Parts {
    _opaque: [u8; 0],
}

/// What the header says of a picture that may be decoded in parts.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Header {
    /// Width in pixels.
    pub(crate) width: c_uint,
    /// Height in pixels.
    pub(crate) height: c_uint,
    /// 1 (grey) or 3 (YCbCr).
    pub(crate) components: c_uint,
    /// Luma samples per chroma sample, across.
    pub(crate) across: c_uint,
    /// Luma samples per chroma sample, down.
    pub(crate) down: c_uint,
}

unsafe extern "C" {
    fn streamsocket_parts_new() -> *mut Parts;
    fn streamsocket_parts_free(parts: *mut Parts);
    fn streamsocket_parts_begin(parts: *mut Parts);
    fn streamsocket_parts_header(
        parts: *mut Parts,
        bytes: *const u8,
        len: usize,
        header: *mut Header,
    ) -> c_int;
    fn streamsocket_parts_rows(
        parts: *mut Parts,
        bytes: *const u8,
        len: usize,
        samples: *mut u8,
        samples_len: usize,
    ) -> c_int;
}

/// How far the bytes have reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reached {
    /// All that was asked for.
    End,
    /// Not there yet.
    Part,
    /// What cannot be decoded in parts.
    Unfit,
}

impl Reached {
    const fn of(code: c_int) -> Self {
        match code {
            1 => Self::End,
            0 => Self::Part,
            _ => Self::Unfit,
        }
    }
}

/// libjpeg with a source that suspends. Takes the same file from its beginning at each call, longer each time.
#[derive(Debug)]
pub(crate) struct Library(NonNull<Parts>);

// SAFETY: nothing in C belongs to a thread: all state is in what the pointer leads to, which nobody else has.
unsafe impl Send for Library {}

impl Library {
    /// None if there is no memory.
    pub(crate) fn new() -> Option<Self> {
        // SAFETY: takes nothing; what it returns is ours alone.
        NonNull::new(unsafe { streamsocket_parts_new() }).map(Self)
    }

    /// Forgets the picture before, and its tables.
    pub(crate) fn begin(&mut self) {
        // SAFETY: the pointer is valid until it is dropped.
        unsafe { streamsocket_parts_begin(self.0.as_ptr()) }
    }

    /// Reads the header, once for each picture, and nothing behind it.
    pub(crate) fn header(&mut self, bytes: &[u8], header: &mut Header) -> Reached {
        // SAFETY: the pointer is valid until it is dropped. The bytes and the header are read and written
        // within the call only, and C keeps no pointer to them.
        Reached::of(unsafe {
            streamsocket_parts_header(self.0.as_ptr(), bytes.as_ptr(), bytes.len(), header)
        })
    }

    /// Decodes into the planes, one behind the other without gaps: as long as their sizes say, or the
    /// picture is unfit.
    pub(crate) fn rows(&mut self, bytes: &[u8], samples: &mut [u8]) -> Reached {
        // SAFETY: as above; and C compares the length with the planes' before it writes to any.
        Reached::of(unsafe {
            streamsocket_parts_rows(
                self.0.as_ptr(),
                bytes.as_ptr(),
                bytes.len(),
                samples.as_mut_ptr(),
                samples.len(),
            )
        })
    }
}

impl Drop for Library {
    fn drop(&mut self) {
        // SAFETY: it was made by `new`, and this is its last use.
        unsafe { streamsocket_parts_free(self.0.as_ptr()) }
    }
}
