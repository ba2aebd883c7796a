//! Explains why what comes is not presented, and what to do about it.

use crate::plan::{ANOTHER_KEY, Plan, StreamPlan};
use streamsocket_stream::receive::refusal::{Reason, Refusals};

/// The most frequent reason for refusals, in words; `None` if there were none. The text contains no counts, so that it
/// stays the same while more is refused.
pub(crate) fn of(refusals: &Refusals, stream: &StreamPlan, plan: &Plan) -> Option<String> {
    let (reason, _) = refusals.most()?;
    let wanted = stream.payload_type;
    Some(match reason {
        Reason::NotRtp => format!("what comes to {} is not RTP", stream.rtp),
        Reason::PayloadType(came) => format!(
            "packets come with payload type {came}, and {wanted} was expected: receive the session by the sender's \
             own description (SDP), not by another one or by its address"
        ),
        Reason::Stranger(came) => {
            let from = stream.sources.iter().map(ToString::to_string).collect::<Vec<_>>();
            let from = if from.is_empty() { "elsewhere".into() } else { from.join(" or ") };
            let by = if plan.only_from_sources { "--source" } else { "the description" };
            format!("packets come from {came}, and {by} has them from {from}")
        }
        Reason::Forged => ANOTHER_KEY.into(),
        Reason::Replayed => "packets come that have come before: somebody sends them again".into(),
        Reason::Malformed => format!("packets of payload type {wanted} come that do not hold what it stands for"),
        Reason::Kind(kind) => format!(
            "its pictures are RTP/JPEG of type {kind}, which has no meaning in RFC 2435: the sender should send \
             4:2:0 or 4:2:2"
        ),
        Reason::Q(q) => format!("its pictures have Q {q}, which RFC 2435 reserves: the sender is at fault"),
        Reason::Tables(0) => {
            "its pictures come without quantization tables: the sender has to send them".into()
        }
        Reason::Tables(len) => format!(
            "its pictures have quantization tables of {len} bytes, which are none of 8 bits: the sender should send \
             baseline JPEG"
        ),
        Reason::Size => "its pictures are larger than 2040 pixels, and only a description says their size: receive \
                         the session by its name or its SDP file (a=x-dimensions), not by its address"
            .into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_frequent_reason_is_said_with_the_way_out() {
        let plan = Plan::at("239.1.1.1:5004".parse().unwrap(), None);
        let stream = plan.video.clone().unwrap();
        let mut refusals = Refusals::default();
        assert_eq!(of(&refusals, &stream, &plan), None);
        refusals.add(Reason::NotRtp);
        refusals.add_many(Reason::PayloadType(96), 5344);
        let said = of(&refusals, &stream, &plan).unwrap();
        assert!(said.contains("payload type 96, and 26 was expected"), "{said}");
        let elsewhere = plan.clone().only_from([192, 0, 2, 1].into());
        let mut refusals = Refusals::default();
        refusals.add(Reason::Stranger([192, 0, 2, 7].into()));
        let said = of(&refusals, &elsewhere.video.clone().unwrap(), &elsewhere).unwrap();
        assert_eq!(said, "packets come from 192.0.2.7, and --source has them from 192.0.2.1");
        for reason in
            [Reason::Q(0), Reason::Kind(7), Reason::Tables(0), Reason::Tables(96), Reason::Size]
        {
            let mut refusals = Refusals::default();
            refusals.add(reason);
            let said = of(&refusals, &stream, &plan).unwrap();
            assert!(said.starts_with("its pictures ") && !said.contains('\n'), "{said}");
        }
    }
}
