#!/usr/bin/env bash
# retina hands out some JPEG pictures without the marker that ends them.
#
# A server sends JPEG over RTP (RFC 2435), whose data need not end with an EOI marker (section 3.1.9): a receiver adds it.
# So does retina 0.4.21, but only if the last byte but one of the data is not FF and the last one is not D9, where "or" is
# meant: data that happens to end in D9, or in the FF 00 that stands for a byte FF, gets none. Decoders warn of a premature end then, and whoever cuts such pictures apart by their markers finds two in one.
# Seen, of 1000 pictures of noise that Pillow 11.0.0 encodes and Python sends without their EOI:
#   1000 pictures, all but their last two bytes as sent
#   55 have no EOI: their data ends in 9d d9, a5 d9, b5 d9, dd d9, ee d9, ff 00
#   945 have one
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1
python3 -m pip install --quiet --target "$folder/packages" pillow==11.0.0
mkdir -p "$folder/player/src"
cat >"$folder/player/Cargo.toml" <<'END'
[package]
name = "player"
version = "0.1.0"
edition = "2021"
[dependencies]
futures-util = "=0.3.32"
retina = "=0.4.21"
tokio = { version = "1", features = ["macros", "rt"] }
url = "2"
END
cat >"$folder/player/src/main.rs" <<'END'
use futures_util::StreamExt;
use retina::{client::*, codec::CodecItem};
use std::io::Write;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let url = std::env::args().nth(1).unwrap().parse().unwrap();
    let mut session = Session::describe(url, SessionOptions::default()).await.unwrap();
    session.setup(0, SetupOptions::default().transport(Transport::Tcp(Default::default()))).await.unwrap();
    let mut playing = session.play(PlayOptions::default()).await.unwrap().demuxed().unwrap();
    let mut out = std::io::stdout().lock();
    // The server ends the connection behind the last picture.
    while let Some(Ok(CodecItem::VideoFrame(frame))) = playing.next().await {
        out.write_all(&(frame.data().len() as u32).to_be_bytes()).unwrap();
        out.write_all(frame.data()).unwrap();
    }
}
END
cargo build --quiet --manifest-path "$folder/player/Cargo.toml" --target-dir "$folder/target"
PLAYER=$folder/target/debug/player PYTHONPATH=$folder/packages python3 - <<'END'
import io, os, random, re, socket, struct, subprocess, sys, threading, PIL.Image
PICTURES, WIDTH, HEIGHT, EOI = 1000, 64, 48, b"\xff\xd9"
noise, jpegs = random.Random(1), []
for _ in range(PICTURES):
    jpeg = io.BytesIO()
    PIL.Image.frombytes("RGB", (WIDTH, HEIGHT), noise.randbytes(3 * WIDTH * HEIGHT)).save(jpeg, "JPEG", quality=75)
    jpegs.append(jpeg.getvalue())

def payload(jpeg):
    """The tables that RFC 2435 takes along, and the scan's data without its end."""
    at, tables = 2, {}
    while True:
        marker, length = struct.unpack(">HH", jpeg[at:at + 4])
        segment, at = jpeg[at + 4:at + 2 + length], at + 2 + length
        if marker == 0xffdb:  # one table or more
            for start in range(0, len(segment), 65):
                tables[segment[start]] = segment[start + 1:start + 65]
        if marker == 0xffda:
            return tables[0] + tables.get(1, tables[0]), jpeg[at:-2]

sent = [payload(jpeg) for jpeg in jpegs]

def serve(listener):
    client = listener.accept()[0]
    base = f"rtsp://127.0.0.1:{listener.getsockname()[1]}/"
    sdp = f"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\nm=video 0 RTP/AVP 26\r\na=control:{base}v\r\n"
    heads = {"DESCRIBE": f"Content-Base: {base}\r\nContent-Type: application/sdp\r\nContent-Length: {len(sdp)}\r\n\r\n{sdp}",
             "SETUP": "Session: 1\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1;ssrc=00000007\r\n\r\n",
             "PLAY": f"Session: 1\r\nRTP-Info: url={base}v;seq=0;rtptime=0\r\n\r\n"}
    method, asked = "", b""
    while method != "PLAY":
        while b"\r\n\r\n" not in asked:
            asked += client.recv(4096)
        head, asked = asked.split(b"\r\n\r\n", 1)
        method, cseq = head.decode().split()[0], re.search(r"CSeq: *(\d+)", head.decode()).group(1)
        client.sendall(f"RTSP/1.0 200 OK\r\nCSeq: {cseq}\r\n{heads.get(method, chr(13) + chr(10))}".encode())
    for number, (tables, data) in enumerate(sent):
        header = struct.pack(">BBHII", 0x80, 0x80 | 26, number, number * 3600, 7)
        header += struct.pack(">IBBBBBBH", 0, 1, 255, WIDTH // 8, HEIGHT // 8, 0, 0, 128) + tables
        packet = header + data
        client.sendall(b"$\0" + struct.pack(">H", len(packet)) + packet)
    client.shutdown(socket.SHUT_WR)
    client.recv(1 << 16)

listener = socket.create_server(("127.0.0.1", 0))
threading.Thread(target=serve, args=(listener,), daemon=True).start()
url = f"rtsp://127.0.0.1:{listener.getsockname()[1]}/"
out, got = subprocess.run([os.environ["PLAYER"], url], stdout=subprocess.PIPE, timeout=60).stdout, []
while out:
    length = struct.unpack(">I", out[:4])[0]
    got.append(out[4:4 + length])
    out = out[4 + length:]
without = [data for (_, data), jpeg in zip(sent, got) if not jpeg.endswith(EOI)]
same = all(data in jpeg for (_, data), jpeg in zip(sent, got))
print(f"{len(got)} pictures, all but their last two bytes as sent" if same else "the data differs")
print(f"{len(without)} have no EOI: their data ends in {', '.join(sorted({data[-2:].hex(' ') for data in without}))}")
print(f"{len(got) - len(without)} have one")
may = [data for _, data in sent if data[-1] == 0xd9 or data[-2] == 0xff]
changed = not (same and len(got) == PICTURES and without and without == may)
print("the finding has changed" if changed else "as found")
sys.exit(changed)
END
