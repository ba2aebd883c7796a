#!/usr/bin/env bash
# A Linux bridge with IGMP snooping sends all groups to all ports for ten seconds after its querier was turned on, also when
# answers may take one second only and that is said in the same request.
#
# Until the members of groups can have answered its first query, a bridge cannot know them, so it floods; how long that may
# take is its query response interval. The kernel (seen in 6.18) takes the attributes of a link request one after the other,
# IFLA_BR_MCAST_QUERIER before IFLA_BR_MCAST_QUERY_RESPONSE_INTVL, and computes the time when the querier is turned on: from
# the interval that the bridge has then, which is ten seconds on a new one. `ip link add type bridge mcast_querier 1
# mcast_query_response_interval 100` is such a request, whatever the order of its words. Whoever measures a network in which
# groups go only to their members waits for ten seconds, or sets the interval first and then turns the querier on.
# Here pyroute2 0.9.4 makes the requests, and a frame for a group without members leaves ten times a second.
# Seen, seconds after the querier was turned on until nothing came at the other port any more:
#   querier alone: 10
#   with an interval of one second, in one request: 10
#   the same in two requests, the interval first: 1
set -euo pipefail
if [ "${1-}" != inside ]; then
	folder=$(mktemp -d)
	trap 'rm -rf "$folder"' EXIT
	export PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1
	python3 -m pip install --quiet --target "$folder/packages" pyroute2==0.9.4
	# A network of its own.
	unshare -rn "$0" inside "$folder"
	exit
fi
uname -sr
seen=$(PYTHONPATH="$2/packages" python3 - <<'END'
import socket, struct, time
from pyroute2 import IPRoute

net = IPRoute()
up = lambda name: net.link("set", index=net.link_lookup(ifname=name)[0], state="up")


def udp():
    """A frame with a datagram of 4 bytes for 239.1.1.1:5004."""
    words = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 32, 0, 0, 16, 17, 0, bytes([10, 0, 0, 1]), bytes([239, 1, 1, 1]))
    total = sum(struct.unpack("!10H", words))
    total = (total & 0xFFFF) + (total >> 16)
    words = words[:10] + struct.pack("!H", ~(total + (total >> 16)) & 0xFFFF) + words[12:]
    ends = bytes.fromhex("01005e010101" "020000000001" "0800")
    return ends + words + struct.pack("!HHHH", 5004, 5004, 12, 0) + b"data"


def flooded(*requests):
    """Seconds for which a new bridge floods that is asked for so."""
    net.link("add", ifname="br", kind="bridge", br_mcast_snooping=1)
    bridge = net.link_lookup(ifname="br")[0]
    for port in ("one", "other"):
        net.link("add", ifname=port, kind="veth", peer=port + "-end")
        net.link("set", index=net.link_lookup(ifname=port)[0], master=bridge)
        up(port), up(port + "-end")
    up("br")
    ends = [socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800)) for _ in range(2)]
    for end, name in zip(ends, ("one-end", "other-end")):
        end.bind((name, 0x0800))
        end.setblocking(False)
    for request in requests:
        net.link("set", index=bridge, kind="bridge", **request)
    begun, last, frame = time.monotonic(), 0, udp()
    while (now := time.monotonic() - begun) < 14:
        ends[0].send(frame)
        time.sleep(0.1)
        try:
            while got := ends[1].recv(2000):
                last = now if got == frame else last
        except BlockingIOError:
            pass
    for end in ends:
        end.close()
    for name in ("one", "other", "br"):
        net.link("del", index=net.link_lookup(ifname=name)[0])
    return round(last)


querier, second = {"br_mcast_querier": 1}, {"br_mcast_query_response_intvl": 100}
print("querier alone:", flooded(querier))
print("with an interval of one second, in one request:", flooded(querier | second))
print("the same in two requests, the interval first:", flooded(second, querier))
END
)
printf '%s\n' "$seen"
[ "$seen" = 'querier alone: 10
with an interval of one second, in one request: 10
the same in two requests, the interval first: 1' ]
