//! What players and cameras say over RTSP.

use super::Seeds;

/// Of players: what they ask for, one after the other, with reports between; passwords; what is none; and of who sends
/// a session itself.
const REQUESTS: [&[u8]; 5] = [
    b"OPTIONS rtsp://pi:8554/ RTSP/1.0\r\nCSeq: 1\r\nUser-Agent: Lavf\r\n\r\n\
      DESCRIBE rtsp://pi:8554/Front%20door/low?a=b RTSP/1.0\r\nCSeq: 2\r\nAccept: application/sdp\r\n\r\n\
      SETUP rtsp://pi:8554/trackID=v RTSP/1.0\r\nCSeq: 3\r\n\
      Transport: RTP/AVP/UDP;unicast;client_port=5000-5001;mode=\"PLAY\",RTP/AVP/TCP;interleaved=0-1\r\n\r\n",
    b"SETUP rtsp://pi/trackID=a/repair/ RTSP/1.0\nCSeq: 4\nTransport: RTP/AVP;multicast\nSession: ab;timeout=9\n\n\
      PLAY * RTSP/1.0\r\nCSeq: 5\r\nRange: npt=0-\r\n\r\n$\x01\0\x08\x80\xc9\0\x01\0\0\0\x07\
      SET_PARAMETER rtsp://pi/ RTSP/1.0\r\nCSeq: 6\r\nContent-Length: 4\r\n\r\na: b\
      TEARDOWN rtsp://pi/ RTSP/1.0\r\nCSeq: 7\r\nSession: ab\r\n\r\n",
    b"DESCRIBE rtsp://pi/ RTSP/1.0\r\nCSeq: 1\r\nAuthorization: Digest username=\"anna\", realm=\"streamsocket\", \
      nonce=\"0\", uri=\"rtsp://pi/\", response=\"0\", algorithm=SHA-256, qop=auth, nc=00000001, cnonce=\"\\\"\"\r\n\r\n",
    b"ANNOUNCE * RTSP/1.0\r\nCSeq: 1\r\n\r\nPLAY * RTSP/2.0\r\nCSeq: 2\r\nRequire: a\r\n\r\n$\0\xff\xff",
    b"ANNOUNCE rtsp://pi/lesson/anna RTSP/1.0\r\nCSeq: 1\r\nContent-Type: application/sdp\r\nContent-Length: 88\r\n\r\n\
      v=0\r\nc=IN IP4 0.0.0.0\r\nm=video 0 RTP/AVP 26\r\na=control:streamid=0\r\nm=audio 0 RTP/AVP 0\r\n\
      SETUP rtsp://pi/lesson/anna/streamid=0 RTSP/1.0\r\nCSeq: 2\r\nTransport: RTP/AVP/UDP;unicast;client_port=4-5;mode=record\r\n\r\n\
      RECORD rtsp://pi/lesson/anna RTSP/1.0\r\nCSeq: 3\r\nSession: ab\r\n\r\n$\0\0\x04abcd",
];

/// Of servers: a session from its options to its packets, with a challenge in between; a refusal.
const ANSWERS: [&[u8]; 3] = [
    b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nPublic: OPTIONS, GET_PARAMETER\r\n\r\n\
      RTSP/1.0 401 no\r\nCSeq: 2\r\nWWW-Authenticate: Digest realm=\"r\", nonce=\"n\", algorithm=MD5, qop=\"auth\"\r\n\
      WWW-Authenticate: Basic realm=\"r\"\r\n\r\n\
      RTSP/1.0 200 OK\r\nCSeq: 3\r\nContent-Base: rtsp://pi/x/\r\nContent-Length: 73\r\n\r\n\
      v=0\r\nc=IN IP4 0.0.0.0\r\nm=video 0 RTP/AVP 26\r\na=control:trackID=1\r\na=x:12345\r\n\
      RTSP/1.0 200 OK\r\nCSeq: 4\r\nSession: 4711;timeout=60\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n\r\n\
      RTSP/1.0 461 no\r\nCSeq: 5\r\n\r\nRTSP/1.0 200 OK\r\nCSeq: 6\r\nRTP-Info: url=x;seq=1;rtptime=2\r\n\r\n\
      $\0\0\x04abcd$\x01\0\0OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n",
    b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\nRTSP/1.0 404 Not Found\r\nCSeq: 2\r\n\r\n",
    b"\r\n$\x02\0\x01xRTSP/1.0 301 x\nLocation: rtsp://other/\n\n",
];

pub(super) fn seeds() -> Vec<Seeds> {
    let server =
        REQUESTS.iter().zip([0, 0, 1, 0, 0]).map(|(it, guarded)| [&[9, guarded], *it].concat());
    let client = ANSWERS.iter().map(|it| [&[9][..], it].concat());
    vec![("rtsp_server", server.collect()), ("rtsp_client", client.collect())]
}
