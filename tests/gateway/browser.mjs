// Chromium or Firefox, told what to do line by line on standard input: a command and its argument as JSON. Each is
// answered by a line of JSON.
//
//     node browser.mjs [--firefox] [--password PASSWORD] [--name NAME]
//
// NAME means this machine, as pi.local would mean another one; what comes from there is not encrypted as far as the
// browser knows, unless it says so. For Firefox all are this machine.

import { createInterface } from 'node:readline';
import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';

const { values: { firefox, password, name } } = parseArgs({
  options: { firefox: { type: 'boolean' }, password: { type: 'string' }, name: { type: 'string' } },
});
const viewport = { width: 1000, height: 640 };

// Playwright takes Chromium as Debian has it, and Firefox only as it has changed it; puppeteer takes Debian's.
async function openChromium() {
  const { chromium } = await import('playwright-core');
  const named = name === undefined ? [] : [`--host-resolver-rules=MAP ${name} 127.0.0.1`];
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync', ...named],
  });
  const httpCredentials = password === undefined ? undefined : { username: 'me', password };
  const context = await browser.newContext({ viewport, httpCredentials, ignoreHTTPSErrors: true });
  const page = await context.newPage();
  return { browser, page, resize: (size) => page.setViewportSize(size) };
}

async function openFirefox() {
  const { default: puppeteer } = await import('puppeteer-core');
  const browser = await puppeteer.launch({
    browser: 'firefox',
    executablePath: process.env.FIREFOX ?? '/usr/bin/firefox-esr',
    acceptInsecureCerts: true,
    // A sound server of the tests' own is none that its sandbox knows.
    extraPrefsFirefox: { 'network.dns.localDomains': name ?? '', 'media.cubeb.sandbox': false, 'security.sandbox.content.level': 0 },
  });
  const page = await browser.newPage();
  await page.setViewport(viewport);
  if (password !== undefined) await page.authenticate({ username: 'me', password });
  return { browser, page, resize: (size) => page.setViewport(size) };
}

const { browser, page, resize } = await (firefox ? openFirefox() : openChromium());
// What nobody may see in the console.
const errors = [];
page.on('console', (message) => {
  if (message.type().startsWith('error') || message.type().startsWith('warn')) errors.push(message.text());
});
page.on('pageerror', (error) => errors.push(error.message));

const commands = {
  // As in a browser that has no such thing.
  lack: (what) => page[firefox ? 'evaluateOnNewDocument' : 'addInitScript'](`delete window.${what}`),
  goto: async (url) => (await page.goto(url)).status(),
  click: async (what) => { await page.click(what); },
  press: async (key) => { await page.keyboard.press(key); },
  text: (what) => page.evaluate((what) => document.querySelector(what).textContent, what),
  evaluate: (script) => page.evaluate(script),
  fill: async ([what, text]) => { await page.locator(what).fill(text); },
  // An eye and an ear.
  senses: async () => { await page.evaluate(await readFile(new URL('senses.js', import.meta.url), 'utf8')); },
  resize,
  shot: async (path) => {
    await page.hover('.view');
    await new Promise((resolve) => setTimeout(resolve, 300));
    await page.screenshot({ path });
  },
  errors: () => errors.splice(0),
};

for await (const line of createInterface({ input: process.stdin })) {
  const [command, argument] = JSON.parse(line);
  let answer;
  try {
    answer = { value: (await commands[command](argument)) ?? null };
  } catch (error) {
    answer = { error: String(error) };
  }
  process.stdout.write(JSON.stringify(answer) + '\n');
}
await browser.close();
