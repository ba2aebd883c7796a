//! Being a member of a multicast group on an interface: joining (RFC 3376, RFC 3810), and joining
//! again after the interface went away or a switch forgot.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use socket2::{InterfaceIndexOrAddress, SockRef};

use crate::error::Error;
use crate::interface::Interface;

/// A group, where, and from whom.
#[derive(Clone, Debug)]
pub(crate) struct Membership {
    group: SocketAddr,
    interface: Option<Interface>,
    /// None: everybody.
    sources: Vec<Ipv4Addr>,
}

impl Membership {
    /// Joins `group` on `interface`, or on the one that the routing table leads to.
    ///
    /// With IPv4 `sources` the join is source-specific, once for each. For IPv6 it is not, as `socket2` has no
    /// such join: the caller sorts other sources out itself.
    pub(crate) fn join(
        socket: SockRef<'_>,
        group: SocketAddr,
        interface: Option<&Interface>,
        sources: &[IpAddr],
    ) -> Result<Self, Error> {
        let v4 = |source: &IpAddr| match source {
            IpAddr::V4(source) => Some(*source),
            IpAddr::V6(_) => None,
        };
        let sources = sources.iter().filter_map(v4).collect();
        let membership = Self { group, interface: interface.cloned(), sources };
        membership.enter(&socket)?;
        Ok(membership)
    }

    /// Whether a switch may have to be told of it: the loopback interface has none.
    pub(crate) fn has_switch(&self) -> bool {
        !self.interface.as_ref().is_some_and(|interface| interface.loopback)
    }

    /// Leaves the group. It fails when the membership went away with the interface, which is as good.
    pub(crate) fn leave(&self, socket: SockRef<'_>) {
        let _ = self.change(&socket, Change::Leave);
    }

    /// Joins the group again, on the interface that now has the same name.
    pub(crate) fn renew(&mut self, socket: SockRef<'_>) -> Result<(), Error> {
        if let Some(known) = &self.interface {
            let mut now = Interface::named(&known.name)?;
            now.check_up()?;
            let kept = known.address.filter(|&kept| now.addresses.contains(&IpAddr::V4(kept)));
            now.address = kept.or(now.address);
            self.interface = Some(now);
        }
        match self.enter(&socket) {
            // A member that could not be made to leave is as good.
            Err(error) if error.is_in_use() => Ok(()),
            entered => entered,
        }
    }

    fn enter(&self, socket: &SockRef<'_>) -> Result<(), Error> {
        if let (Some(interface), SocketAddr::V4(_)) = (&self.interface, self.group) {
            interface.require_address()?;
        }
        self.change(socket, Change::Join).map_err(Error::socket("join", self.group))
    }

    fn change(&self, socket: &SockRef<'_>, change: Change) -> io::Result<()> {
        let index = self.interface.as_ref().map_or(0, |interface| interface.index);
        let address = self.interface.as_ref().and_then(|interface| interface.address);
        match self.group.ip() {
            IpAddr::V4(group) if !self.sources.is_empty() => {
                let address = address.unwrap_or(Ipv4Addr::UNSPECIFIED);
                self.sources.iter().try_for_each(|source| match change {
                    Change::Join => socket.join_ssm_v4(source, &group, &address),
                    Change::Leave => socket.leave_ssm_v4(source, &group, &address),
                })
            }
            IpAddr::V4(group) => {
                let interface = InterfaceIndexOrAddress::Index(index);
                match change {
                    Change::Join => socket.join_multicast_v4_n(&group, &interface),
                    Change::Leave => socket.leave_multicast_v4_n(&group, &interface),
                }
            }
            IpAddr::V6(group) => match change {
                Change::Join => socket.join_multicast_v6(&group, index),
                Change::Leave => socket.leave_multicast_v6(&group, index),
            },
        }
    }
}

#[derive(Clone, Copy)]
enum Change {
    Join,
    Leave,
}
