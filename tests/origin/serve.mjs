// Serves the files of a folder, as any web server does: what other programs write for HLS.
//
//     node serve.mjs FOLDER PORT

import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import { join, normalize } from 'node:path';
import { usage } from './chromium.mjs';

const [folder, port] = process.argv.slice(2);
if (!port) usage('node serve.mjs FOLDER PORT');

const KINDS = { m3u8: 'application/vnd.apple.mpegurl', ts: 'video/mp2t', m4s: 'video/iso.segment', mp4: 'video/mp4' };

const server = createServer(async (request, response) => {
  const path = normalize(decodeURIComponent(new URL(request.url, 'http://localhost').pathname));
  try {
    const body = await readFile(join(folder, path));
    const kind = KINDS[path.split('.').at(-1)] ?? 'application/octet-stream';
    response.writeHead(200, { 'content-type': kind, 'cache-control': path.endsWith('.m3u8') ? 'no-cache' : 'max-age=60' });
    response.end(body);
  } catch {
    response.writeHead(404, { 'cache-control': 'no-store' });
    response.end();
  }
});
server.listen(Number(port), '127.0.0.1', () => console.log(`${folder} is what it serves`));
