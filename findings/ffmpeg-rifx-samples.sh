#!/usr/bin/env bash
# ffmpeg reads the header of a RIFX file (WAV, big-endian) in its byte order, and its samples in the other one.
#
# RIFX is RIFF with every number most significant byte first, samples included. ffmpeg 7.0.2 (the build in the PyPI package
# imageio-ffmpeg 0.6.0) accepts the file without a word, with rate, channels and length as they are, and calls it
# pcm_s16le: 1, 2, 256 come out as 256, 512, 1, which is noise. libsndfile 1.2.2 (PyPI soundfile 0.13.1) reads the same file
# right. Seen:
#   RIFF by ffmpeg:     0 1 2 256 -2 1000
#   RIFX by ffmpeg:     0 256 512 1 -257 -6141
#   RIFX by libsndfile: 0 1 2 256 -2 1000
# So whoever hands WAV files on to ffmpeg has to look at the first four bytes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1
python3 -m pip install --quiet --target "$folder/packages" \
	imageio-ffmpeg==0.6.0 soundfile==0.13.1 numpy==2.2.6 cffi==2.0.0 pycparser==2.23
PYTHONPATH=$folder/packages python3 - "$folder" <<'END'
import struct, subprocess, sys, imageio_ffmpeg, soundfile
folder, samples = sys.argv[1], [0, 1, 2, 256, -2, 1000]

def wav(tag, order):
    chunk = lambda name, body: name + struct.pack(order + "I", len(body)) + body
    form = chunk(b"fmt ", struct.pack(order + "HHIIHH", 1, 1, 8000, 16000, 2, 16))
    data = chunk(b"data", struct.pack(f"{order}{len(samples)}h", *samples))
    return chunk(tag, b"WAVE" + form + data)

ffmpeg = imageio_ffmpeg.get_ffmpeg_exe()
print(subprocess.run([ffmpeg, "-version"], capture_output=True, text=True).stdout.splitlines()[0])
print("libsndfile", soundfile.__libsndfile_version__)

def by_ffmpeg(path):
    out = subprocess.run([ffmpeg, "-v", "error", "-i", path, "-f", "s16le", "-"], check=True, capture_output=True)
    return list(struct.unpack(f"<{len(out.stdout) // 2}h", out.stdout))

seen = {}
for tag, order in ((b"RIFF", "<"), (b"RIFX", ">")):
    path = f"{folder}/{tag.decode()}.wav"
    open(path, "wb").write(wav(tag, order))
    seen[tag.decode() + " by ffmpeg"] = by_ffmpeg(path)
seen["RIFX by libsndfile"] = soundfile.read(f"{folder}/RIFX.wav", dtype="int16")[0].tolist()
for name, values in seen.items():
    print(f"{name}:", *values)
swapped = [struct.unpack("<h", struct.pack(">h", it))[0] for it in samples]
changed = list(seen.values()) != [samples, swapped, samples]
print("the finding has changed" if changed else "as found")
sys.exit(changed)
END
