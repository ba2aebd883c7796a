//! Finds a multicast group for a session that was given none: one derived from this machine and the
//! session's name, to which nobody else is sending.

use crate::settings::{Destination, PORT_DEFAULT};
use std::net::IpAddr;
use streamsocket_net::{Error, Interface};
use streamsocket_station::group;

pub use streamsocket_station::group::first;

/// The first group of the session `name` to which nobody sends a stream, and that shares none with what was `chosen` for
/// other tracks of this daemon. Takes a second for each group.
///
/// # Errors
/// The interface cannot be listened on.
pub fn find(
    name: &str,
    interface: Option<&Interface>,
    chosen: &[Destination],
) -> Result<IpAddr, Error> {
    group::find(name, interface, PORT_DEFAULT, |group| is_free(group, chosen))
}

/// Whether a group shares none with what was chosen.
fn is_free(group: IpAddr, chosen: &[Destination]) -> bool {
    !Destination::new(group, PORT_DEFAULT).shares_groups(chosen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_of_other_tracks_are_passed_over() {
        let nth = |taken| group::nth("a", None, taken);
        let at = |group| Destination::new(group, PORT_DEFAULT);
        // The second track of a session at the first one's place, and one whose repair packets go to the third.
        let below = |group: IpAddr| match group {
            IpAddr::V4(group) => IpAddr::V4((u32::from(group) - 1).into()),
            IpAddr::V6(_) => group,
        };
        let chosen = [at(nth(0)), at(below(nth(2)))];
        let left: Vec<_> = (0..4).map(nth).filter(|group| is_free(*group, &chosen)).collect();
        assert_eq!(left, [nth(1), nth(3)]);
    }
}
