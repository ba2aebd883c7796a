// Starts a player in an empty page below the address of an origin.

import { goToEmpty, until } from './chromium.mjs';

export const PLAYERS = ['shaka', 'hls.js'];

// Seconds until the first picture, at most.
const PATIENCE = 20;

// Until the first picture of this session, or of this playlist; then `playing` and `seen` of plays.js are there.
export async function start(page, { root, base, file }, kind) {
  const shaka = file ? { 'shaka.js': '../../origin/page/shaka.js' } : {};
  const script = kind === 'shaka' ? shaka : { 'hls.js': 'node_modules/hls.js/dist/hls.min.js' };
  await goToEmpty(page, root, { ...script, 'plays.js': 'plays.js' });
  await page.evaluate(([kind, source, foreign]) => {
    window.seen = window.watch();
    (foreign ? window.playForeign : window.play)(kind, source).then((playing) => { window.playing = playing; }, (error) => { window.failure = `${kind}: ${error.message ?? error.code}`; });
  }, [kind, new URL(file ?? 'live.m3u8', base).href, file !== undefined]);
  await until(`picture by ${kind}`, PATIENCE, async () => {
    const failure = await page.evaluate('window.failure');
    if (failure) throw new Error(failure);
    return page.evaluate('seen.first !== null && window.playing !== undefined');
  });
}
