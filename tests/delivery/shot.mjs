// The page of a session in Chromium, as a viewer behind DNS, load balancers and caches sees it: a screenshot, and how old the
// built-in picture of a daemon on this machine is, by what the page says and by the time of day in the picture itself.
//
//     node shot.mjs URL FILE.png [SECONDS]
//
// A line of JSON goes to standard output, times in milliseconds.

import { open, percentiles, rounded, run, session, until, usage } from '../origin/chromium.mjs';

const [url, file, seconds = '10'] = process.argv.slice(2);
if (!file) usage('node shot.mjs URL FILE.png [SECONDS]');

// Seconds until the first picture, at most; and behind it, in which the player finds its pace.
const PATIENCE = 20;
const SETTLE = 5;

await run(async () => {
  const { base, tiers } = await session(url);
  const { width, height } = [...tiers].sort((one, other) => other.width - one.width)[0];
  const { browser, page } = await open();
  try {
    await page.addInitScript({ path: new URL('../origin/timecode.js', import.meta.url).pathname });
    await page.goto(base);
    await until('picture', PATIENCE, () => page.evaluate('globalThis.session?.player.frames.length > 0'));
    await page.waitForTimeout(1000 * SETTLE);
    await page.evaluate(([width, height]) => { window.seen = window.glass(document.getElementById('video'), width, height); }, [width, height]);
    await page.waitForTimeout(1000 * Number(seconds));
    // The page shows what it knows while the pointer is there.
    await page.hover('#view');
    await page.waitForTimeout(400);
    await page.screenshot({ path: file });
    const { ages, unread } = await page.evaluate('seen');
    const { stalls, dropped } = await page.evaluate('session.player.figures()');
    const said = { glass: rounded(percentiles(ages)), pictures: ages.length, unread, page: Math.round(await page.evaluate('session.player.latency()')), stalls, dropped };
    console.log(JSON.stringify(said));
  } finally {
    await browser.close();
  }
});
