// Players in Chromium with what is live: when the first picture is seen, how often it stops, and how old it is by
// PROGRAM-DATE-TIME. A line of JSON for each, or for one of them.
//
//     node players.mjs URL [SECONDS [PLAYER]]

import { open, percentiles, rounded, run, session, usage } from './chromium.mjs';
import { PLAYERS, start } from './playing.mjs';

const [url, seconds = '15', player] = process.argv.slice(2);
if (!url) usage('node players.mjs URL [SECONDS [PLAYER]]');

await run(async () => {
  const found = await session(url);
  for (const kind of PLAYERS.filter((it) => !player || it === player)) {
    const { browser, page } = await open();
    try {
      await start(page, found, kind);
      await page.waitForTimeout(1000 * Number(seconds));
      const { first, stalls, stalled, longest, latencies, failure } = await page.evaluate('({ ...seen, failure: window.failure })');
      if (failure) throw new Error(failure);
      const { width, dropped, decoded } = await page.evaluate(() => {
        const video = document.getElementById('video');
        const { droppedVideoFrames: dropped, totalVideoFrames: decoded } = video.getVideoPlaybackQuality();
        return { width: video.videoWidth, dropped, decoded };
      });
      const line = { player: kind, first: Math.round(first), stalls, stalled: Math.round(stalled), longest: Math.round(longest), ...rounded(percentiles(latencies)), width, decoded, dropped };
      console.log(JSON.stringify(line));
    } finally {
      await browser.close();
    }
  }
});
