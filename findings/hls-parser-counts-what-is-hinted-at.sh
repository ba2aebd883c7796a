#!/usr/bin/env bash
# hls-parser counts a partial segment that is only hinted at as a segment.
#
# The live playlist ends with a whole segment and an EXT-X-PRELOAD-HINT for the first part of the next one
# (draft-pantos-hls-rfc8216bis section 4.4.5.3): two segments, in all. hls-parser 0.16.0 (npm) gives three: the last one has
# no address and no duration, and its only part is the hint. Who takes the last segment of what was parsed to play it, or adds
# durations up, gets nothing; and its strict mode, by which parts may stand in the last three segments only, refuses them in
# the third from the end. Seen:
#   2 segments in the playlist, 3 parsed
#   the last one: uri "", duration undefined, parts: hint of 3.0.mp4
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --prefix "$folder" hls-parser@0.16.0 >/dev/null
cat > seen.mjs <<'END'
import * as HLS from 'hls-parser';
const parts = (number) => [0, 1].map((part) => `#EXT-X-PART:DURATION=1.0,URI="${number}.${part}.mp4",INDEPENDENT=YES\n`).join('');
const text = '#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-TARGETDURATION:2\n' +
  '#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=3.0\n#EXT-X-PART-INF:PART-TARGET=1.0\n' +
  '#EXT-X-MEDIA-SEQUENCE:1\n#EXT-X-MAP:URI="init.mp4"\n' +
  [1, 2].map((number) => `${parts(number)}#EXTINF:2.0,\n${number}.mp4\n`).join('') +
  '#EXT-X-PRELOAD-HINT:TYPE=PART,URI="3.0.mp4"\n';
const { segments } = HLS.parse(text);
console.log(`2 segments in the playlist, ${segments.length} parsed`);
const { uri, duration, parts: of } = segments.at(-1);
const last = of.map((part) => `${part.hint ? 'hint' : 'part'} of ${part.uri}`).join();
console.log(`the last one: uri "${uri}", duration ${duration}, parts: ${last}`);
if (segments.length !== 3 || uri !== '' || last !== 'hint of 3.0.mp4') {
  console.error('that has changed');
  process.exit(1);
}
END
node seen.mjs
