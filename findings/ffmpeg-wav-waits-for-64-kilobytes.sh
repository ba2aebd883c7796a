#!/usr/bin/env bash
# ffmpeg reads 64 kB of a WAV stream of 16-bit samples before it hands on the first of them, whatever it is told of buffers.
#
# A WAV header and then samples come through a pipe, 2048 bytes at a time, and stay open. With -probesize 32,
# -analyzeduration 0, -fflags nobuffer and -flush_packets 1, ffmpeg 7.0.2 (the build in the PyPI package imageio-ffmpeg
# 0.6.0) hands on samples of 32-bit floats after a few kilobytes, and 16-bit ones after 64 kB: a third of a second of 48 kHz
# stereo, two seconds of 16 kHz mono. 16-bit PCM may be a disguise of compressed sound (IEC 61937), for which so much is
# looked through. Seen:
#   32-bit floats: the first sample after 8192 bytes
#   16-bit integers: the first sample after 65536 bytes
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1
python3 -m pip install --quiet --target "$folder/packages" imageio-ffmpeg==0.6.0
PYTHONPATH=$folder/packages python3 - <<'END'
import select, struct, subprocess, sys, imageio_ffmpeg
ffmpeg = imageio_ffmpeg.get_ffmpeg_exe()
print(subprocess.run([ffmpeg, "-version"], capture_output=True, text=True).stdout.splitlines()[0])
STEP, RATE = 2048, 16000

def needed(kind, bits):
    block = bits // 8
    form = struct.pack("<HHIIHH", kind, 1, RATE, RATE * block, block, bits)
    header = b"RIFF\xff\xff\xff\xffWAVEfmt " + struct.pack("<I", len(form)) + form + b"data\xff\xff\xff\xff"
    command = [ffmpeg, "-v", "error", "-probesize", "32", "-analyzeduration", "0", "-fflags", "nobuffer", "-f", "wav",
               "-i", "pipe:0", "-flush_packets", "1", "-f", "u8", "pipe:1"]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
    child.stdin.write(header)
    written = 0
    while written < 1 << 20:
        child.stdin.write(bytes(STEP))
        written += STEP
        # The first time it starts.
        if select.select([child.stdout], [], [], 2 if written == STEP else 0.3)[0]:
            break
    child.kill()
    child.wait()
    return written

floats, integers = needed(3, 32), needed(1, 16)
print(f"32-bit floats: the first sample after {floats} bytes")
print(f"16-bit integers: the first sample after {integers} bytes")
if not (floats <= 16384 and 61440 <= integers <= 69632):
    sys.exit("that has changed")
END
