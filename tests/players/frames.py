"""Pictures that PyAV or OpenCV gets of an RTSP server, as numbers that stand for their pixels.

    frames.py av|cv2 URL|FILE udp|tcp|file PICTURES
"""

import hashlib
import os
import sys

player, source, transport, wanted = sys.argv[1:]
wanted = int(wanted)


def digest(pixels):
    return hashlib.md5(pixels).hexdigest()


def planes(frame):
    """The pixels of a picture as they are decoded, without what is behind the end of a line."""
    for plane in frame.planes:
        lines = memoryview(plane).cast("B")
        for line in range(plane.height):
            yield bytes(lines[line * plane.line_size :][: plane.width])


if player == "av":
    import av

    options = {} if transport == "file" else {"options": {"rtsp_transport": transport}}
    container = av.open(source, format="mjpeg" if transport == "file" else None, **options)
    sounds = 0
    for packet in container.demux():
        for frame in packet.decode() if packet.stream.type == "video" else []:
            if wanted > 0:
                print(digest(b"".join(planes(frame))))
            wanted -= 1
        sounds += packet.stream.type == "audio"
        if wanted <= 0:
            break
    print("sounds", sounds)
else:
    if transport != "file":
        os.environ["OPENCV_FFMPEG_CAPTURE_OPTIONS"] = "rtsp_transport;" + transport
    import cv2

    capture = cv2.VideoCapture(source, cv2.CAP_FFMPEG)
    assert capture.isOpened()
    while wanted > 0:
        there, frame = capture.read()
        if not there:
            break
        print(digest(frame.tobytes()))
        wanted -= 1
