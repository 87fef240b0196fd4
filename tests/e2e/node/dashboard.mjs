// The dashboard of a proxy in Chromium, and clients whose tunnels it shows.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

import WebSocket from 'ws';

import { startBrowser, startEndpoint } from './chromium.mjs';
import { freePort } from './free_port.mjs';
import { Windlass, temporaryDirectory, within } from './harness.mjs';

/** What the listener asks for that may steer. */
export const TOKEN = 'correct-horse-battery-staple';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** A proxy with three endpoints, where operators look and steer with a token, or only look without one. */
export async function startProxy(t) {
  const directory = temporaryDirectory(t);
  const [steering, looking] = [await freePort(), await freePort()];
  const token = join(directory, 'token');
  writeFileSync(token, TOKEN, { mode: 0o600 });
  const endpoints = [];
  for (const name of ['amber', 'jade', 'violet']) {
    endpoints.push(`{ name = "${name}", address = "127.0.0.1:${await startEndpoint(t, name)}" }`);
  }
  const config = `
    [listener.public]
    bind = "127.0.0.1:0"
    [route.chat]
    upstream = "chat"
    [upstream.chat]
    endpoints = [${endpoints.join(', ')}]
    policy = "least_tunnels"
    [drain.reload]
    deadline = "20s"
    spread = "100ms"
    # What a handoff leaves behind is seen on the page: nothing moves, and nobody is told within hours.
    [drain.handoff]
    tunnels = "drain"
    spread = "19h"
    deadline = "20h"
    [[admin.listen]]
    address = "127.0.0.1:${steering}"
    token = "${token}"
    [[admin.listen]]
    address = "127.0.0.1:${looking}"
  `;
  const windlass = await Windlass.run(t, directory, config);
  const url = (port) => `http://127.0.0.1:${port}/`;
  return { windlass, config, steering: url(steering), looking: url(looking), listener: `ws://127.0.0.1:${await windlass.port()}/` };
}

/** So many open tunnels. */
export async function openTunnels(t, url, count) {
  const sockets = Array.from({ length: count }, () => new WebSocket(url));
  t.after(() => sockets.forEach((socket) => socket.terminate()));
  await within(Promise.all(sockets.map((socket) => once(socket, 'open'))), `${count} tunnels`);
  return sockets;
}

/** The page at `url`, live; the test fails where it logs an error, or its policy keeps it from something. */
export async function openDashboard(t, url, { token, ...how } = {}) {
  const context = await startBrowser(t);
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  const problems = [];
  page.on('pageerror', (error) => problems.push(error.stack));
  page.on('console', (message) => {
    // Answers that say no, and a process that is gone, are lines of the browser's own.
    if (message.type() === 'error' && !/status of 4\d\d|ERR_/.test(message.text())) problems.push(message.text());
  });
  await page.exposeFunction('notePolicy', (directive) => problems.push(`its policy forbids: ${directive}`));
  await page.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) => window.notePolicy(`${event.violatedDirective} ${event.blockedURI}`));
  });
  t.after(() => assert.deepEqual(problems, []));
  if (how.colorScheme) await page.emulateMedia({ colorScheme: how.colorScheme });
  if (how.viewport) await page.setViewportSize(how.viewport);
  await page.goto(url);
  if (token) {
    await page.fill('#token', token);
    await page.keyboard.press('Enter');
  }
  await page.waitForSelector('body[data-feed=live]');
  return page;
}

/** What axe-core has against the page as it is. */
export async function violations(page) {
  await page.evaluate(AXE);
  const { violations: found } = await page.evaluate(() => window.axe.run());
  return found.map(({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).join('\n')}`);
}

/** How many tunnels the page shows at each endpoint. */
export function shownTunnels(page) {
  return page.$$eval('.endpoints tbody tr', (rows) => Object.fromEntries(rows.map((row) =>
    [row.querySelector('.name').textContent, Number(row.querySelector('.number').textContent.replace(',', ''))])));
}

/** Waits until the page shows so many in all. */
export async function waitForTunnels(page, count) {
  const shown = (wanted) => document.querySelector('#figures .alone dd').textContent === wanted;
  await within(page.waitForFunction(shown, String(count)), `${count} tunnels on the page`);
}

/** Waits until an endpoint is in this state. */
export async function waitForState(page, endpoint, state) {
  const isShown = ([name, wanted]) => [...document.querySelectorAll('.endpoints tbody tr')]
    .some((row) => row.querySelector('.name').textContent === name && row.dataset.state === wanted);
  await within(page.waitForFunction(isShown, [endpoint, state]), `${endpoint} ${state}`);
}
