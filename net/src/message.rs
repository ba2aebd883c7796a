//! The arrays that `sendmmsg` and `recvmmsg` work on, allocated once for each socket, and the two
//! calls. All unsafe code for sockets is here, behind types that cannot be used wrongly:
//! [`Batch`] holds the borrow of the packets that its pointers lead to, and [`Incoming`] shows
//! only the bytes that the kernel says it has written.
//!
//! Mechanism only: how packets are grouped is decided in `run`, and what an error means in `way`.

use std::io;
use std::marker::PhantomData;
use std::mem;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr;

use libc::{
    AF_INET, AF_INET6, MSG_TRUNC, c_int, c_uint, iovec, mmsghdr, sockaddr_in, sockaddr_in6,
    sockaddr_storage,
};
use socket2::SockAddr;

use crate::datagram::{BATCH_MAX, Datagram};
use crate::run::Run;

mod control;

pub(crate) use control::Notes;

/// Slices a packet is gathered from: the header that was written for it, and its payload.
const SLICES: usize = 2;

/// Room for control messages, aligned as `struct cmsghdr` wants it.
#[derive(Clone, Copy)]
#[repr(align(8))]
struct Control<const LEN: usize>([u8; LEN]);

/// The arrays for packets that are sent, to one destination or to one after the other.
pub(crate) struct Outgoing {
    headers: Vec<mmsghdr>,
    /// Those of each packet.
    slices: Vec<iovec>,
    /// Those of each message: what lies in a row, as packets do that came together, is one.
    joined: Vec<iovec>,
    controls: Vec<Control<{ control::SEGMENT_SPACE }>>,
    lengths: Vec<usize>,
    runs: Vec<Run>,
}

// SAFETY: the pointers in `headers` and `slices` are the reason why this is not Send by itself.
// They are written and handed to the kernel within one `Batch`, which borrows both the arrays and
// the packets; what is left of them afterwards is never followed.
unsafe impl Send for Outgoing {}

impl Outgoing {
    /// Room for [`BATCH_MAX`] packets.
    pub(crate) fn new() -> Self {
        Self {
            headers: (0..BATCH_MAX).map(|_| empty_header()).collect(),
            slices: empty_slices(BATCH_MAX * SLICES),
            joined: empty_slices(BATCH_MAX * SLICES),
            controls: vec![Control([0; control::SEGMENT_SPACE]); BATCH_MAX],
            lengths: Vec::with_capacity(BATCH_MAX),
            runs: Vec::with_capacity(BATCH_MAX),
        }
    }

    /// Takes up to [`BATCH_MAX`] packets from `packets`.
    pub(crate) fn fill<'a>(
        &mut self,
        packets: &mut dyn Iterator<Item = Datagram<'a>>,
    ) -> Batch<'_, 'a> {
        self.lengths.clear();
        while self.lengths.len() < BATCH_MAX {
            let Some(packet) = packets.next() else { break };
            let first = self.lengths.len() * SLICES;
            self.slices[first] = readable(packet.header);
            self.slices[first + 1] = readable(packet.payload);
            self.lengths.push(packet.header.len() + packet.payload.len());
        }
        Batch { arrays: self, packets: PhantomData, arranged: None }
    }
}

/// Packets that have been taken and lie still until this is dropped.
pub(crate) struct Batch<'s, 'a> {
    arrays: &'s mut Outgoing,
    packets: PhantomData<&'a [u8]>,
    /// The messages are those of the packets from this one on, segmented or not.
    arranged: Option<(usize, bool)>,
}

impl Batch<'_, '_> {
    /// The length of each packet, in bytes.
    pub(crate) fn lengths(&self) -> &[usize] {
        &self.arrays.lengths
    }

