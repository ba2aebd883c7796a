//! The buffers that a camera fills: mapped once, lent out one by one, queued back exactly once.
//!
//! A [`Lease`] is the only way to a buffer's bytes and the only thing that gives the buffer back:
//! it cannot be copied, and dropping it is what queues the buffer. Which frames are worth lending
//! is not decided here.

use super::kernel::{CAPTURE, DQBUF, Node, QBUF, QUERYBUF, REQBUFS, STREAMOFF, STREAMON, zeroed};
use crate::beside;
use std::ffi::c_void;
use std::io;
use std::ops::Deref;
use std::os::fd::RawFd;
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use v4l::buffer::Flags;
use v4l::v4l_sys as sys;
use v4l::v4l2;

/// Buffers asked for: three lent out, one held back as the newest, three for the driver to fill.
/// Drivers may grant fewer.
pub(super) const BUFFERS: u32 = 7;

/// The mapped buffers of a streaming camera.
#[derive(Debug)]
pub(super) struct Ring {
    node: Node,
    mappings: Vec<Mapping>,
    streaming: AtomicBool,
    /// Leases that exist.
    out: AtomicUsize,
}

/// A buffer as the driver handed it out.
#[derive(Debug)]
pub(super) struct Dequeued {
    pub lease: Lease,
    pub sequence: u32,
    /// The driver says that the picture is damaged.
    pub damaged: bool,
    /// CLOCK_MONOTONIC in nanoseconds; `None` when the driver stamps with another clock.
    pub stamp: Option<i64>,
    /// The stamp is of the picture's end, not of its beginning.
    pub at_end: bool,
}

impl Ring {
    /// Maps and queues the buffers of a node whose format is set. [`start`](Self::start) is next.
    pub(super) fn map(node: Node) -> io::Result<Arc<Self>> {
        let mut request = sys::v4l2_requestbuffers {
            count: BUFFERS,
            type_: CAPTURE,
            memory: sys::v4l2_memory_V4L2_MEMORY_MMAP,
            ..zeroed()
        };
        node.call(&REQBUFS, &mut request)?;
        if request.count == 0 {
            return Err(io::Error::other("the driver grants no buffers"));
        }
        let mappings = (0..request.count)
            .map(|index| {
                let mut buffer = buffer_at(index);
                node.call(&QUERYBUF, &mut buffer)?;
                Mapping::new(node.descriptor(), &buffer)
            })
            .collect::<io::Result<Vec<_>>>()?;
        for index in 0..request.count {
            node.call(&QBUF, &mut buffer_at(index))?;
        }
        let (streaming, out) = (AtomicBool::new(false), AtomicUsize::new(0));
        Ok(Arc::new(Self { node, mappings, streaming, out }))
    }

    /// Buffers that the driver granted.
    pub(super) fn len(&self) -> usize {
        self.mappings.len()
    }

    pub(super) fn descriptor(&self) -> RawFd {
        self.node.descriptor()
    }

    /// Leases that exist at the moment.
    pub(super) fn out(&self) -> usize {
        self.out.load(Ordering::Acquire)
    }

    pub(super) fn start(&self) -> io::Result<()> {
        self.node.call(&STREAMON, &mut { CAPTURE })?;
        self.streaming.store(true, Ordering::Release);
        Ok(())
    }

    /// Ends the stream. Leases stay readable, and no longer go back to the driver.
    pub(super) fn stop(&self) {
        if self.streaming.swap(false, Ordering::AcqRel) {
            // After an unplug there is nothing left to end.
            let _ = self.node.call(&STREAMOFF, &mut { CAPTURE });
        }
    }

