#!/usr/bin/env bash
# Shaka Player does not load a low-latency stream that has just begun, unless its playlist says that it has no captions.
#
# The live playlist has one whole segment of two parts, and an EXT-X-PRELOAD-HINT for the first part of the next one
# (draft-pantos-hls-rfc8216bis section 4.4.5.3), in low-latency mode. An EXT-X-STREAM-INF need not say anything of closed
# captions; Shaka Player 5.2.12 (npm, Chromium of Debian 12) looks for them in further segments then, takes what is hinted at
# for one, and asks for its address, which it does not have. load() is rejected with a TypeError, which is none of its own
# errors, so that nothing is tried again. With CLOSED-CAPTIONS=NONE, or one segment more of each, it plays. Seen:
#   nothing is said of captions: TypeError: Cannot read properties of undefined (reading 'match')
#   CLOSED-CAPTIONS=NONE: loaded
#   nothing is said of captions, of four segments: loaded
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --prefix "$folder" shaka-player@5.2.12 playwright-core@1.60.0 >/dev/null
ffmpeg -v error -f lavfi -i testsrc=size=320x240:rate=25 -t 8 -c:v libx264 -profile:v baseline -pix_fmt yuv420p -bf 0 -g 25 \
	-force_key_frames 'expr:gte(t,n_forced)' -f hls -hls_time 1 -hls_segment_type fmp4 -hls_fmp4_init_filename init.mp4 \
	-hls_list_size 0 -hls_segment_filename part%d.mp4 all.m3u8
cat > seen.mjs <<'END'
import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import { chromium } from 'playwright-core';

// Segment N has the parts 2N and 2N+1.
const segment = (number) => `#EXT-X-PART:DURATION=1.0,URI="part${2 * number}.mp4",INDEPENDENT=YES\n` +
  `#EXT-X-PART:DURATION=1.0,URI="part${2 * number + 1}.mp4",INDEPENDENT=YES\n#EXTINF:2.0,\nsegment${number}.mp4\n`;
const media = (segments) => '#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-TARGETDURATION:2\n' +
  '#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=3.0,HOLD-BACK=6.0\n#EXT-X-PART-INF:PART-TARGET=1.0\n' +
  '#EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-MAP:URI="init.mp4"\n' +
  Array.from({ length: segments }, (_, number) => segment(number)).join('') +
  `#EXT-X-PRELOAD-HINT:TYPE=PART,URI="part${2 * segments}.mp4"\n`;
const main = (more, segments) => '#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-INDEPENDENT-SEGMENTS\n' +
  `#EXT-X-STREAM-INF:BANDWIDTH=500000,RESOLUTION=320x240,FRAME-RATE=25.000,CODECS="avc1.42C00D"${more}\n${segments}.m3u8\n`;
const part = (number) => readFile(`part${number}.mp4`);

async function answer(path, query) {
  if (path === '/') return ['text/html', '<!doctype html><script src="shaka.js"></script><video id="video" muted></video>'];
  if (path === '/shaka.js') return ['text/javascript', await readFile('node_modules/shaka-player/dist/shaka-player.compiled.js')];
  if (path === '/main.m3u8') return ['application/vnd.apple.mpegurl', main(query.get('none') ? ',CLOSED-CAPTIONS=NONE' : '', query.get('segments'))];
  const [, live] = path.match(/^\/(\d)\.m3u8$/) ?? [];
  // What is waited for does not come: nothing is made any more.
  if (live) return query.has('_HLS_msn') ? null : ['application/vnd.apple.mpegurl', media(Number(live))];
  const [, whole] = path.match(/^\/segment(\d)\.mp4$/) ?? [];
  if (whole) return ['video/mp4', Buffer.concat([await part(2 * whole), await part(2 * whole + 1)])];
  return ['video/mp4', await readFile(`.${path}`)];
}

const server = createServer(async (request, response) => {
  const { pathname, searchParams } = new URL(request.url, 'http://localhost');
  const found = await answer(pathname, searchParams).catch(() => []);
  if (found === null) return;
  const [type, body] = found;
  response.writeHead(body ? 200 : 404, type ? { 'content-type': type } : {}).end(body);
});
await new Promise((done) => server.listen(0, '127.0.0.1', done));
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'] });

async function loaded(query) {
  const page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${server.address().port}/`);
  const said = await page.evaluate(async (url) => {
    shaka.polyfill.installAll();
    const player = new shaka.Player();
    player.configure({ streaming: { lowLatencyMode: true } });
    await player.attach(document.getElementById('video'));
    try {
      await player.load(url);
      return 'loaded';
    } catch (error) {
      return error instanceof shaka.util.Error ? `Shaka's error ${error.code}` : `${error.name}: ${error.message}`;
    }
  }, `main.m3u8?${query}`);
  await page.close();
  return said;
}

const silent = await loaded('segments=1');
const none = await loaded('segments=1&none=1');
const longer = await loaded('segments=4');
console.log(`nothing is said of captions: ${silent}`);
console.log(`CLOSED-CAPTIONS=NONE: ${none}`);
console.log(`nothing is said of captions, of four segments: ${longer}`);
await browser.close();
server.closeAllConnections();
server.close();
if (!silent.startsWith('TypeError') || none !== 'loaded' || longer !== 'loaded') {
  console.error('that has changed');
  process.exit(1);
}
END
node seen.mjs
