#!/usr/bin/env bash
# ffmpeg authenticates reports with a tag of 4 bytes in the suite AES_CM_128_HMAC_SHA1_32, where RFC 4568 has 10.
#
# RFC 4568 section 6.2 gives that suite a tag of 32 bits for SRTP and one of 80 bits for SRTCP. ffmpeg 7.0.2 (the build in
# the PyPI package imageio-ffmpeg 0.6.0) sends 12 s of sound so, protected by the suite that its name says; libsrtp, by
# pylibsrtp 1.0.0, which has the bits of RFC 5764 for the same, opens every packet and no report. It opens them all if
# ffmpeg is told the name of RFC 5764, SRTP_AES128_CM_HMAC_SHA1_32, and with AES_CM_128_HMAC_SHA1_80. Seen:
#   AES_CM_128_HMAC_SHA1_80: all packets opened, all reports opened
#   AES_CM_128_HMAC_SHA1_32: all packets opened, no report opened, the tag of each has 4 bytes
#   SRTP_AES128_CM_HMAC_SHA1_32: all packets opened, all reports opened
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1
python3 -m pip install --quiet --target "$folder/packages" imageio-ffmpeg==0.6.0 pylibsrtp==1.0.0
PYTHONPATH=$folder/packages python3 - <<'END'
import base64, select, socket, subprocess, sys, imageio_ffmpeg
from pylibsrtp import Error, Policy, Session
ffmpeg, key = imageio_ffmpeg.get_ffmpeg_exe(), bytes(range(30))
print(subprocess.run([ffmpeg, "-version"], capture_output=True, text=True).stdout.splitlines()[0])
LONG, SHORT = Policy.SRTP_PROFILE_AES128_CM_SHA1_80, Policy.SRTP_PROFILE_AES128_CM_SHA1_32


def session(profile):
    return Session(policy=Policy(key=key, ssrc_type=Policy.SSRC_ANY_INBOUND, srtp_profile=profile))


def opened(open_one, packets):
    count = 0
    for packet in packets:
        try:
            open_one(packet)
            count += 1
        except Error:
            pass
    return {0: "no", len(packets): "all"}.get(count, f"{count} of {len(packets)}")


def report_tag(packet):
    """Bytes behind the report's word: a sender report and an SDES with a CNAME, then the word that begins with a bit."""
    return next(n for n in (4, 10) if (packet[-n - 4] & 0x80) and int.from_bytes(packet[-n - 4:-n], "big") & 0x7FFFFFFF < 100)


seen = []
for suite, profile in [("AES_CM_128_HMAC_SHA1_80", LONG), ("AES_CM_128_HMAC_SHA1_32", SHORT), ("SRTP_AES128_CM_HMAC_SHA1_32", SHORT)]:
    sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
    for it in sockets:
        it.bind(("127.0.0.1", 0))
    rtp, rtcp = (it.getsockname()[1] for it in sockets)
    url = f"srtp://127.0.0.1:{rtp}?rtcpport={rtcp}"
    sender = subprocess.Popen([ffmpeg, "-v", "error", "-re", "-f", "lavfi", "-i", "sine=sample_rate=8000", "-t", "12",
        "-c:a", "pcm_mulaw", "-f", "rtp", "-srtp_out_suite", suite, "-srtp_out_params", base64.b64encode(key).decode(), url],
        stdout=subprocess.DEVNULL)
    packets, reports = [], []
    while sender.poll() is None:
        for ready in select.select(sockets, [], [], 0.2)[0]:
            (packets if ready is sockets[0] else reports).append(ready.recv(2000))
    assert len(packets) > 50 and len(reports) > 1, (len(packets), len(reports))
    by = session(profile)
    line = f"{suite}: {opened(by.unprotect, packets)} packets opened, {opened(by.unprotect_rtcp, reports)} reports opened"
    if "no reports" in line:
        line = line.replace("no reports", "no report") + f", the tag of each has {report_tag(reports[0])} bytes"
    print(line)
    seen.append(line)
expected = [line[4:].strip() for line in """
#   AES_CM_128_HMAC_SHA1_80: all packets opened, all reports opened
#   AES_CM_128_HMAC_SHA1_32: all packets opened, no report opened, the tag of each has 4 bytes
#   SRTP_AES128_CM_HMAC_SHA1_32: all packets opened, all reports opened""".strip().splitlines()]
sys.exit(seen != expected)
END
