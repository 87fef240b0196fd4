// `windlass demo` in Chromium: two tabs chat, survive a reload and find their way after a drain.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { startBrowser } from './chromium.mjs';
import { Windlass, temporaryDirectory, within } from './harness.mjs';

test('two tabs chat over wss', async (t) => {
  const { context, url, windlass } = await startDemo(t);
  const [first, second] = [await openTab(context, url), await openTab(context, url)];
  await first.fill('#text', 'ahoy from the first');
  await first.click('#send');
  await messageIn(second, 'ahoy from the first');
  await messageIn(first, 'ahoy from the first');
  await second.fill('#text', 'ahoy yourself');
  await second.click('#send');
  await messageIn(first, 'ahoy yourself');
  await windlass.stop();
});

test('a reload closes nothing', async (t) => {
  const { context, url, windlass } = await startDemo(t);
  const tab = await openTab(context, url);
  const endpoint = await tab.textContent('#endpoint');
  const logged = await tab.textContent('#log');
  await tab.click('#reload');
  await tab.waitForFunction((before) => document.querySelector('#log').textContent !== before, logged);
  await tab.fill('#text', 'still here');
  await tab.click('#send');
  await messageIn(tab, 'still here');
  assert.equal(await tab.textContent('#endpoint'), endpoint);
  assert.deepEqual(await tab.evaluate(() => ({ opened, closes })), { opened: 1, closes: [] });
  await windlass.stop();
});

test('a drained tab reads Close 1012 and reconnects to another endpoint', async (t) => {
  const { context, url, windlass } = await startDemo(t);
  const tab = await openTab(context, url);
  const before = await tab.textContent('#endpoint');
  await tab.click('#drain');
  await tab.waitForFunction(() => closes.length > 0);
  assert.equal((await tab.evaluate(() => closes[0])).code, 1012);
  await tab.waitForFunction(
    (old) => document.querySelector('#status[data-state=open]') && document.querySelector('#endpoint').textContent !== old,
    before,
  );
  await tab.fill('#text', 'moved');
  await tab.click('#send');
  await messageIn(tab, 'moved');
  await tab.click('#restore');
  await tab.waitForSelector('#restore:disabled'); // there is nothing left to bring back
  assert.equal((await tab.evaluate(() => closes)).length, 1, 'bringing it back moves nobody');
  await windlass.stop();
});

/** The demo on free ports, and a browser for it. */
async function startDemo(t) {
  const commandLine = ['demo', '--plain-port', '0', '--secure-port', '0'];
  const windlass = await Windlass.start(t, temporaryDirectory(t), commandLine);
  const context = await startBrowser(t);
  return { context, windlass, url: `https://localhost:${await windlass.port('secure')}/` };
}

/** A tab whose WebSocket is open. */
async function openTab(context, url) {
  const tab = await context.newPage();
  tab.setDefaultTimeout(20_000);
  await tab.goto(url);
  await tab.waitForSelector('#status[data-state=open]', { state: 'attached' });
  await tab.waitForFunction(() => document.querySelector('#endpoint').textContent.trim() !== '');
  return tab;
}

async function messageIn(tab, text) {
  const shown = (wanted) => document.querySelector('#messages').textContent.includes(wanted);
  await within(tab.waitForFunction(shown, text), `message ${text}`);
}
