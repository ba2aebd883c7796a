// Chromium as Debian has it, and pages in it that have the address of an origin.

import { chromium } from 'playwright-core';
import { readFile } from 'node:fs/promises';

const viewport = { width: 1280, height: 800 };

// A browser with one page; `errors` gathers what nobody may see in the console.
export async function open() {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  });
  const context = await browser.newContext({ viewport, ignoreHTTPSErrors: true });
  const page = await context.newPage();
  const errors = [];
  page.on('console', (message) => { if (message.type() === 'error') errors.push(message.text()); });
  page.on('pageerror', (error) => errors.push(error.message));
  return { browser, page, errors };
}

// An empty page below this address with these scripts of this folder, by the names they are to have. What it asks the
// server for goes there directly: a route would slow that down.
export async function goToEmpty(page, root, scripts = {}) {
  const address = new URL('page-files/test/', root).href;
  await page.route(`${address}**`, async (route) => {
    const name = route.request().url().slice(address.length);
    const body = name in scripts ? await readFile(new URL(scripts[name], import.meta.url)) : '';
    const tags = Object.keys(scripts).map((script) => `<script src="${script}"></script>`).join('');
    if (name === '') await route.fulfill({ contentType: 'text/html', body: `<!doctype html><meta charset="utf-8">${tags}<video id="video" muted playsinline width="1280" height="720"></video>` });
    else await route.fulfill({ contentType: 'text/javascript', body });
  });
  await page.goto(address);
  await page.unroute(`${address}**`);
}

// What is at an address, as JSON.
export async function json(url) {
  const answer = await fetch(url).catch((error) => { throw new Error(`${url}: ${error.cause?.message ?? error.message}`); });
  if (!answer.ok) throw new Error(`${url} is answered with ${answer.status}`);
  return answer.json();
}

// The address of the first live session of the origin at this one, and what it has; or of the session that this one is of.
export async function session(url) {
  const root = new URL(url.endsWith('/') ? url : `${url}/`);
  const said = await json(new URL('status.json', root));
  if (!said.sessions) return { root: new URL('../', root).href, base: root.href, ...said };
  const found = said.sessions.find(({ live }) => live) ?? said.sessions[0];
  if (!found) throw new Error(`${url} has no session`);
  return { root: root.href, base: new URL(found.url, root).href, ...found };
}

// A playlist by itself, wherever it comes from.
export function playlist(url) {
  const base = new URL('.', url).href;
  return { root: base, base, file: url.slice(base.length), tiers: [] };
}

// 50 of 100 are at most so large, and so on.
export function percentiles(values) {
  const sorted = [...values].sort((one, other) => one - other);
  const at = (part) => sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? null;
  return { p50: at(0.5), p95: at(0.95), max: sorted.at(-1) ?? null };
}

export const rounded = (values) => Object.fromEntries(Object.entries(values).map(([name, value]) => [name, typeof value === 'number' ? Math.round(value) : value]));

// Does it until it says something other than undefined or false.
export async function until(what, seconds, look) {
  const end = Date.now() + 1000 * seconds;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false && found !== null) return found;
    if (Date.now() > end) throw new Error(`no ${what} within ${seconds} s`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

// A program: one line of what is wrong, if something is.
export async function run(program) {
  try {
    await program();
  } catch (error) {
    console.error(`${process.argv[1].split('/').at(-1)}: ${String(error.message ?? error).split('\n')[0]}`);
    process.exitCode = 1;
  }
}

// How it is to be called, by one who called it otherwise.
export function usage(text) {
  console.error(`usage: ${text}`);
  process.exit(2);
}