    /// Sends to `to` the packets from the one numbered `from` on, several in a message if they are to be `segmented`.
    /// Returns the packets and bytes that the kernel took, at least those of the first message.
    pub(crate) fn transmit(
        &mut self,
        socket: BorrowedFd<'_>,
        to: &SockAddr,
        from: usize,
        segmented: bool,
    ) -> io::Result<(usize, usize)> {
        // The same for each of many destinations.
        if self.arranged != Some((from, segmented)) {
            self.arrays.arrange(from, segmented);
            self.arranged = Some((from, segmented));
        }
        let Outgoing { headers, runs, .. } = &mut *self.arrays;
        for header in headers.iter_mut().take(runs.len()) {
            header.msg_hdr.msg_name = to.as_ptr().cast_mut().cast();
            header.msg_hdr.msg_namelen = to.len();
        }
        let count = c_uint::try_from(runs.len()).unwrap_or(c_uint::MAX);
        // SAFETY: `arrange` has written the first `count` headers, one for each run. They point into `self.arrays`, which
        // has been borrowed mutably since then and does not grow, to packets that are borrowed for longer than `self`
        // lives, and, as was just written, to `to`, which is borrowed until the call returns. The kernel reads all that,
        // and writes nothing but `msg_len` of these headers.
        let sent = unsafe { libc::sendmmsg(socket.as_raw_fd(), headers.as_mut_ptr(), count, 0) };
        let sent = usize::try_from(sent).map_err(|_| io::Error::last_os_error())?;
        let runs = runs.iter().take(sent);
        Ok(runs.fold((0, 0), |(packets, bytes), run| (packets + run.packets, bytes + run.bytes)))
    }
}

impl Outgoing {
    /// Writes a message header, but for the destination, for each run of packets from `from` on.
    fn arrange(&mut self, from: usize, segmented: bool) {
        let Self { headers, slices, joined, controls, lengths, runs } = self;
        let next_run = if segmented { Run::segmented } else { Run::plain };
        let (mut first, mut free) = (from, &mut joined[..]);
        runs.clear();
        for (header, Control(control)) in headers.iter_mut().zip(controls) {
            let left = lengths.get(first..).unwrap_or_default();
            if left.is_empty() {
                break;
            }
            let run = next_run(left);
            let count = join(&slices[first * SLICES..(first + run.packets) * SLICES], free);
            let (parts, rest) = free.split_at_mut(count);
            header.msg_hdr.msg_iov = parts.as_mut_ptr();
            header.msg_hdr.msg_iovlen = length(parts.len());
            if let Some(segment) = run.segment {
                control::emit_segment(segment, control);
                header.msg_hdr.msg_control = control.as_mut_ptr().cast();
                header.msg_hdr.msg_controllen = length(control.len());
            } else {
                header.msg_hdr.msg_control = ptr::null_mut();
                header.msg_hdr.msg_controllen = 0;
            }
            first += run.packets;
            free = rest;
            runs.push(run);
        }
    }
}

/// Writes slices to `out`, those that lie in a row as one and empty ones not at all; returns how many. There is room for
/// as many as there are.
fn join(slices: &[iovec], out: &mut [iovec]) -> usize {
    let mut count = 0;
    for slice in slices.iter().filter(|slice| slice.iov_len > 0) {
        match out[..count].last_mut() {
            Some(last) if last.iov_base.addr() + last.iov_len == slice.iov_base.addr() => {
                last.iov_len += slice.iov_len;
            }
            _ => {
                out[count] = *slice;
                count += 1;
            }
        }
    }
    count
}

/// The arrays and the memory that datagrams are received into.
pub(crate) struct Incoming {
    slot_len: usize,
    bytes: Vec<u8>,
    headers: Vec<mmsghdr>,
    slices: Vec<iovec>,
    names: Vec<sockaddr_storage>,
    controls: Vec<Control<{ control::RECEIVED_SPACE }>>,
    filled: usize,
    /// How many of the first headers are to be written before the next call: all at first, then those that
    /// the kernel has written to.
    used: usize,
}

// SAFETY: the pointers in `headers` and `slices` are the reason why this is not Send by itself.
// They lead to memory that this value owns and that stays where it is, whichever thread has the value: no
// vector grows. They are followed by nobody but the kernel within `receive`.
unsafe impl Send for Incoming {}