    /// The next filled buffer, in the driver's order, or `None` while there is none. ENODEV when
    /// the camera was unplugged.
    pub(super) fn dequeue(self: &Arc<Self>) -> io::Result<Option<Dequeued>> {
        let mut buffer = buffer_at(0);
        match self.node.call(&DQBUF, &mut buffer) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
            Err(error) => return Err(error),
        }
        let index = usize::try_from(buffer.index).unwrap_or(usize::MAX);
        let Some(mapping) = self.mappings.get(index) else {
            return Err(io::Error::other("the driver named a buffer that does not exist"));
        };
        let used = usize::try_from(buffer.bytesused).unwrap_or(usize::MAX).min(mapping.length);
        self.out.fetch_add(1, Ordering::AcqRel);
        let flags = Flags::from(buffer.flags);
        let monotonic = flags & Flags::TIMESTAMP_MASK == Flags::TIMESTAMP_MONOTONIC;
        Ok(Some(Dequeued {
            lease: Lease { ring: Some(Arc::clone(self)), index, used },
            sequence: buffer.sequence,
            damaged: flags.contains(Flags::ERROR),
            stamp: monotonic.then(|| nanos(&buffer.timestamp)),
            at_end: flags & Flags::TSTAMP_SRC_MASK == Flags::TSTAMP_SRC_EOF,
        }))
    }

    fn queue(&self, index: usize) {
        self.out.fetch_sub(1, Ordering::AcqRel);
        if !self.streaming.load(Ordering::Acquire) {
            return;
        }
        let Ok(number) = u32::try_from(index) else { return };
        match self.node.call(&QBUF, &mut buffer_at(number)) {
            Ok(()) => {}
            Err(error) if error.raw_os_error() == Some(libc::ENODEV) => {}
            // Said for each buffer at most once: it is gone.
            Err(error) => log::warn!("camera: a buffer could not be queued again: {error}"),
        }
    }
}

fn buffer_at(index: u32) -> sys::v4l2_buffer {
    sys::v4l2_buffer {
        index,
        type_: CAPTURE,
        memory: sys::v4l2_memory_V4L2_MEMORY_MMAP,
        ..zeroed()
    }
}

#[allow(clippy::useless_conversion, reason = "the fields have 32 bits on 32-bit machines")]
fn nanos(stamp: &sys::timeval) -> i64 {
    i64::from(stamp.tv_sec) * 1_000_000_000 + i64::from(stamp.tv_usec) * 1000
}

/// A frame in the camera's own memory. Read-only; dropping it, on any thread, gives the buffer
/// back to the camera.
#[derive(Debug)]
#[must_use = "dropping a lease gives the frame back"]
pub struct Lease {
    /// There until it is dropped.
    ring: Option<Arc<Ring>>,
    index: usize,
    used: usize,
}

impl Deref for Lease {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        let Some(ring) = &self.ring else { return &[] };
        let mapping = &ring.mappings[self.index];
        // SAFETY: the mapping is `used` bytes or longer (`dequeue`) and lives as long as the ring,
        // which this lease keeps. The driver does not write to a buffer that it handed out, and it
        // gets this one back only when this lease, of which there is one, is dropped.
        unsafe { std::slice::from_raw_parts(mapping.start.as_ptr(), self.used) }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(ring) = self.ring.take() else { return };
        ring.queue(self.index);
        if !ring.streaming.load(Ordering::Acquire) {
            // The last one closes the device, which may hang.
            beside::close(ring);
        }
    }
}

/// Memory shared with the driver, unmapped when dropped.
#[derive(Debug)]
struct Mapping {
    start: NonNull<u8>,
    length: usize,
}

// SAFETY: a mapping belongs to the process, not to a thread, and is only read through shared
// references.
unsafe impl Send for Mapping {}
// SAFETY: as above.
unsafe impl Sync for Mapping {}

impl Mapping {
    fn new(descriptor: RawFd, buffer: &sys::v4l2_buffer) -> io::Result<Self> {
        let length = usize::try_from(buffer.length).map_err(io::Error::other)?;
        // SAFETY: QUERYBUF of a memory-mapped buffer filled in this member.
        let offset = unsafe { buffer.m.offset };
        #[allow(clippy::unnecessary_fallible_conversions, reason = "off_t may have 32 bits")]
        let offset = libc::off_t::try_from(offset).map_err(io::Error::other)?;
        // SAFETY: a new mapping at an address of the kernel's choice touches no other memory.
        let start = unsafe {
            v4l2::mmap(
                ptr::null_mut(),
                length,
                libc::PROT_READ,
                libc::MAP_SHARED,
                descriptor,
                offset,
            )?
        };
        let start = NonNull::new(start.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Self { start, length })
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: mapped in `new` with this length, and no reference to it outlives the ring.
        let unmapped = unsafe { v4l2::munmap(self.start.as_ptr().cast::<c_void>(), self.length) };
        debug_assert!(unmapped.is_ok(), "a mapping is unmapped once");
    }
}
