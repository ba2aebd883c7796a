// Stored files in Chromium, each by itself: <video src> to its end. A line of JSON for each, with its duration and the
// frames that were decoded.
//
//     node stored.mjs FILE...

import { createServer } from 'node:http';
import { open as openFile, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { open, run, usage } from './chromium.mjs';

const files = process.argv.slice(2);
if (files.length === 0) usage('node stored.mjs FILE...');

// Milliseconds that a file of a few seconds needs at most.
const PATIENCE = 60_000;

// Serves those files by their numbers, and ranges of them.
async function serve() {
  const server = createServer(async (request, response) => {
    const file = files[Number(request.url.slice(1))];
    if (file === undefined) {
      response.writeHead(request.url === '/page' ? 200 : 404, { 'Content-Type': 'text/html' });
      return response.end('<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><body>');
    }
    const { size } = await stat(file);
    const [, from, to] = request.headers.range?.match(/^bytes=(\d+)-(\d*)$/) ?? [];
    const [first, last] = [Number(from ?? 0), Math.min(Number(to || size - 1), size - 1)];
    response.writeHead(from === undefined ? 200 : 206, {
      'Content-Type': 'video/mp4',
      'Content-Length': last - first + 1,
      'Accept-Ranges': 'bytes',
      ...(from === undefined ? {} : { 'Content-Range': `bytes ${first}-${last}/${size}` }),
    });
    const handle = await openFile(file);
    handle.createReadStream({ start: first, end: last }).on('error', () => response.destroy()).pipe(response);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

// In the page: from its first frame to its end.
const play = async ([source, patience]) => {
  const video = document.createElement('video');
  video.muted = true;
  document.body.replaceChildren(video);
  video.src = source;
  await new Promise((resolve, reject) => {
    setTimeout(() => reject(new Error(`is not at its end after ${patience / 1000} s (${video.currentTime} of ${video.duration} s)`)), patience);
    video.onerror = () => reject(new Error(video.error.message || `cannot be played (${video.error.code})`));
    video.onended = resolve;
    video.play().catch(reject);
  });
  const { totalVideoFrames: frames, droppedVideoFrames: dropped } = video.getVideoPlaybackQuality();
  const first = video.seekable.length ? video.seekable.start(0) : 0;
  return { begin: first, duration: video.duration, played: video.currentTime, width: video.videoWidth, height: video.videoHeight, frames, dropped };
};

await run(async () => {
  const server = await serve();
  const { browser, page } = await open();
  try {
    const root = `http://127.0.0.1:${server.address().port}/`;
    await page.goto(`${root}page`);
    for (const [number, file] of files.entries()) {
      const seen = await page.evaluate(play, [`${root}${number}`, PATIENCE]).catch((error) => { throw new Error(`${file} ${String(error.message).replace(/^page\.evaluate: (Error: )?/, '')}`); });
      console.log(JSON.stringify({ file: basename(file), ...seen }));
    }
  } finally {
    await browser.close();
    server.close();
    server.closeAllConnections();
  }
});
