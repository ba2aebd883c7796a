#!/usr/bin/env bash
# A camera whose address has a query that ends in ".jpg" has no stream for ffmpeg.
#
# The server answers every path with the same multipart/x-mixed-replace of JPEGs, as IP cameras do. ffmpeg 7.0.2 (the build in
# the PyPI package imageio-ffmpeg 0.6.0) plays /video, /video.jpg and /video?name=a.jpg&x, but of /video?name=a.jpg it opens
# the input without an error and finds no stream in it: the demuxer of still images takes the "?" for a wildcard in the
# name of a file, and with an image's ending that outweighs what the server says and sends. With "-f mpjpeg" it plays. Seen:
#   /video: 20 pictures
#   /video.jpg: 20 pictures
#   /video?name=a.jpg&x: 20 pictures
#   /video?name=a.jpg: 0 pictures, "Output file does not contain any stream"
#   /video?name=a.jpg by -f mpjpeg: 20 pictures
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1
python3 -m pip install --quiet --target "$folder/packages" imageio-ffmpeg==0.6.0
PYTHONPATH=$folder/packages python3 - <<'END'
import http.server, subprocess, sys, threading, imageio_ffmpeg
ffmpeg, pictures = imageio_ffmpeg.get_ffmpeg_exe(), 20
run = lambda *arguments: subprocess.run([ffmpeg, *arguments], capture_output=True)
print(run("-version").stdout.decode().splitlines()[0])
jpeg = run("-v", "error", "-f", "lavfi", "-i", "testsrc=size=64x48:rate=1", "-frames:v", "1", "-f", "mjpeg", "-").stdout

class Camera(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=b")
        self.end_headers()
        head = b"--b\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(jpeg)
        try:
            self.wfile.write((head + jpeg + b"\r\n") * pictures + b"--b--\r\n")
        except OSError:
            pass

    def log_message(self, *_):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Camera)
threading.Thread(target=server.serve_forever, daemon=True).start()

def play(path, *options):
    address = f"http://127.0.0.1:{server.server_port}{path}"
    played = run("-v", "error", *options, "-i", address, "-f", "framecrc", "-")
    said = played.stderr.decode().strip().splitlines()
    count = sum(not line.startswith("#") for line in played.stdout.decode().splitlines())
    why = said[0].split("] ")[-1] if said and count == 0 else ""
    print(" ".join((path, *options)) + f": {count} pictures", why)
    return count

seen = [play(path) for path in ("/video", "/video.jpg", "/video?name=a.jpg&x", "/video?name=a.jpg")]
seen.append(play("/video?name=a.jpg", "-f", "mpjpeg"))
changed = seen != [pictures, pictures, pictures, 0, pictures]
print("the finding has changed" if changed else "as found")
sys.exit(changed)
END
