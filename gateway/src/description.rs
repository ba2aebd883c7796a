//! The description of a session (SDP, RFC 8866) for players that receive it themselves: of what is received here, whether
//! that was described or is known by its address only.

use std::net::SocketAddr;
use streamsocket_srtp::suite::Suite;
use streamsocket_stream::receive::depayloader::Encoding;
use streamsocket_subscribe::plan::{Plan, StreamPlan};
use streamsocket_wire::payload_format::PayloadFormat;
use streamsocket_wire::sdp::{Framerate, Media, Medium, Repair, Session, Tier};

/// Routers that packets may pass, as it is described: the players that read it only want it to be said.
const TTL: u8 = 1;

/// The description as text; `None` for a plan without streams.
pub(crate) fn description(plan: &Plan) -> Option<String> {
    let to = plan.address()?;
    let mut session = Session {
        name: &plan.name,
        info: None,
        tool: Some("streamsocket-gateway"),
        session_id: 1,
        version: 1,
        origin: plan
            .video
            .as_ref()
            .or(plan.audio.as_ref())?
            .sources
            .first()
            .copied()
            .unwrap_or(to.ip()),
        group: to.ip(),
        ttl: Some(TTL),
        sources: Default::default(),
        rtcp_unicast: false,
        tier: plan.tier.as_deref().map(|name| Tier { name, of: 1 }),
        room: plan.room.as_deref(),
        protected: of_one(plan).map(Suite::name),
        rtsp: None,
        control: None,
        media: Default::default(),
    };
    let video = plan.video.as_ref().map(|stream| media(stream, Medium::Video, to));
    let audio = plan.audio.as_ref().map(|stream| media(stream, Medium::Audio, to));
    session.media.extend(video.into_iter().chain(audio));
    let mut text = String::new();
    session.write(&mut text).ok()?;
    Some(text)
}

/// The suite that protects all of it, if there is one.
fn of_one(plan: &Plan) -> Option<Suite> {
    let mut suites = [&plan.video, &plan.audio].into_iter().flatten().flat_map(|it| &it.suites);
    let first = suites.next()?;
    suites.all(|suite| suite == first).then_some(*first)
}

fn media(stream: &StreamPlan, medium: Medium, to: SocketAddr) -> Media<'static> {
    let StreamPlan { payload_type, clock_rate, channels, .. } = *stream;
    let format = match stream.encoding {
        Encoding::Jpeg | Encoding::L16 => {
            PayloadFormat::new(payload_type, stream.encoding.name(), clock_rate, channels)
        }
        Encoding::Opus => {
            let fmtp = if channels > 1 { "sprop-stereo=1" } else { "sprop-stereo=0" };
            PayloadFormat { fmtp: Some(fmtp), ..PayloadFormat::opus(payload_type) }
        }
    };
    Media {
        sealed: !stream.suites.is_empty(),
        rtcp_port: stream.rtcp.port(),
        group: Some(stream.rtp.ip()).filter(|group| *group != to.ip()),
        sources: stream.sources.iter().copied().take(streamsocket_wire::sdp::SOURCES_MAX).collect(),
        bandwidth_kbit: stream.bandwidth.and_then(|bits| u32::try_from(bits / 1000).ok()),
        framerate: stream.framerate.map(Framerate),
        size: stream.size,
        ntp64_id: stream.ntp64_id,
        repair: stream.repair.map(|(to, payload_type)| Repair { payload_type, to }),
        ..Media::of(medium, stream.rtp.port(), format)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_described_is_received_the_same_way() {
        let described = Plan::at("239.1.2.3:5004".parse().unwrap(), Some((48_000, 2)));
        let text = description(&described).unwrap();
        let mut read = Plan::from_sdp(&text).unwrap();
        // What an address alone leaves open is assumed in it.
        for (stream, of) in
            [(&mut read.video, &described.video), (&mut read.audio, &described.audio)]
        {
            stream.as_mut().unwrap().assumed = of.as_ref().unwrap().assumed;
        }
        read.protected = described.protected;
        assert_eq!(read, described, "{text}");
    }

    #[test]
    fn sources_and_groups_of_a_medium_are_kept() {
        let text = "v=0\r\no=- 7 1 IN IP4 192.0.2.1\r\ns=Attic\r\nc=IN IP4 232.1.1.1/4\r\nt=0 0\r\n\
                    a=source-filter: incl IN IP4 * 192.0.2.1\r\nm=video 5004 RTP/AVP 26\r\n\
                    a=framerate:15\r\na=x-dimensions:640,480\r\nm=audio 5006 RTP/AVP 97\r\n\
                    c=IN IP4 232.1.1.2/4\r\na=rtpmap:97 L16/16000/1\r\n";
        let plan = Plan::from_sdp(text).unwrap();
        assert_eq!(Plan::from_sdp(&description(&plan).unwrap()).unwrap(), plan);
        let sealed = text.replace("RTP/AVP", "RTP/SAVP");
        let named = sealed.replace("a=source", "a=x-protected:AEAD_AES_128_GCM\r\na=source");
        for text in [sealed, named] {
            let plan = Plan::from_sdp(&text).unwrap();
            assert_eq!(Plan::from_sdp(&description(&plan).unwrap()).unwrap(), plan);
        }
        for stereo in ["1", "0"] {
            let opus = format!("opus/48000/2\r\na=fmtp:97 sprop-stereo={stereo}\r\n");
            let plan = Plan::from_sdp(&text.replace("L16/16000/1\r\n", &opus)).unwrap();
            assert_eq!(Plan::from_sdp(&description(&plan).unwrap()).unwrap(), plan);
        }
    }
}
