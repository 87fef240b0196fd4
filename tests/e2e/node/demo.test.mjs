// `windlass demo` in Chromium: two tabs chat, survive a reload and find their way after a drain.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';

import { startBrowser } from './chromium.mjs';
import { Windlass, binary, temporaryDirectory, within } from './harness.mjs';

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

test('a button that cannot be pressed says why, and the chat outlives a reload of its page', async (t) => {
  const { context, url, windlass } = await startDemo(t);
  const tab = await openTab(context, url);
  assert.match(await tab.textContent('#restore'), /All three are in service/);
  await tab.fill('#text', 'said before');
  await tab.click('#send');
  await messageIn(tab, 'said before');
  await tab.reload();
  await tab.waitForSelector('#status[data-state=open]', { state: 'attached' });
  await messageIn(tab, 'said before');
  await windlass.stop();
});

test('who types on while the program is replaced keeps the same socket', async (t) => {
  const { context, url, windlass } = await startDemo(t);
  const [first, second] = [await openTab(context, url), await openTab(context, url)];
  for (const round of [1, 2]) {
    await first.click('#handoff');
    const told = (count) => document.querySelector('#log').textContent.split('2 open tunnels moved').length > count;
    await within(first.waitForFunction(told, round), 'the page to say that both have moved');
    await first.fill('#text', `typed on ${round}`);
    await first.click('#send');
    await messageIn(second, `typed on ${round}`);
    await second.fill('#text', `and back ${round}`);
    await second.click('#send');
    await messageIn(first, `and back ${round}`);
  }
  // Whoever serves now reloads when a button asks for it.
  await first.click('#reload');
  await within(first.waitForFunction(() => document.querySelector('#log').textContent.includes('unrelated-1')), 'the reload');
  for (const tab of [first, second]) {
    assert.deepEqual(await tab.evaluate(() => ({ opened, closes })), { opened: 1, closes: [] });
  }
  await windlass.stop();
  const closed = () => closes.length > 0;
  await within(first.waitForFunction(closed), 'the Close of the last process');
  assert.equal((await first.evaluate(() => closes[0])).code, 1012);
});

test('a page whose proxy is gone says so, and when it tries again', async (t) => {
  const { context, url, windlass } = await startDemo(t);
  const tab = await openTab(context, url);
  await windlass.stop();
  const says = () => /The proxy is not there; trying again in \d+ s/.test(document.querySelector('#status').textContent);
  await within(tab.waitForFunction(says), 'the page to say so');
  assert.match(await tab.textContent('#reload'), /The proxy is not there/);
  assert.ok(await tab.isDisabled('#drain'));
});

test('on a phone what happened stands above the buttons, and nothing is wider than the screen', async (t) => {
  const { context, url, windlass } = await startDemo(t);
  const tab = await openTab(context, url);
  await tab.setViewportSize({ width: 360, height: 740 });
  const top = (selector) => tab.evaluate((at) => document.querySelector(at).getBoundingClientRect().top, selector);
  assert.ok((await top('#log')) < (await top('#drain')) && (await top('#drain')) < (await top('#messages')));
  assert.ok(await tab.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
  await windlass.stop();
});

test('the terminal names the socket at which `windlass status` is asked', async (t) => {
  const { windlass } = await startDemo(t);
  const { message } = await within(windlass.log.first((it) => it.message?.includes('windlass status --admin')), 'the banner');
  const status = spawnSync(binary(), message.trim().split(/\s+/).slice(1), { encoding: 'utf8' });
  assert.equal(status.status, 0, status.stderr);
  assert.match(status.stdout, /demo\/amber/);
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
