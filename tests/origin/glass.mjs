// Glass latency: how old the built-in picture of a daemon on this machine is when Chromium displays it, by the time of
// day in the picture itself. A line of JSON for each player.
//
//     node glass.mjs URL SECONDS [--size WIDTHxHEIGHT]
//
// WIDTHxHEIGHT is that of the picture as the daemon draws it; without it, of the largest tier. Of a URL that ends with
// .m3u8 nothing else is asked, and players have their own defaults: so other programs are compared with the origin.

import { parseArgs } from 'node:util';
import { open, percentiles, playlist, rounded, run, session, usage } from './chromium.mjs';
import { PLAYERS, start } from './playing.mjs';

const { values: { size }, positionals: [url, seconds] } = parseArgs({ options: { size: { type: 'string' } }, allowPositionals: true });
if (!seconds || (url.endsWith('.m3u8') && !size)) usage('node glass.mjs URL SECONDS [--size WIDTHxHEIGHT], with the size if the URL ends with .m3u8');

// Seconds after the first picture, in which players find their pace.
const SETTLE = 5;
// Of a hundred pictures, those whose time cannot be read, at most.
const UNREAD_MAX = 5;

await run(async () => {
  const found = url.endsWith('.m3u8') ? playlist(url) : await session(url);
  const largest = [...found.tiers].sort((one, other) => other.width - one.width)[0];
  const [width, height] = size ? size.split('x').map(Number) : [largest.width, largest.height];
  for (const kind of PLAYERS) {
    const { browser, page } = await open();
    try {
      await page.addInitScript({ path: new URL('timecode.js', import.meta.url).pathname });
      await start(page, found, kind);
      await page.waitForTimeout(1000 * SETTLE);
      await page.evaluate(([width, height]) => { window.ages = window.glass(document.getElementById('video'), width, height); }, [width, height]);
      const before = await page.evaluate('({ stalls: seen.stalls, latencies: seen.latencies.splice(0).length })');
      await page.waitForTimeout(1000 * Number(seconds));
      const { ages, unread, stalls, latencies, shown, failure } = await page.evaluate('({ ...ages, stalls: seen.stalls, latencies: seen.latencies, shown: document.getElementById("video").videoWidth, failure: window.failure })');
      if (failure) throw new Error(failure);
      if (ages.length === 0) throw new Error(`${kind} shows no picture with a time in it: is it the built-in one, of ${width} x ${height}?`);
      const line = { player: kind, ...rounded(percentiles(ages)), pictures: ages.length, unread, stalls: stalls - before.stalls, width: shown, byDate: Math.round(percentiles(latencies).p50) };
      console.log(JSON.stringify(line));
      if (unread * 100 > UNREAD_MAX * (ages.length + unread)) throw new Error(`the time cannot be read in ${unread} of ${ages.length + unread} pictures`);
    } finally {
      await browser.close();
    }
  }
});
