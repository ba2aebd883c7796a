#!/usr/bin/env bash
# ffmpeg leaves the first frame of an IVF stream out when it is told not to buffer.
#
# An IVF stream of twelve raw pictures (fourcc I420, 16x16) comes through a pipe. ffmpeg 7.0.2 (the build in the PyPI package
# imageio-ffmpeg 0.6.0) hands on all twelve by itself, and eleven with -fflags nobuffer, the option that low latency is
# said to need: the packets that it reads to find out what a stream is are dropped then, and the first picture is one. For
# an encoder that is fed so, pictures and what comes out of it are one apart for good. Seen:
#   by itself: 12 pictures, the first is number 0
#   -fflags nobuffer: 11 pictures, the first is number 1
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1
python3 -m pip install --quiet --target "$folder/packages" imageio-ffmpeg==0.6.0
PYTHONPATH=$folder/packages python3 - <<'END'
import struct, subprocess, sys, imageio_ffmpeg
ffmpeg = imageio_ffmpeg.get_ffmpeg_exe()
print(subprocess.run([ffmpeg, "-version"], capture_output=True, text=True).stdout.splitlines()[0])
SIDE, COUNT = 16, 12
LENGTH = SIDE * SIDE * 3 // 2
stream = struct.pack("<4sHH4sHHIIII", b"DKIF", 0, 32, b"I420", SIDE, SIDE, 30, 1, COUNT, 0)
for number in range(COUNT):
    picture = bytes([16 + number]) * (SIDE * SIDE) + bytes([128]) * (LENGTH - SIDE * SIDE)
    stream += struct.pack("<IQ", LENGTH, number) + picture

def pictures(*flags):
    command = [ffmpeg, "-v", "error", *flags, "-f", "ivf", "-i", "pipe:0", "-fps_mode", "passthrough",
               "-f", "rawvideo", "-pix_fmt", "yuv420p", "pipe:1"]
    out = subprocess.run(command, input=stream, capture_output=True, check=True).stdout
    return len(out) // LENGTH, out[0] - 16

seen = []
for name, flags in (("by itself", ()), ("-fflags nobuffer", ("-fflags", "nobuffer"))):
    count, first = pictures(*flags)
    seen.append((count, first))
    print(f"{name}: {count} pictures, the first is number {first}")
if seen != [(12, 0), (11, 1)]:
    sys.exit("that has changed")
END
