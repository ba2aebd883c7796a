// Chromium, told what to do line by line on standard input: a command and its argument as JSON. Each is answered by a
// line of JSON.
//
//     node browser.mjs [--password PASSWORD]

import { createInterface } from 'node:readline';
import { chromium } from 'playwright-core';

const password = process.argv[2] === '--password' ? process.argv[3] : undefined;
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
const httpCredentials = password === undefined ? undefined : { username: 'me', password };
const context = await browser.newContext({ viewport: { width: 1000, height: 640 }, httpCredentials });
const page = await context.newPage();
// What nobody may see in the console.
const errors = [];
page.on('console', (message) => {
  if (message.type() === 'error' || message.type() === 'warning') errors.push(message.text());
});
page.on('pageerror', (error) => errors.push(error.message));

const commands = {
  goto: async (url) => (await page.goto(url)).status(),
  click: async (what) => { await page.click(what); },
  press: async (key) => { await page.keyboard.press(key); },
  text: (what) => page.textContent(what),
  visible: (what) => page.isVisible(what),
  evaluate: (script) => page.evaluate(script),
  resize: (size) => page.setViewportSize(size),
  shot: async (path) => { await page.hover('.view'); await page.waitForTimeout(300); await page.screenshot({ path }); },
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
