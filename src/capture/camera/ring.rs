//! The buffers that a camera fills: mapped once, lent out one by one, queued back exactly once.
//!
//! [`Bytes`] are the only way to a buffer's bytes and the only thing that gives the buffer back. They
//! are counted: dropping the last clone is what queues the buffer. Which frames are worth lending is
//! not decided here.

use super::kernel::{CAPTURE, DQBUF, Node, QBUF, QUERYBUF, REQBUFS, STREAMOFF, STREAMON, zeroed};
use crate::beside;
use std::ffi::c_void;
use std::io;
use std::os::fd::RawFd;
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use streamsocket_media::{Bytes, Holders, Slots};
use v4l::buffer::Flags;
use v4l::v4l_sys as sys;
use v4l::v4l2;

/// Buffers asked for: three lent out, one held back as the newest, three for the driver to fill; and one more
/// for each encoder beside. Drivers may grant fewer.
const BUFFERS: u32 = 7;

/// Buffers that a V4L2 queue has at most (VIDEO_MAX_FRAME in linux/videodev2.h).
const BUFFERS_MAX: u32 = 32;

/// Buffers asked for beside so many encoders.
fn wanted(encoders: usize) -> u32 {
    let encoders = u32::try_from(encoders).unwrap_or(BUFFERS_MAX);
    BUFFERS.saturating_add(encoders).min(BUFFERS_MAX)
}

/// The mapped buffers of a streaming camera.
#[derive(Debug)]
pub(super) struct Ring {
    node: Node,
    mappings: Vec<Mapping>,
    streaming: AtomicBool,
    holders: Holders,
    /// Buffers that are lent out, however many hold each.
    out: AtomicUsize,
}

/// A buffer as the driver handed it out.
#[derive(Debug)]
pub(super) struct Dequeued {
    pub bytes: Bytes,
    pub sequence: u32,
    /// The driver says that the picture is damaged.
    pub damaged: bool,
    /// CLOCK_MONOTONIC in nanoseconds; `None` when the driver stamps with another clock.
    pub stamp: Option<i64>,
    /// The stamp is of the picture's end, not of its beginning.
    pub at_end: bool,
}

impl Ring {
    /// Maps and queues the buffers of a node whose format is set, enough for so many encoders beside.
    /// [`start`](Self::start) is next.
    pub(super) fn map(node: Node, encoders: usize) -> io::Result<Arc<Self>> {
        let mut request = sys::v4l2_requestbuffers {
            count: wanted(encoders),
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
        Ok(Arc::new(Self::new(node, mappings)))
    }

    fn new(node: Node, mappings: Vec<Mapping>) -> Self {
        let holders = Holders::new(mappings.len());
        let (streaming, out) = (AtomicBool::new(false), AtomicUsize::new(0));
        Self { node, mappings, streaming, holders, out }
    }

    /// Buffers that the driver granted.
    pub(super) fn len(&self) -> usize {
        self.mappings.len()
    }

    pub(super) fn descriptor(&self) -> RawFd {
        self.node.descriptor()
    }

    /// Buffers that are lent out at the moment.
    pub(super) fn out(&self) -> usize {
        self.out.load(Ordering::Acquire)
    }

    pub(super) fn start(&self) -> io::Result<()> {
        self.node.call(&STREAMON, &mut { CAPTURE })?;
        self.streaming.store(true, Ordering::Release);
        Ok(())
    }

    /// Ends the stream. What is lent out stays readable, and no longer goes back to the driver.
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
        let flags = Flags::from(buffer.flags);
        let monotonic = flags & Flags::TIMESTAMP_MASK == Flags::TIMESTAMP_MONOTONIC;
        Ok(Some(Dequeued {
            bytes: self.lend(index, used),
            sequence: buffer.sequence,
            damaged: flags.contains(Flags::ERROR),
            stamp: monotonic.then(|| nanos(&buffer.timestamp)),
            at_end: flags & Flags::TSTAMP_SRC_MASK == Flags::TSTAMP_SRC_EOF,
        }))
    }

    /// Lends out a buffer that the driver has handed over, of which it used so many bytes.
    fn lend(self: &Arc<Self>, index: usize, used: usize) -> Bytes {
        self.out.fetch_add(1, Ordering::AcqRel);
        self.holders.retain(index);
        let slots: Arc<dyn Slots> = Arc::<Self>::clone(self);
        Bytes::slot(slots, index, used)
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

impl Slots for Ring {
    fn bytes(&self, slot: usize, length: usize) -> &[u8] {
        let Some(mapping) = self.mappings.get(slot) else { return &[] };
        let length = length.min(mapping.length);
        // SAFETY: the mapping is `length` bytes or longer and lives as long as the ring, which the
        // result borrows. The driver does not write to a buffer that it handed out, and it gets this
        // one back only when nobody holds it any more (`release`). No one but `Bytes` has the ring as
        // slots: each of them holds its slot from `lend` or its clone on until it is dropped, and what
        // it shows borrows from it.
        unsafe { std::slice::from_raw_parts(mapping.start.as_ptr(), length) }
    }

    fn retain(&self, slot: usize) {
        self.holders.retain(slot);
    }

    fn release(self: Arc<Self>, slot: usize) {
        if self.holders.release(slot) {
            self.queue(slot);
        }
        if !self.streaming.load(Ordering::Acquire) {
            // The last one closes the device, which may hang.
            beside::close(self);
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;
    use std::thread;

    /// A ring of memory that no driver fills.
    fn ring(buffers: usize) -> Arc<Ring> {
        let node = Node::open(Path::new("/dev/zero")).unwrap();
        let memory = sys::v4l2_buffer { length: 4096, ..buffer_at(0) };
        let mappings = (0..buffers).map(|_| Mapping::new(node.descriptor(), &memory).unwrap());
        let mappings = mappings.collect();
        let ring = Ring::new(node, mappings);
        ring.streaming.store(true, Ordering::Release);
        Arc::new(ring)
    }

    #[test]
    fn of_the_driver_one_more_is_wanted_for_each_encoder() {
        assert_eq!([0, 1, 4, 25, 26, usize::MAX].map(wanted), [7, 8, 11, 32, 32, 32]);
    }

    #[test]
    fn a_buffer_is_out_until_its_last_clone_is_dropped_whoever_does_it() {
        let ring = ring(2);
        let (one, other) = (ring.lend(0, 100), ring.lend(1, 5000));
        assert_eq!((one.len(), other.len(), ring.out()), (100, 4096, 2));
        let clones = [one.clone(), one.clone(), one];
        assert_eq!(ring.out(), 2);
        for bytes in clones {
            assert_eq!(ring.out(), 2);
            thread::spawn(move || assert!(bytes.iter().all(|byte| *byte == 0))).join().unwrap();
        }
        assert_eq!(ring.out(), 1);
        drop(other);
        assert_eq!((ring.out(), Arc::strong_count(&ring)), (0, 1));
    }

    #[test]
    fn what_is_out_when_the_stream_ends_stays_readable_and_the_last_closes_the_device() {
        let ring = ring(1);
        let bytes = ring.lend(0, 7);
        let device = Arc::downgrade(&ring);
        ring.stop();
        drop(ring);
        let clone = bytes.clone();
        drop(bytes);
        beside::settle(std::time::Duration::from_secs(60));
        assert_eq!((&*clone, device.strong_count()), (&[0; 7][..], 1));
        drop(clone);
        beside::settle(std::time::Duration::from_secs(60));
        assert_eq!(device.strong_count(), 0);
    }
}
