// Chromium, headless, and a page's WebSockets as a test can see them.

import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { chromium } from 'playwright-core';
import { WebSocketServer } from 'ws';

const EXECUTABLE = process.env.CHROMIUM || '/usr/bin/chromium';

/** A fresh browser profile that accepts self-signed certificates and notes the fate of each WebSocket. */
export async function startBrowser(t) {
  const browser = await chromium.launch(launched());
  t.after(() => browser.close());
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  await context.addInitScript(noteWebSockets);
  return context;
}

/** The same where pages of other sites bring cookies along: no private window, and a setting that people choose. */
export async function startProfile(t) {
  const folder = mkdtempSync(join(tmpdir(), 'windlass-e2e-profile-'));
  mkdirSync(join(folder, 'Default'));
  const preferences = { profile: { cookie_controls_mode: 0, block_third_party_cookies: false } };
  writeFileSync(join(folder, 'Default', 'Preferences'), JSON.stringify(preferences));
  const context = await chromium.launchPersistentContext(folder, { ...launched(), ignoreHTTPSErrors: true });
  t.after(async () => {
    await context.close();
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  });
  await context.addInitScript(noteWebSockets);
  return context;
}

function launched() {
  if (!existsSync(EXECUTABLE)) throw new Error(`no Chromium at ${EXECUTABLE}: install it, or set CHROMIUM`);
  // A container's root has no user namespaces, and little /dev/shm.
  return { executablePath: EXECUTABLE, args: ['--no-sandbox', '--disable-dev-shm-usage'] };
}

/** Runs in the page, before its scripts: `window.opened` and `window.closes` tell what its WebSockets went through. */
function noteWebSockets() {
  window.opened = 0;
  window.closes = [];
  window.WebSocket = class extends window.WebSocket {
    constructor(...parameters) {
      super(...parameters);
      this.addEventListener('open', () => { window.opened += 1; });
      this.addEventListener('close', ({ code, reason, wasClean }) => window.closes.push({ code, reason, wasClean }));
    }
  };
}

/** The cookie of this name that a page at `url` brings along, once it is there: of a 101, Chromium keeps it a moment after `onopen`. */
export async function keptCookie(context, url, name) {
  for (;;) {
    const found = (await context.cookies(url)).find((cookie) => cookie.name === name);
    if (found) return found;
  }
}

/** An endpoint with an empty page, whose WebSocket says the endpoint's name and then echoes. */
export async function startEndpoint(t, name) {
  const http = createServer((_request, response) => {
    response.setHeader('Content-Type', 'text/html');
    response.end('<!doctype html><title>test</title>');
  });
  const server = new WebSocketServer({ server: http });
  server.on('connection', (socket) => {
    socket.send(name);
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  t.after(() => {
    for (const socket of server.clients) socket.terminate();
    http.closeAllConnections();
    http.close();
  });
  return http.address().port;
}
