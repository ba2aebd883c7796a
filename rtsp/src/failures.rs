//! Who has guessed wrong, and how long he waits before another guess is even looked at.

use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;
use streamsocket_media::clock::Monotonic;

/// Addresses remembered at most. Of more, those are forgotten that were wrong longest ago.
const ADDRESSES_MAX: usize = 128;

/// How long the answer to the first wrong guess takes, during which no other guess from there is judged: each further
/// one takes twice as long.
const FIRST: Duration = Duration::from_millis(250);

/// The longest that an answer takes: whoever mistypes waits no longer.
const LONGEST: Duration = Duration::from_secs(8);

/// Characters of a name that are compared at most: names of users are shorter.
const USER_MAX: usize = 64;

/// After so long without a wrong guess an address begins anew.
const FORGET: Duration = Duration::from_secs(600);

/// Wrong guesses by address.
#[derive(Debug, Default)]
pub struct Failures(Vec<Failed>);

#[derive(Debug)]
struct Failed {
    from: IpAddr,
    /// Whose password was guessed at; none if it was that of several users.
    user: Option<String>,
    guesses: u32,
    last: Monotonic,
    /// Until then nothing from there is judged.
    until: Monotonic,
}

impl Failures {
    /// Somebody at this [`origin`] has guessed a user's password wrong. Returns how long the answer is to take.
    pub fn failed(&mut self, from: IpAddr, user: &str, now: Monotonic) -> Duration {
        self.0.retain(|it| now.since(it.last) < FORGET);
        let before = self.0.iter().position(|it| it.from == from).map(|at| self.0.remove(at));
        let guesses = before.as_ref().map_or(0, |it| it.guesses);
        let user = match before {
            Some(before) => before.user.filter(|it| it == user),
            None => Some(user.chars().take(USER_MAX).collect()),
        };
        if self.0.len() == ADDRESSES_MAX {
            self.0.remove(0);
        }
        let after = FIRST.saturating_mul(1 << guesses.min(16)).min(LONGEST);
        let (guesses, until) = (guesses.saturating_add(1), now + after);
        self.0.push(Failed { from, user, guesses, last: now, until });
        after
    }

    /// Until when a guess from there is not judged, if it is not yet.
    #[must_use]
    pub fn until(&self, from: IpAddr, now: Monotonic) -> Option<Monotonic> {
        let failed = self.0.iter().find(|it| it.from == from)?;
        Some(failed.until).filter(|until| *until > now)
    }

    /// A user has got it right. What others were wrong about at the same origin stays: whoever has one password is
    /// not free to guess another.
    pub fn succeeded(&mut self, from: IpAddr, user: &str) {
        self.0.retain(|it| it.from != from || it.user.as_deref() != Some(user));
    }
}

/// What counts as one place to guess from, of a client at `peer` who has reached us at `local`: an address. Far away it
/// is the whole network of an address of IPv6, since whoever has one there has 2^64; near, neighbours share that.
#[must_use]
pub fn origin(peer: IpAddr, local: IpAddr) -> IpAddr {
    let network = |address: Ipv6Addr| address.to_bits() >> 64;
    match (peer.to_canonical(), local.to_canonical()) {
        (IpAddr::V6(peer), IpAddr::V6(local)) if network(peer) != network(local) => {
            Ipv6Addr::from_bits(network(peer) << 64).into()
        }
        (peer, _) => peer,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    fn from(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn each_wrong_guess_takes_twice_as_long() {
        let mut failures = Failures::default();
        let near = from("2001:db8:7::1");
        let mut failed = |from, second| {
            failures.failed(origin(from, near), "anna", Monotonic(second * SECOND)).as_millis()
        };
        let one = from("192.0.2.1");
        let taken: Vec<_> = (0..7).map(|second| failed(one, second)).collect();
        assert_eq!(taken, [250, 500, 1000, 2000, 4000, 8000, 8000]);
        assert_eq!(failed(from("192.0.2.2"), 8), 250);
        assert_eq!(failed(from("::ffff:192.0.2.1"), 8), 8000);
        assert_eq!(failed(from("2001:db8::1"), 8), 250);
        assert_eq!(failed(from("2001:db8::ff:2"), 8), 500);
        assert_eq!(failed(from("2001:db8:7::2"), 8), 250);
        assert_eq!(failed(from("2001:db8:7::3"), 8), 250);
        assert_eq!(failed(from("fe80::2"), 8), 250);
        assert_eq!(failed(one, 8 + 600), 250);
        assert_eq!(
            failures.until(one, Monotonic(608 * SECOND + 1)),
            Some(Monotonic(608 * SECOND + SECOND / 4))
        );
        assert_eq!(failures.until(one, Monotonic(609 * SECOND)), None);
        failures.succeeded(one, "anna");
        assert_eq!(failures.failed(one, "anna", Monotonic(700 * SECOND)).as_millis(), 250);
    }

    #[test]
    fn whoever_has_one_password_is_not_free_to_guess_another() {
        let mut failures = Failures::default();
        let one = from("192.0.2.1");
        let mut failed = |user, own: Option<&str>| {
            let after = failures.failed(one, user, Monotonic(0)).as_millis();
            own.into_iter().for_each(|own| failures.succeeded(one, own));
            after
        };
        assert_eq!(failed("anna", Some("berta")), 250);
        assert_eq!(failed("anna", Some("anna")), 500);
        assert_eq!(failed("berta", None), 250);
        assert_eq!(failed("anna", Some("berta")), 500);
        assert_eq!(failed("anna", Some("anna")), 1000);
        assert_eq!(failed("anna", None), 2000);
    }

    #[test]
    fn a_crowd_is_bounded() {
        let mut failures = Failures::default();
        for host in 0..1000_u32 {
            failures.failed(IpAddr::from(host.to_be_bytes()), "", Monotonic(host.into()));
        }
        assert_eq!(failures.0.len(), ADDRESSES_MAX);
        assert_eq!(
            failures.failed(IpAddr::from(999_u32.to_be_bytes()), "", Monotonic(1001)),
            2 * FIRST
        );
    }
}
