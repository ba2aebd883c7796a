#!/usr/bin/env bash
# Three seconds that ffmpeg records of a camera's motion JPEG are two and a half.
#
# The server sends multipart/x-mixed-replace of JPEGs at 30 a second, each at its time and with a timestamp in its headers, as
# cameras do that speak HTTP. ffmpeg 7.0.2 (the build in the PyPI package imageio-ffmpeg 0.6.0) neither measures the rate nor
# reads the timestamps: it takes 25 a second, so that "-t 3" ends after 75 pictures, when 2.5 s have passed, and what it writes
# plays too slowly. "-r 30" before the input has no say; "-framerate 30" is refused as unknown, though it is known for a file
# of JPEGs. By "-use_wallclock_as_timestamps 1" a second is a second. Seen:
#   as it comes: 75 pictures in 2.5 s
#   -r 30: 75 pictures in 2.5 s
#   -framerate 30: refused, Option framerate not found.
#   -use_wallclock_as_timestamps 1: 90 pictures in 3.0 s
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1
python3 -m pip install --quiet --target "$folder/packages" imageio-ffmpeg==0.6.0
PYTHONPATH=$folder/packages FOLDER=$folder python3 - <<'END'
import http.server, os, re, subprocess, sys, threading, time, imageio_ffmpeg
ffmpeg, rate, folder = imageio_ffmpeg.get_ffmpeg_exe(), 30, os.environ["FOLDER"]
run = lambda *arguments: subprocess.run([ffmpeg, *arguments], capture_output=True)
print(run("-version").stdout.decode().splitlines()[0])
jpeg = run("-v", "error", "-f", "lavfi", "-i", "testsrc=size=64x48:rate=1", "-frames:v", "1", "-f", "mjpeg", "-").stdout

class Camera(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=b")
        self.end_headers()
        begun = time.monotonic()
        try:
            for number in range(10 * rate):
                time.sleep(max(0, begun + number / rate - time.monotonic()))
                head = f"--b\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\nX-Timestamp: {time.time():.6f}\r\n\r\n"
                self.wfile.write(head.encode() + jpeg + b"\r\n")
                self.wfile.flush()
        except OSError:
            pass

    def log_message(self, *_):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Camera)
server.daemon_threads = True
threading.Thread(target=server.serve_forever, daemon=True).start()

def record(*options):
    file, begun = f"{folder}/{len(os.listdir(folder))}.mkv", time.monotonic()
    address = f"http://127.0.0.1:{server.server_port}/"
    told = run("-v", "error", *options, "-i", address, "-t", "3", "-c", "copy", "-y", file).stderr.decode()
    took = time.monotonic() - begun
    refused = re.search(r"Option \w+ not found\.", told)
    if refused:
        print(" ".join(options) + ": refused,", refused.group())
        return None
    packets = run("-v", "error", "-i", file, "-c", "copy", "-f", "framecrc", "-").stdout.decode().splitlines()
    count = sum(not line.startswith("#") for line in packets)
    print((" ".join(options) or "as it comes") + f": {count} pictures in {took:.1f} s")
    return count

seen = [record(*it) for it in ((), ("-r", "30"), ("-framerate", "30"), ("-use_wallclock_as_timestamps", "1"))]
near = lambda count, expected: count is not None and abs(count - expected) <= 3
changed = not (near(seen[0], 75) and near(seen[1], 75) and seen[2] is None and near(seen[3], 90))
print("the finding has changed" if changed else "as found")
sys.exit(changed)
END
