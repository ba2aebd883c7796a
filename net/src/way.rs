//! How packets that were taken are given to the kernel for one destination, and what its errors mean.

use std::io;
use std::os::fd::BorrowedFd;

use nix::errno::Errno;
use socket2::SockAddr;

use crate::message::Batch;
use crate::run::Run;

/// What became of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// Packets that the kernel took.
    pub packets: usize,
    /// Their bytes, UDP payload only.
    pub bytes: usize,
    /// Packets that the kernel had no room for, or that the last packet's receiver refused.
    pub dropped: usize,
}

/// How one destination is sent to.
pub(crate) struct Way {
    /// The destination.
    pub(crate) to: SockAddr,
    /// Several packets are given to the kernel as one message.
    pub(crate) segmentation: bool,
}

impl Way {
    /// Sends all packets that were taken. False if there was no room for the last ones, which count as dropped, and so
    /// do those that an error leaves.
    pub(crate) fn transmit(
        &mut self,
        filled: &mut Batch<'_, '_>,
        socket: BorrowedFd<'_>,
        sent: &mut Sent,
    ) -> io::Result<bool> {
        let Self { to, segmentation } = self;
        let count = filled.lengths().len();
        let mut next = 0;
        while next < count {
            let error = match filled.transmit(socket, to, next, *segmentation) {
                Ok((packets, bytes)) => {
                    next += packets;
                    sent.packets += packets;
                    sent.bytes += bytes;
                    continue;
                }
                Err(error) => error,
            };
            let left = &filled.lengths()[next..];
            let run = if *segmentation { Run::segmented(left) } else { Run::plain(left) };
            match verdict(&error, run.segment.is_some()) {
                Verdict::Again => {}
                Verdict::Plain => {
                    let shown = to.as_socket().map(|to| to.to_string()).unwrap_or_default();
                    log::info!("{shown}: sending plain packets, segmentation is refused: {error}");
                    *segmentation = false;
                }
                Verdict::Skip => {
                    next += run.packets;
                    sent.dropped += run.packets;
                }
                Verdict::DropRest => {
                    sent.dropped += count - next;
                    return Ok(false);
                }
                Verdict::Report => {
                    sent.dropped += count - next;
                    return Err(error);
                }
            }
        }
        Ok(true)
    }
}

/// What an error of the first message that is still to be sent means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// Nothing happened: try again.
    Again,
    /// Segmentation does not work to this destination: try again without, and stay so.
    Plain,
    /// This message is lost, the next ones are not concerned.
    Skip,
    /// No room: the rest of the batch would come too late.
    DropRest,
    /// For the caller to decide.
    Report,
}

fn verdict(error: &io::Error, segmented: bool) -> Verdict {
    let errno = error.raw_os_error().map_or(Errno::UnknownErrno, Errno::from_raw);
    match errno {
        Errno::EINTR => Verdict::Again,
        // Not one of them alone: EIO without checksum offload, EINVAL or, by
        // kernel version, EMSGSIZE for packets above the MTU, the others from tunnels and security modules.
        Errno::EIO | Errno::EINVAL | Errno::EMSGSIZE | Errno::EOPNOTSUPP | Errno::ENOPROTOOPT
            if segmented =>
        {
            Verdict::Plain
        }
        Errno::ECONNREFUSED => Verdict::Skip,
        Errno::EAGAIN | Errno::ENOBUFS => Verdict::DropRest,
        _ => Verdict::Report,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(errno: Errno, segmented: bool) -> Verdict {
        verdict(&errno.into(), segmented)
    }

    #[test]
    fn refused_segmentation_is_given_up_and_the_same_error_without_it_reported() {
        for errno in [Errno::EIO, Errno::EINVAL, Errno::EMSGSIZE, Errno::EOPNOTSUPP] {
            assert_eq!(of(errno, true), Verdict::Plain, "{errno}");
            assert_eq!(of(errno, false), Verdict::Report, "{errno}");
        }
    }

    #[test]
    fn no_room_drops_and_no_route_is_reported() {
        for errno in [Errno::EAGAIN, Errno::ENOBUFS] {
            assert_eq!(of(errno, true), Verdict::DropRest, "{errno}");
        }
        for errno in [Errno::ENETUNREACH, Errno::EHOSTUNREACH, Errno::EPERM, Errno::ENETDOWN] {
            assert_eq!(of(errno, true), Verdict::Report, "{errno}");
        }
        assert_eq!(of(Errno::ECONNREFUSED, false), Verdict::Skip);
        assert_eq!(of(Errno::EINTR, true), Verdict::Again);
    }
}
