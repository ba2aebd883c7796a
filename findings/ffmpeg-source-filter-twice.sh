#!/usr/bin/env bash
# A session description that names its source for the session and once more for a medium is not opened by ffmpeg.
#
# By RFC 4570 (section 3) a=source-filter may stand at session level and at media level. ffmpeg 7.0.2 (the build in the PyPI
# package imageio-ffmpeg 0.6.0) takes the sources of both for the medium, so it joins the group for the same source twice,
# which the kernel refuses, and gives up the whole input. Either line alone is fine, and so is none. Whoever sends to several
# groups can write one line for the session, with "*" for the group, instead of a line for each.
# Seen:
#   no filter: plays
#   of the session: plays
#   of the medium: plays
#   of both: setsockopt(IP_ADD_SOURCE_MEMBERSHIP): Cannot assign requested address
#   "*" of the session: plays
set -euo pipefail
if [ "${1-}" != inside ]; then
	folder=$(mktemp -d)
	trap 'rm -rf "$folder"' EXIT
	export PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1
	python3 -m pip install --quiet --target "$folder/packages" imageio-ffmpeg==0.6.0
	# A network of its own, whose only interface is the loopback one.
	unshare -rn "$0" inside "$folder"
	exit
fi
cd "$2"
ffmpeg=$(PYTHONPATH=packages python3 -c 'import imageio_ffmpeg; print(imageio_ffmpeg.get_ffmpeg_exe())')
"$ffmpeg" -version | head -1
ip link set lo up
ip route add 239.0.0.0/8 dev lo
"$ffmpeg" -v quiet -re -f lavfi -i testsrc=size=64x48:rate=25 -c:v mjpeg -huffman default -pix_fmt yuvj420p -f rtp \
	'rtp://239.1.1.1:5004?localaddr=127.0.0.1&pkt_size=1200' >/dev/null &
trap 'kill $!' EXIT
filter='a=source-filter: incl IN IP4 239.1.1.1 127.0.0.1'
any='a=source-filter: incl IN IP4 * 127.0.0.1'

# The session's filter, the medium's filter.
open() {
	printf '%s\r\n' v=0 'o=- 1 1 IN IP4 127.0.0.1' s=x 'c=IN IP4 239.1.1.1/1' 't=0 0' ${1:+"$1"} \
		'm=video 5004 RTP/AVP 26' ${2:+"$2"} >it.sdp
	if timeout 20 "$ffmpeg" -hide_banner -v error -protocol_whitelist file,rtp,udp -i it.sdp -frames:v 1 -f null - 2>said; then
		echo plays
	else
		sed -n 's/.*\(setsockopt.*\)/\1/p' said
	fi
}

seen="no filter: $(open '' '')
of the session: $(open "$filter" '')
of the medium: $(open '' "$filter")
of both: $(open "$filter" "$filter")
\"*\" of the session: $(open "$any" '')"
printf '%s\n' "$seen"
[ "$seen" = 'no filter: plays
of the session: plays
of the medium: plays
of both: setsockopt(IP_ADD_SOURCE_MEMBERSHIP): Cannot assign requested address
"*" of the session: plays' ]
