// The dashboard of a proxy that serves, in Chromium.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';

import { TOKEN, openDashboard, openTunnels, shownTunnels, startProxy, violations, waitForState, waitForTunnels } from './dashboard.mjs';
import { Windlass, temporaryDirectory, within } from './harness.mjs';

test('fifty tunnels are seen, an endpoint is drained by a click, is empty, and is taken back', async (t) => {
  const proxy = await startProxy(t);
  const page = await openDashboard(t, proxy.steering, { token: TOKEN });
  await openTunnels(t, proxy.listener, 50);
  await waitForTunnels(page, 50);
  const before = await shownTunnels(page);
  assert.equal(Object.values(before).reduce((all, number) => all + number), 50, JSON.stringify(before));
  assert.ok(before.jade > 0, JSON.stringify(before));

  const button = page.getByRole('button', { name: 'Drain chat/jade' });
  await button.click();
  await page.getByRole('button', { name: 'Cancel' }).click();
  await page.waitForSelector('dialog:not([open])', { state: 'attached' });
  await button.click();
  await page.getByRole('dialog', { name: 'Drain chat/jade?' }).getByRole('button', { name: 'Drain' }).click();
  await waitForState(page, 'jade', 'drained');
  await waitForTunnels(page, 50 - before.jade);
  assert.deepEqual(await shownTunnels(page), { ...before, jade: 0 });
  await within(page.waitForSelector('.drains li[data-state=complete]'), 'the drain that is complete');
  const row = page.locator('.endings tbody tr', { hasText: 'drained operator' });
  assert.match(await row.textContent(), new RegExp(`1012.*${before.jade}`));

  await page.getByRole('button', { name: 'Undrain chat/jade' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Undrain' }).click();
  await waitForState(page, 'jade', 'eligible');
  await openTunnels(t, proxy.listener, 30);
  await page.waitForFunction(() => Number(document.querySelectorAll('.endpoints .number')[1].textContent) > 0);
});

test('by keyboard alone an endpoint is drained, and the focus is where it was', async (t) => {
  const proxy = await startProxy(t);
  const page = await openDashboard(t, proxy.steering, { token: TOKEN });
  await page.getByRole('button', { name: 'Drain chat/amber' }).waitFor();
  const focused = () => page.evaluate(() => document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent);
  const press = async (key) => { await page.keyboard.press(key); return focused(); };
  for (let presses = 0; (await focused()) !== 'Drain chat/amber'; presses += 1) {
    assert.ok(presses < 30, 'the button is reached with the tabulator');
    await page.keyboard.press('Tab');
  }
  assert.equal(await press('Enter'), 'Cancel', 'nothing is done by pressing Enter twice');
  assert.equal(await press('Escape'), 'Drain chat/amber');
  await press('Enter');
  assert.equal(await press('Tab'), 'Drain');
  await page.keyboard.press('Enter');
  await waitForState(page, 'amber', 'drained');
  // The list may tell of the drain before the answer does, at which the question goes.
  const isBack = () => document.activeElement.getAttribute('aria-label') === 'Undrain chat/amber';
  await within(page.waitForFunction(isBack), 'the focus on the same button');
  const told = page.waitForFunction(() => document.querySelector('[role=status]').textContent.includes('amber'));
  await within(told, 'words for those who do not look');
});

test('a tunnel is closed from the list, and its client reads why', async (t) => {
  const proxy = await startProxy(t);
  const page = await openDashboard(t, proxy.steering, { token: TOKEN });
  const sockets = await openTunnels(t, proxy.listener, 3);
  const closes = sockets.map((socket) => once(socket, 'close'));
  await page.selectOption('#tunnel-order', 'sort=age');
  await page.waitForFunction(() => document.querySelectorAll('.tunnels tbody tr').length === 3);
  await page.getByRole('button', { name: /Close tunnel \d+ of 127/ }).first().click();
  await page.getByLabel('Code').fill('4403');
  await page.getByLabel('Reason').fill('not here');
  await page.getByRole('dialog').getByRole('button', { name: 'Close it' }).click();
  const [code, reason] = await within(Promise.race(closes), 'a Close');
  assert.deepEqual([code, String(reason)], [4403, 'not here']);
  await waitForTunnels(page, 2);
  await page.waitForFunction(() => document.querySelectorAll('.tunnels tbody tr').length === 2);
});

test('what is refused is said where it was asked for, and can be tried again', async (t) => {
  const proxy = await startProxy(t);
  const page = await openDashboard(t, proxy.steering, { token: TOKEN });
  await page.getByRole('button', { name: 'Drain chat/amber' }).click();
  await page.getByLabel('Cut after').fill('soon');
  await page.getByRole('dialog').getByRole('button', { name: 'Drain' }).click();
  await page.waitForFunction(() => document.querySelector('#question-problem').textContent.includes('deadline'));
  await page.getByLabel('Cut after').fill('7s');
  await page.getByRole('dialog').getByRole('button', { name: 'Drain' }).click();
  await waitForState(page, 'amber', 'drained');
});

for (const [name, how] of Object.entries({
  light: { colorScheme: 'light' },
  dark: { colorScheme: 'dark' },
  phone: { colorScheme: 'dark', viewport: { width: 360, height: 740 } },
})) {
  test(`axe-core finds nothing against the page: ${name}`, async (t) => {
    const proxy = await startProxy(t);
    const page = await openDashboard(t, proxy.steering, { token: TOKEN, ...how });
    const [first] = await openTunnels(t, proxy.listener, 9);
    await waitForTunnels(page, 9);
    first.close(1000);
    await page.waitForSelector('.stack i');
    await proxy.windlass.reload(`${proxy.config}\n[route.typo]\nupstream = "chatt"`);
    await page.waitForSelector('.reloads [data-result=refused]');
    await page.getByRole('button', { name: 'Drain chat/jade' }).click();
    assert.deepEqual(await violations(page), [], 'with the question');
    await page.getByRole('dialog').getByRole('button', { name: 'Drain' }).click();
    await waitForState(page, 'jade', 'drained');
    assert.deepEqual(await violations(page), []);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(wide <= 0, `it is ${wide} pixels too wide`);
  });
}

test('a listener that only looks shows no button, and no page of another site is answered', async (t) => {
  const proxy = await startProxy(t);
  const page = await openDashboard(t, proxy.looking);
  await openTunnels(t, proxy.listener, 3);
  await waitForTunnels(page, 3);
  assert.equal(await page.locator('.endpoints button:visible').count(), 0);
  const posted = (address, headers) => fetch(new URL('/drain', address), {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: '{"scope": "endpoint/chat/jade"}',
  });
  const bearer = { authorization: `Bearer ${TOKEN}` };
  assert.equal((await posted(proxy.looking, {})).status, 403, 'without a token nobody steers');
  assert.equal((await posted(proxy.steering, {})).status, 401);
  assert.equal((await posted(proxy.steering, { ...bearer, origin: 'https://evil.example' })).status, 403);
  assert.equal((await posted(proxy.steering, bearer)).status, 200);
});

test('a wrong token is asked for again, and the right one is kept for the tab alone', async (t) => {
  const proxy = await startProxy(t);
  const page = await openDashboard(t, proxy.looking);
  await page.goto(proxy.steering);
  await page.fill('#token', 'another-token-than-that');
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => document.querySelector('#entry-problem').textContent.includes('not the one'));
  assert.deepEqual(await violations(page), []);
  await page.fill('#token', TOKEN);
  await page.keyboard.press('Enter');
  await page.waitForSelector('body[data-feed=live]');
  await page.reload();
  await page.waitForSelector('body[data-feed=live]');
  assert.equal((await page.context().cookies()).length, 0);
  assert.equal(await page.evaluate(() => localStorage.length), 0);
});

test('a process that stops is told of, and so is the next one', async (t) => {
  const proxy = await startProxy(t);
  const page = await openDashboard(t, proxy.looking);
  await proxy.windlass.stop();
  await page.waitForSelector('body:is([data-feed=stopped], [data-feed=lost])');
  assert.match(await page.textContent('#feed'), /tries again in \d s/);
  const next = await Windlass.start(t, temporaryDirectory(t), ['run', '-c', proxy.windlass.file]);
  await page.waitForSelector('body[data-feed=live]');
  assert.match(await page.textContent('#process'), new RegExp(`process${next.process.pid}`));
});

test('a handoff is followed to the process that serves', async (t) => {
  const proxy = await startProxy(t);
  await openTunnels(t, proxy.listener, 5);
  const page = await openDashboard(t, proxy.steering, { token: TOKEN });
  await waitForTunnels(page, 5);
  const headers = { authorization: `Bearer ${TOKEN}` };
  const { pid } = await (await fetch(new URL('/handoff', proxy.steering), { method: 'POST', headers })).json();
  t.after(() => process.kill(pid, 'SIGKILL'));
  const isShown = (wanted) => document.querySelector('#process').textContent.includes(`process${wanted}`) && document.body.dataset.feed === 'live';
  await within(page.waitForFunction(isShown, pid), `process ${pid} on the page`);
  await waitForTunnels(page, 5);
  assert.match(await page.textContent('#predecessor-list tbody'), new RegExp(`^${proxy.windlass.process.pid}5`));
});

test('a reload is told of with what it changed, or why it was refused', async (t) => {
  const proxy = await startProxy(t);
  const page = await openDashboard(t, proxy.looking);
  await proxy.windlass.reload(`${proxy.config}\n[route.typo]\nupstream = "chatt"`);
  await page.waitForSelector('.reloads [data-result=refused]');
  assert.match(await page.textContent('.reloads .why'), /chatt/);
  assert.match(await page.textContent('#alarm'), /refused/);
  await proxy.windlass.reload(`${proxy.config}\n[route.more]\nupstream = "chat"\npath = "/more"`);
  await page.waitForSelector('.reloads [data-result=changed]');
  await page.waitForSelector('#alarm', { state: 'hidden' });
});
