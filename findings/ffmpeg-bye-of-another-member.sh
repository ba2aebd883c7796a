#!/usr/bin/env bash
# ffmpeg ends when any member of an RTP session leaves, not only when the sender does.
#
# A sender sends 6 s of PCMU (RFC 3551) to the address of a session description, with a sender report each second. After 3 s
# another member of the session, a viewer with an SSRC of its own, leaves as RFC 3550 section 6.3.7 has it: a receiver
# report, an SDES and a BYE of its own SSRC, from its own port. The sender goes on. ffmpeg 7.0.2 (the build in the PyPI
# package imageio-ffmpeg 0.6.0) takes that BYE for the end of the stream: it does not look whose it is (RFC 3550 section 6.6
# has the list of those who leave in it). In a multicast group it means that a player that stops ends every ffmpeg there;
# GStreamer's rtspsrc sends such a BYE. Seen:
#   nobody leaves: 6.0 s of sound
#   another viewer leaves after 3 s: 3.0 s of sound
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1
python3 -m pip install --quiet --target "$folder/packages" imageio-ffmpeg==0.6.0
FOLDER=$folder PYTHONPATH=$folder/packages python3 - <<'END'
import os, socket, struct, subprocess, sys, time, imageio_ffmpeg
ffmpeg, folder = imageio_ffmpeg.get_ffmpeg_exe(), os.environ["FOLDER"]
print(subprocess.run([ffmpeg, "-version"], capture_output=True, text=True).stdout.splitlines()[0])
SENDER, VIEWER = 0x11111111, 0x22222222

def sdes(ssrc, name):
    item = struct.pack("!IBB", ssrc, 1, len(name)) + name + b"\0"
    item += bytes(-len(item) % 4)
    return struct.pack("!BBH", 0x81, 202, len(item) // 4) + item

def sender_report(time_stamp, packets):
    now = time.time() + 2208988800
    body = struct.pack("!IIIIII", SENDER, int(now), int(now % 1 * 2**32), time_stamp, packets, packets * 160)
    return struct.pack("!BBH", 0x80, 200, 6) + body + sdes(SENDER, b"sender@192.0.2.1")

def goodbye():
    block = struct.pack("!IIIIII", SENDER, 0, 150, 0, 0, 0)
    report = struct.pack("!BBHI", 0x81, 201, 7, VIEWER) + block
    return report + sdes(VIEWER, b"viewer@192.0.2.2") + struct.pack("!BBHI", 0x81, 203, 1, VIEWER)

def play(leaves):
    sender, viewer = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        if port % 2 == 0 and port < 65535:
            break
    sdp = f"{folder}/session.sdp"
    with open(sdp, "w") as file:
        file.write("v=0\no=- 1 1 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\n"
                   f"m=audio {port} RTP/AVP 0\na=rtpmap:0 PCMU/8000\n")
    arguments = ["-v", "error", "-protocol_whitelist", "file,udp,rtp", "-i", sdp, "-f", "s16le", f"{folder}/sound"]
    player = subprocess.Popen([ffmpeg, "-y", *arguments], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(1)
    begin = time.monotonic()
    for packet in range(300):
        header = struct.pack("!BBHII", 0x80, 0, packet, packet * 160, SENDER)
        sender.sendto(header + bytes([0xff]) * 160, ("127.0.0.1", port))
        if packet % 50 == 0:
            sender.sendto(sender_report(packet * 160, packet), ("127.0.0.1", port + 1))
        if leaves and packet == 150:
            viewer.sendto(goodbye(), ("127.0.0.1", port + 1))
        time.sleep(max(0, begin + (packet + 1) * 0.02 - time.monotonic()))
    # The sender leaves, which is to end it.
    leaving = struct.pack("!BBHI", 0x81, 203, 1, SENDER)
    sender.sendto(sender_report(48000, 300) + leaving, ("127.0.0.1", port + 1))
    player.wait(30)
    return os.path.getsize(f"{folder}/sound") / 16000

seen = [play(False), play(True)]
for what, seconds in zip(("nobody leaves", "another viewer leaves after 3 s"), seen):
    print(f"{what}: {seconds:.1f} s of sound")
changed = not (5.5 < seen[0] <= 6.1 and 2.5 < seen[1] < 3.6)
print("the finding has changed" if changed else "as found")
sys.exit(changed)
END
