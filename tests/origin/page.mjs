// The page of a running origin in Chromium: it plays, every tier can be chosen, and what is stored plays from the time
// line.
//
//     node page.mjs URL OUT_DIR
//
// Writes live.png and timeline.png into OUT_DIR, and a line of JSON to standard output.

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { json, open, run, session, until, usage } from './chromium.mjs';

const [url, folder] = process.argv.slice(2);
if (!folder) usage('node page.mjs URL OUT_DIR');

// Seconds until something is seen, at most; and in which pictures are counted.
const PATIENCE = 20;
const WATCHED = 5;

// Seconds of what is stored that are looked for: not so few that the newest segment is all of it.
const STORED_MIN = 8;

async function stretch(base) {
  const now = Date.now();
  const query = new URLSearchParams({ from: new Date(now - 3_600_000).toISOString(), to: new Date(now).toISOString() });
  const { hours } = await json(new URL(`hours.json?${query}`, base));
  const spans = hours.flatMap(({ spans }) => spans).sort(([one], [other]) => one - other);
  return spans.findLast(([from, to]) => to - from >= 1000 * STORED_MIN);
}

async function checkLive(page, tiers) {
  const video = (script) => page.evaluate(`(() => { const video = document.getElementById('video'); return ${script}; })()`);
  const latency = () => page.evaluate('session.player.latency()');
  await until('picture', PATIENCE, () => video('video.videoWidth > 0 && video.currentTime > 0 && !video.paused'));
  await until('latency', PATIENCE, latency);
  const begun = await page.evaluate('session.player.figures()');
  await page.waitForTimeout(1000 * WATCHED);
  const figures = await page.evaluate('session.player.figures()');
  const seen = {
    latency: await latency(),
    shown: await page.textContent('#latency'),
    tier: await page.evaluate('session.player.playing()?.name'),
    width: await video('video.videoWidth'),
    pictures: figures.decoded - begun.decoded,
    dropped: figures.dropped,
    stalls: figures.stalls,
    tiers: {},
  };
  for (const { name, width, height } of [...tiers].reverse()) {
    await page.selectOption('#tier', name);
    const asked = Date.now();
    await until(`picture of ${width} x ${height} for ${name}`, PATIENCE, () => video(`video.videoWidth === ${width} && video.videoHeight === ${height}`));
    seen.tiers[name] = Date.now() - asked;
  }
  await page.selectOption('#tier', 'auto');
  return seen;
}

// Clicks there on the time line, and waits until that is what is shown.
async function checkStored(page, [from, to]) {
  const wanted = Math.max(from, to - 3_000_000) + 2000;
  await page.waitForSelector('#bar', { state: 'visible' });
  await page.evaluate('session.lookAtStore(session.line.from(), session.line.to())');
  const box = await page.locator('#bar').boundingBox();
  const [begin, end] = await page.evaluate('[session.line.from(), session.line.to()]');
  const pixel = (end - begin) / box.width;
  const x = (wanted - begin) / (end - begin) * box.width;
  if (wanted + pixel < to - 4000) await page.mouse.click(box.x + x, box.y + box.height / 2);
  // A pixel is more than what is stored.
  else await page.evaluate(`session.go(${wanted})`);
  const shown = await until('stored picture', PATIENCE, () => page.evaluate('session.player.mode && !session.player.mode.live && session.player.frames.length > 0 && session.player.shown()'));
  if (Math.abs(shown - wanted) > Math.max(2 * pixel, 5000)) throw new Error(`the time line plays ${new Date(shown).toISOString()} instead of ${new Date(wanted).toISOString()}`);
  await until('progress in what is stored', PATIENCE, async () => await page.evaluate('session.player.shown()') > shown + 1000);
  return shown;
}

await run(async () => {
  await mkdir(folder, { recursive: true });
  const { base, tiers, stored } = await session(url);
  const { browser, page, errors } = await open();
  try {
    const asked = Date.now();
    await page.goto(base);
    await until('picture', PATIENCE, () => page.evaluate('globalThis.session?.player.frames.length > 0'));
    const first = Date.now() - asked;
    const seen = { url: base, first, ...await checkLive(page, tiers) };
    await page.hover('#view');
    await page.waitForTimeout(400);
    await page.screenshot({ path: join(folder, 'live.png') });
    const span = stored ? await stretch(base) : undefined;
    if (stored && !span) throw new Error(`less than ${STORED_MIN} s are stored`);
    if (span) {
      seen.stored = new Date(await checkStored(page, span)).toISOString();
      await page.screenshot({ path: join(folder, 'timeline.png') });
      await page.click('#live');
      await until('return to what is live', PATIENCE, () => page.evaluate('session.player.mode?.live && session.player.frames.length > 0'));
    }
    if (errors.length > 0) throw new Error(`the console says: ${errors[0]}`);
    console.log(JSON.stringify(seen));
  } finally {
    await browser.close();
  }
});