impl Incoming {
    /// Room for `slots` messages of `slot_len` bytes. The kernel hands out the pages of the slots
    /// as they are first written to, so that a quiet socket costs next to nothing.
    pub(crate) fn new(slots: usize, slot_len: usize) -> Self {
        // SAFETY: all fields of a `sockaddr_storage` are integers, zero is a value of each.
        let name: sockaddr_storage = unsafe { mem::zeroed() };
        Self {
            slot_len,
            bytes: vec![0; slots * slot_len],
            headers: (0..slots).map(|_| empty_header()).collect(),
            slices: empty_slices(slots),
            names: vec![name; slots],
            controls: vec![Control([0; control::RECEIVED_SPACE]); slots],
            filled: 0,
            used: slots,
        }
    }

    /// Takes as many messages from the socket as there are slots, without waiting.
    pub(crate) fn receive(&mut self, socket: BorrowedFd<'_>) -> io::Result<usize> {
        self.filled = 0;
        self.offer();
        let count = c_uint::try_from(self.headers.len()).unwrap_or(c_uint::MAX);
        let headers = self.headers.as_mut_ptr();
        // SAFETY: `offer` has pointed each of the `count` headers at a slice, a name and a control buffer of its
        // own, with their true sizes: in this call, or in an earlier one after which the kernel has not written
        // to it. All are owned by `self`, borrowed mutably, in vectors that do not grow. No timeout is given.
        let received =
            unsafe { libc::recvmmsg(socket.as_raw_fd(), headers, count, 0, ptr::null_mut()) };
        self.filled = usize::try_from(received).map_err(|_| io::Error::last_os_error())?;
        // And the one behind them, should the kernel have begun with it.
        self.used = self.headers.len().min(self.filled + 1);
        Ok(self.filled)
    }

    /// Whether the last [`receive`](Self::receive) has filled all slots.
    pub(crate) fn is_full(&self) -> bool {
        self.filled == self.headers.len()
    }

    /// The messages of the last [`receive`](Self::receive), in order of arrival.
    pub(crate) fn messages(&self) -> impl Iterator<Item = Message<'_>> + Clone {
        (0..self.filled).map(|slot| self.message(slot))
    }

    fn message(&self, slot: usize) -> Message<'_> {
        let header = &self.headers[slot];
        let slot_bytes = &self.bytes[slot * self.slot_len..][..self.slot_len];
        let data_len = self.slot_len.min(size(header.msg_len));
        let Control(control) = &self.controls[slot];
        let control_len = control.len().min(size(header.msg_hdr.msg_controllen));
        Message {
            data: &slot_bytes[..data_len],
            from: socket_address(&self.names[slot]),
            truncated: header.msg_hdr.msg_flags & MSG_TRUNC != 0,
            notes: Notes::parse(&control[..control_len]),
        }
    }

    /// Points headers at their slots: the kernel has overwritten the sizes in those that it has used. The others,
    /// most of them as a rule, are left as they are.
    fn offer(&mut self) {
        let slots = self.bytes.chunks_exact_mut(self.slot_len).zip(&mut self.slices);
        let places = self.names.iter_mut().zip(&mut self.controls);
        for ((header, (bytes, slice)), (name, Control(control))) in
            self.headers.iter_mut().zip(slots).zip(places).take(self.used)
        {
            *slice = iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: bytes.len() };
            name.ss_family = 0;
            header.msg_hdr.msg_name = ptr::from_mut(name).cast();
            header.msg_hdr.msg_namelen = NAME_LEN;
            header.msg_hdr.msg_iov = slice;
            header.msg_hdr.msg_iovlen = 1;
            header.msg_hdr.msg_control = control.as_mut_ptr().cast();
            header.msg_hdr.msg_controllen = length(control.len());
            header.msg_hdr.msg_flags = 0;
        }
    }
}

/// One message as the kernel handed it over: a datagram, or several of a flow in one (GRO).
pub(crate) struct Message<'a> {
    pub(crate) data: &'a [u8],
    /// `None` should the kernel give no IP address, which it always does.
    pub(crate) from: Option<SocketAddr>,
    pub(crate) truncated: bool,
    pub(crate) notes: Notes,
}

