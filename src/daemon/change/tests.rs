use super::*;
use crate::publish::description::tests::bare;
use crate::settings::Destination;

/// The descriptions of a session and of these tiers, numbered as when they are opened.
fn opened(began: u64, tiers: &[&str]) -> Vec<Description> {
    let to = Destination::new([239, 255, 42, 2].into(), 5004);
    let whole = Description { session_id: began, ..bare(to) };
    let tier = |(name, nth): (&&str, u64)| Description {
        session_id: began + nth,
        tier: Some(((*name).into(), began)),
        ..whole.clone()
    };
    let tiers: Vec<_> = tiers.iter().zip(1..).map(tier).collect();
    std::iter::once(whole.clone()).chain(tiers).collect()
}

fn ids(descriptions: &[Description]) -> Vec<u64> {
    descriptions.iter().map(|it| it.session_id).collect()
}

#[test]
fn no_session_gets_the_id_of_one_that_ended() {
    let mut last = 0;
    let mut now: Vec<Description> = Vec::new();
    let reloads: [(&[&str], &[u64]); 5] = [
        (&["high"], &[100, 101]),
        (&["high", "low"], &[100, 101, 102]),
        (&["high"], &[100, 101]),
        (&["tiny", "high"], &[100, 103, 101]),
        (&["low"], &[100, 104]),
    ];
    for (nth, (tiers, expected)) in (0..).zip(reloads) {
        // What is opened later has later numbers, which are not taken.
        let mut next = opened(100 + 2 * nth, tiers);
        renumber(&mut next, &now, last);
        assert_eq!(ids(&next), expected, "{tiers:?}");
        assert!(next.iter().all(|it| it.tier.as_ref().is_none_or(|(_, of)| *of == 100)));
        last = last_id(&next, last);
        now = next;
    }
}