impl Message<'_> {
    /// Bytes of each of its datagrams but the last, at least one.
    pub(crate) fn step(&self) -> usize {
        self.notes.segment.unwrap_or(self.data.len()).max(1)
    }
}

/// Bytes of a `sockaddr_storage`, far below 2^32.
#[expect(clippy::cast_possible_truncation, reason = "128 bytes")]
const NAME_LEN: libc::socklen_t = size_of::<sockaddr_storage>() as libc::socklen_t;

/// A length in the type of a `msghdr` field, which musl and glibc choose differently. The few
/// hundred bytes and slices here fit into each; zero would be harmless.
fn length<T: TryFrom<usize> + Default>(count: usize) -> T {
    T::try_from(count).unwrap_or_default()
}

/// A length that the kernel wrote, from whatever type it has; callers limit it to what there is.
fn size<T>(written: T) -> usize
where
    usize: TryFrom<T>,
{
    usize::try_from(written).unwrap_or(usize::MAX)
}

fn empty_header() -> mmsghdr {
    // SAFETY: all fields of `mmsghdr` are integers and raw pointers; zero, which for a pointer is
    // null, is a value of each. There is no literal for it: musl has private padding fields.
    unsafe { mem::zeroed() }
}

fn empty_slices(count: usize) -> Vec<iovec> {
    vec![iovec { iov_base: ptr::null_mut(), iov_len: 0 }; count]
}

/// For `sendmmsg`, which only reads.
fn readable(bytes: &[u8]) -> iovec {
    iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() }
}

fn socket_address(name: &sockaddr_storage) -> Option<SocketAddr> {
    let name_ptr = ptr::from_ref(name);
    match c_int::from(name.ss_family) {
        AF_INET => {
            // SAFETY: a `sockaddr_storage` is larger than a `sockaddr_in`, at least as aligned and
            // initialised throughout; all fields are integers, any bits are values of them.
            let v4 = unsafe { &*name_ptr.cast::<sockaddr_in>() };
            let address = Ipv4Addr::from(u32::from_be(v4.sin_addr.s_addr));
            Some(SocketAddrV4::new(address, u16::from_be(v4.sin_port)).into())
        }
        AF_INET6 => {
            // SAFETY: as above; a `sockaddr_storage` is larger than a `sockaddr_in6`, too.
            let v6 = unsafe { &*name_ptr.cast::<sockaddr_in6>() };
            let (address, port) = (Ipv6Addr::from(v6.sin6_addr.s6_addr), v6.sin6_port);
            let (flow, scope) = (u32::from_be(v6.sin6_flowinfo), v6.sin6_scope_id);
            Some(SocketAddrV6::new(address, u16::from_be(port), flow, scope).into())
        }
        _ => None,
    }
}

/// Has a socket send without UDP checksums, for which every kernel refuses segmentation.
#[cfg(test)]
pub(crate) fn disable_checksums(socket: BorrowedFd<'_>) {
    let on: c_int = 1;
    let size = libc::socklen_t::try_from(size_of::<c_int>()).unwrap();
    // SAFETY: the kernel reads `size` bytes from the pointer, which leads to a live `c_int`.
    let done = unsafe {
        let (level, option) = (libc::SOL_SOCKET, libc::SO_NO_CHECK);
        libc::setsockopt(socket.as_raw_fd(), level, option, ptr::from_ref(&on).cast(), size)
    };
    assert_eq!(done, 0, "{}", io::Error::last_os_error());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_that_lie_in_a_row_are_one() {
        let bytes = [0; 100];
        let slice = |range: std::ops::Range<usize>| readable(&bytes[range]);
        let slices = [
            slice(0..10),
            readable(&[]),
            slice(10..20),
            slice(21..30),
            slice(5..21),
            slice(21..22),
        ];
        let mut out = empty_slices(slices.len());
        let count = join(&slices, &mut out);
        let at = |it: &iovec| (it.iov_base.addr() - bytes.as_ptr().addr(), it.iov_len);
        assert_eq!(out[..count].iter().map(at).collect::<Vec<_>>(), [(0, 20), (21, 9), (5, 17)]);
        assert_eq!(join(&[readable(&[]); 2], &mut out), 0);
    }
}
